//! The resource view: layers of boxes on a common width that can be zoomed and panned sideways.

use leptos::html::Div;
use leptos::prelude::*;

use super::{css, store::Store};
use crate::protocol::{ResourceBox, ResourceLayer};

/// Boxes narrower than this are not made; their layer says how many.
const MIN_WIDTH: f64 = 1.5;
/// From here on a box has room for its name.
const LABEL_WIDTH: f64 = 50.0;

/// The view.
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
    let resize = window_event_listener(leptos::ev::resize, move |_| measure());
    on_cleanup(move || resize.remove());
    let drag = StoredValue::new(None::<f64>);
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
            on:pointerdown=move |event| drag.set_value(Some(f64::from(event.client_x())))
            on:pointermove=move |event| {
                if let Some(from) = drag.get_value()
                    && event.buttons() & 1 == 1
                {
                    let x = f64::from(event.client_x());
                    drag.set_value(Some(x));
                    seen.update(|seen| seen.0 = (seen.0 - (x - from) / width.get_untracked() * seen.1).clamp(0.0, 1.0 - seen.1));
                }
            }
            on:pointerup=move |_| drag.set_value(None)
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
                        .map(move |one| layer(store, one, seen, width, selected.as_deref()))
                        .collect_view()
                }}
            </div>
            {move || {
                let empty = store.resources.with(|resources| !resources.layers.is_empty() && resources.layers.iter().all(|layer| layer.boxes.is_empty()));
                empty.then(|| view! { <p class="note none">"No host reports this metric, so there is nothing to stack on."</p> })
            }}
        </div>
    }
}

fn zoomed((left, width): (f64, f64), at: f64, factor: f64) -> (f64, f64) {
    let next = (width * factor).clamp(0.0005, 1.0);
    let left = (left + at * (width - next)).clamp(0.0, 1.0 - next);
    (left, next)
}

fn layer(store: Store, layer: ResourceLayer, seen: (f64, f64), width: f64, selected: Option<&str>) -> impl IntoView + use<> {
    let place = |one: &ResourceBox| {
        let left = ((one.left - seen.0) / seen.1 * width).max(0.0);
        let right = ((one.left + one.width - seen.0) / seen.1 * width).min(width);
        (left, right - left)
    };
    let total = layer.boxes.len();
    let shown: Vec<(ResourceBox, (f64, f64))> = layer
        .boxes
        .iter()
        .map(|one| (one.clone(), place(one)))
        .filter(|(_, (_, width))| *width >= MIN_WIDTH)
        .collect();
    let in_sight = layer.boxes.iter().filter(|one| place(one).1 > 0.0).count();
    let small = in_sight - shown.len();
    let topology = layer.topology.clone();
    let any_selected = selected.is_some();
    view! {
        <section class="layer" aria-label=layer.name.to_string() data-layer=layer.topology.to_string()>
            <h2>
                {layer.name.to_string()}
                <span class="count">{total}</span>
                {(small > 0).then(|| view! { <span class="minor">{format!("{small} too narrow; zoom in")}</span> })}
            </h2>
            <div class="boxes">
                {shown
                    .into_iter()
                    .map(|(one, (left, width))| {
                        let id = one.id.clone();
                        let topology = topology.clone();
                        let faded = one.faded || (any_selected && selected != Some(one.id.as_str()));
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
                                    let (topology, id) = (topology.clone(), id.clone());
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
                    })
                    .collect_view()}
            </div>
        </section>
    }
}
