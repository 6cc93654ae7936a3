//! The map on its canvas, the zoom buttons, and what is said about an edge under the pointer.

use leptos::html::Canvas;
use leptos::prelude::*;
use smol_str::SmolStr;

use super::{
    icons::icon,
    store::{self, Store, with_map},
    theme,
};
use crate::platform::storage;
use crate::protocol::{Mode, ToWorker};
use crate::scene::{
    Pin,
    gl::{Events, Hover, Insets, MapView},
};

/// What is said about what lies under the pointer.
#[derive(Clone)]
struct Tip {
    text: String,
    /// The edge it is about, by the ids of its ends.
    edge: Option<(SmolStr, SmolStr)>,
    /// Its corner, CSS pixels.
    at: [f64; 2],
}

/// The canvas; it stays in place when another mode is shown, and is only hidden.
pub fn map(store: Store, mode: Memo<Mode>) -> impl IntoView {
    let canvas = NodeRef::<Canvas>::new();
    let tip = RwSignal::new(None::<Tip>);
    let failed = RwSignal::new(false);
    Effect::new(move |_| {
        let Some(element) = canvas.get() else { return };
        match MapView::mount(element, events(store, tip)) {
            Ok(map) => {
                map.set_theme(theme::resolved(store.theme.get_untracked()));
                restore_pins(store, &map);
                store::set_map(Some(map));
            }
            Err(_) => failed.set(true),
        }
    });
    let selected = Memo::new(move |_| store.state.with(|state| (state.selected.clone(), state.topology.clone())));
    let has_cards = Memo::new(move |_| store.state.with(|state| !state.cards.is_empty()));
    let resized = RwSignal::new(());
    let listener = window_event_listener(leptos::ev::resize, move |_| resized.set(()));
    on_cleanup(move || listener.remove());
    Effect::new(move |_| {
        resized.get();
        let inner = |length: Result<wasm_bindgen::JsValue, _>| length.ok().and_then(|length| length.as_f64()).unwrap_or_default();
        let (width, height) = (inner(window().inner_width()), inner(window().inner_height()));
        let wide = width > 900.0;
        let insets = Insets {
            top: 24.0,
            right: if has_cards.get() && wide { 452.0 } else { 24.0 },
            // On a phone held upright the zoom buttons take a corner that the map would reach into.
            bottom: if wide || width > height { 64.0 } else { 140.0 },
            left: 24.0,
        };
        with_map(|map| map.set_insets(insets));
    });
    Effect::new(move |_| {
        let (id, _) = selected.get();
        with_map(|map| map.set_selected(id.as_deref()));
    });
    view! {
        <canvas
            node_ref=canvas
            class="map"
            class:hidden=move || mode.get() != Mode::Graph
            tabindex="0"
            role="application"
            aria-label="Map of nodes and connections. Arrow keys move between nodes, Enter opens one."
        ></canvas>
        {move || failed.get().then(|| view! {
            <p class="note failed">"This browser gives the page no canvas to draw on. The table (t) shows the same nodes."</p>
        })}
        {move || tip.get().map(|Tip { text, edge, at: [x, y] }| view! {
            <div class="tip" role="presentation" style:left=format!("{x}px") style:top=format!("{y}px")>
                {text}
                {move || traffic(store, edge.as_ref()).map(|text| view! { <div>{text}</div> })}
            </div>
        })}
        {move || (mode.get() == Mode::Graph).then(zoom)}
    }
}

/// What is known of the traffic of an edge.
fn traffic(store: Store, edge: Option<&(SmolStr, SmolStr)>) -> Option<String> {
    let (from, to) = edge?;
    store.edge.with(|known| {
        let known = known.as_ref().filter(|known| known.from == *from && known.to == *to)?;
        (!known.text.is_empty()).then(|| known.text.clone())
    })
}

fn events(store: Store, tip: RwSignal<Option<Tip>>) -> Events {
    Events {
        select: Some(Box::new(move |id| {
            let selected = store.state.with_untracked(|state| state.selected.clone());
            match id {
                Some(id) if selected.as_deref() == Some(id.as_str()) && store.state.with_untracked(|state| state.cards.len() == 1) => {}
                Some(id) => store.update(|state| {
                    let topology = state.topology.clone();
                    state.focus(&topology, &id);
                }),
                None => store.update(crate::protocol::ViewState::close_all),
            }
        })),
        hover: Some(Box::new(move |hover, [x, y]| {
            let (text, edge) = match hover {
                Hover::Nothing | Hover::Node(_) => (None, None),
                Hover::Edge { from, to } => (
                    Some(format!("{} → {}", name_of(store, &from), name_of(store, &to))),
                    Some((SmolStr::from(from), SmolStr::from(to))),
                ),
                Hover::Cluster(count) => (Some(format!("{count} nodes; zoom in to see them")), None),
            };
            let asked = tip.with_untracked(|tip| tip.as_ref().and_then(|tip| tip.edge.clone()));
            if asked != edge {
                store.tell(ToWorker::HoverEdge(edge.clone()));
            }
            let at = [x + 12.0, y + 12.0];
            tip.set(text.map(|text| Tip { text, edge, at }));
        })),
        open: Some(Box::new(move |id| {
            store.update(|state| {
                let topology = state.topology.clone();
                state.focus(&topology, &id);
            });
        })),
        pins: Some(Box::new(move |pins| {
            keep_pins(&pins);
            store.tell(ToWorker::Pins(pins));
        })),
        camera: None,
        shape: Some(Box::new(move |aspect| store.tell(ToWorker::Canvas { aspect }))),
        announce: Some(Box::new(move |text| store.announce.set(text))),
    }
}

/// An id's readable part, unless the map knows better.
fn name_of(_store: Store, id: &str) -> String {
    store::label_of(id).unwrap_or_else(|| id.split(";<").next().unwrap_or(id).to_owned())
}

fn keep_pins(pins: &[Pin]) {
    let bytes = postcard::to_allocvec(pins).unwrap_or_default();
    let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    storage::set(storage::PINS, (!pins.is_empty()).then_some(text.as_str()));
}

fn restore_pins(store: Store, map: &MapView) {
    let Some(text) = storage::get(storage::PINS) else { return };
    let bytes: Option<Vec<u8>> = (0..text.len() / 2)
        .map(|at| u8::from_str_radix(text.get(at * 2..at * 2 + 2)?, 16).ok())
        .collect();
    if let Some(pins) = bytes.and_then(|bytes| postcard::from_bytes::<Vec<Pin>>(&bytes).ok()) {
        map.set_pins(pins.clone());
        store.tell(ToWorker::Pins(pins));
    }
}

fn zoom() -> impl IntoView {
    view! {
        <div class="panel zoom" role="group" aria-label="Zoom">
            <button title="Zoom in (+)" aria-label="Zoom in" on:click=|_| with_map(|map| map.zoom_by(1.3))>{icon("plus")}</button>
            <button title="Show everything (0)" aria-label="Fit to screen" on:click=|_| with_map(MapView::fit)>{icon("fit")}</button>
            <button title="Zoom out (-)" aria-label="Zoom out" on:click=|_| with_map(|map| map.zoom_by(1.0 / 1.3))>{icon("minus")}</button>
        </div>
    }
}
