//! Reports made up by proptest: small, with few names, so that they collide in every way there is.
#![allow(dead_code)]

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use scope_shared::report::{
    Column, Control, DnsRecord, Kind, Latest, MetadataTemplate, Metric, MetricTemplate, Node, PluginSpec, Report, Sample, Sampling,
    SmolStr, StringSet, TableTemplate, Topology, Value, VecMap,
};
use scope_shared::time::Timestamp;

/// How much two made-up reports may contradict each other.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Truth {
    /// One thing has one value at one time, and one description: what real probes say.
    Consistent,
    /// Anything goes.
    Any,
}

fn time() -> impl Strategy<Value = Timestamp> {
    (0_i64..6, 0_u32..3).prop_map(|(seconds, nanos)| Timestamp::from_unix(1_700_000_000 + seconds, nanos * 250_000_000))
}

fn name() -> impl Strategy<Value = SmolStr> {
    prop::sample::select(vec![
        "a",
        "b",
        "count_x",
        "active_controls",
        "docker_container_state_human",
        "key of \"more\" than 23 bytes <&>\n",
    ])
    .prop_map(SmolStr::new)
}

/// A node id: a short and a long one among them.
pub fn id() -> impl Strategy<Value = SmolStr> {
    (0_u8..5).prop_map(|index| match index {
        0 => SmolStr::new(";10.0.0.1;80"),
        1 => SmolStr::new("c0ffee0123456789c0ffee0123456789c0ffee0123456789c0ffee0123456789;<container>"),
        other => SmolStr::new(format!("host-{other};<host>")),
    })
}

fn set() -> impl Strategy<Value = StringSet> {
    vec(id(), 0..4).prop_map(StringSet::from_unsorted)
}

fn small<V: std::fmt::Debug>(value: impl Strategy<Value = V>) -> impl Strategy<Value = VecMap<V>> {
    vec((name(), value), 0..4).prop_map(VecMap::from_unsorted)
}

fn latest(truth: Truth) -> impl Strategy<Value = VecMap<Latest>> {
    let entry = (time(), 0_u8..4).prop_map(move |(timestamp, value)| {
        let value = if truth == Truth::Consistent {
            format!("v{}", timestamp.unix_millis() % 3)
        } else {
            format!("v{value}")
        };
        Latest {
            timestamp,
            value: value.into(),
        }
    });
    small(entry)
}

fn metric(truth: Truth) -> impl Strategy<Value = Metric> {
    let sample = (time(), -1e9..1e9_f64).prop_map(move |(date, value)| Sample {
        date,
        value: if truth == Truth::Consistent {
            date.unix_millis() as f64 / 7.0
        } else {
            value
        },
    });
    vec(sample, 1..4).prop_map(|mut samples| {
        samples.sort_by(|a, b| a.date.cmp_instant(b.date));
        samples.dedup_by(|a, b| a.date.same_instant(b.date));
        let values = || samples.iter().map(|sample| sample.value);
        let (min, max) = (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
        Metric { samples, min, max }
    })
}

fn node(truth: Truth, topology: &'static str) -> impl Strategy<Value = Node> {
    (
        small(set()),
        set(),
        latest(truth),
        small(metric(truth)),
        small(set()),
        vec(any::<bool>(), 0..2),
    )
        .prop_map(move |(sets, adjacency, latest, metrics, parents, extra)| {
            let mut node = Node {
                topology: topology.into(),
                sets,
                adjacency,
                latest,
                metrics,
                parents,
                ..Node::default()
            };
            for value in extra {
                node.extra.push(
                    "unknown".into(),
                    if truth == Truth::Consistent {
                        Value::Nil
                    } else {
                        Value::Bool(value)
                    },
                );
            }
            node
        })
}

fn topology(truth: Truth, kind: Kind) -> impl Strategy<Value = Topology> {
    let nodes = btree_map(id(), node(truth, kind.name()), 0..5);
    let described = || btree_map(name(), 0_i64..3, 0..3);
    (nodes, described(), described(), described()).prop_map(move |(nodes, controls, metadata, tables)| {
        let mut topology = Topology::fresh(kind);
        for (id, mut node) in nodes {
            node.id = id;
            topology.add(node);
        }
        let number = |given: i64| if truth == Truth::Consistent { 1 } else { given };
        for (id, rank) in controls {
            topology.controls.insert(
                id.clone(),
                Control {
                    id,
                    human: "Do".into(),
                    rank: number(rank),
                    ..Control::default()
                },
            );
        }
        for (id, priority) in metadata {
            let priority = number(priority) as f64;
            topology.metadata_templates.insert(
                id.clone(),
                MetadataTemplate {
                    id: id.clone(),
                    priority,
                    ..MetadataTemplate::default()
                },
            );
            topology.metric_templates.insert(
                id.clone(),
                MetricTemplate {
                    id,
                    priority,
                    format: "percent".into(),
                    ..MetricTemplate::default()
                },
            );
        }
        for (id, columns) in tables {
            let columns = match number(columns) {
                0 => None,
                count => Some(vec![
                    Column {
                        id: id.clone(),
                        ..Column::default()
                    };
                    usize::try_from(count).unwrap_or(0)
                ]),
            };
            topology.table_templates.insert(
                id.clone(),
                TableTemplate {
                    id,
                    columns,
                    ..TableTemplate::default()
                },
            );
        }
        topology
    })
}

/// A report with endpoints, containers and hosts.
pub fn report(truth: Truth) -> impl Strategy<Value = Report> {
    let dns = btree_map(
        id(),
        (set(), set()).prop_map(|(forward, reverse)| DnsRecord { forward, reverse }),
        0..3,
    );
    let plugins = btree_map(name(), 0_u8..3, 0..3);
    let parts = (
        topology(truth, Kind::Endpoint),
        topology(truth, Kind::Container),
        topology(truth, Kind::Host),
    );
    (time(), parts, dns, plugins, (0_u64..9, 0_i64..9, any::<bool>()), id()).prop_map(
        move |(ts, (endpoints, containers, hosts), dns, plugins, (count, window, shortcut), id)| {
            let plugin = |(id, label): (SmolStr, u8)| {
                let label = if truth == Truth::Consistent {
                    "L".into()
                } else {
                    format!("L{label}").into()
                };
                (
                    id.clone(),
                    PluginSpec {
                        id,
                        label,
                        interfaces: Some(vec!["reporter".into()]),
                        ..PluginSpec::default()
                    },
                )
            };
            let mut report = Report {
                ts,
                dns,
                sampling: Sampling { count, total: count },
                window,
                shortcut,
                plugins: Some(plugins.into_iter().map(plugin).collect()),
                id,
                ..Report::default()
            };
            report.others.insert(
                "Gadget".into(),
                Topology {
                    shape: "star".into(),
                    ..endpoints.clone()
                },
            );
            *report.topology_mut(Kind::Endpoint) = endpoints;
            *report.topology_mut(Kind::Container) = containers;
            *report.topology_mut(Kind::Host) = hosts;
            report
        },
    )
}
