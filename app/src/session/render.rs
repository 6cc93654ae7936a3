//! One look at everything: what the state asks for, rendered, compared with what the page has, and sent where it differs.

use std::sync::Arc;

use smol_str::SmolStr;

use super::{Catalogue, Session, TABS_EVERY, card, choices, colours, map, palette, resources, stable, table};
use scope_shared::report::Kind;

use crate::letters::lower;
use crate::model::TopologyDesc;
use crate::protocol::{
    CardRef, ConnectionState, EdgeVm, EmptyCause, Jump, MetricChoice, Mode, Overview, PluginVm, ProbeVm, SearchVm, Tab, ToPage,
};
use crate::search;
use crate::view::{Options, View};

use map::Visible;

impl Session {
    /// Renders what changed, at `now` (milliseconds since the Unix epoch).
    pub fn render(&mut self, now: u64) -> Vec<ToPage> {
        self.read_reports();
        self.dirty = false;
        let state_changed = std::mem::take(&mut self.state_changed);
        let mut out = Vec::new();
        self.send_link(now, &mut out);
        if let Some(cause) = self.too_early() {
            // What was asked for is rendered once there is something to render.
            self.state_changed |= state_changed;
            self.send_nothing(cause, &mut out);
            return out;
        }
        self.look_at_views(now, state_changed);
        let current = choices::current(&self.catalogue.topologies, &self.state.topology);
        let Some((topology, parent, name)) =
            choices::locate(&self.catalogue.topologies, &current).map(|(one, parent, name)| (one.clone(), parent, name))
        else {
            self.send_nothing(EmptyCause::NothingReported, &mut out);
            return out;
        };
        let options = self.options(&parent);
        let view = self.engine.nodes(&current, &options).unwrap_or_default();
        if std::mem::take(&mut self.heard) && self.state.paused_at.is_none() {
            view.nodes.iter().for_each(|node| self.history.note(node, now));
        }
        let visible = self.visible(view);
        self.facts.follow(&visible);
        self.resolve_names(&mut out);
        self.send_overview(&topology, &parent, name.clone(), &visible, state_changed, now, &mut out);
        match self.state.mode {
            Mode::Graph => self.send_map(&current, &options, &visible, &mut out),
            Mode::Table => self.send_table(&name, &visible, now, &mut out),
            Mode::Resources => self.send_resources(&mut out),
        }
        self.send_search(&visible, &mut out);
        self.send_cards(now, &mut out);
        out
    }

    fn options(&self, parent: &str) -> Options {
        choices::options(&self.state, parent, self.link.hide_arguments)
    }

    fn look_at_views(&mut self, now: u64, state_changed: bool) {
        let stale = self.catalogue.stale && now.saturating_sub(self.catalogue.looked_at) >= TABS_EVERY;
        if !stale && !state_changed && !self.catalogue.topologies.is_empty() {
            return;
        }
        let current = choices::current(&self.catalogue.topologies, &self.state.topology);
        let parent = choices::locate(&self.catalogue.topologies, &current)
            .map(|(_, parent, _)| parent)
            .unwrap_or_default();
        let options = self.options(&parent);
        let mut topologies = self.engine.topologies(&options);
        topologies.extend(self.engine.generic_topologies());
        let mut names = std::collections::BTreeMap::new();
        for top in &topologies {
            names.insert(choices::id(top), top.name.clone());
            for sub in &top.sub_topologies {
                names.insert(choices::id(sub), sub.name.clone());
            }
        }
        self.catalogue = Catalogue {
            topologies,
            names,
            looked_at: now,
            stale: false,
        };
    }

    /// Drops what pinned searches do not match. A void pin hides nothing.
    fn visible(&mut self, view: Arc<View>) -> Visible {
        let pins: Vec<_> = self.pins.iter_mut().filter(|pin| pin.is_active()).collect();
        if pins.is_empty() {
            return Visible { view, kept: None };
        }
        let mut kept: Vec<u32> = (0..view.nodes.len() as u32).collect();
        for pin in pins {
            if let Some(marks) = pin.marks(&view) {
                kept.retain(|at| marks.get(*at as usize) == Some(&true));
            }
        }
        Visible { view, kept: Some(kept) }
    }

    fn send_link(&mut self, now: u64, out: &mut Vec<ToPage>) {
        self.link.probes = self
            .engine
            .feed()
            .status(now)
            .into_iter()
            .map(|probe| ProbeVm {
                tracking: self.host_says(&probe.hostname, "scope_connection_tier"),
                allows: self.host_says(&probe.hostname, "scope_probe_allows"),
                age_seconds: u32::try_from(probe.age_millis / 1000).unwrap_or(u32::MAX),
                error: probe.error.unwrap_or_default(),
                id: probe.id,
                hostname: probe.hostname,
                version: probe.version,
            })
            .collect();
        self.link.plugins = self.plugins();
        if self.sent.link.as_ref() != Some(&self.link) {
            self.sent.link = Some(self.link.clone());
            out.push(ToPage::Link(Box::new(self.link.clone())));
        }
    }

    /// What the probe of a host says of itself under `key`; empty when it does not.
    fn host_says(&self, hostname: &str, key: &str) -> SmolStr {
        let nodes = &self.engine.feed().merged().topology(Kind::Host).nodes;
        let host = nodes
            .values()
            .find(|node| node.latest.get("host_name").is_some_and(|latest| latest.value == hostname));
        host.and_then(|node| node.latest.get(key))
            .map(|latest| latest.value.clone())
            .unwrap_or_default()
    }

    fn plugins(&self) -> Vec<PluginVm> {
        let plugins = self.engine.feed().plugins();
        plugins
            .into_iter()
            .map(|(id, plugin)| PluginVm {
                label: if plugin.label.is_empty() {
                    id.clone()
                } else {
                    plugin.label.clone()
                },
                description: plugin.description.clone(),
                status: plugin.status.clone(),
            })
            .collect()
    }

    /// Why no view can be shown yet. Which view opens by itself is decided when everything that the server holds is here: the first of
    /// ten probes may know of no cluster.
    fn too_early(&self) -> Option<EmptyCause> {
        let undecided = self.state.topology.is_empty() && self.has_server && !self.link.caught_up && self.catalogue.topologies.is_empty();
        self.nothing_heard().or_else(|| undecided.then_some(EmptyCause::Loading))
    }

    /// There are no views at all.
    fn send_nothing(&mut self, cause: EmptyCause, out: &mut Vec<ToPage>) {
        let overview = Overview {
            asked: self.state.topology.clone(),
            empty: Some(cause),
            ..Overview::default()
        };
        if self.sent.overview.as_ref() != Some(&overview) {
            self.sent.overview = Some(overview.clone());
            out.push(ToPage::Overview(Box::new(overview)));
        }
    }

    fn nothing_heard(&self) -> Option<EmptyCause> {
        if !self.link.probes.is_empty() {
            None
        } else if !self.has_server && !self.has_files {
            Some(EmptyCause::NoSource)
        } else if self.link.caught_up && self.link.state == ConnectionState::Live {
            Some(EmptyCause::NoProbes)
        } else {
            Some(EmptyCause::Loading)
        }
    }

    #[allow(clippy::too_many_arguments)] // one call, and the values are all at hand there
    fn send_overview(
        &mut self,
        topology: &TopologyDesc,
        parent: &SmolStr,
        name: SmolStr,
        visible: &Visible,
        state_changed: bool,
        now: u64,
        out: &mut Vec<ToPage>,
    ) {
        let current = choices::id(topology);
        let fresh = self.catalogue.looked_at == now || state_changed || self.sent.overview.is_none();
        let tabs = match (&self.sent.overview, fresh) {
            (Some(sent), false) => sent.tabs.clone(),
            _ => self.tabs(&current, parent),
        };
        let mut metrics = self.facts.metrics.clone();
        if self.state.mode == Mode::Resources {
            metrics = resources::METRICS
                .map(|label| MetricChoice {
                    id: lower(label).into(),
                    label: label.into(),
                })
                .to_vec();
        }
        let hidden_by_pins = u32::try_from(visible.view.nodes.len() - visible.len()).unwrap_or(u32::MAX);
        let overview = Overview {
            asked: self.state.topology.clone(),
            options: choices::rows(topology, &self.state, parent),
            metric: self.metric(&metrics),
            has_resources: choices::WITH_RESOURCES.contains(&current.as_str()),
            networks: self
                .facts
                .networks
                .iter()
                .map(|name| (name.clone(), colours::network(name)))
                .collect(),
            stats: visible.view.stats,
            empty: self.empty_cause(visible, hidden_by_pins),
            current,
            parent: parent.clone(),
            name,
            tabs,
            metrics,
            hidden_by_pins,
            shown: u32::try_from(visible.len()).unwrap_or(u32::MAX),
            missed: self.missed,
            fields: self.facts.fields.clone(),
            metric_names: self.facts.compared.clone(),
        };
        if self.sent.overview.as_ref() != Some(&overview) {
            self.sent.overview = Some(overview.clone());
            out.push(ToPage::Overview(Box::new(overview)));
        }
    }

    /// The metric shown: hovered, else pinned; resources always show one.
    fn metric(&self, metrics: &[MetricChoice]) -> Option<SmolStr> {
        let has = |label: &SmolStr| metrics.iter().any(|metric| metric.label == *label);
        let chosen = self.hover_metric.clone().or_else(|| self.state.metric.clone()).filter(has);
        match self.state.mode {
            Mode::Resources => chosen.or_else(|| metrics.first().map(|metric| metric.label.clone())),
            Mode::Graph => chosen,
            Mode::Table => None,
        }
    }

    fn empty_cause(&mut self, visible: &Visible, hidden_by_pins: u32) -> Option<EmptyCause> {
        if self.state.mode == Mode::Resources {
            return None;
        }
        if !visible.is_empty() {
            // On the map what does not match only fades; the table would be bare.
            let bare = self.state.mode == Mode::Table && self.matcher.is_active() && self.matcher.count(&visible.view) == Some(0);
            return bare.then_some(EmptyCause::Query);
        }
        let filtered = u32::try_from(visible.view.stats.filtered_nodes).unwrap_or_default();
        Some(match self.nothing_heard() {
            Some(cause) => cause,
            None if hidden_by_pins > 0 => EmptyCause::Pins(hidden_by_pins),
            None if filtered > 0 => EmptyCause::Options(filtered),
            None => EmptyCause::NothingReported,
        })
    }

    /// The tabs, each counted under its own options.
    fn tabs(&mut self, current: &str, parent: &str) -> Vec<Tab> {
        let topologies = std::mem::take(&mut self.catalogue.topologies);
        let mut due = Vec::new();
        let tabs = choices::tabs(&topologies, current, parent, &mut |tab, top| {
            let options = choices::options(&self.state, top, self.link.hide_arguments);
            if let Some(stats) = self.engine.counts(&tab.id, &options) {
                tab.stats = stats;
            }
            if !self.matcher.is_active() {
                return;
            }
            if tab.id == current {
                let view = self.engine.nodes(&tab.id, &options).unwrap_or_default();
                self.counts
                    .known
                    .insert(tab.id.clone(), self.matcher.count(&view).unwrap_or_default());
            } else {
                due.push((tab.id.clone(), SmolStr::new(top)));
            }
            tab.matches = self.counts.known.get(&tab.id).copied();
        });
        due.reverse();
        self.counts.due = due;
        self.catalogue.topologies = topologies;
        tabs
    }

    /// Counts the search's matches in the next view that waits for it. Only a search has to see the nodes of views that no one looks at.
    pub fn count_next(&mut self) {
        if let Some((id, top)) = self.counts.due.pop() {
            let options = self.options(&top);
            let view = self.engine.nodes(&id, &options).unwrap_or_default();
            let count = self.matcher.count(&view).unwrap_or_default();
            self.counts.known.insert(id, count);
        }
    }

    /// Tells the page what was counted since it was told last.
    pub fn counted(&mut self) -> Vec<ToPage> {
        let Some(mut overview) = self.sent.overview.clone() else {
            return Vec::new();
        };
        for tab in &mut overview.tabs {
            tab.matches = self.counts.known.get(&tab.id).copied();
            for sub in &mut tab.subs {
                sub.matches = self.counts.known.get(&sub.id).copied();
            }
        }
        let total = total(&overview.tabs);
        let mut out = Vec::new();
        if let Some(search) = self.sent.search.as_mut().filter(|search| search.total != total) {
            search.total = total;
            out.push(ToPage::Search(Box::new(search.clone())));
        }
        if self.sent.overview.as_ref() != Some(&overview) {
            self.sent.overview = Some(overview.clone());
            out.push(ToPage::Overview(Box::new(overview)));
        }
        out
    }

    fn send_map(&mut self, current: &str, options: &Options, visible: &Visible, out: &mut Vec<ToPage>) {
        let key = map::key(current, options);
        let fresh = std::mem::take(&mut self.relayout);
        if let Some(scene) = self.maps.scene(&key, visible, fresh) {
            out.push(ToPage::Scene(Box::new(scene)));
        }
        let metric = self.sent.overview.as_ref().and_then(|overview| overview.metric.clone());
        let layer = metric.and_then(|label| map::metric_layer(&label, visible));
        if self.sent.metric.as_ref() != Some(&layer) {
            self.sent.metric = Some(layer.clone());
            out.push(ToPage::Metric(layer));
        }
        let matches = map::matches(&mut self.matcher, visible);
        if self.sent.matches.as_ref() != Some(&matches) {
            self.sent.matches = Some(matches.clone());
            out.push(ToPage::Matches(matches));
        }
        out.extend(self.edge());
    }

    /// What goes over the edge that the pointer rests on, if the page does not know yet. Looks at the connections of its two ends alone.
    pub(super) fn edge(&mut self) -> Option<ToPage> {
        let (from, to) = self.hover_edge.clone()?;
        self.edge_between(from, to)
    }

    #[inline(never)] // waits with the rest of the program (app/web/split.mjs)
    fn edge_between(&mut self, from: SmolStr, to: SmolStr) -> Option<ToPage> {
        let current = choices::current(&self.catalogue.topologies, &self.state.topology);
        let parent = choices::locate(&self.catalogue.topologies, &current)?.1;
        let options = self.options(&parent);
        let traffic = self.engine.traffic(&current, &from, &to, &options).unwrap_or_default();
        let edge = EdgeVm {
            from,
            to,
            text: map::traffic_text(&traffic),
        };
        if self.sent.edge.as_ref() == Some(&edge) {
            return None;
        }
        self.sent.edge = Some(edge.clone());
        Some(ToPage::Edge(edge))
    }

    #[inline(never)] // waits with the rest of the program (app/web/split.mjs)
    fn send_table(&mut self, name: &str, visible: &Visible, now: u64, out: &mut Vec<ToPage>) {
        let request = table::Request {
            visible,
            names: &self.facts.names,
            name,
            views: &self.catalogue.names,
            sort: self.state.sort.as_ref(),
            window: self.window,
            held: self.held.as_ref(),
            now: now as f64,
        };
        let table = table::build(&request, &mut self.matcher, &mut self.sorted);
        if self.sent.table.as_ref() != Some(&table) {
            self.sent.table = Some(table.clone());
            out.push(ToPage::Table(Box::new(table)));
        }
    }

    #[inline(never)] // waits with the rest of the program (app/web/split.mjs)
    fn send_resources(&mut self, out: &mut Vec<ToPage>) {
        let metric = self
            .sent
            .overview
            .as_ref()
            .and_then(|overview| overview.metric.clone())
            .unwrap_or_default();
        // No filter: what the machine spends on system containers is spent all the same.
        let views: Vec<Arc<View>> = resources::LAYERS
            .iter()
            .map(|(topology, _)| self.engine.nodes(topology, &Options::none()).unwrap_or_default())
            .collect();
        out.push(ToPage::Resources(Box::new(resources::build(&metric, &views, &mut self.matcher))));
    }

    fn send_search(&mut self, visible: &Visible, out: &mut Vec<ToPage>) {
        let Some(overview) = &self.sent.overview else { return };
        let typed = self.state.query.as_str();
        let nodes = || visible.nodes().map(AsRef::as_ref);
        let real = nodes().find(|node| !node.pseudo);
        let suggestions = if typed.trim().is_empty() {
            search::examples(real)
        } else {
            search::suggest(typed, &self.facts.names, nodes())
        };
        let note = match typed.trim() {
            "" => "",
            _ if self.matcher.is_active() => "",
            text if text.contains(':') => "Type what to look for after the colon.",
            _ => "Type a number to compare with, e.g. 2% or 10mb.",
        };
        let search = SearchVm {
            note: note.into(),
            total: total(&overview.tabs),
            suggestions,
        };
        if self.sent.search.as_ref() != Some(&search) {
            self.sent.search = Some(search.clone());
            out.push(ToPage::Search(Box::new(search)));
        }
    }

    fn send_cards(&mut self, now: u64, out: &mut Vec<ToPage>) {
        let queries: Vec<search::Query> = std::iter::once(&self.state.query)
            .chain(&self.state.pins)
            .filter_map(|text| search::parse(text))
            .collect();
        for card in self.state.cards.clone() {
            if card.id.starts_with(stable::MARK) && !self.link.caught_up {
                continue;
            }
            let details = self.details(&card);
            let context = card::Context {
                views: &self.catalogue.names,
                history: &self.history,
                link: &self.link,
                queries: &queries,
                now: now as f64,
            };
            let vm = match details {
                Some(details) => card::build(&card, &details, &context),
                None => card::absent(&card, self.link.caught_up, &context),
            };
            let known = self.sent.cards.iter().position(|sent| sent.card == card);
            if known.and_then(|at| self.sent.cards.get(at)) == Some(&vm) {
                continue;
            }
            match known.and_then(|at| self.sent.cards.get_mut(at)) {
                Some(sent) => *sent = vm.clone(),
                None => self.sent.cards.push(vm.clone()),
            }
            out.push(ToPage::Card(Box::new(vm)));
        }
    }

    /// A node's details: under its view's options, or, where those hide it, without any.
    #[inline(never)] // waits with the rest of the program (app/web/split.mjs)
    fn details(&mut self, card: &CardRef) -> Option<crate::model::NodeDetails> {
        let parent = choices::locate(&self.catalogue.topologies, &card.topology)?.1;
        let options = self.options(&parent);
        if let Some(details) = self.engine.details(&card.topology, &card.id, &options) {
            return Some(details);
        }
        let mut bare = Options::none();
        if self.link.hide_arguments {
            bare = bare
                .with("hideCommandLineArguments", "true")
                .with("hideEnvironmentVariables", "true");
        }
        self.engine.details(&card.topology, &card.id, &bare)
    }

    /// Finds the nodes that stable names in the state mean now.
    fn resolve_names(&mut self, out: &mut Vec<ToPage>) {
        if !self.unresolved {
            return;
        }
        let state = &self.state;
        let selected = state.selected.iter().map(|id| (state.topology.clone(), id.clone()));
        let wanted: Vec<(SmolStr, SmolStr)> = selected
            .chain(state.cards.iter().map(|card| (card.topology.clone(), card.id.clone())))
            .filter(|(_, id)| id.starts_with(stable::MARK))
            .collect();
        for (topology, name) in wanted {
            let Some(view) = self.engine.nodes(&topology, &Options::none()) else {
                continue;
            };
            if let Some(node) = view.nodes.iter().find(|node| stable::name(&topology, node).as_ref() == Some(&name)) {
                self.state.resolve(&name, &node.id);
                out.push(ToPage::Resolved { name, id: node.id.clone() });
            }
        }
        let is_name = |id: &SmolStr| id.starts_with(stable::MARK);
        self.unresolved = self
            .state
            .selected
            .iter()
            .chain(self.state.cards.iter().map(|card| &card.id))
            .any(is_name);
    }

    /// What the palette's text could lead to.
    #[inline(never)] // waits with the rest of the program (app/web/split.mjs)
    pub(super) fn jumps(&mut self) -> Vec<Jump> {
        let Some(text) = self.palette.clone() else {
            return Vec::new();
        };
        let topologies: Vec<(SmolStr, SmolStr, SmolStr)> = self
            .catalogue
            .topologies
            .iter()
            .flat_map(|top| {
                let parent = choices::id(top);
                std::iter::once((choices::id(top), parent.clone(), top.name.clone())).chain(
                    top.sub_topologies
                        .iter()
                        .map(move |sub| (choices::id(sub), parent.clone(), choices::full_name(top, sub))),
                )
            })
            .collect();
        let views: Vec<(SmolStr, Arc<View>)> = topologies
            .into_iter()
            .filter_map(|(id, parent, name)| {
                let options = self.options(&parent);
                Some((name, self.engine.nodes(&id, &options)?))
            })
            .collect();
        palette::jumps(&text, &views)
    }
}

/// Matches of the search in all views, as far as they are counted.
fn total(tabs: &[Tab]) -> u32 {
    let all = tabs.iter().flat_map(|tab| std::iter::once(tab).chain(&tab.subs));
    all.filter_map(|tab| tab.matches).sum()
}
