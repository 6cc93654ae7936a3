//! The views against Weave Scope's own answers: every request of every golden case, and a recorded stream report by report.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::{Verdict, differences, documents, golden, prune, reports};
use scope_app::feed::{Feed, FeedEvent};
use scope_app::model::Traffic;
use scope_app::view::{Engine, Options, api};
use scope_shared::frame::{Encoding, Frame, ReportFrame, ReportKind};
use serde_json::Value;

fn answer(engine: &mut Engine, request: &str) -> Value {
    let mut answer = serde_json::from_slice(&api::get(engine, request)).unwrap();
    prune(&mut answer);
    answer
}

fn matches_the_original(case: &str) {
    let mut feed = Feed::new();
    feed.add_reports(reports(case).into_iter().map(|(name, report)| (name.into(), report)));
    let mut engine = Engine::new(feed);
    let mut verdict = Verdict::default();
    for mut entry in documents(&format!("{case}.jsonl.gz")) {
        let request = entry["request"].as_str().unwrap().to_owned();
        let got = answer(&mut engine, &request);
        if entry.get("missing").is_some() {
            let found = if got["status"] == 404 {
                vec![]
            } else {
                vec![format!("404 wanted, {got} given")]
            };
            verdict.add(&request, &found);
            continue;
        }
        prune(&mut entry["answer"]);
        verdict.add(&request, &differences(&entry["answer"], &got, entry.get("free_order").is_some()));
    }
    verdict.check();
}

#[test]
fn the_two_host_fixture_matches() {
    matches_the_original("fixture");
}

#[test]
fn a_large_real_report_matches() {
    matches_the_original("render-report");
}

#[test]
fn reports_recorded_from_two_hosts_match() {
    matches_the_original("recorded-clean");
}

#[test]
fn a_kubernetes_cluster_matches() {
    matches_the_original("k8s");
}

#[test]
fn swarm_ecs_and_weave_match() {
    matches_the_original("swarmecs");
}

#[test]
fn short_lived_connections_match() {
    matches_the_original("shortlived");
}

/// Ports and counts of each edge, as the map's tooltips show them, against the original's tables of connections.
#[test]
fn what_goes_over_an_edge_is_what_the_original_counts() {
    let mut edges = 0;
    for case in ["fixture", "recorded-clean", "k8s", "swarmecs"] {
        let mut feed = Feed::new();
        feed.add_reports(reports(case).into_iter().map(|(name, report)| (name.into(), report)));
        let mut engine = Engine::new(feed);
        for entry in documents(&format!("{case}.jsonl.gz")) {
            let request = entry["request"].as_str().unwrap();
            let (path, query) = request.split_once('?').unwrap_or((request, ""));
            let parts: Vec<&str> = path.split('/').collect();
            let &["", "api", "topology", view, _] = parts.as_slice() else {
                continue;
            };
            let from = entry["answer"]["node"]["id"].as_str().unwrap_or_default();
            let mut expected: BTreeMap<&str, (BTreeSet<u16>, i64)> = BTreeMap::new();
            for group in entry["answer"]["node"]["connections"].as_array().into_iter().flatten() {
                for row in group["connections"].as_array().into_iter().flatten() {
                    let value = |id: &str| {
                        let cells = row["metadata"].as_array().unwrap();
                        cells.iter().find(|cell| cell["id"] == id).unwrap()["value"].as_str().unwrap()
                    };
                    if group["id"] == "outgoing-connections" {
                        let (ports, count) = expected.entry(row["nodeId"].as_str().unwrap()).or_default();
                        ports.insert(value("port").parse().unwrap());
                        *count += value("count").parse::<i64>().unwrap();
                    }
                }
            }
            for (to, (ports, connections)) in expected {
                // Details show nodes that the options hide; a map has no edges of those.
                let Some(found) = engine.traffic(view, from, to, &Options::from_query(query)) else {
                    let shown = engine.nodes(view, &Options::from_query(query)).unwrap();
                    assert!(shown.get(from).is_none() || shown.get(to).is_none(), "{request}: no edge to {to}");
                    continue;
                };
                let ports: Vec<u16> = ports.into_iter().collect();
                assert_eq!(found, Traffic { ports, connections }, "{case}: {request} to {to}");
                edges += 1;
            }
        }
    }
    assert!(edges > 100, "only {edges} edges were compared");
}

/// Whole and sparse reports of two original probes, beginning with sparse ones: after each report the original's answers, from an engine
/// that is only ever brought up to date.
#[test]
fn a_recorded_stream_matches_after_every_report() {
    let mut engine = Engine::new(Feed::new());
    engine.feed_mut().set_window_millis(600_000);
    let mut verdict = Verdict::default();
    for (step, mut entry) in documents("stream.jsonl.gz").into_iter().enumerate() {
        let file = entry["file"].as_str().unwrap().to_owned();
        let frame = Frame::Report(ReportFrame {
            probe: entry["probe"].as_str().unwrap(),
            received_millis: 1000 * step as u64,
            kind: ReportKind::Plain,
            encoding: Encoding::Msgpack,
            gzip: true,
            body: &std::fs::read(golden(&format!("stream/{file}"))).unwrap(),
        });
        let event = engine.feed_mut().frame(&frame.encode(), 1000 * step as u64).unwrap();
        assert!(matches!(event, FeedEvent::Report { changed: true, .. }), "{file}: {event:?}");
        for expected in entry["answers"].as_array_mut().unwrap() {
            let request = expected["request"].as_str().unwrap().to_owned();
            let got = answer(&mut engine, &request);
            prune(&mut expected["answer"]);
            verdict.add(&format!("after {file}: {request}"), &differences(&expected["answer"], &got, false));
        }
    }
    verdict.check();
}
