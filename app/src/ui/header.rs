//! The top bar: name, views, search, time, palette.

use leptos::prelude::*;
use smol_str::SmolStr;

use super::{
    icons::icon,
    rove, search_box,
    store::{Overlay, Store},
    toolbar,
};
use crate::model::Stats;
use crate::platform::now_text;
use crate::protocol::Tab;

/// The bar.
pub fn header(store: Store) -> impl IntoView {
    view! {
        <header class="bar">
            <button class="skip" on:click=move |_| focus_view()>"Skip to the view"</button>
            <button class="brand" title="Scope: back to the start" on:click=move |_| store.update(|state| *state = Default::default())>
                {logo()}
                <span>"Scope"</span>
            </button>
            {tabs(store)}
            {search_box::search_box(store)}
            {toolbar::modes(store)}
            {time(store)}
            <button
                class="tool"
                title="Command palette (Ctrl+K)"
                aria-label="Command palette"
                on:click=move |_| store.overlay.set(Overlay::Palette)
            >
                {icon("command")}
            </button>
        </header>
    }
}

fn logo() -> impl IntoView {
    view! {
        <svg class="logo" viewBox="0 0 32 32" aria-hidden="true">
            <path class="logo-lines" d="M16 8 8 23M16 8l8.500 15M8 23.500h16" />
            <circle class="logo-a" cx="16" cy="8" r="5" />
            <circle class="logo-b" cx="7.500" cy="23.500" r="4.500" />
            <circle class="logo-c" cx="24.500" cy="23.500" r="4.500" />
        </svg>
    }
}

fn focus_view() {
    let target = document().query_selector("#view canvas, #view [tabindex]").ok().flatten();
    if let Some(element) = target {
        use wasm_bindgen::JsCast as _;
        let element: web_sys::HtmlElement = element.unchecked_into();
        drop(element.focus());
    }
}

fn tabs(store: Store) -> impl IntoView {
    let shown = Memo::new(move |_| {
        store.overview.with(|overview| {
            let visible = overview.tabs.iter().filter(|tab| tab.visible);
            visible
                .map(|tab| TabState {
                    chosen: tab.id == overview.parent,
                    matches: family_matches(tab),
                    ..TabState::of(tab)
                })
                .collect::<Vec<_>>()
        })
    });
    view! {
        <nav class="tabs" aria-label="Views">
            <div class="tablist" role="tablist" aria-label="Views" on:keydown=|event| rove(&event)>
                {tab_buttons(store, shown)}
            </div>
        </nav>
    }
}

/// Matches of a view and those below it; `None` without a search.
fn family_matches(tab: &Tab) -> Option<u32> {
    tab.matches
        .map(|own| own.max(tab.subs.iter().filter_map(|sub| sub.matches).max().unwrap_or_default()))
}

/// What a tab says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TabState {
    /// The view's id.
    pub id: SmolStr,
    /// Its name.
    pub name: SmolStr,
    /// Its counts.
    pub stats: Stats,
    /// Whether its view is the one shown.
    pub chosen: bool,
    /// Matches of the live search; `None` without one.
    pub matches: Option<u32>,
}

impl TabState {
    /// A tab that is not chosen.
    pub fn of(tab: &Tab) -> Self {
        Self {
            id: tab.id.clone(),
            name: tab.name.clone(),
            stats: tab.stats,
            chosen: false,
            matches: tab.matches,
        }
    }
}

/// A row of tabs. Buttons stay while their counts change, so that the focus does.
pub fn tab_buttons(store: Store, tabs: Memo<Vec<TabState>>) -> impl IntoView {
    view! {
        <For each=move || tabs.get() key=|tab| tab.id.clone() let:tab>
            {tab_button(store, tabs, tab.id)}
        </For>
    }
}

fn tab_button(store: Store, tabs: Memo<Vec<TabState>>, id: SmolStr) -> impl IntoView {
    let of = id.clone();
    let tab = Memo::new(move |_| tabs.with(|tabs| tabs.iter().find(|tab| tab.id == of).cloned().unwrap_or_default()));
    let title = move || {
        tab.with(|tab| {
            let counts = format!("Nodes: {}\nConnections: {}", tab.stats.node_count, tab.stats.edge_count);
            match tab.matches {
                Some(count) => format!("{counts}\nSearch matches: {count}"),
                None => counts,
            }
        })
    };
    view! {
        <button
            class="tab"
            class:matching=move || tab.with(|tab| tab.matches.is_some_and(|count| count > 0))
            role="tab"
            data-view=id.to_string()
            title=title
            aria-selected=move || tab.with(|tab| tab.chosen.to_string())
            tabindex=move || if tab.with(|tab| tab.chosen) { "0" } else { "-1" }
            aria-controls="view"
            on:click=move |_| store.update(|state| state.switch_topology(&id))
        >
            <span class="tab-name">{move || tab.with(|tab| tab.name.to_string())}</span>
            // While something is searched, what was found says more than what there is.
            <span
                class:found=move || tab.with(|tab| tab.matches.is_some())
                class:count=move || tab.with(|tab| tab.matches.is_none())
                class:none=move || tab.with(|tab| tab.matches == Some(0))
            >
                {move || tab.with(|tab| tab.matches.map_or(tab.stats.node_count, i64::from))}
            </span>
        </button>
    }
}

fn time(store: Store) -> impl IntoView {
    let paused = Memo::new(move |_| store.state.with(|state| state.paused_at.clone()));
    let missed = Memo::new(move |_| store.overview.with(|overview| overview.missed));
    view! {
        <div class="segmented time" role="group" aria-label="Time">
            <button
                data-time="live"
                aria-pressed=move || paused.with(Option::is_none).to_string()
                title="Follow what happens"
                on:click=move |_| store.update(|state| state.paused_at = None)
            >
                <span class="live-dot" aria-hidden="true"></span>
                "Live"
            </button>
            <button
                data-time="paused"
                aria-pressed=move || paused.with(Option::is_some).to_string()
                title=move || paused.get().map_or_else(|| "Hold this picture still (p)".to_owned(), |at| format!("Paused at {at}"))
                on:click=move |_| {
                    let now = now_text();
                    store.update(|state| state.paused_at = Some(now));
                }
            >
                {icon("pause")}
                {move || match (paused.with(Option::is_some), missed.get()) {
                    (false, _) => "Pause".to_owned(),
                    (true, 0) => "Paused".to_owned(),
                    (true, missed) => format!("Paused +{missed}"),
                }}
            </button>
        </div>
    }
}
