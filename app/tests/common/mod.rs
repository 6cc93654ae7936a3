//! Reading golden files, and comparing JSON as a reader would.
#![allow(dead_code, reason = "each test binary uses its part")]
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use scope_shared::report::Report;
use scope_shared::wire::{decode_report, encoding_of_file, gunzip};
use serde_json::Value;

/// A file below this package's `tests/golden`; the probe's tests of whole reports use it as well.
pub fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../app/tests/golden").join(name)
}

/// The lines of a gzip'd file of JSON documents.
pub fn documents(name: &str) -> Vec<Value> {
    let text = String::from_utf8(gunzip(&std::fs::read(golden(name)).unwrap(), 64 << 20).unwrap()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The reports of a case, by file name.
pub fn reports(case: &str) -> Vec<(String, Report)> {
    let mut names: Vec<String> = std::fs::read_dir(golden(case))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
        .into_iter()
        .map(|name| (name.clone(), report(&format!("{case}/{name}"))))
        .collect()
}

/// One report file.
pub fn report(name: &str) -> Report {
    let (encoding, gzip) = encoding_of_file(name).unwrap();
    decode_report(&std::fs::read(golden(name)).unwrap(), encoding, gzip).unwrap()
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

/// Leaves out of a list's adjacency what is no node of the list.
pub fn prune(document: &mut Value) {
    let Some(Value::Object(nodes)) = document.get_mut("nodes") else {
        return;
    };
    let ids: Vec<String> = nodes.keys().cloned().collect();
    for node in nodes.values_mut() {
        if let Some(Value::Array(adjacency)) = node.get_mut("adjacency") {
            adjacency.retain(|id| {
                id.as_str()
                    .is_some_and(|id| ids.binary_search_by(|other| other.as_str().cmp(id)).is_ok())
            });
        }
    }
}

/// A form in which documents that differ only in the order of their arrays are equal.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(sorted).collect();
            items.sort_by_key(Value::to_string);
            Value::Array(items)
        }
        Value::Object(fields) => fields
            .iter()
            .filter(|(_, value)| !is_empty(value))
            .map(|(key, value)| (key.clone(), sorted(value)))
            .collect(),
        other => other.clone(),
    }
}

/// What differs, a line each, as paths into the documents.
pub fn differences(want: &Value, got: &Value, free_order: bool) -> Vec<String> {
    let mut found = Vec::new();
    if free_order {
        compare(&sorted(want), &sorted(got), "", &mut found);
    } else {
        compare(want, got, "", &mut found);
    }
    found
}

fn compare(want: &Value, got: &Value, at: &str, found: &mut Vec<String>) {
    if is_empty(want) && is_empty(got) {
        return;
    }
    match (want, got) {
        (Value::Object(a), Value::Object(b)) => {
            for key in a.keys().chain(b.keys().filter(|key| !a.contains_key(*key))) {
                let null = Value::Null;
                compare(
                    a.get(key).unwrap_or(&null),
                    b.get(key).unwrap_or(&null),
                    &format!("{at}/{key}"),
                    found,
                );
            }
        }
        (Value::Array(a), Value::Array(b)) => {
            if a.len() != b.len() {
                found.push(format!(
                    "{at}: {} items wanted, {} given: {} | {}",
                    a.len(),
                    b.len(),
                    brief(want),
                    brief(got)
                ));
            }
            for (index, (a, b)) in a.iter().zip(b).enumerate() {
                let name = a.get("id").and_then(Value::as_str).map_or_else(|| index.to_string(), str::to_owned);
                compare(a, b, &format!("{at}[{name}]"), found);
            }
        }
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap_or(f64::NAN), b.as_f64().unwrap_or(f64::NAN));
            if (a - b).abs() > 1e-9 * a.abs().max(b.abs()).max(1.0) {
                found.push(format!("{at}: {a} wanted, {b} given"));
            }
        }
        _ if want != got => found.push(format!("{at}: {} wanted, {} given", brief(want), brief(got))),
        _ => {}
    }
}

fn brief(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= 160 {
        text
    } else {
        text.chars().take(157).chain("...".chars()).collect()
    }
}

/// Collects what differs over many requests, and says the first of it.
#[derive(Default)]
pub struct Verdict {
    wrong: usize,
    total: usize,
    told: String,
}

impl Verdict {
    /// One request's differences.
    pub fn add(&mut self, request: &str, differences: &[String]) {
        self.total += 1;
        self.wrong += usize::from(!differences.is_empty());
        if self.wrong <= 8 {
            for difference in differences.iter().take(3) {
                writeln!(self.told, "{request} {difference}").unwrap();
            }
        }
    }

    /// Fails if anything differed.
    pub fn check(&self) {
        assert!(self.total > 0, "no request was compared");
        assert!(
            self.wrong == 0,
            "{} of {} answers differ from the original's:\n{}",
            self.wrong,
            self.total,
            self.told
        );
    }
}
