//! A details card made of a node's details: texts formatted, rows cut, controls filtered by what this viewer may do, matches marked.

use scope_shared::sort::SmallSort as _;
use std::collections::BTreeMap;

use smol_str::{SmolStr, format_smolstr};

use super::{colours, controls, history::History, stable};
use crate::format;
use crate::model::{ChildGroup, ConnectionGroup, MetadataRow, NodeDetails, NodeSummary, Table};
use crate::protocol::{
    CardBody, CardRef, CardState, CardVm, Cell, ControlVm, Group, GroupColumn, GroupRow, InfoRow, LinkVm, MetricVm, NodeLink, PropertyList,
    Span,
};
use crate::search::{Query, Text};

/// Rows of one list; a host with ten thousand processes is what the table is for.
const MAX_ROWS: usize = 500;
/// From this priority on a row is hidden until asked for.
const MINOR_PRIORITY: f64 = 10.0;

/// What a card needs besides the node.
pub struct Context<'a> {
    /// Names of views, by id.
    pub views: &'a BTreeMap<SmolStr, SmolStr>,
    /// Metrics seen.
    pub history: &'a History,
    /// Who we talk to, and what they allow.
    pub link: &'a LinkVm,
    /// The live search and the pinned ones.
    pub queries: &'a [Query],
    /// The present, milliseconds since the Unix epoch.
    pub now: f64,
}

/// A node's card.
#[must_use]
#[inline(never)] // waits with the rest of the program (app/web/split.mjs)
pub fn build(card: &CardRef, details: &NodeDetails, context: &Context<'_>) -> CardVm {
    let node = &details.summary;
    let (header, strip) = colours::card(&node.rank, &node.label, node.pseudo);
    let (controls, missing_controls) = controls(card, details, context);
    let body = CardBody {
        parents: node
            .parents
            .iter()
            .map(|parent| link(&parent.topology_id, &parent.id, &parent.label, context))
            .collect(),
        controls,
        missing_controls,
        metrics: metrics(node, context),
        info: node.metadata.iter().map(|row| info(row, context)).collect(),
        connections: details
            .connections
            .iter()
            .filter(|group| !group.connections.is_empty())
            .map(|group| connections(group, context))
            .collect(),
        children: details
            .children
            .iter()
            .filter(|group| !group.nodes.is_empty())
            .map(|group| children(group, context))
            .collect(),
        lists: node
            .tables
            .iter()
            .filter(|table| table.kind == "property-list" && !table.rows.is_empty())
            .map(|table| list(table, context))
            .collect(),
        tables: node
            .tables
            .iter()
            .filter(|table| table.kind == "multicolumn-table" && !table.rows.is_empty())
            .map(|one| table(one, context))
            .collect(),
    };
    CardVm {
        card: card.clone(),
        label: node.label.clone(),
        minor: node.label_minor.clone(),
        header,
        strip,
        spans: spans("label", &node.label, context),
        stable: stable::name(&card.topology, node).unwrap_or_default(),
        view: kind_name(&card.topology, context.views),
        gone: false,
        state: CardState::Ready(Box::new(body)),
    }
}

/// The controls of a node, and a sentence about those that are missing.
fn controls(card: &CardRef, details: &NodeDetails, context: &Context<'_>) -> (Vec<ControlVm>, String) {
    let node = &details.summary;
    if node.pseudo {
        return controls::allowed(&details.controls, context.link);
    }
    let host = match card.topology.as_str() {
        "hosts" => Some(&node.id),
        _ => node
            .parents
            .iter()
            .find(|parent| parent.topology_id == "hosts")
            .map(|parent| &parent.id),
    };
    let refused = host
        .and_then(|id| id.strip_suffix(";<host>"))
        .map_or_else(String::new, |host| controls::refused_by_probe(&card.topology, host, context.link));
    if details.controls.is_empty() {
        let sentence = if refused.is_empty() {
            controls::none_offered(&card.topology, context.link).to_owned()
        } else {
            refused
        };
        return (Vec::new(), sentence);
    }
    let (shown, missing) = controls::allowed(&details.controls, context.link);
    (
        shown,
        [missing, refused]
            .iter()
            .filter(|text| !text.is_empty())
            .cloned()
            .collect::<Vec<_>>()
            .join(" "),
    )
}

/// A card of a node that is not there: still loading, or gone.
#[must_use]
#[inline(never)] // waits with the rest of the program (app/web/split.mjs)
pub fn absent(card: &CardRef, gone: bool, context: &Context<'_>) -> CardVm {
    let (header, strip) = colours::card("", "", true);
    CardVm {
        card: card.clone(),
        header,
        strip,
        view: kind_name(&card.topology, context.views),
        state: if gone { CardState::Gone } else { CardState::Loading },
        ..CardVm::default()
    }
}

/// A view's name in the singular.
pub fn kind_name(topology: &str, views: &BTreeMap<SmolStr, SmolStr>) -> SmolStr {
    match topology {
        "processes" | "processes-by-name" => "Process".into(),
        "containers-by-image" => "Image".into(),
        "containers-by-hostname" => "DNS name".into(),
        "weave" => "Peer".into(),
        _ => {
            let name = views.get(topology).map_or(topology, SmolStr::as_str);
            name.strip_suffix('s').unwrap_or(name).into()
        }
    }
}

fn link(topology: &SmolStr, id: &SmolStr, label: &SmolStr, context: &Context<'_>) -> NodeLink {
    NodeLink {
        topology: topology.clone(),
        kind: kind_name(topology, context.views),
        id: id.clone(),
        label: label.clone(),
        spans: spans(topology, label, context),
    }
}

/// What of a text matches the searches, in order and without overlaps.
fn spans(label: &str, text: &str, context: &Context<'_>) -> Vec<Span> {
    let mut found: Vec<Span> = context
        .queries
        .iter()
        .filter_map(|query| match query {
            Query::Text(wanted) => wanted.find(text),
            Query::Prefixed { prefix, text: wanted } if prefix.is_in(&crate::search::strip(label)) => Text::find(wanted, text),
            Query::Prefixed { .. } | Query::Metric { .. } => None,
        })
        .collect();
    found.order();
    let mut end = 0;
    found.retain(|span| {
        let free = span.0 >= end;
        end = if free { span.1 } else { end };
        free
    });
    found
}

fn metrics(node: &NodeSummary, context: &Context<'_>) -> Vec<MetricVm> {
    let mut metrics: Vec<MetricVm> = node
        .metrics
        .iter()
        .map(|metric| MetricVm {
            id: metric.template.id.clone(),
            label: metric.template.label.clone(),
            text: if metric.value_empty {
                SmolStr::default()
            } else {
                format::metric(metric.value, &metric.template.format).into()
            },
            format: metric.template.format.clone(),
            max: metric.max,
            points: context.history.points(&node.id, metric),
            colour: colours::metric(&metric.template.id),
            url: metric.url.clone(),
        })
        .collect();
    metrics.order_by_key(|metric| metric.text.is_empty());
    metrics
}

fn info(row: &MetadataRow, context: &Context<'_>) -> InfoRow {
    let template = &*row.template;
    let full = format::data(&row.value, &template.data_type, context.now);
    let limit = usize::try_from(template.truncate).unwrap_or_default();
    let spans = spans(&template.label, &full, context);
    let beyond = spans.iter().any(|span| span.1 as usize > limit);
    let text: SmolStr = if limit > 0 && !beyond {
        full.chars().take(limit).collect()
    } else {
        full.as_str().into()
    };
    InfoRow {
        id: template.id.clone(),
        label: template.label.clone(),
        text,
        full: row.value.clone(),
        minor: template.priority >= MINOR_PRIORITY && spans.is_empty(),
        link: template.data_type == "link" && is_web(&row.value),
        spans,
    }
}

/// Only web addresses become links; a report could carry `javascript:` as well.
fn is_web(value: &str) -> bool {
    value.starts_with("http://") || value.starts_with("https://")
}

fn list(table: &Table, context: &Context<'_>) -> PropertyList {
    let rows = table.rows.iter().take(MAX_ROWS).map(|row| {
        let entry = |key: &str| row.entries.get(key).cloned().unwrap_or_default();
        let (label, value) = (entry("label"), entry("value"));
        InfoRow {
            id: row.id.clone(),
            spans: spans(&label, &value, context),
            link: is_web(&value),
            text: value.clone(),
            full: value,
            label,
            minor: false,
        }
    });
    PropertyList {
        id: table.id.clone(),
        label: table.label.clone(),
        rows: rows.collect(),
        truncated: u32::try_from(table.truncation_count).unwrap_or_default(),
    }
}

fn cell(text: SmolStr, data_type: &str, label: &str, context: &Context<'_>) -> Cell {
    let shown: SmolStr = format::data(&text, data_type, context.now).into();
    Cell {
        number: if matches!(data_type, "number" | "duration") {
            text.parse().unwrap_or(f64::NAN)
        } else {
            f64::NAN
        },
        link: data_type == "link" && is_web(&text),
        spans: spans(label, &shown, context),
        text: shown,
    }
}

fn table(table: &Table, context: &Context<'_>) -> Group {
    let columns = table.columns.as_deref().unwrap_or_default();
    let rows = table
        .rows
        .iter()
        .map(|row| GroupRow {
            key: row.id.clone(),
            link: None,
            cells: columns
                .iter()
                .map(|column| {
                    cell(
                        row.entries.get(&column.id).cloned().unwrap_or_default(),
                        &column.data_type,
                        &column.label,
                        context,
                    )
                })
                .collect(),
        })
        .collect();
    finish(Group {
        id: table.id.clone(),
        label: table.label.clone(),
        columns: columns
            .iter()
            .map(|column| GroupColumn {
                id: column.id.clone(),
                label: column.label.clone(),
                numeric: matches!(column.data_type.as_str(), "number" | "duration"),
            })
            .collect(),
        sort: (0, false),
        rows,
        truncated: u32::try_from(table.truncation_count).unwrap_or_default(),
        ..Group::default()
    })
}

fn children(group: &ChildGroup, context: &Context<'_>) -> Group {
    let mut columns = vec![GroupColumn {
        id: "label".into(),
        label: group.label.clone(),
        numeric: false,
    }];
    columns.extend(group.columns.iter().map(|column| {
        GroupColumn {
            id: column.id.clone(),
            label: column.label.clone(),
            numeric: column.data_type == "number"
                || group
                    .nodes
                    .iter()
                    .any(|node| node.metrics.iter().any(|metric| metric.template.id == column.id)),
        }
    }));
    let rows = group
        .nodes
        .iter()
        .map(|node| {
            let mut cells = vec![Cell {
                text: node.label.clone(),
                number: f64::NAN,
                link: false,
                spans: spans("label", &node.label, context),
            }];
            cells.extend(group.columns.iter().map(|column| child_cell(node, &column.id, context)));
            GroupRow {
                key: node.id.clone(),
                link: Some(link(&group.topology_id, &node.id, &node.label, context)),
                cells,
            }
        })
        .collect();
    let default = group.columns.iter().position(|column| column.default_sort).map(|at| at as u32 + 1);
    let first_metric = || {
        let metrics = group.nodes.iter().map(|node| &node.metrics).find(|metrics| !metrics.is_empty())?;
        let first = metrics.first()?;
        group
            .columns
            .iter()
            .position(|column| column.id == first.template.id)
            .map(|at| at as u32 + 1)
    };
    finish(Group {
        id: format_smolstr!("children-{}", group.topology_id),
        label: group.label.clone(),
        sort: default.or_else(first_metric).map_or((0, false), |at| (at, true)),
        columns,
        rows,
        ..Group::default()
    })
}

fn child_cell(node: &NodeSummary, column: &str, context: &Context<'_>) -> Cell {
    if let Some(metric) = node
        .metrics
        .iter()
        .find(|metric| metric.template.id == column && !metric.value_empty)
    {
        return Cell {
            text: format::metric(metric.value, &metric.template.format).into(),
            number: metric.value,
            ..Cell::default()
        };
    }
    let row = node.metadata.iter().find(|row| row.template.id == column);
    row.map_or(
        Cell {
            number: f64::NAN,
            ..Cell::default()
        },
        |row| cell(row.value.clone(), &row.template.data_type, &row.template.label, context),
    )
}

fn connections(group: &ConnectionGroup, context: &Context<'_>) -> Group {
    let mut columns = vec![GroupColumn {
        id: "label".into(),
        label: group.label.clone(),
        numeric: false,
    }];
    columns.extend(group.columns.iter().map(|column| GroupColumn {
        id: column.id.clone(),
        label: column.label.clone(),
        numeric: column.data_type == "number",
    }));
    let rows = group
        .connections
        .iter()
        .map(|connection| {
            let label = if connection.label_minor.is_empty() {
                connection.label.clone()
            } else {
                format_smolstr!("{} ({})", connection.label, connection.label_minor)
            };
            let mut cells = vec![Cell {
                spans: spans("label", &label, context),
                text: label,
                number: f64::NAN,
                link: false,
            }];
            cells.extend(group.columns.iter().map(|column| {
                let row = connection.metadata.iter().find(|row| row.template.id == column.id);
                cell(
                    row.map(|row| row.value.clone()).unwrap_or_default(),
                    &column.data_type,
                    &column.label,
                    context,
                )
            }));
            GroupRow {
                key: connection.id.clone(),
                link: (!connection.node_id.is_empty()).then(|| link(&group.topology_id, &connection.node_id, &connection.label, context)),
                cells,
            }
        })
        .collect();
    let count = columns.iter().position(|column| column.id == "count").unwrap_or_default();
    finish(Group {
        id: group.id.clone(),
        label: group.label.clone(),
        columns,
        sort: (count as u32, count > 0),
        rows,
        ..Group::default()
    })
}

/// Sorts by the group's own order and then cuts, so that what is cut is the least.
fn finish(mut group: Group) -> Group {
    sort_rows(&mut group.rows, group.sort.0 as usize, group.sort.1);
    group.total = u32::try_from(group.rows.len()).unwrap_or(u32::MAX);
    group.rows.truncate(MAX_ROWS);
    group
}

/// Sorts rows by a column: by number where there is one, rows without last; else by text, addresses octet by octet.
pub fn sort_rows(rows: &mut [GroupRow], column: usize, descending: bool) {
    let empty = Cell {
        number: f64::NAN,
        ..Cell::default()
    };
    rows.order_by(|a, b| {
        let (a, b) = (a.cells.get(column).unwrap_or(&empty), b.cells.get(column).unwrap_or(&empty));
        let order = match (a.number.is_nan(), b.number.is_nan()) {
            (false, false) => a.number.total_cmp(&b.number),
            (true, false) => return std::cmp::Ordering::Greater,
            (false, true) => return std::cmp::Ordering::Less,
            (true, true) => match (a.text.is_empty(), b.text.is_empty()) {
                (true, false) => return std::cmp::Ordering::Greater,
                (false, true) => return std::cmp::Ordering::Less,
                _ => text_key(&a.text).cmp(&text_key(&b.text)),
            },
        };
        if descending { order.reverse() } else { order }
    });
}

fn text_key(text: &str) -> String {
    if text.split('.').count() == 4 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        format::ip_key(text)
    } else {
        text.to_lowercase()
    }
}
