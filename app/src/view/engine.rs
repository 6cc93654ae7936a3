//! Renders what a feed holds: keeps joins and graphs up to date with it, and each view that was asked for until something it shows changes.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::FixedState;
use scope_shared::report::{Kind, Node, SmolStr};

use super::View;
use super::graph::Masked;
use super::joins::{Joins, Touched};
use super::query::Options;
use super::registry::{self, ENTRIES, Entry, LabelFilter};
use super::render::{Rendered, Renderer};
use super::state::State;
use super::summary::{MetricLinks, Summaries, Templates};
use crate::detail::Details;
use crate::feed::Feed;
use crate::model::{NodeDetails, NodeSummary, Stats, TopologyDesc};

/// What whoever starts a viewer may add to every view.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Links from metrics to graphs elsewhere.
    pub links: Option<MetricLinks>,
    /// Further choices of the group `system`.
    pub label_filters: Vec<LabelFilter>,
}

/// Renders what a feed holds.
#[derive(Debug, Default)]
pub struct Engine {
    feed: Feed,
    config: Config,
    joins: Joins,
    rendered: Rendered,
    templates: Templates,
    /// Goes up with every change of the state.
    version: u64,
    /// Views as they were last asked for.
    views: HashMap<(SmolStr, Options), Kept, FixedState>,
}

/// A view, and what it was made from.
#[derive(Debug)]
struct Kept {
    version: u64,
    /// The rendered node behind each of the view's nodes.
    nodes: Vec<Arc<Node>>,
    view: Arc<View>,
}

/// How many views are kept: a page looks at one or two; more than this is somebody trying out options.
const KEPT_VIEWS: usize = 32;

impl Engine {
    /// An engine over a feed.
    #[must_use]
    pub fn new(feed: Feed) -> Self {
        Self { feed, ..Self::default() }
    }

    /// An engine with additions to every view.
    #[must_use]
    pub fn with_config(feed: Feed, config: Config) -> Self {
        Self {
            feed,
            config,
            ..Self::default()
        }
    }

    /// The feed.
    #[must_use]
    pub fn feed(&self) -> &Feed {
        &self.feed
    }

    /// The feed, to give it frames and files.
    pub fn feed_mut(&mut self) -> &mut Feed {
        &mut self.feed
    }

    /// The list of views with their options and counts, as `/api/topology` gives it.
    pub fn topologies(&mut self, options: &Options) -> Vec<TopologyDesc> {
        self.refresh();
        let mut top: Vec<TopologyDesc> = Vec::new();
        for entry in ENTRIES.iter().filter(|entry| entry.parent.is_none()) {
            let mut described = self.describe(entry, options);
            for child in ENTRIES.iter().filter(|child| child.parent == Some(entry.id)) {
                described.sub_topologies.push(self.describe(child, options));
            }
            top.push(described);
        }
        top.sort_by(|a, b| a.name.cmp(&b.name));
        top
    }

    /// Views of topologies this build does not know, drawn generically; not part of `/api/topology`.
    pub fn generic_topologies(&mut self) -> Vec<TopologyDesc> {
        Vec::new()
    }

    /// One view; `None` if there is no such view. The same `Arc` as long as nothing it shows changed.
    pub fn nodes(&mut self, topology: &str, options: &Options) -> Option<Arc<View>> {
        let entry = registry::find(topology)?;
        self.refresh();
        let key = (SmolStr::new_static(entry.id), options.clone());
        if let Some(kept) = self.views.get(&key).filter(|kept| kept.version == self.version) {
            return Some(kept.view.clone());
        }
        let graph = self.transformed(entry, options).1;
        let summaries = Summaries::new(State(self.feed.merged()), &self.templates, self.config.links.as_ref(), options);
        let kept = self.views.remove(&key);
        let kept = Kept {
            version: self.version,
            ..view(entry, &graph, summaries, kept)
        };
        let view = kept.view.clone();
        if self.views.len() >= KEPT_VIEWS {
            self.views.clear();
        }
        self.views.insert(key, kept);
        Some(view)
    }

    /// Everything about one node of a view; `None` if there is no such view or node.
    pub fn details(&mut self, topology: &str, id: &str, options: &Options) -> Option<NodeDetails> {
        let entry = registry::find(topology)?;
        self.refresh();
        let (base, graph) = self.transformed(entry, options);
        let at = base.graph.find(id).filter(|at| base.has(*at))?;
        let summaries = Summaries::new(State(self.feed.merged()), &self.templates, self.config.links.as_ref(), options);
        Details {
            summaries,
            joins: &self.joins,
            base: &base,
            graph: &graph,
            topology: entry.id,
        }
        .of(at)
    }

    /// Brings joins and templates up to date with the feed.
    fn refresh(&mut self) {
        let changes = self.feed.take_changes();
        if changes.is_empty() {
            return;
        }
        let state = State(self.feed.merged());
        if changes.all || self.joins.is_worn(state.topology(Kind::Endpoint).nodes.len()) {
            self.joins = Joins::of(state);
            self.rendered = Rendered::default();
        } else {
            let nodes = changes.nodes.iter().map(|(kind, id)| (*kind, id)).collect();
            self.joins.apply(
                state,
                &Touched {
                    nodes,
                    dns: changes.dns.iter().map(SmolStr::as_str).collect(),
                },
            );
        }
        if changes.templates || changes.all {
            self.templates = Templates::of(state);
            self.views.clear();
        }
        self.rendered.next();
        self.version += 1;
    }

    /// A view's graph before options, and under them.
    fn transformed(&mut self, entry: &Entry, options: &Options) -> (Arc<Masked>, Masked) {
        let state = State(self.feed.merged());
        let base = Renderer {
            state,
            joins: &self.joins,
            rendered: &mut self.rendered,
        }
        .graph(entry.what);
        let mut graph = Masked::clone(&base);
        let filters = entry.filters(state, &self.config.label_filters, options).unwrap_or_default();
        if !filters.is_empty() {
            graph = graph.filter_all(|graph, at| {
                let node = graph.node(at);
                let pseudo = graph.is_pseudo(at);
                let connected = graph.connected.get(at as usize).copied().unwrap_or(false);
                filters.iter().all(|choices| {
                    choices
                        .iter()
                        .any(|choice| (pseudo && choice.spares_pseudo()) || choice.holds(node, connected))
                })
            });
        }
        (base, graph.filter_unconnected_pseudo())
    }

    fn describe(&mut self, entry: &Entry, options: &Options) -> TopologyDesc {
        let graph = self.transformed(entry, options).1;
        TopologyDesc {
            name: SmolStr::new_static(entry.name),
            rank: entry.rank,
            hide_if_empty: entry.hide_if_empty,
            options: entry.options(State(self.feed.merged()), &self.config.label_filters),
            url: SmolStr::from(format!("/api/topology/{}", entry.id)),
            sub_topologies: Vec::new(),
            stats: stats(&graph),
        }
    }
}

fn stats(graph: &Masked) -> Stats {
    let node_count = graph.indexes().count() as i64;
    let pseudo = graph.indexes().filter(|at| graph.graph.is_pseudo(*at)).count() as i64;
    Stats {
        node_count,
        nonpseudo_node_count: node_count - pseudo,
        edge_count: graph.edge_count(),
        filtered_nodes: graph.filtered,
    }
}

/// A view of a graph. What `before` shows the same is taken over, to the same `Arc`s.
fn view(entry: &Entry, graph: &Masked, summaries: Summaries<'_>, before: Option<Kept>) -> Kept {
    let mut place = vec![u32::MAX; graph.keep.len()];
    let mut nodes: Vec<Arc<NodeSummary>> = Vec::new();
    let mut behind: Vec<Arc<Node>> = Vec::new();
    let old = before.as_ref();
    let mut at_old = 0;
    for at in graph.indexes() {
        let node = graph.graph.node(at);
        // Both are in the order of ids.
        let known = old.and_then(|old| {
            while old.view.nodes.get(at_old).is_some_and(|known| known.id < node.id) {
                at_old += 1;
            }
            let known = old.view.nodes.get(at_old).filter(|known| known.id == node.id)?;
            Some((old.nodes.get(at_old)?, known))
        });
        let adjacency = graph.adjacency(at);
        let summary = match known {
            Some((was, known)) if Arc::ptr_eq(was, node) && known.adjacency == adjacency && summaries.has_parents(known, node) => {
                known.clone()
            }
            _ => {
                let Some(summary) = summaries.summary(node, adjacency, false) else {
                    continue;
                };
                match known {
                    Some((_, known)) if **known == summary => known.clone(),
                    _ => Arc::new(summary),
                }
            }
        };
        place[at as usize] = nodes.len() as u32;
        nodes.push(summary);
        behind.push(node.clone());
    }
    let mut edges = Vec::new();
    for at in graph.indexes().filter(|at| place[*at as usize] != u32::MAX) {
        edges.extend(
            graph
                .out(at)
                .map(|to| (place[at as usize], place[to as usize]))
                .filter(|(_, to)| *to != u32::MAX),
        );
    }
    let view = View {
        topology: SmolStr::new_static(entry.id),
        nodes,
        edges,
        stats: stats(graph),
    };
    let same = old.filter(|old| {
        let known = &old.view;
        known.stats == view.stats && known.edges == view.edges && known.nodes.len() == view.nodes.len() && {
            known.nodes.iter().zip(&view.nodes).all(|(a, b)| Arc::ptr_eq(a, b))
        }
    });
    let view = same.map_or_else(|| Arc::new(view), |old| old.view.clone());
    Kept {
        version: 0,
        nodes: behind,
        view,
    }
}
