//! The resource view: layers of boxes on a common width that can be zoomed and panned sideways.

use leptos::html::Div;
use leptos::prelude::*;

use super::{css, icons::icon, store::Store};
use crate::protocol::{ResourceBox, ResourceLayer};

/// Boxes narrower than this are not drawn one by one: neighbours become one box that says how many they are and zooms in on them.
const MIN_WIDTH: f64 = 2.0;
/// Such a box is at least this wide, for a finger or a pointer to hit.
const CROWD_WIDTH: f64 = 34.0;
/// A pointer that moved further was dragging, not clicking.
const DRAG: f64 = 4.0;
/// The smallest part of the whole that can fill the screen.
const NARROWEST: f64 = 1e-5;
/// From here on a box has room for its name.
const LABEL_WIDTH: f64 = 50.0;

/// The view.
#[inline(never)] // waits with the rest of the program (app/web/split.mjs)
pub fn resources(store: Store) -> impl IntoView {
    // The part of the whole width that is seen: left edge and width, shares of 1.
    let seen = RwSignal::new((0.0f64, 1.0f64));
    let field = NodeRef::<Div>::new();
    let width = RwSignal::new(1000.0f64);
    let measure = move || {
        if let Some(element) = field.get_untracked() {
            width.set(f64::from(element.client_width()).max(1.0));
        }
    };
    Effect::new(move |_| {
        if field.get().is_some() {
            measure();
        }
    });
    let zoom_to = Callback::new(move |part: (f64, f64)| seen.set(part));
    let resize = window_event_listener(leptos::ev::resize, move |_| measure());
    on_cleanup(move || resize.remove());
    let drag = StoredValue::new(None::<f64>);
    let dragged = StoredValue::new(0.0f64);
    let zoom_by = move |factor: f64| seen.update(|seen| *seen = zoomed(*seen, 0.5, factor));
    view! {
        <div
            class="resources"
            role="group"
            aria-label="Resources"
            on:wheel=move |event| {
                event.prevent_default();
                let Some(element) = field.get_untracked() else { return };
                let box_ = element.get_bounding_client_rect();
                let at = ((f64::from(event.client_x()) - box_.left()) / box_.width()).clamp(0.0, 1.0);
                let factor = (f64::from(event.delta_y() as f32) * 0.0025).exp();
                seen.update(|seen| *seen = zoomed(*seen, at, factor));
            }
            on:pointerdown=move |event| {
                dragged.set_value(0.0);
                drag.set_value(Some(f64::from(event.client_x())));
            }
            on:pointermove=move |event| {
                if let Some(from) = drag.get_value()
                    && event.buttons() & 1 == 1
                {
                    let x = f64::from(event.client_x());
                    drag.set_value(Some(x));
                    dragged.update_value(|way| *way += (x - from).abs());
                    seen.update(|seen| seen.0 = (seen.0 - (x - from) / width.get_untracked() * seen.1).clamp(0.0, 1.0 - seen.1));
                }
            }
            on:pointerup=move |_| drag.set_value(None)
            on:click:capture=move |event| {
                // What ends a drag is no click on the box below the pointer.
                if dragged.get_value() > DRAG {
                    event.stop_propagation();
                    dragged.set_value(0.0);
                }
            }
            on:keydown=move |event| match event.key().as_str() {
                "+" | "=" => zoom_by(0.7),
                "-" => zoom_by(1.0 / 0.7),
                "0" => seen.set((0.0, 1.0)),
                _ => {}
            }
        >
            <div class="field" node_ref=field>
                {move || {
                    let resources = store.resources.get();
                    let selected = store.state.with(|state| state.selected.clone());
                    let seen = seen.get();
                    let width = width.get();
                    resources
                        .layers
                        .into_iter()
                        .rev()
                        .map(move |one| layer(store, one, seen, width, selected.as_deref(), zoom_to))
                        .collect_view()
                }}
            </div>
            {move || {
                let empty = store.resources.with(|resources| !resources.layers.is_empty() && resources.layers.iter().all(|layer| layer.boxes.is_empty()));
                empty.then(|| view! { <p class="note none">"No host reports this metric, so there is nothing to stack on."</p> })
            }}
            <div class="panel zoom" role="group" aria-label="Zoom">
                <button title="Zoom in (+)" aria-label="Zoom in" on:click=move |_| zoom_by(0.7)>{icon("plus")}</button>
                <button title="Show everything (0)" aria-label="Show everything" on:click=move |_| seen.set((0.0, 1.0))>{icon("fit")}</button>
                <button title="Zoom out (-)" aria-label="Zoom out" on:click=move |_| zoom_by(1.0 / 0.7)>{icon("minus")}</button>
            </div>
        </div>
    }
}

fn zoomed((left, width): (f64, f64), at: f64, factor: f64) -> (f64, f64) {
    let next = (width * factor).clamp(NARROWEST, 1.0);
    let left = (left + at * (width - next)).clamp(0.0, 1.0 - next);
    (left, next)
}

/// Boxes beside one another that are too narrow to draw: where, how many, and which part of the whole to show to see them.
struct Crowd {
    left: f64,
    right: f64,
    count: usize,
    part: (f64, f64),
}

/// Gathers narrow boxes, given as left edge and width in pixels and in shares of the whole, into crowds.
fn crowds(narrow: impl Iterator<Item = ((f64, f64), (f64, f64))>) -> Vec<Crowd> {
    let mut crowds: Vec<Crowd> = Vec::new();
    for ((left, width), (start, share)) in narrow {
        match crowds.last_mut() {
            Some(last) if left < last.left + CROWD_WIDTH => {
                last.right = left + width;
                last.count += 1;
                last.part.1 = start + share;
            }
            _ => crowds.push(Crowd {
                left,
                right: left + width,
                count: 1,
                part: (start, start + share),
            }),
        }
    }
    for crowd in &mut crowds {
        let (start, end) = crowd.part;
        let room = (end - start).max(1e-6) * 0.1;
        let start = (start - room).max(0.0);
        crowd.part = (start, (end + room - start).clamp(NARROWEST, 1.0 - start));
    }
    crowds
}

fn layer(
    store: Store,
    layer: ResourceLayer,
    seen: (f64, f64),
    width: f64,
    selected: Option<&str>,
    zoom_to: Callback<(f64, f64)>,
) -> impl IntoView + use<> {
    let place = |one: &ResourceBox| {
        let left = ((one.left - seen.0) / seen.1 * width).max(0.0);
        let right = ((one.left + one.width - seen.0) / seen.1 * width).min(width);
        (left, right - left)
    };
    let total = layer.boxes.len();
    let in_sight = layer
        .boxes
        .iter()
        .map(|one| (one, place(one)))
        .filter(|(_, (_, width))| *width > 0.0);
    let (shown, narrow): (Vec<_>, Vec<_>) = in_sight.partition(|(_, (_, width))| *width >= MIN_WIDTH);
    let crowds = crowds(narrow.iter().map(|(one, place)| (*place, (one.left, one.width))));
    let (topology, name) = (layer.topology.clone(), layer.name.to_lowercase());
    view! {
        <section class="layer" aria-label=layer.name.to_string() data-layer=layer.topology.to_string()>
            <h2>
                {layer.name.to_string()}
                <span class="count">{total}</span>
            </h2>
            <div class="boxes">
                {shown.into_iter().map(|(one, place)| single(store, &topology, one, place, selected)).collect_view()}
                {crowds
                    .into_iter()
                    .map(|crowd| {
                        let (count, part) = (crowd.count, crowd.part);
                        let text = format!("{count} {name} too narrow to draw: click to zoom in");
                        view! {
                            <button
                                class="box crowd"
                                style:left=format!("{:.1}px", crowd.left.min(width - CROWD_WIDTH))
                                style:width=format!("{:.1}px", (crowd.right - crowd.left).max(CROWD_WIDTH))
                                title=text.clone()
                                aria-label=text
                                on:click=move |_| zoom_to.run(part)
                            >
                                {format!("+{count}")}
                            </button>
                        }
                    })
                    .collect_view()}
            </div>
        </section>
    }
}

fn single(store: Store, topology: &str, one: &ResourceBox, (left, width): (f64, f64), selected: Option<&str>) -> impl IntoView + use<> {
    let (topology, id) = (topology.to_owned(), one.id.clone());
    let faded = one.faded || selected.is_some_and(|selected| selected != one.id);
    view! {
        <button
            class="box"
            class:faded=faded
            data-node=one.id.to_string()
            style:left=format!("{left:.1}px")
            style:width=format!("{width:.1}px")
            title=format!("{}: {}", one.label, one.text)
            aria-label=format!("{}: {}", one.label, one.text)
            on:click=move |_| {
                store.update(|state| {
                    if state.selected.as_ref() == Some(&id) {
                        state.close_all();
                    } else {
                        state.focus(&topology, &id);
                    }
                });
            }
        >
            <span class="fill" style:background=css(one.colour) style:height=format!("{:.1}%", one.fill * 100.0)></span>
            {(width >= LABEL_WIDTH).then(|| view! {
                <span class="caption">
                    <b>{one.label.to_string()}</b>
                    <span>{one.text.to_string()}</span>
                </span>
            })}
        </button>
    }
}
