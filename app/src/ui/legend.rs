//! What stands on the map's lower edge: by which metric nodes are filled, and which networks they are attached to.

use leptos::prelude::*;
use smol_str::SmolStr;

use super::{
    css,
    icons::icon,
    rove,
    store::{Store, with_map},
    toolbar,
};
use crate::protocol::{Mode, ToWorker};
use crate::scene::gl::NetworkOverlay;

/// The legend; nothing in other modes than the map.
pub fn legend(store: Store) -> impl IntoView {
    let on_map = Memo::new(move |_| store.state.with(|state| state.mode == Mode::Graph));
    view! {
        <div class="legend" class:hidden=move || !on_map.get()>
            {networks(store)}
            <div class="legend-row">
                {metrics(store, Mode::Graph)}
                {network_toggle(store)}
            </div>
        </div>
    }
}

/// The metrics to choose from, while `of` is the mode: on the map each fills the nodes, in the resource view it is what boxes are sized by.
pub fn metrics(store: Store, of: Mode) -> impl IntoView {
    let metrics = Memo::new(move |_| store.overview.with(|overview| overview.metrics.clone()));
    let shown = Memo::new(move |_| store.overview.with(|overview| overview.metric.clone()));
    let mode = Memo::new(move |_| store.state.with(|state| state.mode));
    let visible = Memo::new(move |_| mode.get() == of && metrics.with(|metrics| !metrics.is_empty()));
    view! {
        {move || {
            visible.get().then(|| {
                view! {
                    <div
                        class="segmented metrics"
                        role="group"
                        aria-label="Metric"
                        on:mouseleave=move |_| store.tell(ToWorker::HoverMetric(None))
                        on:keydown=|event| rove(&event)
                    >
                        // Buttons stay while others come and go: the one that is pressed keeps the focus.
                        <For each=move || metrics.get() key=|metric| metric.label.clone() let:metric>
                            {metric_button(store, of, shown, metric.label)}
                        </For>
                    </div>
                }
            })
        }}
    }
}

fn metric_button(store: Store, of: Mode, shown: Memo<Option<SmolStr>>, label: SmolStr) -> impl IntoView {
    let (own, hovered, pinned, pin) = (label.clone(), label.clone(), label.clone(), label.clone());
    view! {
        <button
            data-metric=label.to_string()
            aria-pressed=move || (shown.get().as_ref() == Some(&own)).to_string()
            title=if of == Mode::Graph { "Fill nodes by this metric; click to keep it" } else { "Size boxes by this metric" }
            on:mouseenter=move |_| store.tell(ToWorker::HoverMetric(Some(hovered.clone())))
            on:click=move |_| toolbar::pin_metric(store, &pinned)
        >
            {label.to_string()}
            {move || store.state.with(|state| state.metric.as_ref() == Some(&pin)).then(|| icon("pin"))}
        </button>
    }
}

fn network_toggle(store: Store) -> impl IntoView {
    let has = Memo::new(move |_| {
        store.overview.with(|overview| !overview.networks.is_empty()) && store.state.with(|state| state.mode == Mode::Graph)
    });
    let on = Memo::new(move |_| store.state.with(|state| state.networks));
    view! {
        {move || {
            has.get().then(|| {
                view! {
                    <button

                        aria-pressed=move || on.get().to_string()
                        title="Show the networks that containers are attached to"
                        on:click=move |_| store.update(|state| {
                            state.networks = !state.networks;
                            state.network = None;
                        })
                    >
                        {icon("network")}
                        "Networks"
                    </button>
                }
            })
        }}
    }
}

/// The networks themselves.
fn networks(store: Store) -> impl IntoView {
    let hovered = RwSignal::new(None::<SmolStr>);
    let on = Memo::new(move |_| store.state.with(|state| state.networks && state.mode == Mode::Graph));
    let pinned = Memo::new(move |_| store.state.with(|state| state.network.clone()));
    let networks = Memo::new(move |_| store.overview.with(|overview| overview.networks.clone()));
    Effect::new(move |_| {
        let selected = hovered.get().or_else(|| pinned.get());
        let overlay = on.get().then(|| NetworkOverlay {
            selected: selected.map(|name| name.to_string()),
        });
        with_map(|map| map.set_networks(overlay));
    });
    view! {
        {move || {
            (on.get() && !networks.with(Vec::is_empty)).then(|| {
                view! {
                    <div class="panel networks" role="group" aria-label="Networks" on:mouseleave=move |_| hovered.set(None)>
                        {networks
                            .get()
                            .into_iter()
                            .map(|(name, colour)| {
                                let (hover, click, shown) = (name.clone(), name.clone(), name.clone());
                                view! {
                                    <button
                                        aria-pressed=move || (pinned.get().as_ref() == Some(&shown)).to_string()
                                        on:mouseenter=move |_| hovered.set(Some(hover.clone()))
                                        on:click=move |_| store.update(|state| {
                                            let unpin = state.network.as_ref() == Some(&click);
                                            state.network = (!unpin).then(|| click.clone());
                                        })
                                    >
                                        <span class="swatch" style:background=css(colour)></span>
                                        {name.to_string()}
                                    </button>
                                }
                            })
                            .collect_view()}
                    </div>
                }
            })
        }}
    }
}
