//! What a view shows, in the shape and field order of Scope's read API: the view makes it, the page and `scope-view` read it.

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

mod rows;

pub use rows::{MetadataRow, MetricRow, MetricSample};

fn is_false(value: &bool) -> bool {
    !*value
}

fn is_zero_int(value: &i64) -> bool {
    *value == 0
}

/// One node of a view, as lists and the map show it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NodeSummary {
    /// Key everywhere: URLs, edges, selection.
    pub id: SmolStr,
    /// Name.
    pub label: SmolStr,
    /// Second line.
    #[serde(rename = "labelMinor")]
    pub label_minor: SmolStr,
    /// Source of the colour's hue and of the order of unconnected nodes; not a number.
    pub rank: SmolStr,
    /// Glyph.
    #[serde(skip_serializing_if = "SmolStr::is_empty")]
    pub shape: SmolStr,
    /// Badge.
    #[serde(skip_serializing_if = "SmolStr::is_empty")]
    pub tag: SmolStr,
    /// Drawn as several behind one another.
    #[serde(skip_serializing_if = "is_false")]
    pub stack: bool,
    /// Stands for something outside of what probes see.
    #[serde(skip_serializing_if = "is_false")]
    pub pseudo: bool,
    /// Rows by ascending priority.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub metadata: Vec<MetadataRow>,
    /// What it belongs to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parents: Vec<Parent>,
    /// Metrics by ascending priority.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<MetricRow>,
    /// Tables by id.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<Table>,
    /// Ids of the nodes it has an edge to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub adjacency: Vec<SmolStr>,
}

/// A node that this one belongs to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Parent {
    /// Node id.
    pub id: SmolStr,
    /// Name.
    pub label: SmolStr,
    /// The view that shows it.
    #[serde(rename = "topologyId")]
    pub topology_id: SmolStr,
}

/// A table of a node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Table {
    /// Id.
    pub id: SmolStr,
    /// Shown to people.
    pub label: SmolStr,
    /// `property-list` or `multicolumn-table`.
    #[serde(rename = "type")]
    pub kind: SmolStr,
    /// Columns; `None` for a property list.
    pub columns: Option<Vec<scope_shared::report::Column>>,
    /// Rows by id.
    pub rows: Vec<TableRow>,
    /// How many rows the probe left out.
    #[serde(rename = "truncationCount", skip_serializing_if = "is_zero_int")]
    pub truncation_count: i64,
}

/// One row of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TableRow {
    /// Id.
    pub id: SmolStr,
    /// Column id to value; a property list has `label` and `value`.
    pub entries: std::collections::BTreeMap<SmolStr, SmolStr>,
}

/// Everything about one node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NodeDetails {
    /// As in lists, but with the metrics' samples.
    #[serde(flatten)]
    pub summary: NodeSummary,
    /// What can be done to it, in the probe's order.
    pub controls: Vec<ControlInstance>,
    /// What it contains, by kind.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<ChildGroup>,
    /// Inbound, then outbound.
    pub connections: Vec<ConnectionGroup>,
}

/// A control of one node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ControlInstance {
    /// The probe that carries it out.
    #[serde(rename = "probeId")]
    pub probe_id: SmolStr,
    /// The node.
    #[serde(rename = "nodeId")]
    pub node_id: SmolStr,
    /// Id, e.g. `docker_stop_container`.
    pub id: SmolStr,
    /// Shown to people.
    pub human: SmolStr,
    /// Font Awesome class.
    pub icon: SmolStr,
    /// A question to ask first.
    #[serde(skip_serializing_if = "SmolStr::is_empty")]
    pub confirmation: SmolStr,
    /// Lower comes first.
    pub rank: i64,
}

/// Children of one kind.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ChildGroup {
    /// Always empty.
    pub id: SmolStr,
    /// Shown to people.
    pub label: SmolStr,
    /// By id.
    pub nodes: Vec<NodeSummary>,
    /// The view that shows them.
    #[serde(rename = "topologyId")]
    pub topology_id: SmolStr,
    /// Columns of the list.
    pub columns: Vec<ListColumn>,
}

/// A column of a list of nodes or connections.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListColumn {
    /// Key in the row's metadata or metrics.
    pub id: SmolStr,
    /// Shown to people.
    pub label: SmolStr,
    /// The list is sorted by it at first.
    #[serde(rename = "defaultSort")]
    pub default_sort: bool,
    /// `datetime`, `duration`, `ip`, `number` or empty.
    #[serde(rename = "dataType")]
    pub data_type: SmolStr,
}

/// What goes over an edge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Ports at the server's side, ascending.
    pub ports: Vec<u16>,
    /// How many connections.
    pub connections: i64,
}

/// Connections of one direction.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConnectionGroup {
    /// `incoming-connections` or `outgoing-connections`.
    pub id: SmolStr,
    /// The view asked for.
    #[serde(rename = "topologyId")]
    pub topology_id: SmolStr,
    /// `Inbound` or `Outbound`.
    pub label: SmolStr,
    /// Columns of the list.
    pub columns: Vec<ListColumn>,
    /// By id.
    pub connections: Vec<Connection>,
}

/// Connections between two nodes on one port.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Connection {
    /// Id of the row.
    pub id: SmolStr,
    /// The node at the other end.
    #[serde(rename = "nodeId")]
    pub node_id: SmolStr,
    /// Name of the other end.
    pub label: SmolStr,
    /// Second line.
    #[serde(rename = "labelMinor", skip_serializing_if = "SmolStr::is_empty")]
    pub label_minor: SmolStr,
    /// `port`, `count`, and for the Internet `remote`.
    pub metadata: Vec<MetadataRow>,
}

/// One view in the list of views.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TopologyDesc {
    /// Shown to people.
    pub name: SmolStr,
    /// Order of the tabs.
    pub rank: i64,
    /// Not shown while it has no nodes.
    pub hide_if_empty: bool,
    /// What can be chosen; `None` where nothing can.
    pub options: Option<Vec<OptionGroup>>,
    /// `/api/topology/<id>`.
    pub url: SmolStr,
    /// Views below it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sub_topologies: Vec<TopologyDesc>,
    /// Counts.
    pub stats: Stats,
}

/// Choices of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OptionGroup {
    /// Query parameter.
    pub id: SmolStr,
    /// Value when none is given.
    #[serde(rename = "defaultValue")]
    pub default_value: SmolStr,
    /// The choices.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<OptionChoice>,
    /// `union` where several can be chosen, else empty.
    #[serde(rename = "selectType", skip_serializing_if = "SmolStr::is_empty")]
    pub select_type: SmolStr,
    /// Label of "none chosen".
    #[serde(rename = "noneLabel", skip_serializing_if = "SmolStr::is_empty")]
    pub none_label: SmolStr,
}

/// One choice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OptionChoice {
    /// Value of the query parameter.
    pub value: SmolStr,
    /// Shown to people.
    pub label: SmolStr,
}

/// Counts of a view, after its filters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Stats {
    /// Nodes.
    pub node_count: i64,
    /// Nodes that are not pseudo nodes.
    pub nonpseudo_node_count: i64,
    /// Edges, self edges included.
    pub edge_count: i64,
    /// Nodes that the filters hide.
    pub filtered_nodes: i64,
}
