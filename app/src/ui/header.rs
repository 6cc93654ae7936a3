//! The top bar: name, views, search, time, palette.

use leptos::prelude::*;

use super::{
    icons::icon,
    rove, search_box,
    store::{Overlay, Store},
    toolbar,
};
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
    let tabs = Memo::new(move |_| store.overview.with(|overview| (overview.tabs.clone(), overview.parent.clone())));
    view! {
        <nav class="tabs" aria-label="Views">
            <div class="tablist" role="tablist" aria-label="Views" on:keydown=|event| rove(&event)>
                {move || {
                    let (tabs, parent) = tabs.get();
                    tabs.into_iter()
                        .filter(|tab| tab.visible)
                        .map(|tab| {
                            let chosen = tab.id == parent;
                            let matches: Option<u32> = family_matches(&tab);
                            tab_button(store, tab, chosen, matches)
                        })
                        .collect_view()
                }}
            </div>
        </nav>
    }
}

/// Matches of a view and those below it; `None` without a search.
fn family_matches(tab: &Tab) -> Option<u32> {
    tab.matches
        .map(|own| own.max(tab.subs.iter().filter_map(|sub| sub.matches).max().unwrap_or_default()))
}

/// One tab.
pub fn tab_button(store: Store, tab: Tab, chosen: bool, matches: Option<u32>) -> impl IntoView {
    let id = tab.id.clone();
    let stats = tab.stats;
    let found = matches.unwrap_or_default();
    let title = match matches {
        Some(count) => format!(
            "Nodes: {}\nConnections: {}\nSearch matches: {count}",
            stats.node_count, stats.edge_count
        ),
        None => format!("Nodes: {}\nConnections: {}", stats.node_count, stats.edge_count),
    };
    view! {
        <button
            class="tab"
            class:matching=found.gt(&0)
            role="tab"
            data-view=tab.id.to_string()
            title=title
            aria-selected=chosen.to_string()
            tabindex=if chosen { "0" } else { "-1" }
            aria-controls="view"
            on:click=move |_| {
                let id = id.clone();
                store.update(|state| state.switch_topology(&id));
            }
        >
            <span class="tab-name">{tab.name.to_string()}</span>
            {match matches {
                // While something is searched, what was found says more than what there is.
                Some(count) => view! { <span class="found" class:none=count.eq(&0)>{count}</span> }.into_any(),
                None => view! { <span class="count">{stats.node_count}</span> }.into_any(),
            }}
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
