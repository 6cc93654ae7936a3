//! From a view to a map: structure and places when the structure changes, fills and matches on their own.

use std::sync::{Arc, Weak};

use smol_str::{SmolStr, format_smolstr};

use super::matcher::Matcher;
use crate::layout::{Engine, Form, Graph, GraphNode};
use crate::model::{NodeSummary, Traffic};
use crate::scene::{Matches, MetricLayer, MetricValue, NodeMatch, Pin, SceneData, SceneEdge, SceneNode};
use crate::view::View;

/// Maps remembered: going back to one finds every node where it was.
const MAX_LAYOUTS: usize = 12;
/// Ports listed of an edge.
const MAX_PORTS: usize = 8;
/// Matching fields listed under a caption.
const MAX_MATCH_FIELDS: usize = 8;

/// The part of a view that pinned searches leave.
#[derive(Clone, Debug, Default)]
pub struct Visible {
    /// The view.
    pub view: Arc<View>,
    /// Which of its nodes, ascending; `None` is all.
    pub kept: Option<Vec<u32>>,
}

impl Visible {
    /// What to know these very nodes by later.
    #[must_use]
    pub fn mark(&self) -> Mark {
        Mark {
            view: Arc::downgrade(&self.view),
            kept: self.kept.clone(),
        }
    }

    /// The nodes' places in the view, ascending.
    pub fn places(&self) -> Box<dyn Iterator<Item = u32> + '_> {
        match &self.kept {
            None => Box::new(0..self.view.nodes.len() as u32),
            Some(kept) => Box::new(kept.iter().copied()),
        }
    }

    /// The nodes.
    pub fn nodes(&self) -> Box<dyn Iterator<Item = &Arc<NodeSummary>> + '_> {
        match &self.kept {
            None => Box::new(self.view.nodes.iter()),
            Some(kept) => Box::new(kept.iter().filter_map(|at| self.view.nodes.get(*at as usize))),
        }
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.kept.as_ref().map_or(self.view.nodes.len(), Vec::len)
    }

    /// Whether none is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The edges between them, as indexes into [`Visible::nodes`].
    fn edges(&self) -> Vec<(u32, u32)> {
        let Some(kept) = &self.kept else {
            return self.view.edges.clone();
        };
        let place = |node: u32| kept.binary_search(&node).ok().map(|at| at as u32);
        self.view
            .edges
            .iter()
            .filter_map(|(from, to)| Some((place(*from)?, place(*to)?)))
            .collect()
    }
}

/// Tells whether what is shown is still what it was, without keeping it: a view that nobody else holds is mended in place.
#[derive(Debug, Default)]
pub struct Mark {
    view: Weak<View>,
    kept: Option<Vec<u32>>,
}

impl Mark {
    /// Whether these are the very nodes that were marked.
    #[must_use]
    pub fn is_of(&self, visible: &Visible) -> bool {
        self.view.as_ptr() == Arc::as_ptr(&visible.view) && self.kept == visible.kept
    }
}

/// Remembers maps and what was sent last.
#[derive(Debug, Default)]
pub struct Maps {
    layouts: Vec<(SmolStr, Engine)>,
    sent: SceneData,
    pins: Vec<Pin>,
    form: Form,
}

impl Maps {
    /// The map of a view, if it differs from the one handed out last; `fresh` forgets its places first.
    pub fn scene(&mut self, key: &str, visible: &Visible, fresh: bool) -> Option<SceneData> {
        let nodes: Vec<SceneNode> = visible.nodes().map(|node| SceneNode::from_summary(node)).collect();
        let pairs = visible.edges();
        let edges: Vec<SceneEdge> = pairs
            .iter()
            .map(|(from, to)| SceneEdge {
                from: *from,
                to: *to,
                storage: [from, to]
                    .iter()
                    .all(|at| nodes.get(**at as usize).is_some_and(|node| node.id.contains(";<")))
                    && [from, to]
                        .iter()
                        .any(|at| nodes.get(**at as usize).is_some_and(|node| is_storage(&node.id))),
            })
            .collect();
        let form = self.form;
        let fresh = fresh || self.engine(key).form() != form;
        if !fresh && self.sent.key == key && self.sent.nodes == nodes && self.sent.edges == edges {
            return None;
        }
        let graph = Graph {
            nodes: nodes.iter().map(GraphNode::from).collect(),
            edges: pairs,
        };
        let pins = self.pins.clone();
        let engine = self.engine(key);
        engine.set_pins(pins);
        engine.set_form(form);
        let layout = if fresh { engine.relayout(&graph) } else { engine.update(&graph) };
        let scene = SceneData {
            key: key.into(),
            nodes,
            edges,
            positions: layout.positions.clone(),
            routes: layout.routes.clone(),
            fresh,
        };
        self.sent = scene.clone();
        Some(scene)
    }

    /// Nodes put in place by hand. True when that changes anything.
    pub fn set_pins(&mut self, pins: Vec<Pin>) -> bool {
        let changed = self.pins != pins;
        self.pins = pins;
        changed
    }

    /// The canvas's width to height. True when maps are to be packed anew for it.
    pub fn set_aspect(&mut self, aspect: f32) -> bool {
        let form = self.form.follow(aspect);
        std::mem::replace(&mut self.form, form) != form
    }

    /// Makes the next map be handed out whatever was handed out last.
    pub fn resend(&mut self) {
        self.sent = SceneData::default();
    }

    fn engine(&mut self, key: &str) -> &mut Engine {
        if let Some(at) = self.layouts.iter().position(|(known, _)| known == key) {
            let entry = self.layouts.remove(at);
            self.layouts.push(entry);
        } else {
            if self.layouts.len() >= MAX_LAYOUTS {
                self.layouts.remove(0);
            }
            self.layouts.push((key.into(), Engine::new()));
        }
        let last = self.layouts.len() - 1;
        &mut self.layouts[last].1
    }
}

fn is_storage(id: &str) -> bool {
    [
        ";<persistent_volume>",
        ";<persistent_volume_claim>",
        ";<storage_class>",
        ";<volume_snapshot>",
        ";<volume_snapshot_data>",
    ]
    .iter()
    .any(|kind| id.ends_with(kind))
}

/// The fill of a metric, by its label; `None` when no node has it.
#[must_use]
pub fn metric_layer(label: &str, visible: &Visible) -> Option<MetricLayer> {
    let id = visible
        .nodes()
        .flat_map(|node| &node.metrics)
        .find(|metric| metric.template.label == label && !metric.value_empty)?
        .template
        .id
        .clone();
    let values = visible
        .nodes()
        .filter(|node| !node.pseudo)
        .filter_map(|node| {
            let metric = node.metrics.iter().find(|metric| metric.template.id == id && !metric.value_empty)?;
            Some(MetricValue {
                node: node.id.clone(),
                value: metric.value,
                max: metric.max,
                text: crate::format::metric(metric.value, &metric.template.format).into(),
            })
        })
        .collect();
    Some(MetricLayer { id, values })
}

/// What the live search found on the map; `None` without a query.
pub fn matches(matcher: &mut Matcher, visible: &Visible) -> Option<Matches> {
    if !matcher.is_active() {
        return None;
    }
    let nodes = visible
        .places()
        .filter_map(|at| {
            let node = visible.view.nodes.get(at as usize)?;
            let found = matcher.found(&visible.view, at as usize)?;
            let mut result = NodeMatch {
                node: node.id.clone(),
                ..NodeMatch::default()
            };
            for field in &found.fields {
                match field.key.as_str() {
                    "label" => result.label.push(field.span),
                    "labelMinor" => result.label_minor.push(field.span),
                    _ if result.fields.len() < MAX_MATCH_FIELDS => result.fields.push((field.label.clone(), field.text.clone())),
                    _ => {}
                }
            }
            Some(result)
        })
        .collect();
    Some(Matches { nodes })
}

/// What goes over an edge, in words; empty when nothing is known of it.
#[must_use]
pub fn traffic_text(traffic: &Traffic) -> String {
    let connections = match traffic.connections {
        ..=0 => return String::new(),
        1 => "1 connection".to_owned(),
        many => format!("{many} connections"),
    };
    let listed: Vec<String> = traffic.ports.iter().take(MAX_PORTS).map(u16::to_string).collect();
    let more = traffic.ports.len() - listed.len();
    match listed.as_slice() {
        [] => connections,
        [port] => format!("{connections} to port {port}"),
        ports if more == 0 => format!("{connections} to ports {}", ports.join(", ")),
        ports => format!("{connections} to ports {} and {more} more", ports.join(", ")),
    }
}

/// What a map is remembered by.
#[must_use]
pub fn key(topology: &str, options: &crate::view::Options) -> SmolStr {
    format_smolstr!("{topology} {options:?}")
}
