//! What the page knows, as signals, and the few ways in which it changes: by the worker's messages, by people, by the address.

use std::cell::RefCell;
use std::collections::HashMap;

use leptos::prelude::*;
use smol_str::SmolStr;

use super::map_text;
use crate::link::{self, Link};
use crate::platform::{address, files, storage, worker::WorkerLink};
use crate::protocol::{
    CardRef, CardState, CardVm, EdgeVm, Jump, LinkVm, Overview, PipeRef, ResourcesVm, SearchVm, TableVm, ToPage, ToWorker, ViewState,
};
use crate::scene::{Matches, MetricLayer, SceneData, gl::MapView};

thread_local! {
    static WORKER: RefCell<Option<WorkerLink>> = const { RefCell::new(None) };
    static MAP: RefCell<Option<MapView>> = const { RefCell::new(None) };
    static LAST_SCENE: RefCell<LastScene> = RefCell::new(LastScene::default());
}

/// What the map was given last, for when it is mounted again.
#[derive(Default)]
struct LastScene {
    scene: Option<SceneData>,
    metric: Option<MetricLayer>,
    matches: Option<Matches>,
}

/// What lies over the page.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Overlay {
    /// Nothing.
    #[default]
    None,
    /// Help.
    Help,
    /// Troubleshooting.
    Tools,
    /// Command palette.
    Palette,
    /// Choice of server and subset of probes.
    Server,
    /// Probes and plugins.
    Probes,
    /// A question before a control is carried out.
    Confirm(Box<Question>),
}

/// A question before something that hurts.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// What is asked.
    pub text: String,
    /// Label of the button that does it.
    pub action: String,
    /// What it does.
    pub control: crate::protocol::ControlVm,
    /// The card it was asked from.
    pub card: CardRef,
    /// Name of the node.
    pub name: SmolStr,
}

/// A short message in a corner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toast {
    /// Key.
    pub id: u32,
    /// Text.
    pub text: String,
    /// Something went wrong.
    pub error: bool,
}

/// Colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ThemeChoice {
    /// As the system is.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
    /// High contrast.
    Contrast,
}

impl ThemeChoice {
    /// All, with the names they are kept and shown by.
    pub const ALL: [(Self, &'static str, &'static str); 4] = [
        (Self::System, "system", "System"),
        (Self::Light, "light", "Light"),
        (Self::Dark, "dark", "Dark"),
        (Self::Contrast, "contrast", "High contrast"),
    ];
}

/// Everything the components share. Copies are handles of the same signals.
#[derive(Clone, Copy)]
pub struct Store {
    /// What a person looks at.
    pub state: RwSignal<ViewState>,
    /// The connection.
    pub link: RwSignal<LinkVm>,
    /// What surrounds the view.
    pub overview: RwSignal<Overview>,
    /// Whether the worker has said anything about views yet.
    pub loaded: RwSignal<bool>,
    /// The map in words.
    pub words: RwSignal<Vec<map_text::Entry>>,
    /// What goes over the edge under the pointer, as last heard.
    pub edge: RwSignal<Option<EdgeVm>>,
    /// The table's window.
    pub table: RwSignal<TableVm>,
    /// The resource view.
    pub resources: RwSignal<ResourcesVm>,
    /// Cards by what they show.
    pub cards: RwSignal<Vec<CardVm>>,
    /// What there is to say about the search.
    pub search: RwSignal<SearchVm>,
    /// What the palette found.
    pub jumps: RwSignal<Vec<Jump>>,
    /// What lies over the page.
    pub overlay: RwSignal<Overlay>,
    /// Messages.
    pub toasts: RwSignal<Vec<Toast>>,
    /// Controls under way: `(node, control)`.
    pub pending: RwSignal<Vec<(SmolStr, SmolStr)>>,
    /// Open terminals.
    pub terminals: RwSignal<Vec<PipeRef>>,
    /// The terminal in front.
    pub front: RwSignal<String>,
    /// Colours.
    pub theme: RwSignal<ThemeChoice>,
    /// Text for the live region.
    pub announce: RwSignal<String>,
    /// Where the server is; `None` shows files only.
    pub server: RwSignal<Option<String>>,
    /// Whether the search box has the focus.
    pub searching: RwSignal<bool>,
    /// Whether the options are open on small screens.
    pub drawer: RwSignal<bool>,
    stable: StoredValue<HashMap<SmolStr, SmolStr>>,
    written: StoredValue<String>,
    toast_count: StoredValue<u32>,
}

impl Store {
    /// A store with the state that the address or the browser's storage names.
    pub fn new() -> Self {
        Self {
            state: RwSignal::new(ViewState::default()),
            link: RwSignal::default(),
            overview: RwSignal::default(),
            loaded: RwSignal::new(false),
            words: RwSignal::default(),
            edge: RwSignal::default(),
            table: RwSignal::default(),
            resources: RwSignal::default(),
            cards: RwSignal::default(),
            search: RwSignal::default(),
            jumps: RwSignal::default(),
            overlay: RwSignal::default(),
            toasts: RwSignal::default(),
            pending: RwSignal::default(),
            terminals: RwSignal::default(),
            front: RwSignal::default(),
            theme: RwSignal::default(),
            announce: RwSignal::default(),
            server: RwSignal::default(),
            searching: RwSignal::new(false),
            drawer: RwSignal::new(false),
            stable: StoredValue::default(),
            written: StoredValue::default(),
            toast_count: StoredValue::default(),
        }
    }

    /// Gives the store its worker.
    pub fn attach(self, worker: WorkerLink) {
        WORKER.set(Some(worker));
    }

    /// Tells the worker something.
    pub fn tell(self, message: ToWorker) {
        WORKER.with_borrow(|worker| {
            if let Some(worker) = worker {
                worker.send(&message);
            }
        });
    }

    /// Changes the state by a person's doing: a new entry of the history.
    pub fn update(self, change: impl FnOnce(&mut ViewState)) {
        self.change(change, false);
    }

    /// Changes the state without a new entry of the history: while typing, or when a link is only completed.
    pub fn amend(self, change: impl FnOnce(&mut ViewState)) {
        self.change(change, true);
    }

    fn change(self, change: impl FnOnce(&mut ViewState), replace: bool) {
        let mut next = self.state.get_untracked();
        change(&mut next);
        if next == self.state.get_untracked() {
            return;
        }
        self.forget_cards(&next);
        self.state.set(next.clone());
        self.write_link(replace);
        self.tell(ToWorker::State(Box::new(next)));
    }

    fn forget_cards(self, next: &ViewState) {
        self.cards.update(|cards| cards.retain(|known| next.cards.contains(&known.card)));
    }

    /// The fragment of a state, with lasting names for ids that have one.
    pub fn fragment_of(self, state: &ViewState) -> String {
        let mut named = state.clone();
        let ids: Vec<SmolStr> = state
            .selected
            .iter()
            .chain(state.cards.iter().map(|card| &card.id))
            .cloned()
            .collect();
        self.stable.with_value(|stable| {
            for id in ids {
                if let Some(name) = stable.get(&id) {
                    named.resolve(&id, name);
                }
            }
        });
        link::write(&named)
    }

    fn write_link(self, replace: bool) {
        let fragment = self.fragment_of(&self.state.get_untracked());
        if self.written.get_value() == fragment {
            return;
        }
        address::write(&fragment, replace);
        storage::set(storage::VIEW, Some(&fragment));
        self.written.set_value(fragment);
    }

    /// Takes the state from the address: at the start, and when people go back or forth.
    pub fn follow_address(self, first: bool) {
        let fragment = address::fragment();
        let stored = || storage::get(storage::VIEW).map(|kept| link::read(&kept));
        let read = match link::read(&fragment) {
            Link::Empty if first => stored().unwrap_or(Link::Empty),
            other => other,
        };
        let state = match read {
            Link::State(state) => *state,
            Link::Unreadable => {
                self.toast("This link could not be read; here is the default view instead.", true);
                ViewState::default()
            }
            Link::Empty | Link::Terminal(_) => ViewState::default(),
        };
        if let Some(pipe) = state.pipe.clone() {
            self.show_terminal(pipe);
        }
        self.forget_cards(&state);
        self.written.set_value(fragment);
        self.state.set(state.clone());
        // The next empty address shows what was looked at last, however one came there.
        storage::set(storage::VIEW, Some(&self.fragment_of(&state)));
        if first {
            self.write_link(true);
        }
        self.tell(ToWorker::State(Box::new(state)));
    }

    /// Takes a message of the worker.
    pub fn receive(self, message: ToPage) {
        match message {
            ToPage::Link(link) => self.link.set(*link),
            ToPage::Overview(overview) => self.receive_overview(*overview),
            ToPage::Scene(scene) => {
                with_map(|map| map.set_scene((*scene).clone()));
                let words = map_text::entries(&scene);
                // Most scenes move nodes and say nothing new.
                if self.words.with_untracked(|known| *known != words) {
                    self.words.set(words);
                }
                LAST_SCENE.with_borrow_mut(|last| last.scene = Some(*scene));
            }
            ToPage::Metric(layer) => {
                with_map(|map| map.set_metrics(layer.clone()));
                LAST_SCENE.with_borrow_mut(|last| last.metric = layer);
            }
            ToPage::Matches(matches) => {
                with_map(|map| map.set_matches(matches.clone()));
                LAST_SCENE.with_borrow_mut(|last| last.matches = matches);
            }
            ToPage::Edge(edge) => self.edge.set(Some(edge)),
            ToPage::Table(table) => self.table.set(*table),
            ToPage::Resources(resources) => self.resources.set(*resources),
            ToPage::Card(card) => self.receive_card(*card),
            ToPage::Search(search) => self.search.set(*search),
            ToPage::Palette(jumps) => self.jumps.set(jumps),
            ToPage::Resolved { name, id } => {
                self.stable.update_value(|stable| {
                    stable.insert(id.clone(), name.clone());
                });
                self.cards.update(|cards| cards.retain(|known| known.card.id != name));
                self.amend(|state| state.resolve(&name, &id));
            }
            ToPage::RawReport(json) => files::save("scope-report.json", "application/json", &json),
            ToPage::Notice(text) => {
                let bad = text.contains("not ") || text.contains("no report");
                self.toast(&text, bad);
            }
        }
    }

    fn receive_overview(self, overview: Overview) {
        // An answer to what was asked before decides nothing: two of them under way would chase each other for ever.
        let first = !overview.current.is_empty()
            && overview.asked != overview.current
            && self.state.with_untracked(|state| state.topology == overview.asked);
        let current = overview.current.clone();
        self.overview.set(overview);
        self.loaded.set(true);
        if first {
            self.amend(|state| state.topology = current);
        }
    }

    fn receive_card(self, vm: CardVm) {
        if !self.state.with_untracked(|state| state.cards.contains(&vm.card)) {
            return;
        }
        if !vm.stable.is_empty() && self.stable.with_value(|stable| stable.get(&vm.card.id) != Some(&vm.stable)) {
            self.stable.update_value(|stable| {
                stable.insert(vm.card.id.clone(), vm.stable.clone());
            });
            self.write_link(true);
        }
        self.cards
            .update(|cards| match cards.iter_mut().find(|known| known.card == vm.card) {
                // A node that vanished is shown as it was last, and marked.
                Some(known) if matches!(vm.state, CardState::Gone) && matches!(known.state, CardState::Ready(_)) => known.gone = true,
                Some(known) => *known = vm,
                None => cards.push(vm),
            });
    }

    /// Says something in a corner; errors stay longer.
    pub fn toast(self, text: &str, error: bool) {
        let id = self.toast_count.get_value();
        self.toast_count.set_value(id + 1);
        self.toasts.update(|toasts| {
            toasts.push(Toast {
                id,
                text: text.to_owned(),
                error,
            });
            if toasts.len() > 5 {
                toasts.remove(0);
            }
        });
        let toasts = self.toasts;
        gloo_timers::callback::Timeout::new(if error { 10_000 } else { 4_000 }, move || {
            toasts.update(|toasts| toasts.retain(|toast| toast.id != id));
        })
        .forget();
    }

    /// Opens a terminal, or brings it to the front.
    pub fn show_terminal(self, pipe: PipeRef) {
        self.front.set(pipe.id.clone());
        self.terminals.update(|terminals| {
            if !terminals.iter().any(|open| open.id == pipe.id) {
                terminals.push(pipe);
            }
        });
    }

    /// Escape: closes what is nearest to the person.
    pub fn escape(self) {
        if self.overlay.get_untracked() != Overlay::None {
            self.overlay.set(Overlay::None);
        } else if self.drawer.get_untracked() {
            self.drawer.set(false);
        } else if self.terminals.with_untracked(Vec::is_empty)
            && let Some(top) = self.state.with_untracked(|state| state.cards.last().cloned())
        {
            self.update(|state| state.close_card(&top));
        } else if self.terminals.with_untracked(Vec::is_empty) {
            self.update(ViewState::close_all);
        }
    }

    /// The card of a reference, as far as it is known.
    pub fn card(self, card: &CardRef) -> Option<CardVm> {
        self.cards.with(|cards| cards.iter().find(|known| known.card == *card).cloned())
    }
}

/// Does something with the map, if it is there.
pub fn with_map(act: impl FnOnce(&MapView)) {
    // Cloned first: the map may call back into the page, and the page here again.
    let map = MAP.with_borrow(Clone::clone);
    if let Some(map) = map {
        act(&map);
    }
}

/// Puts a map in place and gives it what the last one showed; `None` removes it.
pub fn set_map(map: Option<MapView>) {
    if let Some(map) = &map {
        LAST_SCENE.with_borrow(|last| {
            if let Some(scene) = &last.scene {
                map.set_scene(scene.clone());
            }
            map.set_metrics(last.metric.clone());
            map.set_matches(last.matches.clone());
        });
    }
    MAP.set(map);
}

/// The name of a node on the map.
pub fn label_of(id: &str) -> Option<String> {
    LAST_SCENE.with_borrow(|last| {
        last.scene
            .as_ref()?
            .nodes
            .iter()
            .find(|node| node.id == id)
            .map(|node| node.label.to_string())
    })
}
