//! What the worker hands to the page to be drawn: nodes, edges, places and overlays, as plain data.
//!
//! Structure, metrics and matches are separate messages, so that a metric tick never re-uploads the structure and never reaches the layout.
//! Nothing here measures, draws or asks a clock.

use scope_shared::sort::SmallSort as _;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// A place in the map's plane, in graph units (1 unit is 1 CSS pixel at zoom 1); y points down.
pub type Point = [f32; 2];

/// A whole map: structure and places. Indices in `edges` point into `nodes`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SceneData {
    /// Which map this is (topology and options): the camera is remembered by it, and another key means another picture, not motion.
    pub key: SmolStr,
    /// Nodes in a stable order; ids are unique.
    pub nodes: Vec<SceneNode>,
    /// Directed edges; pairs out of range are ignored.
    pub edges: Vec<SceneEdge>,
    /// Centre of each node, in the order of `nodes`.
    pub positions: Vec<Point>,
    /// Routes of all edges, in the order of `edges`.
    pub routes: Routes,
    /// Laid out from nothing: whatever the camera looked at is elsewhere now, so the map is fitted to the screen.
    pub fresh: bool,
}

/// Cubic Bézier chains, one an edge: `points[starts[i]..starts[i + 1]]` holds 3k+1 control points from the source's centre to the target's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Routes {
    /// One more than there are edges; empty when there are none.
    pub starts: Vec<u32>,
    /// Control points.
    pub points: Vec<Point>,
}

/// A point of one cubic.
pub fn cubic([a, b, c, d]: [Point; 4], t: f32) -> Point {
    let s = 1.0 - t;
    let (w0, w1, w2, w3) = (s * s * s, 3.0 * s * s * t, 3.0 * s * t * t, t * t * t);
    [
        w0 * a[0] + w1 * b[0] + w2 * c[0] + w3 * d[0],
        w0 * a[1] + w1 * b[1] + w2 * c[1] + w3 * d[1],
    ]
}

impl Routes {
    /// The control points of edge `index`; empty when there is no such edge.
    pub fn get(&self, index: usize) -> &[Point] {
        match (self.starts.get(index), self.starts.get(index + 1)) {
            (Some(&from), Some(&to)) => self.points.get(from as usize..to as usize).unwrap_or_default(),
            _ => &[],
        }
    }

    /// Appends the route of the next edge.
    pub fn push(&mut self, route: &[Point]) {
        if self.starts.is_empty() {
            self.starts.push(0);
        }
        self.points.extend_from_slice(route);
        self.starts.push(u32::try_from(self.points.len()).unwrap_or(u32::MAX));
    }

    /// Appends several routes of another list, those of edges `range`.
    pub fn extend(&mut self, other: &Self, range: std::ops::Range<usize>) {
        let (Some(starts), Some(&first)) = (other.starts.get(range.start + 1..=range.end), other.starts.get(range.start)) else {
            return;
        };
        if self.starts.is_empty() {
            self.starts.push(0);
        }
        let base = u32::try_from(self.points.len()).unwrap_or(u32::MAX);
        let last = starts.last().copied().unwrap_or(first);
        self.points
            .extend_from_slice(other.points.get(first as usize..last as usize).unwrap_or_default());
        self.starts.extend(starts.iter().map(|start| base + (start - first)));
    }

    /// How many edges have a route.
    pub fn len(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// Whether there is no route at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One node as the map shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SceneNode {
    /// Key everywhere.
    pub id: SmolStr,
    /// Caption.
    pub label: SmolStr,
    /// Second line of the caption; empty for none.
    pub label_minor: SmolStr,
    /// Source of the colour's hue; not a number.
    pub rank: SmolStr,
    /// Outline.
    pub shape: Shape,
    /// Drawn with a camera badge.
    pub camera: bool,
    /// Drawn as several glyphs behind one another.
    pub stack: bool,
    /// Outside of what probes see: neutral colour, never a metric fill.
    pub pseudo: bool,
    /// Names of the networks it is attached to, sorted.
    pub networks: Vec<SmolStr>,
}

impl SceneNode {
    /// Takes what the map needs from a summary of a view: its networks come from the `docker_container_networks` row.
    pub fn from_summary(summary: &crate::model::NodeSummary) -> Self {
        let mut networks: Vec<SmolStr> = summary
            .metadata
            .iter()
            .filter(|row| row.template.id == "docker_container_networks")
            .flat_map(|row| row.value.split(',').map(|name| SmolStr::new(name.trim())))
            .filter(|name| !name.is_empty())
            .collect();
        networks.order();
        networks.dedup();
        Self {
            id: summary.id.clone(),
            label: summary.label.clone(),
            label_minor: summary.label_minor.clone(),
            rank: summary.rank.clone(),
            shape: Shape::from_name(&summary.shape),
            camera: summary.tag == "camera",
            stack: summary.stack,
            pseudo: summary.pseudo,
            networks,
        }
    }
}

/// One directed edge.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SceneEdge {
    /// Index of the source (the client).
    pub from: u32,
    /// Index of the target (the server).
    pub to: u32,
    /// Joins storage (claims, volumes, classes): drawn with extra dots.
    pub storage: bool,
}

/// Outline of a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Shape {
    /// Hosts, peers, bare endpoints.
    #[default]
    Circle,
    /// Processes and groups of what is outside.
    Square,
    /// Containers and images.
    Hexagon,
    /// Pods and services.
    Heptagon,
    /// Stateful sets.
    Octagon,
    /// Daemon sets.
    Pentagon,
    /// Cron jobs, replica sets, and whatever is unknown.
    Triangle,
    /// Jobs.
    DottedTriangle,
    /// The Internet and known cloud services.
    Cloud,
    /// Persistent volumes.
    Cylinder,
    /// Persistent volume claims.
    DottedCylinder,
    /// Storage classes.
    Sheet,
}

impl Shape {
    /// Every shape, in the order of its number.
    pub const ALL: [Self; 12] = [
        Self::Circle,
        Self::Square,
        Self::Hexagon,
        Self::Heptagon,
        Self::Octagon,
        Self::Pentagon,
        Self::Triangle,
        Self::DottedTriangle,
        Self::Cloud,
        Self::Cylinder,
        Self::DottedCylinder,
        Self::Sheet,
    ];

    /// The shape a report names; an empty name is a circle, an unknown one a triangle.
    pub fn from_name(name: &str) -> Self {
        match name {
            "" | "circle" => Self::Circle,
            "square" => Self::Square,
            "hexagon" => Self::Hexagon,
            "heptagon" => Self::Heptagon,
            "octagon" => Self::Octagon,
            "pentagon" => Self::Pentagon,
            "dottedtriangle" => Self::DottedTriangle,
            "cloud" => Self::Cloud,
            "cylinder" => Self::Cylinder,
            "dottedcylinder" => Self::DottedCylinder,
            "sheet" | "storagesheet" => Self::Sheet,
            _ => Self::Triangle,
        }
    }
}

/// The metric shown as a fill. Nodes that are not listed have none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MetricLayer {
    /// The metric's id; the fill's colour follows from it.
    pub id: SmolStr,
    /// One entry a node that has this metric.
    pub values: Vec<MetricValue>,
}

/// A metric's value on one node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MetricValue {
    /// The node's id.
    pub node: SmolStr,
    /// Last value, in the metric's unit.
    pub value: f64,
    /// The metric's own ceiling; 0 when it has none.
    pub max: f64,
    /// The value as people read it, e.g. `12.4 %`.
    pub text: SmolStr,
}

impl MetricValue {
    /// Height of the fill, 0 (empty) to 1 (full): a sliver of 0.1 for the smallest value, 0.9 just below the ceiling, 1 at or above it.
    /// Load averages have no ceiling and are shown on a logarithmic scale.
    pub fn height(&self, metric: &str) -> f32 {
        if self.value.is_nan() || self.value <= 0.0 {
            return 0.0;
        }
        let share = if matches!(metric, "load1" | "load5" | "load15") {
            (self.value.log10() + 2.0) / 4.0
        } else if self.max <= 0.0 || self.value >= self.max {
            return 1.0;
        } else {
            self.value / self.max
        };
        (0.1 + 0.8 * share.clamp(0.0, 1.0)) as f32
    }
}

/// What a search found. Everything else is blurred while this is set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Matches {
    /// One entry a matching node.
    pub nodes: Vec<NodeMatch>,
}

/// Where a node matched.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeMatch {
    /// The node's id.
    pub node: SmolStr,
    /// Byte ranges of the label that matched.
    pub label: Vec<(u32, u32)>,
    /// Byte ranges of the minor label that matched.
    pub label_minor: Vec<(u32, u32)>,
    /// Other fields that matched, as `(field, value)`; two are shown, the rest is counted.
    pub fields: Vec<(SmolStr, SmolStr)>,
}

/// A node that somebody put in its place.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Pin {
    /// The node's id.
    pub node: SmolStr,
    /// Centre, graph units.
    pub at: Point,
}
