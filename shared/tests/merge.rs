//! Merging, upgrading, the window and ids: the worked examples of the format.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::sync::Arc;

use scope_shared::censor::Censor;
use scope_shared::ids;
use scope_shared::report::{
    Control, DnsRecord, Kind, MetadataTemplate, Metric, Node, PluginSpec, Report, Sample, Sampling, SmolStr, TableTemplate,
};
use scope_shared::time::Timestamp;
use scope_shared::window;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix(1_480_000_000 + seconds, 0)
}

fn node(entries: &[(&str, &str, i64)]) -> Node {
    let mut node = Node::default();
    for (key, value, seconds) in entries {
        node.set_latest(key, at(*seconds), *value);
    }
    node
}

fn values(node: &Node) -> Vec<(&str, &str)> {
    node.latest
        .iter()
        .map(|(key, entry)| (key.as_str(), entry.value.as_str()))
        .collect()
}

fn metric(samples: &[(i64, f64)]) -> Metric {
    let values = samples.iter().map(|(_, value)| *value);
    Metric {
        samples: samples
            .iter()
            .map(|&(seconds, value)| Sample { date: at(seconds), value })
            .collect(),
        min: values.clone().fold(f64::INFINITY, f64::min),
        max: values.fold(f64::NEG_INFINITY, f64::max),
    }
}

fn report_with(kind: Kind, node: Node) -> Report {
    let mut report = Report::default();
    report.topology_mut(kind).add(node);
    report
}

#[test]
fn the_newest_value_of_a_key_wins_either_way_round() {
    let a = node(&[("PID", "23128", 0), ("Name", "curl", 0)]);
    let b = node(&[("PID", "0", -60), ("Name", "curl", 0), ("Domain", "d", 0)]);
    for merged in [a.merged(&b), b.merged(&a)] {
        assert_eq!(values(&merged), [("Domain", "d"), ("Name", "curl"), ("PID", "23128")]);
    }
}

#[test]
fn equal_times_keep_the_longer_maps_value_and_of_equal_lengths_the_receivers() {
    let (x, y) = (node(&[("k", "X", 0)]), node(&[("k", "Y", 0)]));
    assert_eq!(values(&x.merged(&y)), [("k", "X")]);
    assert_eq!(values(&y.merged(&x)), [("k", "Y")]);
    let longer = node(&[("k", "Y", 0), ("l", "Y", 0)]);
    assert_eq!(values(&x.merged(&longer)), [("k", "Y"), ("l", "Y")]);
    assert_eq!(values(&longer.merged(&x)), [("k", "Y"), ("l", "Y")]);
    // Equal lengths, but the argument's first key is newer: the argument is the base.
    let (early, late) = (node(&[("a", "1", 0), ("k", "early", 5)]), node(&[("a", "2", 1), ("k", "late", 5)]));
    assert_eq!(values(&early.merged(&late)), [("a", "2"), ("k", "late")]);
}

#[test]
fn time_zones_do_not_matter_for_what_is_newer() {
    let utc = Timestamp::parse("2016-12-25T07:00:00Z").unwrap();
    let mut a = Node::default();
    a.set_latest("k", utc, "first");
    let mut b = Node::default();
    b.set_latest("k", Timestamp::parse("2016-12-25T07:30:00+01:00").unwrap(), "half an hour earlier");
    assert_eq!(a.merged(&b).latest("k"), Some("first"));
    assert_eq!(b.merged(&a).latest("k"), Some("first"));
}

#[test]
fn metrics_join_their_samples_and_keep_the_receivers_of_one_instant() {
    let merged = metric(&[(2, 0.2), (3, 0.31)]).merged(&metric(&[(1, -0.1), (3, 0.3), (4, 0.4)]));
    assert_eq!(merged, metric(&[(1, -0.1), (2, 0.2), (3, 0.31), (4, 0.4)]));
    let empty = Metric {
        samples: vec![],
        min: -5.0,
        max: 5.0,
    };
    assert_eq!(empty.merged(&merged), merged);
    assert_eq!(merged.merged(&empty), merged);
}

#[test]
fn host_controls_are_united_whichever_map_is_longer() {
    let mut long = node(&[("active_controls", "host_exec", 1), ("a", "a", 0), ("b", "b", 0)]);
    long.topology = "host".into();
    let short = node(&[("active_controls", "kubernetes_cordon_node", 0)]);
    for merged in [long.merged(&short), short.merged(&long)] {
        let entry = merged.latest.get("active_controls").unwrap();
        assert_eq!((entry.value.as_str(), entry.timestamp), ("host_exec;kubernetes_cordon_node", at(1)));
    }
    long.topology = "container".into();
    assert_eq!(long.merged(&short).latest("active_controls"), Some("host_exec"));
}

#[test]
fn counters_add_when_counted_and_not_when_merged() {
    let mut counted = Node::default();
    for (name, count) in [("a", 13), ("b", 57), ("c", 89), ("a", 78), ("b", 3), ("d", 47)] {
        counted.add_count(name, count, at(0));
    }
    let expected = [("count_a", "91"), ("count_b", "60"), ("count_c", "89"), ("count_d", "47")];
    assert_eq!(values(&counted), expected);
    assert_eq!(values(&counted.merged(&counted)), expected);
}

#[test]
fn sets_parents_and_edges_are_united() {
    let mut a = Node::new("x", "container");
    a.adjacency.insert("1");
    a.add_to_set("ips", "b");
    a.add_parent("host", "h");
    let mut b = Node::new("", "");
    b.adjacency.insert("0");
    b.add_to_set("ips", "a");
    b.add_to_set("ports", "80");
    b.add_parent("pod", "p");
    let merged = b.merged(&a);
    assert_eq!((merged.id.as_str(), merged.topology.as_str()), ("x", "container"));
    assert_eq!(merged.adjacency.as_slice(), ["0", "1"]);
    assert_eq!(merged.sets.get("ips").unwrap().as_slice(), ["a", "b"]);
    assert_eq!(merged.sets.get("ports").unwrap().as_slice(), ["80"]);
    assert_eq!(merged.parents.len(), 2);
}

#[test]
fn a_node_claimed_by_two_topologies_keeps_the_receivers() {
    let (a, b) = (Node::new("x", "container"), Node::new("x", "process"));
    assert_eq!(a.merged(&b).topology, "container");
}

#[test]
fn the_version_of_a_child_in_the_smaller_set_stays() {
    let child = |id: &str, value: &str| {
        let mut child = Node::new(id, "process");
        child.set_latest("v", at(0), value);
        child
    };
    let few = Node {
        children: vec![child("a", "few")],
        ..Node::default()
    };
    let many = Node {
        children: vec![child("a", "many"), child("b", "many")],
        ..Node::default()
    };
    for merged in [few.merged(&many), many.merged(&few)] {
        let found: Vec<_> = merged
            .children
            .iter()
            .map(|child| (child.id.as_str(), child.latest("v").unwrap()))
            .collect();
        assert_eq!(found, [("a", "few"), ("b", "many")]);
    }
}

#[test]
fn report_fields_merge_by_their_own_rules() {
    let plugin = |id: &str, label: &str| {
        (
            SmolStr::new(id),
            PluginSpec {
                id: id.into(),
                label: label.into(),
                ..PluginSpec::default()
            },
        )
    };
    let mut a = Report {
        ts: at(5),
        window: 3,
        sampling: Sampling { count: 1, total: 2 },
        shortcut: true,
        id: "a".into(),
        plugins: Some([plugin("p", "ours"), plugin("q", "ours")].into()),
        ..Report::default()
    };
    let b = Report {
        ts: at(1),
        window: 4,
        sampling: Sampling { count: 10, total: 20 },
        id: "bc".into(),
        plugins: Some([plugin("p", "theirs")].into()),
        dns: [(
            "10.0.0.1".into(),
            DnsRecord {
                forward: ["x"].into_iter().collect(),
                ..DnsRecord::default()
            },
        )]
        .into(),
        ..Report::default()
    };
    a.dns.insert("10.0.0.1".into(), DnsRecord::default());
    let many = Report::merge_all([&a, &b]);
    assert_eq!((many.id.as_str(), many.shortcut), ("b4963f3f3fad7867", false));
    assert_eq!(Report::merge_all([]).id, "0");
    a.merge(&b);
    assert_eq!(
        (a.ts, a.window, a.sampling, a.shortcut, a.id.as_str()),
        (at(1), 7, Sampling { count: 11, total: 22 }, true, "a")
    );
    assert_eq!(a.plugins.as_ref().unwrap()["p"].label, "theirs");
    assert_eq!(a.dns["10.0.0.1"].forward.as_slice(), ["x"]);
    a.merge(&Report::default());
    assert_eq!(a.ts, at(1), "no time is not an early time");
}

#[test]
fn blank_shapes_and_labels_are_filled_in_by_merging() {
    let mut blank = Report::default();
    *blank.topology_mut(Kind::Host) = Default::default();
    assert_eq!(Report::merge_all([&blank]).topology(Kind::Host).label_plural, "hosts");
}

#[test]
fn templates_merge_by_priority_and_length() {
    let mut a = Report::default();
    let mut b = Report::default();
    let template = |label: &str, priority| MetadataTemplate {
        id: "t".into(),
        label: label.into(),
        priority,
        ..MetadataTemplate::default()
    };
    a.topology_mut(Kind::Host)
        .metadata_templates
        .insert("t".into(), template("low", 1.0));
    b.topology_mut(Kind::Host)
        .metadata_templates
        .insert("t".into(), template("high", 2.0));
    let table = |label: &str, columns| TableTemplate {
        label: label.into(),
        columns,
        ..TableTemplate::default()
    };
    a.topology_mut(Kind::Host).table_templates.insert("t".into(), table("a", None));
    b.topology_mut(Kind::Host)
        .table_templates
        .insert("t".into(), table("b", Some(vec![])));
    for merged in [Report::merge_all([&a, &b]), Report::merge_all([&b, &a])] {
        let host = merged.topology(Kind::Host);
        assert_eq!(host.metadata_templates["t"].label, "high");
        assert_eq!(host.table_templates["t"], table("b", Some(vec![])));
    }
    let control = |rank| Control {
        rank,
        ..Control::default()
    };
    a.topology_mut(Kind::Host).controls.insert("c".into(), control(1));
    b.topology_mut(Kind::Host).controls.insert("c".into(), control(2));
    a.merge(&b);
    assert_eq!(
        a.topology(Kind::Host).controls["c"].rank,
        2,
        "of equally large sets the incoming one's"
    );
}

#[test]
fn merging_recorded_reports_with_themselves_changes_no_topology() {
    for name in common::RECORDED {
        let report = common::report(name);
        let once = Report::merge_all([&report]);
        let twice = Report::merge_all([&report, &report.clone()]);
        assert!(once.topologies == twice.topologies && once.dns == twice.dns, "{name}");
    }
}

#[test]
fn a_sparse_report_completes_itself_from_the_full_one() {
    let (full, sparse) = (common::report("host-a-02.msgpack.gz"), common::report("host-a-03.msgpack.gz"));
    let anonymous = |report: &Report| {
        report
            .iter()
            .flat_map(|(_, topology)| topology.nodes.values())
            .filter(|node| node.topology.is_empty())
            .count()
    };
    assert!(anonymous(&sparse) > 10);
    for mut merged in [Report::merge_all([&full, &sparse]), Report::merge_all([&sparse, &full])] {
        assert_eq!(anonymous(&merged), 0);
        let before = merged.clone();
        merged.drop_part_merged();
        assert!(merged == before);
    }
    let mut alone = sparse.clone();
    alone.drop_part_merged();
    assert_eq!(anonymous(&alone), 0);
    assert!(alone.topology(Kind::Process).nodes.len() < sparse.topology(Kind::Process).nodes.len());
}

#[test]
fn quanta_start_with_their_first_report() {
    let arrivals: Vec<window::Arrival> = [0, 1, 2, 5, 6, 7]
        .map(|second| (second * 1000, Arc::new(Report::default())))
        .to_vec();
    let found: Vec<Vec<u64>> = window::quanta(&arrivals)
        .map(|quantum| quantum.iter().map(|(arrival, _)| arrival / 1000).collect())
        .collect();
    assert_eq!(found, [vec![0, 1, 2], vec![5, 6, 7]]);
    assert_eq!(
        window::quantise(&arrivals).iter().map(|(arrival, _)| *arrival).collect::<Vec<_>>(),
        [0, 5000]
    );
    assert_eq!(window::quanta(&[]).count(), 0);
}

#[test]
fn a_report_exactly_as_old_as_the_window_is_gone() {
    let mut reports = vec![(5_000, Arc::new(Report::default()))];
    window::expire(&mut reports, 14_999, 10_000);
    assert_eq!(reports.len(), 1);
    window::expire(&mut reports, 15_000, 10_000);
    assert!(reports.is_empty());
}

#[test]
fn pods_of_old_probes_get_their_deployments_and_namespaces() {
    let mut pod = Node::new("foo", "pod");
    pod.set_latest("kubernetes_namespace", at(0), "ns");
    pod.add_parent("replica_set", "bar");
    let mut deleted = Node::new("gone", "pod");
    deleted.set_latest("kubernetes_namespace", at(0), "other");
    deleted.set_latest("kubernetes_state", at(0), "deleted");
    let mut replica_set = Node::new("bar", "replica_set");
    replica_set.add_parent("deployment", "id");
    let mut report = report_with(Kind::Pod, pod);
    report.topology_mut(Kind::Pod).add(deleted);
    report.topology_mut(Kind::ReplicaSet).add(replica_set);
    report.upgrade(at(1));
    let pod = &report.topology(Kind::Pod).nodes["foo"];
    assert_eq!(pod.parents.get("deployment").unwrap().as_slice(), ["id"]);
    assert!(!pod.parents.contains_key("replica_set"));
    let namespaces = &report.topology(Kind::Namespace).nodes;
    assert_eq!(namespaces.keys().collect::<Vec<_>>(), ["ns;<namespace>"]);
    assert_eq!(namespaces["ns;<namespace>"].latest("kubernetes_name"), Some("ns"));
    let again = report.clone();
    report.upgrade(at(2));
    assert!(report == again, "upgrading twice changes nothing");
}

#[test]
fn names_of_old_probes_move_from_endpoints_to_addresses() {
    let mut endpoint = Node::new("host;10.0.0.1;80", "endpoint");
    endpoint.add_to_set("snooped_dns_names", "a");
    let mut other = Node::new(";10.0.0.1;81", "endpoint");
    other.add_to_set("snooped_dns_names", "b");
    other.add_to_set("reverse_dns_names", "r");
    let mut report = report_with(Kind::Endpoint, endpoint);
    report.topology_mut(Kind::Endpoint).add(other);
    report.upgrade(at(0));
    let record = &report.dns["10.0.0.1"];
    assert_eq!(
        (record.forward.as_slice(), record.reverse.as_slice()),
        (&["a".into(), "b".into()][..], &["r".into()][..])
    );
}

#[test]
fn ids_are_built_and_taken_apart() {
    let local = |_| false;
    assert_eq!(
        ids::endpoint_id("host.com", "42", "127.0.0.1".parse().unwrap(), 80, local),
        "host.com-42;127.0.0.1;80"
    );
    assert_eq!(
        ids::endpoint_id("host.com", "", "::ffff:1.2.3.4".parse().unwrap(), 80, local),
        ";1.2.3.4;80"
    );
    assert_eq!(
        ids::endpoint_id("host.com", "42", "172.17.0.2".parse().unwrap(), 80, |_| true),
        "host.com;172.17.0.2;80"
    );
    for bad in ["a;b", "a;", ";", "h;<host>", ""] {
        assert_eq!(ids::parse_endpoint(bad), None, "{bad}");
    }
    assert_eq!(
        ids::parse_endpoint("s;1.2.3.4;80;x"),
        Some(ids::Endpoint {
            scope: "s",
            address: "1.2.3.4",
            port: "80;x"
        })
    );
    assert_eq!(ids::parse_ecs_service("my-service;<ecs_service>"), Some(("unknown", "my-service")));
    assert_eq!(ids::parse_ecs_service("cluster;service"), Some(("cluster", "service")));
    assert_eq!(ids::parse_overlay("#docker_peer_h1"), ("docker_peer_", "h1"));
    assert_eq!(ids::parse_overlay("#3e:ca:14:ca:12:5c"), ("", "3e:ca:14:ca:12:5c"));
    assert_eq!(ids::parse_overlay("h1"), ("", ""));
    assert_eq!(ids::node_id(Kind::DaemonSet, "x"), "x;<daemonset>");
    assert_eq!(ids::parse_node_id(Kind::Container, "x;<container>"), Some("x"));
    assert_eq!(ids::parse_node_id(Kind::Container, "x;<container_image>"), None);
    assert_eq!(ids::parse_node_id(Kind::Container, "x;y;<container>"), None);
    assert!(ids::is_loopback("::ffff:127.0.0.1") && !ids::is_loopback("10.0.0.1") && !ids::is_loopback("localhost"));
    assert!(ids::is_pause_image("registry/google_containers/pause-amd64:3.0"));
}

#[test]
fn censoring_cuts_command_lines_and_drops_the_environment() {
    let mut container = Node::new("c", "container");
    container.set_latest("docker_container_command", at(0), "nginx -g secret");
    container.set_latest("docker_env_TOKEN", at(0), "secret");
    container.set_latest("docker_env", at(0), "kept");
    let mut report = report_with(Kind::Container, container);
    let all = report.clone();
    Censor::default().apply(&mut report);
    assert!(report == all);
    Censor {
        arguments: true,
        environment: true,
    }
    .apply(&mut report);
    let node = &report.topology(Kind::Container).nodes["c"];
    assert_eq!(values(node), [("docker_container_command", "nginx"), ("docker_env", "kept")]);
}
