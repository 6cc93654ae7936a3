//! What holds for any reports: encodings lose nothing, merging converges, deltas give the report back.
#![allow(clippy::unwrap_used)]

#[path = "common/arbitrary.rs"]
mod arbitrary;
mod common;

use std::sync::Arc;

use arbitrary::{Truth, report};
use proptest::prelude::*;
use scope_shared::delta;
use scope_shared::frame::Encoding;
use scope_shared::report::{Kind, Metric, Node, Report, Sample, Topology};
use scope_shared::time::Timestamp;
use scope_shared::wire::{check_envelope, decode_report, encode_json, encode_msgpack};

fn merged(reports: &[&Report]) -> Report {
    Report::merge_all(reports.iter().copied())
}

/// A report without what is summed or drawn, which the laws are not about.
fn state(report: &Report) -> Report {
    Report {
        sampling: Default::default(),
        window: 0,
        id: Default::default(),
        ..report.clone()
    }
}

/// `now` with the timestamps of `base` where the value is the same: what a delta promises.
fn with_known_times(base: &Report, now: &Report) -> Report {
    let mut expected = now.clone();
    for (topology, base) in expected.topologies.iter_mut().zip(base.topologies.iter()) {
        for (id, node) in &mut topology.nodes {
            let Some(before) = base.nodes.get(id) else { continue };
            let node = Arc::make_mut(node);
            for (key, entry) in node.latest.iter_mut() {
                if let Some(known) = before.latest.get(key).filter(|known| known.value == entry.value) {
                    entry.timestamp = known.timestamp;
                }
            }
        }
    }
    expected
}

/// Applying the delta of two reports, as made and as read back from either encoding, gives the newer one.
fn check_delta(base: &Report, now: &Report) {
    let delta = delta::diff(base, now);
    for delta in [
        decode_report(&encode_msgpack(&delta), Encoding::Msgpack, false).unwrap(),
        decode_report(&encode_json(&delta), Encoding::Json, false).unwrap(),
        delta,
    ] {
        let applied = delta::apply(base, &delta);
        assert!(
            with_known_times(base, &applied) == with_known_times(base, now),
            "{:#?}\n{:#?}\n{:#?}",
            delta,
            applied.removed,
            now.extra
        );
        assert!(applied.removed.is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn encodings_lose_nothing(report in report(Truth::Any)) {
        for encoding in [Encoding::Msgpack, Encoding::Json] {
            let bytes = if encoding == Encoding::Json { encode_json(&report) } else { encode_msgpack(&report) };
            prop_assert_eq!(check_envelope(&bytes, encoding, false), Ok(bytes.len()));
            prop_assert!(decode_report(&bytes, encoding, false).unwrap() == report);
        }
    }

    #[test]
    fn merging_does_not_depend_on_the_order(a in report(Truth::Consistent), b in report(Truth::Consistent), c in report(Truth::Consistent)) {
        let expected = state(&merged(&[&a, &b, &c]));
        for order in [[&a, &c, &b], [&b, &a, &c], [&b, &c, &a], [&c, &a, &b], [&c, &b, &a]] {
            prop_assert!(state(&merged(&order)) == expected);
        }
        prop_assert!(state(&merged(&[&a, &merged(&[&b, &c])])) == expected);
        prop_assert!(state(&merged(&[&merged(&[&a, &b]), &c])) == expected);
    }

    #[test]
    fn merging_again_changes_nothing(a in report(Truth::Any), b in report(Truth::Any)) {
        let both = merged(&[&a, &b]);
        prop_assert!(state(&merged(&[&both, &both])) == state(&both));
        let both = merged(&[&merged(&[&a]), &a]);
        prop_assert!(state(&both) == state(&merged(&[&a])));
    }

    #[test]
    fn a_delta_gives_the_report_back(base in report(Truth::Any), now in report(Truth::Any)) {
        check_delta(&base, &now);
        check_delta(&Report::default(), &now);
        check_delta(&base, &Report::default());
        check_delta(&base, &base);
    }

    #[test]
    fn a_sparse_report_and_the_full_one_hold_what_both_held(base in report(Truth::Consistent), now in report(Truth::Consistent)) {
        let both = merged(&[&base, &delta::sparse(&base, &now)]);
        let whole = merged(&[&base, &now]);
        for kind in Kind::ALL {
            let (both, whole) = (both.topology(kind), whole.topology(kind));
            prop_assert!(both.nodes.keys().eq(whole.nodes.keys()));
            for (id, node) in &both.nodes {
                let whole = &whole.nodes[id];
                prop_assert!(node.adjacency == whole.adjacency && node.sets == whole.sets && node.metrics == whole.metrics);
                prop_assert!(node.latest.iter().map(|(key, _)| key).eq(whole.latest.iter().map(|(key, _)| key)));
            }
            prop_assert!(both.controls == whole.controls);
        }
    }
}

#[test]
fn what_did_not_change_is_not_in_a_delta() {
    for name in common::RECORDED {
        let report = common::report(name);
        let delta = delta::diff(&report, &report.clone());
        assert!(
            delta
                .iter()
                .all(|(_, topology)| topology.nodes.is_empty() && topology.controls.is_empty()),
            "{name}"
        );
        assert!(
            delta.dns.is_empty() && delta.removed.is_empty() && delta.others.is_empty() && delta.extra.is_empty(),
            "{name}"
        );
        check_delta(&report, &report);
    }
}

#[test]
fn recorded_reports_follow_from_one_another() {
    let host_a = ["host-a-02", "host-a-03", "host-a-04"].map(|name| common::report(&format!("{name}.msgpack.gz")));
    check_delta(&host_a[0], &host_a[1]);
    check_delta(&host_a[0], &host_a[2]);
    check_delta(&common::report("k8s.json.gz"), &common::report("swarmecs.json.gz"));
}

fn container(report: &Report, id: &str) -> Node {
    Node::clone(&report.topology(Kind::Container).nodes[id])
}

#[test]
fn a_delta_names_what_is_gone() {
    let mut base = Report::default();
    let mut kept = Node::new("kept", "container");
    kept.set_latest("state", Timestamp::ZERO, "running");
    kept.set_latest("health", Timestamp::ZERO, "ok");
    base.topology_mut(Kind::Container).add(kept.clone());
    base.topology_mut(Kind::Container).add(Node::new("gone", "container"));
    base.dns.insert("10.0.0.1".into(), Default::default());
    let mut now = base.clone();
    now.dns.clear();
    now.topology_mut(Kind::Container).nodes.remove("gone");
    kept.latest.remove("health");
    now.topology_mut(Kind::Container).add(kept);
    let delta = delta::diff(&base, &now);
    assert_eq!(delta.removed["Container"], ["gone"]);
    assert_eq!(delta.removed["DNS"], ["10.0.0.1"]);
    let node = container(&delta, "kept");
    assert_eq!(node.dropped_latest, ["health"]);
    assert!(node.latest.is_empty() && node.id.is_empty());
    assert!(delta::apply(&base, &delta) == now);
}

#[test]
fn a_node_that_lost_a_section_is_replaced_whole() {
    let mut base = Report::default();
    let mut node = Node::new("x", "container");
    node.adjacency.insert("y");
    base.topology_mut(Kind::Container).add(node);
    let mut now = Report::default();
    now.topology_mut(Kind::Container).add(Node::new("x", "container"));
    let delta = delta::diff(&base, &now);
    assert_eq!(delta.removed["Container"], ["x"]);
    assert_eq!(container(&delta, "x").id, "x");
    assert!(delta::apply(&base, &delta) == now);
}

#[test]
fn a_sparse_report_holds_new_nodes_whole_and_metrics_alone() {
    let date = Timestamp::from_unix(1, 0);
    let mut process = Node::new("h;1", "process");
    process.set_latest("pid", date, "1");
    let mut base = Report::default();
    base.topology_mut(Kind::Process).add(process.clone());
    let mut now = base.clone();
    now.window = 3;
    now.id = "now".into();
    process.metrics.insert(
        "cpu",
        Metric {
            samples: vec![Sample { date, value: 1.0 }],
            min: 1.0,
            max: 1.0,
        },
    );
    now.topology_mut(Kind::Process).add(process);
    now.topology_mut(Kind::Container).add(Node::new("foo", "container"));
    let sparse = delta::sparse(&base, &now);
    assert_eq!((sparse.window, sparse.id.as_str()), (3, "now"));
    assert_eq!(container(&sparse, "foo").topology, "container");
    let text = String::from_utf8(encode_json(&sparse)).unwrap();
    assert!(
        text.contains(r#""Process":{"nodes":{"h;1":{"sets":null,"metrics":{"cpu":"#),
        "{text}"
    );
    assert!(text.contains(r#""parents":null,"children":null}}}"#));
    assert!(sparse.topology(Kind::Host) == &Topology::default());
}
