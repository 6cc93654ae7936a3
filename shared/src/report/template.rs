//! How a topology's values are shown, and what can be done to its nodes: templates and controls. Field names are the wire's.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// Where a metadata row takes its value from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum From {
    /// The first of the three below that has the key.
    #[default]
    Any,
    /// `latest`.
    Latest,
    /// `sets`, joined by `, `.
    Sets,
    /// The counter `count_<key>` of `latest`.
    Counters,
}

/// One row of a node's information.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MetadataTemplate {
    /// Key in the node.
    pub id: SmolStr,
    /// Shown to people.
    pub label: SmolStr,
    /// How many characters to show; 0 is all.
    pub truncate: i64,
    /// `datetime`, `duration`, `ip`, `number` or empty.
    pub data_type: SmolStr,
    /// Lower comes first.
    pub priority: f64,
    /// `latest`, `sets`, `counters`, or anything else for "the first that has it"; kept as text for the round trip.
    pub from: SmolStr,
}

/// One metric of a node.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MetricTemplate {
    /// Key in the node.
    pub id: SmolStr,
    /// Shown to people.
    pub label: SmolStr,
    /// `filesize`, `integer`, `percent` or empty.
    pub format: SmolStr,
    /// Metrics of one group are shown on one chart.
    pub group: SmolStr,
    /// Lower comes first.
    pub priority: f64,
}

/// One table of a node.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TableTemplate {
    /// Id of the table.
    pub id: SmolStr,
    /// Shown to people.
    pub label: SmolStr,
    /// Keys of `latest` that start with it are rows.
    pub prefix: SmolStr,
    /// `property-list` (also when empty) or `multicolumn-table`.
    pub kind: SmolStr,
    /// Columns of a multi-column table; `None` is the wire's `null`.
    pub columns: Option<Vec<Column>>,
    /// Keys of `latest` that are rows whatever the prefix, and their labels; `None` is the wire's `null`.
    pub fixed_rows: Option<BTreeMap<SmolStr, SmolStr>>,
}

/// One column of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Id of the column.
    #[serde(default)]
    pub id: SmolStr,
    /// Shown to people.
    #[serde(default)]
    pub label: SmolStr,
    /// As [`MetadataTemplate::data_type`].
    #[serde(default, rename = "dataType")]
    pub data_type: SmolStr,
}

/// Something that can be done to a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Control {
    /// Id, e.g. `docker_stop_container`.
    pub id: SmolStr,
    /// Shown to people.
    pub human: SmolStr,
    /// Font Awesome class.
    pub icon: SmolStr,
    /// A question to ask first; empty for none.
    pub confirmation: SmolStr,
    /// Lower comes first.
    pub rank: i64,
    /// The probe that carries it out, where that is not the node's own.
    pub probe_id: SmolStr,
}

/// Who a plugin is and how it does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PluginSpec {
    /// Id: the name of its socket.
    pub id: SmolStr,
    /// Shown to people.
    pub label: SmolStr,
    /// Shown to people.
    #[serde(skip_serializing_if = "SmolStr::is_empty")]
    pub description: SmolStr,
    /// `reporter`, `controller`; `None` is the wire's `null`.
    pub interfaces: Option<Vec<SmolStr>>,
    /// `1`.
    #[serde(skip_serializing_if = "SmolStr::is_empty")]
    pub api_version: SmolStr,
    /// `ok` or `error: …`.
    #[serde(skip_serializing_if = "SmolStr::is_empty")]
    pub status: SmolStr,
}
