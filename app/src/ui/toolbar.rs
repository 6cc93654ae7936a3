//! The second row: views below the current one, filters, metrics, view modes; and the networks' panel on the map.

use leptos::prelude::*;
use smol_str::SmolStr;

use super::{
    css,
    header::tab_button,
    icons::icon,
    rove,
    store::{Store, with_map},
};
use crate::protocol::{Mode, OptionRow, ToWorker};
use crate::scene::gl::NetworkOverlay;

/// The row.
pub fn toolbar(store: Store) -> impl IntoView {
    let options = Memo::new(move |_| store.overview.with(|overview| overview.options.clone()));
    let family = Memo::new(move |_| {
        store.overview.with(|overview| {
            let tab = overview.tabs.iter().find(|tab| tab.id == overview.parent).cloned();
            (tab, overview.current.clone())
        })
    });
    view! {
        <section class="toolbar" class:open=store.drawer aria-label="View options">
            <div class="tablist subs" role="tablist" aria-label="Grouping" on:keydown=|event| rove(&event)>
                {move || {
                    let (tab, current) = family.get();
                    tab.filter(|tab| !tab.subs.is_empty())
                        .map(|mut tab| {
                            let subs = std::mem::take(&mut tab.subs);
                            std::iter::once(tab)
                                .chain(subs)
                                .map(|tab| {
                                    let (chosen, matches) = (tab.id == current, tab.matches);
                                    tab_button(store, tab, chosen, matches)
                                })
                                .collect_view()
                        })
                }}
            </div>
            <button
                class="tool only-small"
                aria-expanded=move || store.drawer.get().to_string()
                on:click=move |_| store.drawer.update(|open| *open = !*open)
            >
                {icon("filter")}
                "Options"
            </button>
            <div class="filters" role="group" aria-label="Filters">
                {move || options.get().into_iter().map(|row| option_row(store, row)).collect_view()}
            </div>
            <div class="spacer"></div>
            {metrics(store)}
            {network_toggle(store)}
        </section>
    }
}

/// Groups with up to this many choices are shown side by side.
const MAX_SIDE_BY_SIDE: usize = 3;

fn option_row(store: Store, row: OptionRow) -> AnyView {
    if row.union || row.values.len() > MAX_SIDE_BY_SIDE {
        return option_popover(store, row);
    }
    if let [show, hide] = row.values.as_slice()
        && show.value == "show"
        && hide.value == "hide"
    {
        return option_toggle(store, &row, &show.label, show.chosen);
    }
    let id = row.id.clone();
    view! {
        <div class="segmented" role="group" aria-label=row.id.to_string() data-option=row.id.to_string() on:keydown=|event| rove(&event)>
            {row
                .values
                .into_iter()
                .map(|value| {
                    let (id, default) = (id.clone(), row.default.clone());
                    let (label, chosen) = (short(&value.label), value.chosen);
                    view! {
                        <button
                            title=value.label.to_string()
                            aria-label=value.label.to_string()
                            aria-pressed=chosen.to_string()
                            data-value=value.value.to_string()
                            on:click=move |_| choose(store, &id, &value.value, false, &default)
                        >
                            {label}
                        </button>
                    }
                })
                .collect_view()}
        </div>
    }
    .into_any()
}

/// A choice between showing and hiding something is one button.
fn option_toggle(store: Store, row: &OptionRow, label: &str, shown: bool) -> AnyView {
    let (id, default) = (row.id.clone(), row.default.clone());
    let next: SmolStr = if shown { "hide" } else { "show" }.into();
    let name = label.strip_prefix("Show ").unwrap_or(label);
    let mut letters = name.chars();
    let name: String = letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default();
    view! {
        <button
            data-option=row.id.to_string()
            data-value=next.to_string()
            aria-pressed=shown.to_string()
            title=if shown { format!("{name}: shown; click to hide") } else { format!("{name}: hidden; click to show") }
            on:click=move |_| choose(store, &id, &next, false, &default)
        >
            {name.clone()}
        </button>
    }
    .into_any()
}

/// `Application containers` is `Application` where the tab says what it is about.
fn short(label: &str) -> String {
    label.strip_suffix(" containers").unwrap_or(label).to_owned()
}

fn choose(store: Store, group: &SmolStr, value: &SmolStr, union: bool, default: &SmolStr) {
    let parent = store.overview.with_untracked(|overview| overview.parent.clone());
    store.update(|state| state.choose(&parent, group, value, union, default));
}

fn option_popover(store: Store, row: OptionRow) -> AnyView {
    // Kept by group in the store's state would survive nothing more: a popover closes when one leaves it.
    let open = RwSignal::new(false);
    let group = row.id.clone();
    let rows = Memo::new(move |_| {
        store
            .overview
            .with(|overview| overview.options.iter().find(|row| row.id == group).cloned().unwrap_or_default())
    });
    let typed = RwSignal::new(String::new());
    view! {
        <div class="dropdown" data-option=row.id.to_string()>
            <button aria-haspopup="true" aria-expanded=move || open.get().to_string() on:click=move |_| open.update(|open| *open = !*open)>
                {move || rows.with(summary)}
                {icon("down")}
            </button>
            {move || open.get().then(|| {
                view! {
                    <div class="backdrop" on:click=move |_| open.set(false)></div>
                    <div class="popover choices" on:keydown=move |event| if event.key() == "Escape" { event.stop_propagation(); open.set(false); }>
                        {rows.with(|row| row.values.len() > 8).then(|| view! {
                            <input
                                type="text"
                                placeholder="Find"
                                aria-label="Find a choice"
                                autofocus
                                on:input=move |event| typed.set(event_target_value(&event).to_lowercase())
                            />
                        })}
                        <div class="list">
                            {move || {
                                let row = rows.get();
                                let wanted = typed.get();
                                row.values
                                    .into_iter()
                                    .filter(|value| wanted.is_empty() || value.label.to_lowercase().contains(&wanted))
                                    .map(|value| {
                                        let (id, default, union) = (row.id.clone(), row.default.clone(), row.union);
                                        let chosen = value.chosen;
                                        view! {
                                            <button
                                                role=if union { "menuitemcheckbox" } else { "menuitemradio" }
                                                aria-checked=chosen.to_string()
                                                data-value=value.value.to_string()
                                                on:click=move |_| {
                                                    choose(store, &id, &value.value, union, &default);
                                                    if !union { open.set(false); }
                                                }
                                            >
                                                <span class="tick" aria-hidden="true">{chosen.then(|| icon("check"))}</span>
                                                {value.label.to_string()}
                                            </button>
                                        }
                                    })
                                    .collect_view()
                            }}
                        </div>
                    </div>
                }
            })}
        </div>
    }
    .into_any()
}

/// What a closed popover says.
fn summary(row: &OptionRow) -> String {
    let chosen: Vec<&str> = row
        .values
        .iter()
        .filter(|value| value.chosen)
        .map(|value| value.label.as_str())
        .collect();
    match chosen.as_slice() {
        [] => row.id.to_string(),
        [one] => (*one).to_owned(),
        [one, rest @ ..] => format!("{one} +{}", rest.len()),
    }
}

fn metrics(store: Store) -> impl IntoView {
    let metrics = Memo::new(move |_| store.overview.with(|overview| overview.metrics.clone()));
    let shown = Memo::new(move |_| store.overview.with(|overview| overview.metric.clone()));
    let mode = Memo::new(move |_| store.state.with(|state| state.mode));
    view! {
        {move || {
            let metrics = metrics.get();
            (mode.get() != Mode::Table && !metrics.is_empty()).then(|| {
                view! {
                    <div
                        class="segmented metrics"
                        role="group"
                        aria-label="Metric"
                        on:mouseleave=move |_| store.tell(ToWorker::HoverMetric(None))
                        on:keydown=|event| rove(&event)
                    >
                        {metrics
                            .into_iter()
                            .map(|metric| {
                                let (label, hovered, pinned) = (metric.label.clone(), metric.label.clone(), metric.label.clone());
                                view! {
                                    <button
                                        data-metric=metric.label.to_string()
                                        aria-pressed=move || (shown.get().as_ref() == Some(&label)).to_string()
                                        title="Fill nodes by this metric; click to keep it"
                                        on:mouseenter=move |_| store.tell(ToWorker::HoverMetric(Some(hovered.clone())))
                                        on:click=move |_| pin_metric(store, &pinned)
                                    >
                                        {metric.label.to_string()}
                                        {
                                            let of = metric.label.clone();
                                            move || store.state.with(|state| state.metric.as_ref() == Some(&of)).then(|| icon("pin"))
                                        }
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

/// Pins a metric, or lets go of it; the resource view always has one.
pub fn pin_metric(store: Store, label: &SmolStr) {
    store.update(|state| {
        let unpin = state.metric.as_ref() == Some(label) && state.mode != Mode::Resources;
        state.metric = (!unpin).then(|| label.clone());
    });
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
                        class="tool"
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

/// The panel of networks on the map.
pub fn networks(store: Store) -> impl IntoView {
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

/// Graph, table or resources.
pub fn modes(store: Store) -> impl IntoView {
    let mode = Memo::new(move |_| store.state.with(|state| state.mode));
    let has_resources = Memo::new(move |_| store.overview.with(|overview| overview.has_resources));
    let button = move |of: Mode, name: &'static str, symbol: &'static str, key: &'static str| {
        view! {
            <button
                aria-pressed=move || (mode.get() == of).to_string()
                title=format!("View {} ({key})", name.to_lowercase())
                aria-label=name
                disabled=move || of == Mode::Resources && !has_resources.get()
                on:click=move |_| set_mode(store, of)
            >
                {icon(symbol)}
                <span class="wide">{name}</span>
            </button>
        }
    };
    view! {
        <div class="segmented modes" role="group" aria-label="View mode" on:keydown=|event| rove(&event)>
            {button(Mode::Graph, "Graph", "graph", "g")}
            {button(Mode::Table, "Table", "table", "t")}
            {button(Mode::Resources, "Resources", "bars", "r")}
        </div>
    }
}

/// Changes the view mode; without a resource view there is none to go to.
pub fn set_mode(store: Store, mode: Mode) {
    if mode == Mode::Resources && !store.overview.with_untracked(|overview| overview.has_resources) {
        return;
    }
    store.update(|state| state.mode = mode);
}
