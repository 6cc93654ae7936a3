//! Keyboard shortcuts: by the character produced, never while something is being typed, never with Ctrl, Alt or Meta but for the palette.

use leptos::prelude::*;
use wasm_bindgen::JsCast as _;

use super::{
    search_box,
    store::{Overlay, Store, with_map},
    toolbar,
};
use crate::protocol::Mode;

/// All shortcuts, as help lists them.
pub const ALL: [(&str, &str); 14] = [
    ("Esc", "close what is on top"),
    ("/", "search"),
    ("Ctrl+K", "command palette"),
    ("?", "this help"),
    ("g", "graph"),
    ("t", "table"),
    ("r", "resources"),
    ("<", "previous metric"),
    (">", "next metric"),
    ("q", "let go of the metric"),
    ("p", "pause or go live"),
    ("+ -", "zoom"),
    ("0", "show everything"),
    ("Arrows, Enter", "walk over the map or the table, open a node"),
];

/// Listens to the window.
pub fn listen(store: Store) {
    std::mem::forget(window_event_listener(leptos::ev::keydown, move |event| {
        if (event.ctrl_key() || event.meta_key()) && event.key() == "k" {
            event.prevent_default();
            store.overlay.set(Overlay::Palette);
            return;
        }
        if event.ctrl_key() || event.alt_key() || event.meta_key() || event.default_prevented() {
            return;
        }
        let typing = is_editable(&event);
        if event.key() == "Escape" {
            if !typing || store.overlay.get_untracked() != Overlay::None {
                store.escape();
            }
            return;
        }
        if typing || store.overlay.get_untracked() != Overlay::None || !store.terminals.with_untracked(Vec::is_empty) {
            return;
        }
        if press(store, &event.key()) {
            event.prevent_default();
        }
    }));
}

fn press(store: Store, key: &str) -> bool {
    match key {
        "/" => {
            if let Some(input) = document().get_element_by_id(search_box::ID) {
                drop(input.unchecked_into::<web_sys::HtmlElement>().focus());
            }
        }
        "?" => store.overlay.set(Overlay::Help),
        "g" => toolbar::set_mode(store, Mode::Graph),
        "t" => toolbar::set_mode(store, Mode::Table),
        "r" => toolbar::set_mode(store, Mode::Resources),
        "<" => step_metric(store, -1),
        ">" => step_metric(store, 1),
        "q" => {
            if store.state.with_untracked(|state| state.mode == Mode::Graph) {
                store.update(|state| state.metric = None);
            }
        }
        "p" => {
            let now = crate::platform::now_text();
            store.update(|state| state.paused_at = if state.paused_at.is_some() { None } else { Some(now) });
        }
        "+" | "=" => with_map(|map| map.zoom_by(1.3)),
        "-" => with_map(|map| map.zoom_by(1.0 / 1.3)),
        "0" => with_map(crate::scene::gl::MapView::fit),
        _ => return false,
    }
    true
}

fn step_metric(store: Store, step: i32) {
    let labels = store
        .overview
        .with_untracked(|overview| overview.metrics.iter().map(|metric| metric.label.clone()).collect::<Vec<_>>());
    if labels.is_empty() || store.state.with_untracked(|state| state.mode == Mode::Table) {
        return;
    }
    let now = store
        .state
        .with_untracked(|state| state.metric.as_ref().and_then(|label| labels.iter().position(|one| one == label)));
    let next = match now {
        Some(at) => (at as i32 + step).rem_euclid(labels.len() as i32) as usize,
        None => 0,
    };
    let label = labels.get(next).cloned();
    store.update(|state| state.metric = label);
}

fn is_editable(event: &web_sys::KeyboardEvent) -> bool {
    let Some(element) = event.target().and_then(|target| target.dyn_into::<web_sys::HtmlElement>().ok()) else {
        return false;
    };
    matches!(element.tag_name().as_str(), "INPUT" | "TEXTAREA" | "SELECT") || element.is_content_editable()
}
