//! The resource view: hosts at the bottom, containers on them, processes on those; widths are shares of what the hosts have.
//!
//! What has no parent below stands directly on its host (processes outside of containers), which the original dropped.

use scope_shared::sort::SmallSort as _;
use std::collections::HashMap;
use std::sync::Arc;

use smol_str::SmolStr;

use super::{colours, matcher::Matcher};
use crate::format;
use crate::model::{MetricRow, NodeSummary};
use crate::protocol::{ResourceBox, ResourceLayer, ResourcesVm};
use crate::view::View;

/// Boxes a layer sends at most, the widest first; what is beyond could not be seen.
const MAX_BOXES: usize = 4_000;

/// The layers' views, the bottom one first.
pub const LAYERS: [(&str, &str); 3] = [("hosts", "Hosts"), ("containers", "Containers"), ("processes", "Processes")];

/// The metrics that can be shown.
pub const METRICS: [&str; 2] = ["CPU", "Memory"];

struct Placed {
    left: f64,
    width: f64,
    used: f64,
}

/// The boxes of a metric, by label. `views` are those of [`LAYERS`].
#[inline(never)] // waits with the rest of the program (app/web/split.mjs)
pub fn build(metric: &str, views: &[Arc<View>], matcher: &mut Matcher) -> ResourcesVm {
    let mut layers: Vec<ResourceLayer> = Vec::new();
    let mut placed: HashMap<SmolStr, Placed> = HashMap::new();
    let searching = matcher.is_active();
    let mut unit = 0.0;
    for ((topology, name), view) in LAYERS.iter().zip(views) {
        let mut boxes = if layers.is_empty() {
            // A host is as wide as its ceiling, so one unit of the metric is equally wide on all of them.
            let (boxes, total) = base(metric, view, &mut placed);
            unit = if total > 0.0 { 1.0 / total } else { 0.0 };
            boxes
        } else {
            stacked(metric, view, unit, &mut placed)
        };
        boxes.order_by(|a, b| b.width.total_cmp(&a.width));
        boxes.truncate(MAX_BOXES);
        boxes.order_by(|a, b| a.left.total_cmp(&b.left));
        for one in boxes.iter_mut().filter(|_| searching) {
            one.faded = view.get(&one.id).is_none_or(|node| !matcher.holds(node));
        }
        layers.push(ResourceLayer {
            topology: (*topology).into(),
            name: (*name).into(),
            boxes,
        });
    }
    ResourcesVm {
        metric: metric.into(),
        layers,
    }
}

fn metric_of<'a>(node: &'a NodeSummary, label: &str) -> Option<&'a MetricRow> {
    if node.pseudo {
        return None;
    }
    node.metrics
        .iter()
        .find(|metric| metric.template.label == label && !metric.value_empty)
}

fn base(metric: &str, view: &View, placed: &mut HashMap<SmolStr, Placed>) -> (Vec<ResourceBox>, f64) {
    let mut hosts: Vec<(&Arc<NodeSummary>, &MetricRow)> = view
        .nodes
        .iter()
        .filter_map(|node| Some((node, metric_of(node, metric)?)))
        .filter(|(_, metric)| metric.max > 0.0)
        .collect();
    hosts.order_by(|a, b| (b.1.value / b.1.max).total_cmp(&(a.1.value / a.1.max)));
    let total: f64 = hosts.iter().map(|(_, metric)| metric.max).sum();
    let mut left = 0.0;
    let boxes = hosts
        .into_iter()
        .map(|(node, metric)| {
            let width = metric.max / total;
            let share = (metric.value / metric.max).clamp(0.0, 1.0);
            placed.insert(node.id.clone(), Placed { left, width, used: 0.0 });
            let text = if metric.template.format == "percent" {
                format!("{} used", format::metric(metric.value, &metric.template.format))
            } else {
                format!(
                    "{:.1}% used ({} of {})",
                    share * 100.0,
                    format::metric(metric.value, &metric.template.format),
                    format::metric(metric.max, &metric.template.format)
                )
            };
            let one = ResourceBox {
                id: node.id.clone(),
                label: node.label.clone(),
                left,
                width,
                fill: share as f32,
                colour: colours::node(&node.rank, "", false),
                text: text.into(),
                faded: false,
            };
            left += width;
            one
        })
        .collect();
    (boxes, total)
}

fn stacked(metric: &str, view: &View, unit: f64, placed: &mut HashMap<SmolStr, Placed>) -> Vec<ResourceBox> {
    let mut by_parent: HashMap<SmolStr, Vec<(&Arc<NodeSummary>, &MetricRow)>> = HashMap::new();
    for node in &view.nodes {
        let Some(row) = metric_of(node, metric).filter(|row| row.value > 0.0) else {
            continue;
        };
        let parent = ["containers", "hosts"].iter().find_map(|topology| {
            node.parents
                .iter()
                .find(|parent| parent.topology_id == *topology && placed.contains_key(&parent.id))
        });
        if let Some(parent) = parent {
            by_parent.entry(parent.id.clone()).or_default().push((node, row));
        }
    }
    let mut parents: Vec<SmolStr> = by_parent.keys().cloned().collect();
    parents.order();
    let mut boxes = Vec::new();
    let mut added = Vec::new();
    for parent in parents {
        let (Some(mut children), Some(below)) = (by_parent.remove(&parent), placed.get_mut(&parent)) else {
            continue;
        };
        children.order_by(|a, b| b.1.value.total_cmp(&a.1.value).then_with(|| a.0.id.cmp(&b.0.id)));
        let wanted: f64 = children.iter().map(|(_, row)| row.value * unit).sum();
        let free = (below.width - below.used).max(0.0);
        let shrink = if wanted > free && wanted > 0.0 { free / wanted } else { 1.0 };
        for (node, row) in children {
            let width = row.value * unit * shrink;
            let left = below.left + below.used;
            below.used += width;
            added.push((node.id.clone(), Placed { left, width, used: 0.0 }));
            boxes.push(ResourceBox {
                id: node.id.clone(),
                label: node.label.clone(),
                left,
                width,
                fill: 1.0,
                colour: colours::node(&node.rank, "", false),
                text: format!("{} used", format::metric(row.value, &row.template.format)).into(),
                faded: false,
            });
        }
    }
    placed.extend(added);
    boxes
}

#[cfg(test)]
mod tests {
    use super::build;
    use crate::model::{MetricRow, NodeSummary, Parent};
    use crate::session::matcher::Matcher;
    use crate::view::View;
    use scope_shared::report::MetricTemplate;
    use std::sync::Arc;

    fn node(id: &str, value: f64, max: f64, parents: &[(&str, &str)]) -> Arc<NodeSummary> {
        Arc::new(NodeSummary {
            id: id.into(),
            label: id.into(),
            metrics: vec![MetricRow {
                template: Arc::new(MetricTemplate {
                    id: "cpu".into(),
                    label: "CPU".into(),
                    format: "percent".into(),
                    ..MetricTemplate::default()
                }),
                value,
                max,
                ..MetricRow::default()
            }],
            parents: parents
                .iter()
                .map(|(topology, id)| Parent {
                    id: (*id).into(),
                    label: (*id).into(),
                    topology_id: (*topology).into(),
                })
                .collect(),
            ..NodeSummary::default()
        })
    }

    fn view(nodes: Vec<Arc<NodeSummary>>) -> Arc<View> {
        Arc::new(View { nodes, ..View::default() })
    }

    #[test]
    fn children_stand_on_their_parents_and_shrink_to_fit() {
        let views = [
            view(vec![node("h", 30.0, 100.0, &[]), node("i", 10.0, 100.0, &[])]),
            view(vec![
                node("c", 20.0, 100.0, &[("hosts", "h")]),
                node("d", 200.0, 0.0, &[("hosts", "i")]),
                node("idle", 0.0, 0.0, &[("hosts", "h")]),
            ]),
            view(vec![
                node("p", 10.0, 0.0, &[("containers", "c"), ("hosts", "h")]),
                node("q", 10.0, 0.0, &[("hosts", "h")]),
            ]),
        ];
        let resources = build("CPU", &views, &mut Matcher::default());
        let boxes = |layer: usize| {
            resources.layers[layer]
                .boxes
                .iter()
                .map(|one| (one.id.as_str(), (one.left * 1000.0).round(), (one.width * 1000.0).round()))
                .collect::<Vec<_>>()
        };
        assert_eq!(boxes(0), [("h", 0.0, 500.0), ("i", 500.0, 500.0)]);
        assert_eq!(boxes(1), [("c", 0.0, 100.0), ("d", 500.0, 500.0)]);
        assert_eq!(
            boxes(2),
            [("p", 0.0, 50.0), ("q", 100.0, 50.0)],
            "a process without a container stands beside the containers of its host"
        );
    }

    #[test]
    fn a_metric_nobody_has_gives_empty_layers() {
        let resources = build(
            "Memory",
            &[view(vec![node("h", 1.0, 1.0, &[])]), view(vec![]), view(vec![])],
            &mut Matcher::default(),
        );
        assert!(resources.layers.iter().all(|layer| layer.boxes.is_empty()));
    }
}
