//! Renders what a feed holds: keeps joins and graphs up to date with it, and each view that was asked for until something it shows changes.

use scope_shared::sort::SmallSort as _;
use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::FixedState;
use scope_shared::report::{Kind, Node, SmolStr};

use super::View;
use super::filter::Predicate;
use super::generic::{self, Generic};
use super::graph::{Masked, Sieve};
use super::ids::PSEUDO;
use super::joins::{Joins, Touched};
use super::query::Options;
use super::registry::{self, ENTRIES, Entry, LabelFilter};
use super::render::{Changed, Rendered, Renderer};
use super::shown::{Shown, stats};
use super::state::State;
use super::summary::{Labels, MetricLinks, Summaries, Templates};
use crate::detail::Details;
use crate::feed::Feed;
use crate::model::{NodeDetails, Stats, TopologyDesc, Traffic};

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
    /// By view and options.
    chosen: HashMap<(&'static str, Options), Chosen, FixedState>,
    labels: Labels,
}

/// A view, and which version of the state it is of.
#[derive(Debug)]
struct Kept {
    version: u64,
    shown: Shown,
}

/// What a choice of options lets through of a view.
#[derive(Debug, Default)]
struct Chosen {
    filters: Vec<Vec<Predicate>>,
    sieve: Sieve,
    /// The version of the state it was last asked for.
    version: u64,
    /// Counts, and of which version of the state.
    stats: Option<(u64, Stats)>,
}

/// How many views are kept: a page looks at one or two; more than this is somebody trying out options.
const KEPT_VIEWS: usize = 32;
/// How many choices of options are remembered: every view under a few of them.
const KEPT_CHOICES: usize = 128;
/// How many states a view is remembered that no one asks for.
const KEPT_VERSIONS: u64 = 32;

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
        top.order_by(|a, b| a.name.cmp(&b.name));
        top
    }

    /// Views of topologies this build does not know, drawn generically; not part of `/api/topology`.
    pub fn generic_topologies(&mut self) -> Vec<TopologyDesc> {
        self.refresh();
        generic::describe(State(self.feed.merged()))
    }

    /// One view; `None` if there is no such view. The same `Arc` as long as nothing it shows changed.
    pub fn nodes(&mut self, topology: &str, options: &Options) -> Option<Arc<View>> {
        self.refresh();
        let Some(entry) = registry::find(topology) else {
            return self.generic(topology, options);
        };
        let key = (SmolStr::new_static(entry.id), options.clone());
        if let Some(kept) = self.views.get(&key).filter(|kept| kept.version == self.version) {
            return Some(kept.shown.view.clone());
        }
        let graph = self.transformed(entry, options).1;
        let before = self.views.remove(&key).map(|kept| kept.shown);
        self.find_labels();
        let shown = Shown::of(entry.id, graph, &self.labels, self.summaries(options), before);
        let view = shown.view.clone();
        let version = self.version;
        self.keep(key, Some(Kept { version, shown }));
        Some(view)
    }

    /// A view's counts; `None` if there is no such view. Its nodes are not described for that.
    pub fn counts(&mut self, topology: &str, options: &Options) -> Option<Stats> {
        self.refresh();
        match registry::find(topology) {
            Some(entry) => Some(self.stats(entry, options)),
            None => self.generic(topology, options).map(|view| view.stats),
        }
    }

    /// Summaries need them.
    fn find_labels(&mut self) {
        self.labels.find(State(self.feed.merged()));
    }

    fn summaries(&self, options: &Options) -> Summaries<'_> {
        Summaries::new(
            State(self.feed.merged()),
            &self.templates,
            &self.labels,
            self.config.links.as_ref(),
            options,
        )
    }

    /// The view of a topology this build does not know.
    fn generic(&mut self, topology: &str, options: &Options) -> Option<Arc<View>> {
        let key = (SmolStr::new(topology), options.clone());
        let before = self.views.remove(&key);
        if let Some(kept) = before.as_ref().filter(|kept| kept.version == self.version) {
            let view = kept.shown.view.clone();
            self.keep(key, before);
            return Some(view);
        }
        self.find_labels();
        let summaries = self.summaries(options);
        let known = before.map(|kept| kept.shown.view);
        let view = Generic::find(topology, summaries)?.view(known.as_deref());
        let view = known.filter(|known| **known == view).unwrap_or_else(|| Arc::new(view));
        let version = self.version;
        let shown = Shown::whole(view.clone());
        self.keep(key, Some(Kept { version, shown }));
        Some(view)
    }

    fn keep(&mut self, key: (SmolStr, Options), kept: Option<Kept>) {
        if self.views.len() >= KEPT_VIEWS {
            self.views.clear();
        }
        self.views.extend(kept.map(|kept| (key, kept)));
    }

    /// Everything about one node of a view; `None` if there is no such view or node.
    pub fn details(&mut self, topology: &str, id: &str, options: &Options) -> Option<NodeDetails> {
        self.refresh();
        self.find_labels();
        let Some(entry) = registry::find(topology) else {
            let summaries = self.summaries(options);
            return Generic::find(topology, summaries)?.details(id);
        };
        let (base, graph) = self.transformed(entry, options);
        let at = base.graph.find(id).filter(|at| base.has(*at))?;
        let summaries = self.summaries(options);
        Details {
            summaries,
            joins: &self.joins,
            base: &base,
            graph: &graph,
            topology: entry.id,
        }
        .of(at)
    }

    /// What goes over an edge of a view: as the table of outgoing connections in the details of `from` counts it. `None` where there is no
    /// such edge, or its view knows no connections.
    pub fn traffic(&mut self, topology: &str, from: &str, to: &str, options: &Options) -> Option<Traffic> {
        let entry = registry::find(topology)?;
        // Brings the view's graph up to date, unless it is.
        self.nodes(topology, options)?;
        let graph = &self.views.get(&(SmolStr::new_static(entry.id), options.clone()))?.shown.graph;
        let (from, to) = (graph.graph.find(from)?, graph.graph.find(to)?);
        if !graph.has(from) || !graph.out(from).any(|peer| peer == to) {
            return None;
        }
        let details = Details {
            summaries: self.summaries(options),
            joins: &self.joins,
            base: graph,
            graph,
            topology: entry.id,
        };
        Some(details.between(from, to))
    }

    /// Brings joins and templates up to date with the feed.
    fn refresh(&mut self) {
        let changes = self.feed.take_changes();
        if changes.is_empty() {
            return;
        }
        let state = State(self.feed.merged());
        if changes.all || self.joins.is_worn(state.topology(Kind::Endpoint).nodes.len()) {
            self.joins = Joins::default();
            self.rendered = Rendered::default();
            self.labels.forget();
        } else {
            let now = |(kind, id): &(Kind, SmolStr)| state.node(*kind, id);
            let nodes: Vec<_> = changes.nodes.iter().map(|node| (node.0, &node.1, now(node))).collect();
            self.labels.update(state, &nodes);
            let kinds = nodes.iter().map(|(kind, ..)| *kind);
            self.rendered.next(Changed::new(kinds, !changes.dns.is_empty()));
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
        self.version += 1;
        // What no one has looked at for a while would only keep nodes alive that are long gone.
        let recent = self.version.saturating_sub(KEPT_VERSIONS);
        self.views.retain(|_, kept| kept.version >= recent);
        self.chosen.retain(|_, chosen| chosen.version >= recent);
    }

    /// A view's graph before options, and under them.
    fn transformed(&mut self, entry: &'static Entry, options: &Options) -> (Arc<Masked>, Masked) {
        let state = State(self.feed.merged());
        self.joins.deepen(state, entry.what.depth());
        let base = Renderer {
            state,
            joins: &self.joins,
            rendered: &mut self.rendered,
        }
        .graph(entry.what);
        let filters = entry.filters(state, &self.config.label_filters, options).unwrap_or_default();
        if filters.is_empty() {
            return (base.clone(), Masked::clone(&base).filter_unconnected_pseudo());
        }
        if self.chosen.len() >= KEPT_CHOICES {
            self.chosen.clear();
        }
        let chosen = self.chosen.entry((entry.id, options.clone())).or_default();
        chosen.version = self.version;
        if chosen.filters != filters {
            *chosen = Chosen {
                version: self.version,
                filters,
                ..Chosen::default()
            };
        }
        let filters = &chosen.filters;
        let passes = |node: &Node, connected: bool| {
            let pseudo = node.topology == PSEUDO;
            let passes = |choice: &Predicate| (pseudo && choice.spares_pseudo()) || choice.holds(node, connected);
            filters.iter().all(|choices| choices.iter().any(passes))
        };
        let graph = Masked::clone(&base).keep_only(chosen.sieve.sift(&base.graph, passes));
        (base, graph.filter_unconnected_pseudo())
    }

    /// A view's counts: computed once for a state, whoever asks.
    fn stats(&mut self, entry: &'static Entry, options: &Options) -> Stats {
        let key = (SmolStr::new_static(entry.id), options.clone());
        if let Some(kept) = self.views.get(&key).filter(|kept| kept.version == self.version) {
            return kept.shown.view.stats;
        }
        let key = (entry.id, options.clone());
        if let Some((_, stats)) = self
            .chosen
            .get(&key)
            .and_then(|chosen| chosen.stats)
            .filter(|known| known.0 == self.version)
        {
            return stats;
        }
        let stats = stats(&self.transformed(entry, options).1);
        let chosen = self.chosen.entry(key).or_default();
        chosen.version = self.version;
        chosen.stats = Some((self.version, stats));
        stats
    }

    fn describe(&mut self, entry: &'static Entry, options: &Options) -> TopologyDesc {
        let stats = self.stats(entry, options);
        TopologyDesc {
            name: SmolStr::new_static(entry.name),
            rank: entry.rank,
            hide_if_empty: entry.hide_if_empty,
            options: entry.options(State(self.feed.merged()), &self.config.label_filters),
            url: SmolStr::from(format!("/api/topology/{}", entry.id)),
            sub_topologies: Vec::new(),
            stats,
        }
    }
}
