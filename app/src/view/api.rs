//! Scope's read API, answered without a server: a path with its query in, a JSON document out.

use scope_shared::sort::SmallSort as _;
use std::collections::BTreeMap;
use std::io::Write;

use scope_shared::censor::Censor;
use scope_shared::report::{Kind, Report};
use scope_shared::wire::encode_json;
use serde::Serialize;
use smol_str::SmolStr;

use super::engine::Engine;
use super::query::{Options, unescape};
use crate::model::{NodeDetails, NodeSummary};

/// What there is instead of a document where a path does not exist.
const NOT_FOUND: &[u8] = br#"{"status":404,"error":"404 page not found"}"#;

#[derive(Serialize)]
struct Nodes<'a> {
    nodes: BTreeMap<&'a str, &'a NodeSummary>,
}

#[derive(Serialize)]
struct Detailed {
    node: NodeDetails,
}

#[derive(Serialize)]
struct Probe {
    id: SmolStr,
    hostname: SmolStr,
    version: SmolStr,
    #[serde(rename = "lastSeen")]
    last_seen: String,
}

/// The answer to `GET path`, one JSON document without a line break; for a path that does not exist `{"status":404,…}`.
pub fn get(engine: &mut Engine, path: &str) -> Vec<u8> {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let options = Options::from_query(query);
    // Matched as it was asked for, each part unescaped by itself: an id may hold an escaped slash.
    let segments: Option<Vec<_>> = path.trim_start_matches('/').split('/').map(unescape).collect();
    let segments: Vec<&str> = segments.iter().flatten().map(AsRef::as_ref).collect();
    let answer = match segments.as_slice() {
        ["api", "report"] => Some(report(engine, &options)),
        ["api", "probes"] => Some(if options.get("sparse").is_some() {
            json(&engine.feed().has_reports())
        } else {
            json(&probes(engine.feed().merged()))
        }),
        ["api", "topology"] => Some(json(&engine.topologies(&options))),
        ["api", "topology", topology] => engine.nodes(topology, &options).map(|view| {
            let nodes = view.nodes.iter().map(|node| (node.id.as_str(), &**node)).collect();
            json(&Nodes { nodes })
        }),
        ["api", "topology", topology, id] => engine.details(topology, id, &options).map(|node| json(&Detailed { node })),
        _ => None,
    };
    answer.unwrap_or_else(|| NOT_FOUND.to_vec())
}

fn json(value: &impl Serialize) -> Vec<u8> {
    let mut out = Vec::new();
    if let Err(error) = serde_json::to_writer(&mut out, value) {
        // Only a map key that is no string could fail, and there is none; say so rather than print half a document.
        out.clear();
        let written = write!(out, r#"{{"status":500,"error":"the answer cannot be written as JSON: {error}"}}"#);
        debug_assert!(written.is_ok());
    }
    out
}

fn report(engine: &Engine, options: &Options) -> Vec<u8> {
    let mut report = engine.feed().whole_report();
    Censor {
        arguments: options.hides_arguments(),
        environment: options.hides_environment(),
    }
    .apply(&mut report);
    encode_json(&report)
}

/// The probes that host nodes name, by id, then host name.
fn probes(report: &Report) -> Vec<Probe> {
    let mut probes: Vec<Probe> = report
        .topology(Kind::Host)
        .nodes
        .values()
        .map(|node| {
            let text = |key| SmolStr::new(node.latest(key).unwrap_or(""));
            let last_seen = node
                .latest
                .get("host_scope_version")
                .map(|entry| entry.timestamp)
                .unwrap_or_default();
            Probe {
                id: text("control_probe_id"),
                hostname: text("host_name"),
                version: text("host_scope_version"),
                last_seen: last_seen.to_string(),
            }
        })
        .collect();
    probes.order_by(|a, b| (&a.id, &a.hostname).cmp(&(&b.id, &b.hostname)));
    probes
}
