//! Table mode: columns, order, and the rows that are on screen.
//!
//! Ten thousand rows are sorted by precomputed keys; cells are only made for the window.

use scope_shared::sort::SmallSort as _;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use smol_str::SmolStr;

use super::colours;
use super::map::{Mark, Visible};
use super::matcher::Matcher;
use crate::format;
use crate::letters::lower;
use crate::model::NodeSummary;
use crate::protocol::{NodeLink, Sort, TableCell, TableColumn, TableRowVm, TableVm};
use crate::search::{Name, Names};
use crate::view::View;

/// Shown in details, but too long or too technical for a column.
const HIDDEN: [&str; 5] = [
    "docker_container_ports",
    "docker_container_id",
    "docker_image_id",
    "docker_container_command",
    "docker_container_networks",
];

/// What decides the table.
pub struct Request<'a> {
    /// The nodes.
    pub visible: &'a Visible,
    /// What they have.
    pub names: &'a Names,
    /// Header of the first column.
    pub name: &'a str,
    /// Names of views, by id.
    pub views: &'a BTreeMap<SmolStr, SmolStr>,
    /// The order chosen.
    pub sort: Option<&'a Sort>,
    /// Rows on screen: first and how many.
    pub window: (u32, u32),
    /// The row the pointer rests on, kept where it is.
    pub held: Option<&'a (SmolStr, u32)>,
    /// The present, milliseconds since the Unix epoch.
    pub now: f64,
}

/// The order of the table that was made last: neither a typed letter nor a turn of the wheel has all rows sorted again.
#[derive(Debug, Default)]
pub struct Sorted {
    of: Mark,
    column: SmolStr,
    kind: Kind,
    descending: bool,
    /// Places in the view.
    order: Vec<u32>,
}

impl Sorted {
    fn follow(&mut self, visible: &Visible, column: &SmolStr, kind: Kind, descending: bool) -> &[u32] {
        let is_known = self.of.is_of(visible) && (&self.column, self.kind, self.descending) == (column, kind, descending);
        if !is_known {
            *self = Self {
                of: visible.mark(),
                column: column.clone(),
                kind,
                descending,
                order: ordered(visible, column, kind, descending),
            };
        }
        &self.order
    }
}

/// The table; with a live search, only what matches.
#[inline(never)] // waits with the rest of the program (app/web/split.mjs)
pub fn build(request: &Request<'_>, matcher: &mut Matcher, sorted: &mut Sorted) -> TableVm {
    let view = &request.visible.view;
    let sources = columns(request);
    let sort = request
        .sort
        .map_or_else(|| default_sort(request.visible), |sort| sort.column.clone());
    let source = sources.iter().find(|source| source.column.id == sort);
    let (sort, kind, numeric) = match source {
        Some(source) => (sort, source.kind, source.column.numeric),
        None => ("label".into(), Kind::Label, false),
    };
    let descending = request.sort.and_then(|chosen| chosen.descending).unwrap_or(numeric);
    let mut order = sorted.follow(request.visible, &sort, kind, descending).to_vec();
    if let Some(marks) = matcher.marks(view) {
        order.retain(|at| marks.get(*at as usize) == Some(&true));
    }
    hold(&mut order, view, request.held);
    let total = order.len();
    let start = (request.window.0 as usize).min(total);
    let end = start.saturating_add(request.window.1 as usize).min(total);
    let rows = order
        .get(start..end)
        .unwrap_or_default()
        .iter()
        .filter_map(|at| {
            let node = view.nodes.get(*at as usize)?;
            let span = matcher.found(view, *at as usize).and_then(|found| found.span("label"));
            Some(row(node, &sources, request, span))
        })
        .collect();
    TableVm {
        topology: view.topology.clone(),
        columns: sources.into_iter().map(|source| source.column).collect(),
        sort,
        descending,
        total: total as u32,
        start: start as u32,
        rows,
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kind {
    #[default]
    Label,
    Parent,
    Metadata,
    Metric,
}

#[derive(Debug)]
struct Source {
    kind: Kind,
    column: TableColumn,
}

fn columns(request: &Request<'_>) -> Vec<Source> {
    let parents: BTreeMap<SmolStr, &SmolStr> = request
        .names
        .parents
        .iter()
        .map(|topology| (super::card::kind_name(topology, request.views), topology))
        .collect();
    let shown = |name: &&Name| !HIDDEN.contains(&name.id.as_str());
    let by_label = |names: &mut Vec<&Name>| names.order_by(|a, b| (&a.label, &a.id).cmp(&(&b.label, &b.id)));
    let mut metadata: Vec<&Name> = request.names.metadata.iter().filter(shown).collect();
    let mut metrics: Vec<&Name> = request.names.metrics.iter().collect();
    by_label(&mut metadata);
    by_label(&mut metrics);
    let mut widths = Widths::default();
    let sample: Vec<&Arc<NodeSummary>> = request.visible.nodes().take(SAMPLE).collect();
    let mut column = |kind, id: SmolStr, label: SmolStr, numeric| Source {
        kind,
        column: TableColumn {
            width: widths.of(kind, &id, &label, &sample, request.now),
            id,
            label,
            numeric,
        },
    };
    let mut sources = vec![column(Kind::Label, "label".into(), request.name.into(), false)];
    sources.extend(parents.into_iter().map(|(name, id)| column(Kind::Parent, id.clone(), name, false)));
    sources.extend(metadata.into_iter().map(|name| {
        let numeric = matches!(name.data_type.as_str(), "number" | "duration");
        column(Kind::Metadata, name.id.clone(), name.label.clone(), numeric)
    }));
    let metric = |name: &Name| column(Kind::Metric, name.id.clone(), name.label.clone(), true);
    sources.extend(metrics.into_iter().map(metric));
    sources
}

/// Nodes looked at for how wide a column must be; more would make no difference that is worth the time.
const SAMPLE: usize = 200;

/// How wide columns are: as their content asks for within limits, in steps, so that a value that grows by a letter moves nothing.
#[derive(Default)]
struct Widths {
    lengths: Vec<usize>,
}

impl Widths {
    /// CSS pixels of a letter, of what surrounds a text, and of the steps.
    const LETTER: usize = 7;
    const AROUND: usize = 28;
    const STEP: usize = 16;

    fn of(&mut self, kind: Kind, id: &str, label: &str, sample: &[&Arc<NodeSummary>], now: f64) -> u16 {
        self.lengths.clear();
        self.lengths.extend(sample.iter().map(|node| match kind {
            Kind::Label => node.label.chars().count() + 3 + if node.pseudo { node.label_minor.chars().count() } else { 0 },
            Kind::Parent => {
                let labels = node.parents.iter().filter(|parent| parent.topology_id == id);
                labels.map(|parent| parent.label.chars().count() + 1).sum()
            }
            Kind::Metadata => {
                let row = node.metadata.iter().find(|row| row.template.id == id);
                row.map_or(0, |row| format::data(&row.value, &row.template.data_type, now).chars().count())
            }
            // The longest is `1023.9MB`, beside its bar.
            Kind::Metric => 14,
        }));
        self.lengths.sort_unstable();
        // The longest tenth is cut: one long command must not push the rest out of sight.
        let usual = self.lengths.get(self.lengths.len() * 9 / 10).copied().unwrap_or_default();
        let (least, most) = if kind == Kind::Label { (200, 320) } else { (72, 220) };
        let wanted = (usual.max(label.chars().count() + 2) * Self::LETTER + Self::AROUND).clamp(least, most);
        u16::try_from(wanted.next_multiple_of(Self::STEP)).unwrap_or(u16::MAX)
    }
}

/// The first metric, whatever a search leaves: an order that changes while somebody types would be no help.
fn default_sort(visible: &Visible) -> SmolStr {
    let mut metrics = visible.nodes().flat_map(|node| &node.metrics);
    metrics
        .find(|metric| !metric.value_empty)
        .map_or_else(|| "label".into(), |metric| metric.template.id.clone())
}

/// A sort key. Rows without a value come last in either direction.
#[derive(Debug, PartialEq)]
enum Key {
    Number(f64),
    Text(String),
    Missing,
}

fn key(node: &NodeSummary, column: &str, kind: Kind) -> Key {
    let text = |value: &str| Key::Text(lower(value));
    match kind {
        Kind::Label => text(&node.label),
        Kind::Metric => node
            .metrics
            .iter()
            .find(|metric| metric.template.id == column && !metric.value_empty)
            .map_or(Key::Missing, |metric| Key::Number(metric.value)),
        Kind::Parent => node
            .parents
            .iter()
            .find(|parent| parent.topology_id == column)
            .map_or(Key::Missing, |parent| text(&parent.label)),
        Kind::Metadata => node
            .metadata
            .iter()
            .find(|row| row.template.id == column)
            .map_or(Key::Missing, |row| match row.template.data_type.as_str() {
                "number" | "duration" => row.value.parse().map_or(Key::Missing, Key::Number),
                "ip" => Key::Text(format::ip_key(&row.value)),
                _ => text(&row.value),
            }),
    }
}

fn compare(a: &Key, b: &Key, descending: bool) -> Ordering {
    let directed = |order: Ordering| if descending { order.reverse() } else { order };
    match (a, b) {
        (Key::Missing, Key::Missing) => Ordering::Equal,
        (Key::Missing, _) => Ordering::Greater,
        (_, Key::Missing) => Ordering::Less,
        (Key::Number(a), Key::Number(b)) => directed(a.total_cmp(b)),
        (Key::Text(a), Key::Text(b)) => directed(a.cmp(b)),
        (Key::Number(_), Key::Text(_)) => directed(Ordering::Less),
        (Key::Text(_), Key::Number(_)) => directed(Ordering::Greater),
    }
}

/// Places in the view.
fn ordered(visible: &Visible, column: &str, kind: Kind, descending: bool) -> Vec<u32> {
    let places = visible.places().zip(visible.nodes());
    let mut keyed: Vec<(Key, u32)> = places.map(|(at, node)| (key(node, column, kind), at)).collect();
    // Nodes come by id, so a stable sort has the same ties every time.
    keyed.order_by(|a, b| compare(&a.0, &b.0, descending));
    keyed.into_iter().map(|(_, at)| at).collect()
}

/// Keeps the row under the pointer where it was, so that a click hits what was aimed at.
fn hold(order: &mut Vec<u32>, view: &View, held: Option<&(SmolStr, u32)>) {
    let Some((id, place)) = held else { return };
    let is_held = |at: &u32| view.nodes.get(*at as usize).is_some_and(|node| node.id == *id);
    if let Some(now) = order.iter().position(is_held) {
        let row = order.remove(now);
        order.insert((*place as usize).min(order.len()), row);
    }
}

fn row(node: &NodeSummary, sources: &[Source], request: &Request<'_>, span: Option<(u32, u32)>) -> TableRowVm {
    TableRowVm {
        id: node.id.clone(),
        label: node.label.clone(),
        minor: if node.pseudo {
            node.label_minor.clone()
        } else {
            SmolStr::default()
        },
        colour: colours::node(&node.rank, &node.label, node.pseudo),
        spans: span.into_iter().collect(),
        cells: sources.iter().skip(1).map(|source| cell(node, source, request)).collect(),
    }
}

fn cell(node: &NodeSummary, source: &Source, request: &Request<'_>) -> TableCell {
    let id = &source.column.id;
    let mut cell = TableCell {
        bar: -1.0,
        ..TableCell::default()
    };
    match source.kind {
        Kind::Label => {}
        Kind::Parent => {
            cell.links = node
                .parents
                .iter()
                .filter(|parent| parent.topology_id == *id)
                .map(|parent| NodeLink {
                    topology: parent.topology_id.clone(),
                    kind: source.column.label.clone(),
                    id: parent.id.clone(),
                    label: parent.label.clone(),
                    spans: Vec::new(),
                })
                .collect();
        }
        Kind::Metadata => {
            if let Some(row) = node.metadata.iter().find(|row| row.template.id == *id) {
                cell.text = format::data(&row.value, &row.template.data_type, request.now).into();
            }
        }
        Kind::Metric => {
            if let Some(metric) = node.metrics.iter().find(|metric| metric.template.id == *id && !metric.value_empty) {
                cell.text = format::metric(metric.value, &metric.template.format).into();
                cell.bar = if metric.max > 0.0 {
                    (metric.value / metric.max).clamp(0.0, 1.0) as f32
                } else {
                    -1.0
                };
            }
        }
    }
    cell
}

#[cfg(test)]
mod tests {
    use super::{Kind, Request, Sorted, build, ordered};
    use crate::model::{MetadataRow, MetricRow, NodeSummary};
    use crate::protocol::Sort;
    use crate::session::{map::Visible, matcher::Matcher};
    use crate::view::View;
    use scope_shared::report::{MetadataTemplate, MetricTemplate};
    use std::collections::BTreeMap;
    use std::sync::Arc;

    fn node(id: &str, ip: &str, cpu: Option<f64>) -> Arc<NodeSummary> {
        Arc::new(NodeSummary {
            id: id.into(),
            label: id.to_uppercase().into(),
            metadata: vec![MetadataRow {
                template: Arc::new(MetadataTemplate {
                    id: "ip".into(),
                    label: "IP".into(),
                    data_type: "ip".into(),
                    ..MetadataTemplate::default()
                }),
                value: ip.into(),
            }],
            metrics: cpu
                .map(|value| MetricRow {
                    template: Arc::new(MetricTemplate {
                        id: "cpu".into(),
                        label: "CPU".into(),
                        format: "percent".into(),
                        ..MetricTemplate::default()
                    }),
                    value,
                    max: 100.0,
                    ..MetricRow::default()
                })
                .into_iter()
                .collect(),
            ..NodeSummary::default()
        })
    }

    fn visible() -> Visible {
        Visible {
            view: Arc::new(View {
                topology: "containers".into(),
                nodes: vec![
                    node("a", "10.0.0.10", Some(1.0)),
                    node("b", "10.0.0.9", None),
                    node("c", "9.0.0.1", Some(50.0)),
                    node("d", "10.0.0.2", Some(0.0)),
                ],
                ..View::default()
            }),
            kept: None,
        }
    }

    fn order(sort: Option<(&str, Option<bool>)>, query: &str, held: Option<(&str, u32)>, window: (u32, u32)) -> (String, u32) {
        let visible = visible();
        let sort = sort.map(|(column, descending)| Sort {
            column: column.into(),
            descending,
        });
        let mut matcher = Matcher::new(query);
        let names = visible.nodes().map(Arc::as_ref).collect();
        let held = held.map(|(id, place)| (id.into(), place));
        let table = build(
            &Request {
                visible: &visible,
                names: &names,
                name: "Containers",
                views: &BTreeMap::new(),
                sort: sort.as_ref(),
                window,
                held: held.as_ref(),
                now: 0.0,
            },
            &mut matcher,
            &mut Sorted::default(),
        );
        (table.rows.iter().map(|row| row.id.as_str()).collect(), table.total)
    }

    const ALL: (u32, u32) = (0, 100);

    #[test]
    fn the_first_metric_descending_is_the_default_and_rows_without_it_come_last() {
        assert_eq!(order(None, "", None, ALL).0, "cadb");
        assert_eq!(order(Some(("cpu", Some(false))), "", None, ALL).0, "dacb");
    }

    #[test]
    fn text_ascends_at_first_and_addresses_sort_as_numbers() {
        assert_eq!(order(Some(("label", None)), "", None, ALL).0, "abcd");
        assert_eq!(order(Some(("ip", None)), "", None, ALL).0, "cdba");
        assert_eq!(order(Some(("no such column", None)), "", None, ALL).0, "abcd");
    }

    #[test]
    fn a_live_search_leaves_only_what_matches() {
        assert_eq!(order(None, "cpu >= 1", None, ALL), ("ca".to_owned(), 2));
        assert_eq!(order(None, "cpu >", None, ALL).1, 4, "an incomplete query hides nothing");
    }

    #[test]
    fn the_row_under_the_pointer_keeps_its_place() {
        assert_eq!(order(None, "", Some(("b", 0)), ALL).0, "bcad");
    }

    #[test]
    fn an_order_that_is_remembered_is_the_one_that_a_fresh_look_gives() {
        let (mut visible, mut sorted) = (visible(), Sorted::default());
        let mut orders = Vec::new();
        for step in 0..24_u32 {
            if step % 8 == 4 {
                visible.kept = Some(vec![0, 2, 3]);
            } else if step % 8 == 0 {
                // Another view with other values, as the next report makes it.
                let mut view = View::clone(&visible.view);
                view.nodes[0] = node("a", "10.0.0.10", Some(f64::from(step)));
                (visible.view, visible.kept) = (Arc::new(view), None);
            }
            let (column, kind) = [("cpu", Kind::Metric), ("label", Kind::Label)][step as usize / 2 % 2];
            let known = sorted.follow(&visible, &column.into(), kind, step % 2 == 0).to_vec();
            assert_eq!(known, ordered(&visible, column, kind, step % 2 == 0), "{step}");
            orders.push(known);
        }
        orders.sort();
        orders.dedup();
        assert!(orders.len() > 4, "{orders:?}");
    }

    #[test]
    fn only_the_window_is_made() {
        assert_eq!(order(None, "", None, (1, 2)), ("ad".to_owned(), 4));
        assert_eq!(order(None, "", None, (99, 5)), (String::new(), 4));
    }
}
