//! Views of topologies that this build does not know: a plugin's own, or a newer probe's.
//!
//! Nothing reported is lost: what a template describes is shown by it, and whatever is left (values, sets, fields) stands in one more table.
//! There are no rules here about any particular kind.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use scope_shared::report::{Control, Kind, MetricTemplate, Node, SmolStr, Topology, Value};
use smol_str::format_smolstr;

use super::View;
use super::ids::host_of;
use super::state::State;
use super::summary::{Summaries, TopologyTemplates, basic, view_of};
use crate::model::{ChildGroup, ControlInstance, MetricRow, NodeDetails, NodeSummary, Parent, Stats, Table, TableRow, TopologyDesc};

/// Views of the known kinds have no such ids.
const PREFIX: &str = "kind-";
/// What may stand in an id that is a part of a path.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');
/// These views come after all others.
const RANK: i64 = 100;

/// The id of the view of a topology, from its key on the wire.
fn id(key: &str) -> SmolStr {
    format_smolstr!("{PREFIX}{}", utf8_percent_encode(key, PLAIN))
}

/// One topology.
pub(crate) struct Generic<'a> {
    id: SmolStr,
    key: &'a SmolStr,
    topology: &'a Topology,
    templates: TopologyTemplates,
    summaries: Summaries<'a>,
}

/// Descriptions of all such views, by key.
pub(crate) fn describe(state: State<'_>) -> Vec<TopologyDesc> {
    let described = state.0.others.iter().map(|(key, topology)| {
        let edges = nodes(topology).map(|(_, node)| node.adjacency.iter().filter(|to| there(topology, to)).count());
        let count = nodes(topology).count() as i64;
        TopologyDesc {
            name: if topology.label_plural.is_empty() {
                key.clone()
            } else {
                topology.label_plural.clone()
            },
            rank: RANK,
            hide_if_empty: true,
            url: format_smolstr!("/api/topology/{}", id(key)),
            stats: Stats {
                node_count: count,
                nonpseudo_node_count: count,
                edge_count: edges.sum::<usize>() as i64,
                filtered_nodes: 0,
            },
            ..TopologyDesc::default()
        }
    });
    described.collect()
}

fn nodes(topology: &Topology) -> impl Iterator<Item = (&SmolStr, &Arc<Node>)> {
    topology.nodes.iter()
}

fn there(topology: &Topology, id: &str) -> bool {
    topology.nodes.contains_key(id)
}

impl<'a> Generic<'a> {
    /// The topology behind the view of an id.
    pub(crate) fn find(view: &str, summaries: Summaries<'a>) -> Option<Self> {
        let wanted = view.strip_prefix(PREFIX)?;
        // Asked for as it stands in the description, or unescaped as a path's part is.
        let found = summaries.state.0.others.iter().find(|(key, _)| *key == wanted || id(key) == view);
        let (key, topology) = found?;
        Some(Self {
            id: id(key),
            key,
            topology,
            templates: TopologyTemplates::of(topology),
            summaries,
        })
    }

    /// Its nodes and edges. What `before` shows the same is taken over.
    pub(crate) fn view(&self, before: Option<&View>) -> View {
        let mut shown: Vec<Arc<NodeSummary>> = Vec::with_capacity(self.topology.nodes.len());
        let mut edges = Vec::new();
        let place: BTreeMap<&SmolStr, u32> = self.topology.nodes.keys().zip(0..).collect();
        for ((id, node), at) in nodes(self.topology).zip(0..) {
            let summary = self.summary(id, node, false);
            edges.extend(node.adjacency.iter().filter_map(|to| place.get(to)).map(|to| (at, *to)));
            let known = before.and_then(|before| before.get(id)).filter(|known| ***known == summary);
            shown.push(known.map_or_else(|| Arc::new(summary), Arc::clone));
        }
        let count = shown.len() as i64;
        View {
            topology: self.id.clone(),
            nodes: shown,
            stats: Stats {
                node_count: count,
                nonpseudo_node_count: count,
                edge_count: edges.len() as i64,
                filtered_nodes: 0,
            },
            edges,
        }
    }

    /// Everything about one of its nodes, with the nodes of any kind that name it as a parent.
    pub(crate) fn details(&self, id: &str) -> Option<NodeDetails> {
        let (id, node) = self.topology.nodes.get_key_value(id)?;
        Some(NodeDetails {
            summary: self.summary(id, node, true),
            controls: self.controls(id, node),
            children: self.children(id, node),
            connections: Vec::new(),
        })
    }

    fn summary(&self, id: &SmolStr, node: &Node, with_samples: bool) -> NodeSummary {
        let named = node.latest.get("name").map(|entry| &entry.value).filter(|name| !name.is_empty());
        let label = named
            .cloned()
            .unwrap_or_else(|| SmolStr::new(id.rsplit_once(";<").map_or(id.as_str(), |(own, _)| own)));
        let mut tables = self.templates.tables(node);
        tables.extend(self.rest(node));
        let mut summary = NodeSummary {
            id: id.clone(),
            label_minor: SmolStr::new(host_of(node)),
            rank: label.clone(),
            label,
            shape: if self.topology.shape.is_empty() {
                SmolStr::new_static("circle")
            } else {
                self.topology.shape.clone()
            },
            tag: self.topology.tag.clone(),
            metadata: self.templates.metadata(node),
            parents: self.parents(node),
            metrics: self.metrics(node, with_samples),
            tables,
            adjacency: node.adjacency.iter().filter(|to| there(self.topology, to)).cloned().collect(),
            ..NodeSummary::default()
        };
        self.summaries.censor(&mut summary);
        summary
    }

    /// Metrics with a template by it, the others under their own names.
    fn metrics(&self, node: &Node, with_samples: bool) -> Vec<MetricRow> {
        let mut rows = self.templates.metrics(node, with_samples);
        for (id, metric) in &node.metrics {
            if !rows.iter().any(|row| row.template.id == *id) {
                let template = MetricTemplate {
                    id: id.clone(),
                    label: id.clone(),
                    ..MetricTemplate::default()
                };
                rows.push(MetricRow::of(Arc::new(template), metric, with_samples));
            }
        }
        rows
    }

    /// What no template describes, as one table.
    fn rest(&self, node: &Node) -> Option<Table> {
        let mut left: BTreeMap<SmolStr, SmolStr> = BTreeMap::new();
        let hidden = |key: &str| matches!(key, "control_probe_id" | "active_controls" | "host_node_id");
        for (key, entry) in node.latest.iter().filter(|(key, _)| !hidden(key) && !self.templates.describe(key)) {
            let value = if self.summaries.hide_arguments && matches!(key.as_str(), "cmdline" | "docker_container_command") {
                SmolStr::new(entry.value.split(' ').next().unwrap_or(""))
            } else {
                entry.value.clone()
            };
            if !(self.summaries.hide_environment && key.starts_with("docker_env_")) {
                left.insert(key.clone(), value);
            }
        }
        for (key, set) in node.sets.iter().filter(|(key, _)| !self.templates.describe(key)) {
            left.insert(key.clone(), set.as_slice().join(", ").into());
        }
        for (key, value) in node.extra.iter() {
            left.insert(key.clone(), text(value).into());
        }
        let rows = left.into_iter().map(|(key, value)| TableRow {
            id: format_smolstr!("label_{key}"),
            entries: [(SmolStr::new_static("label"), key), (SmolStr::new_static("value"), value)].into(),
        });
        let rows: Vec<TableRow> = rows.collect();
        (!rows.is_empty()).then(|| Table {
            id: SmolStr::new_static("reported"),
            label: SmolStr::new_static("Also reported"),
            kind: SmolStr::new_static("property-list"),
            columns: None,
            rows,
            truncation_count: 0,
        })
    }

    /// Parents of every kind: those that Scope lists, then whatever else is named.
    fn parents(&self, node: &Node) -> Vec<Parent> {
        let mut parents = self.summaries.parents(node);
        for (name, ids) in &node.parents {
            for id in ids {
                if parents.iter().any(|known| known.id == *id) {
                    continue;
                }
                let (label, view) = match Kind::from_name(name) {
                    Some(kind) => {
                        let found = self.summaries.state.node(kind, id);
                        let look = found.and_then(|parent| basic(parent, self.summaries.state));
                        (look.map(|look| look.label), view_of(kind).map(SmolStr::new_static))
                    }
                    None => (None, self.view_named(name)),
                };
                parents.push(Parent {
                    id: id.clone(),
                    label: label.unwrap_or_else(|| id.clone()),
                    topology_id: view.unwrap_or_default(),
                });
            }
        }
        parents
    }

    /// The generic view of a topology that nodes call by `name`.
    fn view_named(&self, name: &str) -> Option<SmolStr> {
        let others = &self.summaries.state.0.others;
        let named = |topology: &Topology| topology.nodes.values().next().is_some_and(|node| node.topology == name);
        others
            .iter()
            .find(|(key, topology)| *key == name || named(topology))
            .map(|(key, _)| id(key))
    }

    fn controls(&self, id: &SmolStr, node: &Node) -> Vec<ControlInstance> {
        let (Some(probe), Some(active)) = (node.latest("control_probe_id"), node.latest("active_controls")) else {
            return Vec::new();
        };
        let defined = active.split(';').filter_map(|control| self.topology.controls.get(control));
        defined.map(|control: &Control| ControlInstance::of(control, probe, id)).collect()
    }

    fn children(&self, id: &SmolStr, node: &Node) -> Vec<ChildGroup> {
        let names: BTreeSet<&str> = [self.key.as_str(), node.topology.as_str()].into();
        let is_child = |child: &Node| {
            names
                .iter()
                .any(|name| child.parents.get(name).is_some_and(|parents| parents.contains(id)))
        };
        let mut groups = Vec::new();
        for kind in Kind::ALL {
            let Some(view) = view_of(kind) else { continue };
            let children = self.summaries.state.nodes(kind).filter(|(_, child)| is_child(child));
            let shown: Vec<NodeSummary> = children
                .filter_map(|(_, child)| self.summaries.summary(child, Vec::new(), false))
                .collect();
            push(&mut groups, &self.summaries.state.topology(kind).label_plural, view.into(), shown);
        }
        for key in self.summaries.state.0.others.keys() {
            let Some(other) = Self::find(&format!("{PREFIX}{key}"), self.summaries) else {
                continue;
            };
            let shown = nodes(other.topology)
                .filter(|(other_id, child)| *other_id != id && is_child(child))
                .map(|(other_id, child)| other.summary(other_id, child, false))
                .collect();
            let label = if other.topology.label_plural.is_empty() {
                key
            } else {
                &other.topology.label_plural
            };
            push(&mut groups, label, other.id.clone(), shown);
        }
        groups
    }
}

fn push(groups: &mut Vec<ChildGroup>, label: &SmolStr, view: SmolStr, nodes: Vec<NodeSummary>) {
    if !nodes.is_empty() {
        groups.push(ChildGroup {
            label: label.clone(),
            nodes,
            topology_id: view,
            ..ChildGroup::default()
        });
    }
}

/// A value of the wire as a person reads it.
fn text(value: &Value) -> String {
    match value {
        Value::Nil => String::new(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Uint(value) => value.to_string(),
        Value::Float(value) => value.to_string(),
        Value::String(value) => value.to_string(),
        Value::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(", "),
        Value::Map(entries) => {
            let pairs = entries.iter().map(|(key, value)| format!("{key}: {}", text(value)));
            pairs.collect::<Vec<_>>().join(", ")
        }
    }
}
