//! Which probes a page asks its server for: the query of the viewer socket (`hosts=…&labels=…`), and the choice that a person makes from.
//!
//! Terms are separated by commas, so a term's own commas and equals signs are percent-encoded, and the whole once more as a query's value.

use std::collections::{BTreeMap, BTreeSet};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

/// What need not be encoded in a query's value.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A probe as `/api/probes` tells of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Probe {
    /// Its host's name; empty for an original probe.
    pub hostname: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

/// What there is to choose from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// Probes in all.
    pub probes: usize,
    /// Host names, sorted.
    pub hosts: BTreeSet<String>,
    /// Values of each label, sorted, with the number of probes that have it.
    pub labels: BTreeMap<String, BTreeMap<String, usize>>,
}

impl Choice {
    /// Reads the answer of `/api/probes`; `None` if it is something else.
    #[must_use]
    pub fn read(json: &str) -> Option<Self> {
        let probes: Vec<Probe> = serde_json::from_str(json).ok()?;
        let mut choice = Self {
            probes: probes.len(),
            ..Self::default()
        };
        for probe in probes {
            if !probe.hostname.is_empty() {
                choice.hosts.insert(probe.hostname);
            }
            for (key, value) in probe.labels {
                *choice.labels.entry(key).or_default().entry(value).or_default() += 1;
            }
        }
        Some(choice)
    }
}

/// The query for probes on these hosts with these labels; empty for all probes. A probe must have every label, and be on any of the hosts.
#[must_use]
pub fn query<'a>(hosts: impl IntoIterator<Item = &'a str>, labels: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let encode = |text: &str| utf8_percent_encode(text, PLAIN).to_string();
    let hosts: Vec<String> = hosts.into_iter().map(encode).collect();
    let labels: Vec<String> = labels
        .into_iter()
        .map(|(key, value)| format!("{}={}", encode(key), encode(value)))
        .collect();
    let parts = [("hosts", hosts), ("labels", labels)];
    let parts = parts.into_iter().filter(|(_, terms)| !terms.is_empty());
    parts
        .map(|(key, terms)| format!("{key}={}", encode(&terms.join(","))))
        .collect::<Vec<_>>()
        .join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_becomes_a_query_that_survives_odd_names() {
        assert_eq!(query([], []), "");
        assert_eq!(query(["web-1", "web-2"], []), "hosts=web-1%2Cweb-2");
        assert_eq!(query([], [("zone", "a")]), "labels=zone%3Da");
        assert_eq!(query(["a,b"], [("k=", "v")]), "hosts=a%252Cb&labels=k%253D%3Dv");
    }

    #[test]
    fn hosts_and_labels_are_offered_once_each() {
        let answer = r#"[{"id":"1","hostname":"b","labels":{"zone":"x"}},{"id":"2","hostname":"a","labels":{"zone":"x","rack":"1"}},{"id":"3","hostname":""}]"#;
        let choice = Choice::read(answer).expect("probes");
        assert_eq!(choice.probes, 3);
        assert_eq!(choice.hosts.iter().map(String::as_str).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(choice.labels["zone"]["x"], 2);
        assert_eq!(Choice::read("\"no\""), None);
    }
}
