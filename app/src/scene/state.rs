//! The scene itself: what is shown, what is pointed at, and what follows for each node and edge.
//!
//! Setters take what happened; `draw` makes of it what is to be drawn. Neighbours are looked up in arrays, never by scanning edges.

mod view;

use std::cell::Cell;

use foldhash::HashMap;
use scope_shared::sort::SmallSort as _;
use smol_str::SmolStr;

use super::{
    camera::{Bounds, Camera, Glide, Insets, Viewport},
    data::{Matches, MetricLayer, NodeMatch, Pin, Point, Routes, SceneData},
    geometry::{Geometry, Spot, stretch},
    lod::Aggregates,
    theme::Theme,
};

/// Radius of a glyph, graph units.
pub const RADIUS: f32 = 50.0;

/// What the pointer is on, by index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Target {
    /// The background.
    #[default]
    Nothing,
    /// A node.
    Node(u32),
    /// An edge.
    Edge(u32),
    /// A dense area, by its number in the present aggregates.
    Cluster(u32),
}

/// In which layer something is painted; blurred things lie below.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// Faded.
    Blurred,
    /// Ordinary.
    #[default]
    Normal,
    /// Above the others.
    Raised,
}

/// The networks overlay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetworkOverlay {
    /// The network pointed at or pinned; nodes outside of it fade.
    pub selected: Option<String>,
}

/// The whole map as it is shown.
#[derive(Debug, Default)]
pub struct Scene {
    pub(super) data: SceneData,
    pub(super) index: HashMap<SmolStr, u32>,
    /// Edges of each node, both directions: `near[starts[v]..starts[v + 1]]` are `(edge, other node)`.
    pub(super) starts: Vec<u32>,
    pub(super) near: Vec<(u32, u32)>,
    /// Nodes from most to least connected: who gets a label first.
    pub(super) by_degree: Vec<u32>,
    pub(super) geometry: Geometry,
    pub(super) theme: Theme,
    pub(super) selected: Option<u32>,
    pub(super) hover: Target,
    /// Node with the keyboard's focus.
    pub(super) cursor: Option<u32>,
    pub(super) matches: Option<HashMap<u32, NodeMatch>>,
    pub(super) networks: Option<NetworkOverlay>,
    pub(super) metric: Option<MetricLayer>,
    /// For each node, its entry in the metric layer.
    pub(super) metric_of: Vec<u32>,
    pub(super) pins: HashMap<SmolStr, Point>,
    pub(super) camera: Camera,
    pub(super) glide: Option<Glide>,
    pub(super) viewport: Viewport,
    pub(super) reduced_motion: bool,
    /// Somebody panned or zoomed, so arrivals do not refit.
    pub(super) touched: bool,
    cameras: HashMap<SmolStr, Camera>,
    /// Counts changes of looks (not of places, not of the camera).
    pub(super) style_version: u64,
    /// Counts everything that asks for a new frame.
    pub(super) version: u64,
    pub(super) aggregates: Aggregates,
    /// Those of other levels.
    pub(super) levels: Vec<Aggregates>,
    /// Box around everything, and the geometry's version it is of.
    extent: Cell<Option<(u64, Bounds)>>,
}

impl Scene {
    /// An empty map.
    pub fn new() -> Self {
        Self::default()
    }

    /// Shows `data`. The same key glides; another one brings its own camera back, or fits.
    pub fn set_data(&mut self, data: SceneData, now: f64) {
        let same_map = self.data.key == data.key && !self.data.nodes.is_empty();
        if !same_map && self.touched {
            self.cameras.insert(self.data.key.clone(), self.camera);
        }
        let keep = |scene: &Self, index: Option<u32>| index.and_then(|i| scene.data.nodes.get(i as usize)).map(|n| n.id.clone());
        let (selected, cursor) = (keep(self, self.selected), keep(self, self.cursor));
        let matches: Option<Vec<NodeMatch>> = self.matches.take().map(|m| m.into_values().collect());
        let old = std::mem::replace(&mut self.data, data);
        self.index = self
            .data
            .nodes
            .iter()
            .enumerate()
            .rev()
            .map(|(i, n)| (n.id.clone(), i as u32))
            .collect();
        self.hover = Target::Nothing;
        self.selected = selected.and_then(|id| self.index.get(&id).copied());
        self.cursor = cursor.and_then(|id| self.index.get(&id).copied());
        self.matches = matches.map(|list| self.index_matches(list));
        self.join_edges();
        self.join_metrics();
        let (spots, routes) = self.targets();
        let animate = same_map && !self.reduced_motion;
        let data = std::mem::take(&mut self.data);
        self.geometry.replace(&old, &data, spots, routes, now, animate);
        self.data = data;
        if !same_map {
            self.glide = None;
            self.touched = false;
            match self.cameras.get(&self.data.key) {
                Some(&camera) => {
                    self.camera = camera;
                    self.touched = true;
                }
                None => self.fit_now(),
            }
        }
        if self.data.fresh {
            if animate {
                self.fit(now);
            } else {
                self.touched = false;
                self.fit_now();
            }
        } else if same_map && !self.touched && old.nodes.len() < 2 {
            self.fit_now();
        }
        self.restyle();
    }

    fn join_edges(&mut self) {
        let n = self.data.nodes.len();
        self.starts.clear();
        self.starts.resize(n + 1, 0);
        let valid = |e: &super::data::SceneEdge| (e.from as usize) < n && (e.to as usize) < n;
        for edge in self.data.edges.iter().filter(|e| valid(e)) {
            self.starts[edge.from as usize + 1] += 1;
            if edge.from != edge.to {
                self.starts[edge.to as usize + 1] += 1;
            }
        }
        for i in 0..n {
            self.starts[i + 1] += self.starts[i];
        }
        let mut fill = self.starts.clone();
        self.near.clear();
        self.near.resize(self.starts.last().copied().unwrap_or(0) as usize, (0, 0));
        for (i, edge) in self.data.edges.iter().enumerate().filter(|(_, e)| valid(e)) {
            let ends = [(edge.from, edge.to), (edge.to, edge.from)];
            for &(a, b) in ends.iter().take(if edge.from == edge.to { 1 } else { 2 }) {
                let slot = &mut fill[a as usize];
                self.near[*slot as usize] = (i as u32, b);
                *slot += 1;
            }
        }
        self.by_degree = (0..n as u32).collect();
        let starts = &self.starts;
        let degree = |v: u32| starts[v as usize + 1] - starts[v as usize];
        self.by_degree.order_by_key(|&v| std::cmp::Reverse(degree(v)));
    }

    /// Edges of a node with the node at their other end.
    pub(super) fn near(&self, node: u32) -> &[(u32, u32)] {
        match (self.starts.get(node as usize), self.starts.get(node as usize + 1)) {
            (Some(&from), Some(&to)) => self.near.get(from as usize..to as usize).unwrap_or_default(),
            _ => &[],
        }
    }

    pub(super) fn is_neighbour(&self, node: u32, other: u32) -> bool {
        self.near(node).iter().any(|&(_, end)| end == other)
    }

    /// Fills nodes by a metric, or empties them.
    pub fn set_metrics(&mut self, layer: Option<MetricLayer>) {
        self.metric = layer;
        self.join_metrics();
        self.restyle();
    }

    fn join_metrics(&mut self) {
        self.metric_of.clear();
        let Some(layer) = &self.metric else { return };
        self.metric_of.resize(self.data.nodes.len(), u32::MAX);
        for (i, value) in layer.values.iter().enumerate() {
            if let Some(&node) = self.index.get(&value.node)
                && let Some(slot) = self.metric_of.get_mut(node as usize)
            {
                *slot = i as u32;
            }
        }
    }

    /// The metric shown on a node: height of the fill and the value as text.
    pub(super) fn metric_on(&self, node: u32) -> Option<(f32, &SmolStr)> {
        let layer = self.metric.as_ref()?;
        if self.data.nodes.get(node as usize)?.pseudo {
            return None;
        }
        let value = layer.values.get(*self.metric_of.get(node as usize)? as usize)?;
        Some((value.height(&layer.id), &value.text))
    }

    /// Changes colours.
    pub fn set_theme(&mut self, theme: Theme) {
        self.theme = theme;
        self.restyle();
    }

    /// The theme in force.
    pub fn theme(&self) -> Theme {
        self.theme
    }

    /// Selects a node (its neighbours gather around it) or none (all go back).
    pub fn set_selected(&mut self, id: Option<&str>, now: f64) {
        let selected = id.and_then(|id| self.index.get(id).copied());
        if selected == self.selected {
            return;
        }
        self.selected = selected;
        self.aim(now);
        self.restyle();
    }

    /// Points at something; true if that is new.
    pub fn set_hover(&mut self, target: Target) -> bool {
        let changed = self.hover != target;
        if changed {
            self.hover = target;
            self.restyle();
        }
        changed
    }

    /// Moves the keyboard's focus; true if that is new.
    pub fn set_cursor(&mut self, node: Option<u32>) -> bool {
        let changed = self.cursor != node;
        if changed {
            self.cursor = node;
            self.restyle();
        }
        changed
    }

    /// Highlights what a search found; `None` when there is no query.
    pub fn set_matches(&mut self, matches: Option<Matches>) {
        self.matches = matches.map(|m| self.index_matches(m.nodes));
        self.restyle();
    }

    fn index_matches(&self, list: Vec<NodeMatch>) -> HashMap<u32, NodeMatch> {
        list.into_iter().filter_map(|m| Some((*self.index.get(&m.node)?, m))).collect()
    }

    /// Shows or hides the networks' bars.
    pub fn set_networks(&mut self, overlay: Option<NetworkOverlay>) {
        self.networks = overlay;
        self.restyle();
    }

    /// No motion.
    pub fn set_reduced_motion(&mut self, reduced: bool) {
        self.reduced_motion = reduced;
    }

    /// The canvas's size and panels. Until somebody pans or zooms, the map stays fitted.
    pub fn set_viewport(&mut self, width: f64, height: f64, insets: Insets, now: f64) {
        let viewport = Viewport {
            width: width.max(1.0),
            height: height.max(1.0),
            insets,
        };
        if self.viewport == viewport {
            return;
        }
        self.viewport = viewport;
        if !self.touched {
            self.fit_now();
        }
        if self.selected.is_some() {
            self.aim(now);
        }
        self.version += 1;
    }

    /// The canvas's size and panels.
    pub fn viewport(&self) -> &Viewport {
        &self.viewport
    }

    fn restyle(&mut self) {
        self.style_version += 1;
        self.version += 1;
    }

    /// Aims places and routes at what the present selection and pins ask for.
    pub(super) fn aim(&mut self, now: f64) {
        let (spots, routes) = self.targets();
        self.geometry.aim(spots, routes, now, !self.reduced_motion);
        self.version += 1;
    }

    /// Place of a node in the layout, pins applied.
    pub(super) fn home(&self, node: u32) -> Point {
        let laid_out = self.data.positions.get(node as usize).copied().unwrap_or_default();
        if self.pins.is_empty() {
            return laid_out;
        }
        self.data
            .nodes
            .get(node as usize)
            .and_then(|n| self.pins.get(&n.id))
            .copied()
            .unwrap_or(laid_out)
    }

    /// Where everything should be.
    fn targets(&self) -> (Vec<Spot>, Routes) {
        let mut spots: Vec<Spot> = (0..self.data.nodes.len() as u32)
            .map(|v| Spot {
                at: self.home(v),
                scale: 1.0,
            })
            .collect();
        let focused = self
            .selected
            .map(|node| super::select::gather(self, node, &mut spots))
            .unwrap_or_default();
        let mut is_focused = vec![false; if focused.is_empty() { 0 } else { spots.len() }];
        for &node in &focused {
            if let Some(flag) = is_focused.get_mut(node as usize) {
                *flag = true;
            }
        }
        let focused = |node: u32| is_focused.get(node as usize).copied().unwrap_or(false);
        let mut routes = Routes {
            starts: Vec::with_capacity(self.data.edges.len() + 1),
            points: Vec::with_capacity(self.data.routes.points.len()),
        };
        for (i, edge) in self.data.edges.iter().enumerate() {
            let (Some(a), Some(b)) = (spots.get(edge.from as usize), spots.get(edge.to as usize)) else {
                routes.push(&[]);
                continue;
            };
            let route = self.data.routes.get(i);
            let start = routes.points.len();
            if route.len() < 4 || (edge.from != edge.to && (focused(edge.from) || focused(edge.to))) {
                let third = |t: f32| [a.at[0] + (b.at[0] - a.at[0]) * t, a.at[1] + (b.at[1] - a.at[1]) * t];
                routes.push(&[a.at, third(1.0 / 3.0), third(2.0 / 3.0), b.at]);
                continue;
            }
            routes.push(route);
            if let Some(points) = routes.points.get_mut(start..)
                && (points.first() != Some(&a.at) || points.last() != Some(&b.at))
            {
                stretch(points, a.at, b.at);
            }
        }
        (spots, routes)
    }

    /// Puts pins in force.
    pub fn set_pins(&mut self, pins: &[Pin], now: f64) {
        self.pins = pins.iter().map(|p| (p.node.clone(), p.at)).collect();
        self.aim(now);
        self.restyle();
    }

    /// The pins in force, by id.
    pub fn pins(&self) -> Vec<Pin> {
        let mut pins: Vec<Pin> = self.pins.iter().map(|(node, &at)| Pin { node: node.clone(), at }).collect();
        pins.order_by(|a, b| a.node.cmp(&b.node));
        pins
    }

    /// Drags a node to a point of the plane: it is pinned there and follows at once.
    pub fn drag(&mut self, node: u32, at: Point, now: f64) {
        let Some(id) = self.data.nodes.get(node as usize).map(|n| n.id.clone()) else {
            return;
        };
        self.pins.insert(id, [at[0].round(), at[1].round()]);
        let (spots, routes) = self.targets();
        self.geometry.aim(spots, routes, now, false);
        self.restyle();
    }

    /// Lets a node go: it returns to its place in the layout.
    pub fn unpin(&mut self, node: u32, now: f64) -> bool {
        let Some(id) = self.data.nodes.get(node as usize).map(|n| n.id.clone()) else {
            return false;
        };
        let had = self.pins.remove(&id).is_some();
        if had {
            self.aim(now);
            self.restyle();
        }
        had
    }

    /// Moves everything on to `now`; true while something moves.
    pub fn tick(&mut self, now: f64) -> bool {
        let mut moving = self.geometry.tick(now);
        if let Some(glide) = &self.glide {
            let (camera, done) = glide.at(now);
            self.camera = camera;
            if done {
                self.glide = None;
            } else {
                moving = true;
            }
            self.version += 1;
        }
        if moving {
            self.version += 1;
        }
        moving
    }

    /// Changes whenever a new frame is due.
    pub fn version(&self) -> u64 {
        self.version + self.geometry.version
    }

    /// The nodes' data by index.
    pub fn data(&self) -> &SceneData {
        &self.data
    }

    /// Index of a node.
    pub fn find(&self, id: &str) -> Option<u32> {
        self.index.get(id).copied()
    }

    /// The node with the keyboard's focus.
    pub fn cursor(&self) -> Option<u32> {
        self.cursor
    }

    /// The selected node.
    pub fn selected(&self) -> Option<u32> {
        self.selected
    }

    /// Where a node is drawn: centre and radius in canvas pixels.
    pub fn place_of(&self, node: u32) -> Option<[f64; 3]> {
        let spot = self.geometry.spots.get(node as usize)?;
        let [x, y] = self.camera.to_screen(spot.at);
        Some([x, y, f64::from(RADIUS * spot.scale) * self.camera.zoom])
    }

    /// Layer of a node: hovered things and their neighbours above, what a selection, search or network leaves out below.
    pub(super) fn node_layer(&self, node: u32) -> Layer {
        if self.is_highlighted(node) {
            return Layer::Raised;
        }
        if let Some(selected) = self.selected {
            return if self.is_neighbour(selected, node) {
                Layer::Raised
            } else {
                Layer::Blurred
            };
        }
        let unmatched = self.matches.as_ref().is_some_and(|m| !m.contains_key(&node));
        if unmatched || self.outside_network(node) {
            Layer::Blurred
        } else {
            Layer::Normal
        }
    }

    fn outside_network(&self, node: u32) -> bool {
        let wanted = self.networks.as_ref().and_then(|n| n.selected.as_deref());
        let Some(wanted) = wanted else { return false };
        self.data
            .nodes
            .get(node as usize)
            .is_none_or(|n| !n.networks.iter().any(|name| name == wanted))
    }

    /// Hovered, beside what is hovered, at the end of a hovered edge, selected, or under the keyboard's focus.
    pub(super) fn is_highlighted(&self, node: u32) -> bool {
        if self.selected == Some(node) || self.cursor == Some(node) {
            return true;
        }
        match self.hover {
            Target::Node(hovered) => hovered == node || self.is_neighbour(hovered, node),
            Target::Edge(edge) => self.data.edges.get(edge as usize).is_some_and(|e| e.from == node || e.to == node),
            _ => false,
        }
    }

    /// Layer of an edge.
    pub(super) fn edge_layer(&self, edge: u32) -> Layer {
        let Some(ends) = self.data.edges.get(edge as usize) else {
            return Layer::Blurred;
        };
        let hovered = match self.hover {
            Target::Node(node) => ends.from == node || ends.to == node,
            Target::Edge(other) => {
                other == edge
                    || self
                        .data
                        .edges
                        .get(other as usize)
                        .is_some_and(|o| (o.from, o.to) == (ends.to, ends.from))
            }
            _ => false,
        };
        if hovered || self.selected.is_some_and(|s| ends.from == s || ends.to == s) {
            return Layer::Raised;
        }
        if self.selected.is_some() {
            return Layer::Blurred;
        }
        let unmatched = self
            .matches
            .as_ref()
            .is_some_and(|m| !m.contains_key(&ends.from) || !m.contains_key(&ends.to));
        if unmatched || self.outside_network(ends.from) || self.outside_network(ends.to) {
            Layer::Blurred
        } else {
            Layer::Normal
        }
    }
}
