//! Tables of how values are shown, written as constants by each source and put on its topology with every report.

use std::collections::BTreeMap;

use scope_shared::report::{Column, MetadataTemplate, MetricTemplate, SmolStr, TableTemplate, Topology};

/// A row of information: key, label, priority (lower first), and how to read it.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    id: &'static str,
    label: &'static str,
    priority: f64,
    data_type: &'static str,
    from: &'static str,
    truncate: i64,
}

impl Row {
    /// A row whose value is in `latest`.
    #[must_use]
    pub const fn latest(id: &'static str, label: &'static str, priority: f64) -> Self {
        Self {
            id,
            label,
            priority,
            data_type: "",
            from: "latest",
            truncate: 0,
        }
    }

    /// A row whose values are a set.
    #[must_use]
    pub const fn set(id: &'static str, label: &'static str, priority: f64) -> Self {
        Self {
            from: "sets",
            ..Self::latest(id, label, priority)
        }
    }

    /// A row that counts.
    #[must_use]
    pub const fn counter(id: &'static str, label: &'static str, priority: f64) -> Self {
        Self {
            from: "counters",
            data_type: "number",
            ..Self::latest(id, label, priority)
        }
    }

    /// As `number`, `datetime`, `duration` or `ip`.
    #[must_use]
    pub const fn typed(self, data_type: &'static str) -> Self {
        Self { data_type, ..self }
    }

    /// Only so many characters are shown.
    #[must_use]
    pub const fn truncated(self, truncate: i64) -> Self {
        Self { truncate, ..self }
    }
}

/// A metric: key, label, format, priority.
#[derive(Clone, Copy, Debug)]
pub struct Measure {
    /// Key in the node.
    pub id: &'static str,
    /// Shown to people.
    pub label: &'static str,
    /// `percent`, `filesize`, `integer` or empty.
    pub format: &'static str,
    /// Metrics of one group share a chart.
    pub group: &'static str,
    /// Lower comes first.
    pub priority: f64,
}

impl Measure {
    /// A metric in no group.
    #[must_use]
    pub const fn new(id: &'static str, label: &'static str, format: &'static str, priority: f64) -> Self {
        Self {
            id,
            label,
            format,
            group: "",
            priority,
        }
    }
}

/// A table of key and value.
#[derive(Clone, Copy, Debug)]
pub struct Properties {
    /// Id.
    pub id: &'static str,
    /// Shown to people.
    pub label: &'static str,
    /// Keys of `latest` that start with it are rows; empty for none.
    pub prefix: &'static str,
    /// Keys that are rows in any case, with their labels.
    pub fixed: &'static [(&'static str, &'static str)],
}

impl Properties {
    /// All keys that start with the table's id.
    #[must_use]
    pub const fn with_prefix(id: &'static str, label: &'static str) -> Self {
        Self {
            id,
            label,
            prefix: id,
            fixed: &[],
        }
    }
}

/// Puts rows on a topology.
pub fn rows(topology: &mut Topology, rows: &[Row]) {
    for row in rows {
        let template = MetadataTemplate {
            id: SmolStr::new_static(row.id),
            label: SmolStr::new_static(row.label),
            truncate: row.truncate,
            data_type: SmolStr::new_static(row.data_type),
            priority: row.priority,
            from: SmolStr::new_static(row.from),
        };
        topology.metadata_templates.insert(template.id.clone(), template);
    }
}

/// Puts metrics on a topology.
pub fn measures(topology: &mut Topology, measures: &[Measure]) {
    for measure in measures {
        let template = MetricTemplate {
            id: SmolStr::new_static(measure.id),
            label: SmolStr::new_static(measure.label),
            format: SmolStr::new_static(measure.format),
            group: SmolStr::new_static(measure.group),
            priority: measure.priority,
        };
        topology.metric_templates.insert(template.id.clone(), template);
    }
}

/// Puts tables on a topology.
pub fn tables(topology: &mut Topology, tables: &[Properties]) {
    for table in tables {
        let fixed = |(key, label): &(&'static str, &'static str)| (SmolStr::new_static(key), SmolStr::new_static(label));
        let template = TableTemplate {
            id: SmolStr::new_static(table.id),
            label: SmolStr::new_static(table.label),
            prefix: SmolStr::new_static(table.prefix),
            kind: SmolStr::new_static("property-list"),
            columns: None,
            fixed_rows: Some(table.fixed.iter().map(fixed).collect::<BTreeMap<_, _>>()),
        };
        topology.table_templates.insert(template.id.clone(), template);
    }
}

/// Puts a table of several columns on a topology; its rows are `<id><row>___<column>` in `latest`.
pub fn columns(topology: &mut Topology, id: &'static str, label: &'static str, columns: &[(&'static str, &'static str)]) {
    let column = |(id, label): &(&'static str, &'static str)| Column {
        id: SmolStr::new_static(id),
        label: SmolStr::new_static(label),
        data_type: SmolStr::default(),
    };
    let template = TableTemplate {
        id: SmolStr::new_static(id),
        label: SmolStr::new_static(label),
        prefix: SmolStr::new_static(id),
        kind: SmolStr::new_static("multicolumn-table"),
        columns: Some(columns.iter().map(column).collect()),
        fixed_rows: None,
    };
    topology.table_templates.insert(template.id.clone(), template);
}
