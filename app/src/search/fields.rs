//! What a query is asked of: the fields of one node summary.

use std::ops::ControlFlow;

use smol_str::{SmolStr, format_smolstr};

use super::grammar::{Query, Text, strip};
use crate::model::{MetadataRow, MetricRow, NodeSummary, Parent, Table, TableRow};

/// How many matching fields a node lists; a search for `e` in a table of thousands of labels needs no more.
const MAX_FIELDS: usize = 64;

/// Where a node matched.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// Every match, in the order of the fields.
    pub fields: Vec<FieldMatch>,
}

/// One field that matched.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FieldMatch {
    /// `label`, `labelMinor`, `metadata/<id>`, `parents/<id>`, `property-lists/<row>`, `tables/<row>_<column>`, `metrics/<id>`.
    pub key: SmolStr,
    /// Shown to people.
    pub label: SmolStr,
    /// The text that matched.
    pub text: SmolStr,
    /// Byte range within `text`.
    pub span: (u32, u32),
}

impl Found {
    /// The byte range that matched in the field of this key.
    #[must_use]
    pub fn span(&self, key: &str) -> Option<(u32, u32)> {
        self.fields.iter().find(|field| field.key == key).map(|field| field.span)
    }
}

/// A text of a node that can match, and what it is known by.
enum Place<'a> {
    Label,
    LabelMinor,
    Metadata(&'a MetadataRow),
    Parent(&'a Parent),
    Property(&'a TableRow, &'a SmolStr),
    Cell(&'a Table, &'a TableRow, &'a SmolStr),
}

impl<'a> Place<'a> {
    fn key(&self) -> SmolStr {
        match self {
            Self::Label => "label".into(),
            Self::LabelMinor => "labelMinor".into(),
            Self::Metadata(row) => format_smolstr!("metadata/{}", row.template.id),
            Self::Parent(parent) => format_smolstr!("parents/{}", parent.id),
            Self::Property(row, _) => format_smolstr!("property-lists/{}", row.id),
            Self::Cell(_, row, column) => format_smolstr!("tables/{}_{column}", row.id),
        }
    }

    fn label(&self) -> &'a str {
        match self {
            Self::Label => "label",
            Self::LabelMinor => "labelMinor",
            Self::Metadata(row) => &row.template.label,
            Self::Parent(parent) => &parent.topology_id,
            Self::Property(_, label) => label,
            Self::Cell(table, _, column) => {
                let known = table.columns.iter().flatten().find(|one| one.id == **column);
                known.map_or(column, |one| &one.label)
            }
        }
    }
}

/// Asks a node. `None` when it does not match.
#[must_use]
pub fn find(query: &Query, node: &NodeSummary) -> Option<Found> {
    let mut found = Found::default();
    match query {
        Query::Metric { .. } => {
            found.fields = metrics(query, node)
                .map(|metric| FieldMatch {
                    key: format_smolstr!("metrics/{}", metric.template.id),
                    label: metric.template.label.clone(),
                    text: crate::format::metric(metric.value, &metric.template.format).into(),
                    span: (0, 0),
                })
                .collect();
        }
        Query::Text(text) | Query::Prefixed { text, .. } => {
            let (ControlFlow::Continue(()) | ControlFlow::Break(())) = each_text(node, &mut |place, value| {
                if let Some(span) = text.find(value)
                    && admits(query, place)
                {
                    found.fields.push(FieldMatch {
                        key: place.key(),
                        label: place.label().into(),
                        text: value.clone(),
                        span,
                    });
                }
                if found.fields.len() < MAX_FIELDS {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                }
            });
        }
    }
    (!found.fields.is_empty()).then_some(found)
}

/// What an expression was asked already: an image, a state or a network is the same text on thousands of nodes, and asking is slow.
#[derive(Debug, Default)]
pub struct Asked(foldhash::HashMap<SmolStr, bool>);

/// More texts than this are forgotten again.
const MAX_ASKED: usize = 100_000;

impl Asked {
    fn occurs(&mut self, text: &Text, value: &SmolStr) -> bool {
        if !matches!(text, Text::Expression(_)) {
            return text.find(value).is_some();
        }
        if let Some(known) = self.0.get(value) {
            return *known;
        }
        if self.0.len() >= MAX_ASKED {
            self.0.clear();
        }
        let occurs = text.find(value).is_some();
        self.0.insert(value.clone(), occurs);
        occurs
    }
}

/// Whether a node matches, for lists and counts: looks no further than the first match and says nothing of it. `asked` is of this query.
#[must_use]
pub fn holds(query: &Query, node: &NodeSummary, asked: &mut Asked) -> bool {
    match query {
        Query::Metric { .. } => metrics(query, node).next().is_some(),
        Query::Text(text) | Query::Prefixed { text, .. } => each_text(node, &mut |place, value| {
            if asked.occurs(text, value) && admits(query, place) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })
        .is_break(),
    }
}

fn metrics<'a>(query: &'a Query, node: &'a NodeSummary) -> impl Iterator<Item = &'a MetricRow> {
    node.metrics.iter().filter(move |metric| match query {
        Query::Metric { name, operator, value } => {
            !metric.value_empty && operator.holds(metric.value, *value) && strip(&metric.template.label) == *name
        }
        _ => false,
    })
}

/// Whether a query looks into a field; asked of what matches only, since it has to take the label apart.
fn admits(query: &Query, place: &Place<'_>) -> bool {
    match query {
        Query::Prefixed { prefix, .. } => prefix.is_in(&strip(place.label())),
        _ => true,
    }
}

/// Shows each text of a node, in the order of the fields, until `see` has enough.
fn each_text(node: &NodeSummary, see: &mut dyn FnMut(&Place<'_>, &SmolStr) -> ControlFlow<()>) -> ControlFlow<()> {
    see(&Place::Label, &node.label)?;
    see(&Place::LabelMinor, &node.label_minor)?;
    for row in &node.metadata {
        see(&Place::Metadata(row), &row.value)?;
    }
    for parent in &node.parents {
        see(&Place::Parent(parent), &parent.label)?;
    }
    for table in &node.tables {
        for row in &table.rows {
            if table.kind != "property-list" {
                for (column, value) in &row.entries {
                    see(&Place::Cell(table, row, column), value)?;
                }
            } else if let (Some(label), Some(value)) = (row.entries.get("label"), row.entries.get("value")) {
                see(&Place::Property(row, label), value)?;
            }
        }
    }
    ControlFlow::Continue(())
}
