//! Answers of the read API as aligned tables for people.

use std::io::Write;

use anyhow::Result;
use scope_app::format::duration;
use scope_app::model::{self, Connection, MetadataRow, MetricRow, NodeDetails, NodeSummary, TopologyDesc};
use serde::Deserialize;
use std::collections::BTreeMap;

/// A table in the making.
#[derive(Default)]
struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    fn new(columns: &[&str]) -> Self {
        Self {
            rows: vec![columns.iter().map(|column| (*column).to_owned()).collect()],
        }
    }

    fn print(&self, out: &mut impl Write) -> Result<()> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            self.rows
                .iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for row in &self.rows {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                line.push_str(&format!("{cell:<width$}  "));
            }
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct Nodes {
    nodes: BTreeMap<String, NodeSummary>,
}

#[derive(Deserialize)]
struct Detailed {
    node: NodeDetails,
}

#[derive(Deserialize)]
struct Probe {
    id: String,
    hostname: String,
    version: String,
    #[serde(rename = "lastSeen")]
    last_seen: String,
}

#[derive(Deserialize)]
struct Failed {
    status: u16,
    error: String,
}

/// Prints an answer; what is no list and no node is printed as JSON with line breaks.
pub(crate) fn answer(out: &mut impl Write, answer: &[u8]) -> Result<()> {
    if let Ok(failed) = serde_json::from_slice::<Failed>(answer) {
        writeln!(out, "{} ({})", failed.error, failed.status)?;
    } else if let Ok(nodes) = serde_json::from_slice::<Nodes>(answer) {
        list(out, &nodes.nodes)?;
    } else if let Ok(detailed) = serde_json::from_slice::<Detailed>(answer) {
        details(out, &detailed.node)?;
    } else if let Ok(probes) = serde_json::from_slice::<Vec<Probe>>(answer) {
        let mut table = Table::new(&["PROBE", "HOST", "VERSION", "LAST SEEN"]);
        let rows = probes
            .into_iter()
            .map(|probe| vec![probe.id, probe.hostname, probe.version, probe.last_seen]);
        table.rows.extend(rows);
        table.print(out)?;
    } else if let Ok(views) = serde_json::from_slice::<Vec<TopologyDesc>>(answer) {
        overview(out, &views)?;
    } else {
        let value: serde_json::Value = serde_json::from_slice(answer)?;
        writeln!(out, "{value:#}")?;
    }
    Ok(())
}

/// Prints the list of views.
pub(crate) fn overview(out: &mut impl Write, views: &[TopologyDesc]) -> Result<()> {
    let mut table = Table::new(&["VIEW", "NAME", "NODES", "EDGES", "FILTERED"]);
    let mut add = |view: &TopologyDesc, indent: &str| {
        let id = view.url.rsplit('/').next().unwrap_or("");
        let stats = view.stats;
        let numbers = [stats.node_count, stats.edge_count, stats.filtered_nodes].map(|number| number.to_string());
        table.rows.push(
            [format!("{indent}{id}"), view.name.to_string()]
                .into_iter()
                .chain(numbers)
                .collect(),
        );
    };
    for view in views {
        add(view, "");
        view.sub_topologies.iter().for_each(|sub| add(sub, "  "));
    }
    table.print(out)
}

fn list(out: &mut impl Write, nodes: &BTreeMap<String, NodeSummary>) -> Result<()> {
    let mut metrics: Vec<(String, String)> = Vec::new();
    for row in nodes.values().flat_map(|node| &node.metrics).filter(|row| !row.value_empty) {
        if !metrics.iter().any(|(id, _)| *id == row.template.id) {
            metrics.push((row.template.id.to_string(), row.template.label.to_uppercase()));
        }
    }
    let mut header = vec!["NAME".to_owned(), "WHERE".to_owned()];
    header.extend(metrics.iter().map(|(_, label)| label.clone()));
    header.extend(["CONNECTS TO".to_owned(), "ID".to_owned()]);
    let mut table = Table { rows: vec![header] };
    // People look for names; ids only tell equal names apart.
    let mut by_name: Vec<&NodeSummary> = nodes.values().collect();
    by_name.sort_by(|a, b| (a.pseudo, &a.label, &a.label_minor, &a.id).cmp(&(b.pseudo, &b.label, &b.label_minor, &b.id)));
    for node in by_name {
        let mut row = vec![node.label.to_string(), node.label_minor.to_string()];
        row.extend(metrics.iter().map(|(id, _)| {
            node.metrics
                .iter()
                .find(|metric| metric.template.id == id)
                .map(measure)
                .unwrap_or_default()
        }));
        row.push(targets(node, nodes));
        row.push(node.id.to_string());
        table.rows.push(row);
    }
    table.print(out)
}

/// Names of the nodes that a node has edges to, at most four of them.
fn targets(node: &NodeSummary, nodes: &BTreeMap<String, NodeSummary>) -> String {
    const SHOWN: usize = 4;
    let names: Vec<&str> = node
        .adjacency
        .iter()
        .take(SHOWN)
        .map(|id| nodes.get(id.as_str()).map_or(id.as_str(), |to| to.label.as_str()))
        .collect();
    let more = node.adjacency.len().saturating_sub(SHOWN);
    if more == 0 {
        names.join(", ")
    } else {
        format!("{}, and {more} more", names.join(", "))
    }
}

/// A metric's value with its unit.
fn measure(metric: &MetricRow) -> String {
    match metric.template.format.as_str() {
        "percent" => format!("{:.1}%", metric.value),
        "filesize" => {
            let mut value = metric.value;
            let mut unit = "B";
            for larger in ["kB", "MB", "GB", "TB"] {
                if value < 1000.0 {
                    break;
                }
                value /= 1000.0;
                unit = larger;
            }
            if unit == "B" {
                format!("{value:.0} {unit}")
            } else {
                format!("{value:.1} {unit}")
            }
        }
        _ => format!("{}", metric.value),
    }
}

fn details(out: &mut impl Write, node: &NodeDetails) -> Result<()> {
    let summary = &node.summary;
    writeln!(out, "{}  {}\n{}", summary.label, summary.label_minor, summary.id)?;
    section(
        out,
        "",
        &summary
            .metadata
            .iter()
            .map(pair)
            .chain(summary.metrics.iter().map(|row| vec![row.template.label.to_string(), measure(row)]))
            .collect::<Vec<_>>(),
    )?;
    section(
        out,
        "Belongs to",
        &summary
            .parents
            .iter()
            .map(|parent| vec![parent.label.to_string(), parent.topology_id.to_string()])
            .collect::<Vec<_>>(),
    )?;
    for group in &node.children {
        section(
            out,
            &group.label,
            &group
                .nodes
                .iter()
                .map(|child| vec![child.label.to_string(), child.label_minor.to_string()])
                .collect::<Vec<_>>(),
        )?;
    }
    for group in &node.connections {
        section(out, &group.label, &group.connections.iter().map(connection).collect::<Vec<_>>())?;
    }
    for table in &summary.tables {
        section(out, &table.label, &rows_of(table))?;
    }
    section(
        out,
        "Controls",
        &node
            .controls
            .iter()
            .map(|control| vec![control.human.to_string(), control.id.to_string()])
            .collect::<Vec<_>>(),
    )
}

/// A table's rows; one of several columns begins with their names.
fn rows_of(table: &model::Table) -> Vec<Vec<String>> {
    let Some(columns) = table.columns.as_ref().filter(|columns| !columns.is_empty()) else {
        let rows = table.rows.iter();
        return rows.map(|row| row.entries.values().map(ToString::to_string).collect()).collect();
    };
    let names = columns.iter().map(|column| column.label.to_uppercase()).collect();
    let cells = |row: &model::TableRow| {
        let cells = columns.iter().map(|column| row.entries.get(&column.id));
        cells.map(|cell| cell.map(ToString::to_string).unwrap_or_default()).collect()
    };
    let rows: Vec<Vec<String>> = table.rows.iter().map(cells).collect();
    if rows.is_empty() { rows } else { [vec![names], rows].concat() }
}

fn pair(row: &MetadataRow) -> Vec<String> {
    let value = match row.template.data_type.as_str() {
        "duration" => row.value.parse().map_or_else(|_| row.value.to_string(), duration),
        _ => row.value.to_string(),
    };
    vec![row.template.label.to_string(), value]
}

fn connection(row: &Connection) -> Vec<String> {
    let mut cells = vec![row.label.to_string(), row.label_minor.to_string()];
    cells.extend(row.metadata.iter().map(|entry| format!("{} {}", entry.template.id, entry.value)));
    cells
}

fn section(out: &mut impl Write, title: &str, rows: &[Vec<String>]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    if !title.is_empty() {
        writeln!(out, "{title}")?;
    }
    Table {
        rows: rows
            .iter()
            .map(|row| std::iter::once(" ".to_owned()).chain(row.iter().cloned()).collect())
            .collect(),
    }
    .print(out)
}
