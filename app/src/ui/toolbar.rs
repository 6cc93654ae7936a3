//! The second row: views below the current one and filters; and the choice of view mode.

use leptos::prelude::*;
use smol_str::SmolStr;

use super::{
    header::{TabState, tab_buttons},
    icons::icon,
    legend, rove,
    store::Store,
};
use crate::letters::{capitalised, lower};
use crate::protocol::{Mode, OptionRow, OptionValue};

/// The row.
pub fn toolbar(store: Store) -> impl IntoView {
    let options = Memo::new(move |_| store.overview.with(|overview| overview.options.clone()));
    let family = Memo::new(move |_| {
        store.overview.with(|overview| {
            let top = overview.tabs.iter().find(|tab| tab.id == overview.parent && !tab.subs.is_empty());
            let all = top.into_iter().flat_map(|tab| std::iter::once(tab).chain(&tab.subs));
            all.map(|tab| TabState {
                chosen: tab.id == overview.current,
                ..TabState::of(tab)
            })
            .collect::<Vec<_>>()
        })
    });
    view! {
        <section class="toolbar" class:open=store.drawer aria-label="View options">
            <div class="tablist subs" role="tablist" aria-label="Grouping" on:keydown=|event| rove(&event)>
                {tab_buttons(store, family)}
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
                // A list that is open stays open while one chooses from it; buttons are made anew when what they say changes.
                <For
                    each=move || options.get()
                    key=|row| if is_list(row) { row.id.to_string() } else { format!("{row:?}") }
                    let:row
                >
                    {option_row(store, row)}
                </For>
            </div>
            <div class="spacer"></div>
            {legend::metrics(store, Mode::Resources)}
        </section>
    }
}

/// Groups with up to this many choices are shown side by side.
const MAX_SIDE_BY_SIDE: usize = 3;

fn is_list(row: &OptionRow) -> bool {
    row.union || row.values.len() > MAX_SIDE_BY_SIDE
}

fn option_row(store: Store, row: OptionRow) -> AnyView {
    if is_list(&row) {
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
    let name = capitalised(name);
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
    let open = RwSignal::new(false);
    let group = row.id.clone();
    let rows = Memo::new(move |_| {
        store
            .overview
            .with(|overview| overview.options.iter().find(|row| row.id == group).cloned().unwrap_or_default())
    });
    let typed = RwSignal::new(String::new());
    view! {
        <div
            class="dropdown"
            data-option=row.id.to_string()
            on:keydown=move |event| if event.key() == "Escape" && open.get_untracked() {
                event.stop_propagation();
                open.set(false);
            }
        >
            <button aria-haspopup="true" aria-expanded=move || open.get().to_string() on:click=move |_| open.update(|open| *open = !*open)>
                {move || rows.with(summary)}
                {icon("down")}
            </button>
            {move || open.get().then(|| {
                view! {
                    <div class="backdrop" on:click=move |_| open.set(false)></div>
                    <div class="popover choices">
                        {rows.with_untracked(|row| row.values.len() > 8).then(|| view! {
                            <input
                                type="text"
                                placeholder="Find"
                                aria-label="Find a choice"
                                autofocus
                                on:input=move |event| typed.set(event_target_value(&event).to_lowercase())
                            />
                        })}
                        {but_system(store, rows)}
                        <div class="list" role="menu" aria-label="Choices">
                            // Buttons stay while what they say changes: the one that was pressed keeps the focus.
                            <For
                                each=move || {
                                    let wanted = typed.get();
                                    let mut values = rows.with(|row| row.values.clone());
                                    values.retain(|value| wanted.is_empty() || value.label.to_lowercase().contains(&wanted));
                                    values
                                }
                                key=|value| value.value.clone()
                                let:value
                            >
                                {choice(store, rows, open, value)}
                            </For>
                        </div>
                    </div>
                }
            })}
        </div>
    }
    .into_any()
}

/// One line of a list of choices.
fn choice(store: Store, rows: Memo<OptionRow>, open: RwSignal<bool>, value: OptionValue) -> impl IntoView {
    let (id, default, union) = rows.with_untracked(|row| (row.id.clone(), row.default.clone(), row.union));
    let of = value.value.clone();
    let chosen = Memo::new(move |_| rows.with(|row| row.values.iter().any(|one| one.value == of && one.chosen)));
    view! {
        <button
            role=if union { "menuitemcheckbox" } else { "menuitemradio" }
            aria-checked=move || chosen.get().to_string()
            data-value=value.value.to_string()
            on:click=move |_| {
                choose(store, &id, &value.value, union, &default);
                if !union {
                    open.set(false);
                }
            }
        >
            <span class="tick" aria-hidden="true">{move || chosen.get().then(|| icon("check"))}</span>
            {value.label.to_string()}
        </button>
    }
}

/// Of many namespaces, those of the cluster itself are what most people want to leave out.
fn but_system(store: Store, rows: Memo<OptionRow>) -> impl IntoView {
    let is_system = |value: &str| value.starts_with("kube-");
    let applies = rows.with_untracked(|row| row.union && row.values.iter().any(|value| is_system(&value.value)));
    applies.then(|| {
        view! {
            <button
                class="more"
                on:click=move |_| {
                    let row = rows.get_untracked();
                    let parent = store.overview.with_untracked(|overview| overview.parent.clone());
                    store.update(|state| {
                        state.choose(&parent, &row.id, "", true, &row.default);
                        for value in row.values.iter().filter(|value| !value.value.is_empty() && !is_system(&value.value)) {
                            state.choose(&parent, &row.id, &value.value, true, &row.default);
                        }
                    });
                }
            >
                "All but the system's (kube-…)"
            </button>
        }
    })
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

/// Pins a metric, or lets go of it; the resource view always has one.
pub fn pin_metric(store: Store, label: &SmolStr) {
    store.update(|state| {
        let unpin = state.metric.as_ref() == Some(label) && state.mode != Mode::Resources;
        state.metric = (!unpin).then(|| label.clone());
    });
}

/// Graph, table or resources.
pub fn modes(store: Store) -> impl IntoView {
    let mode = Memo::new(move |_| store.state.with(|state| state.mode));
    let has_resources = Memo::new(move |_| store.overview.with(|overview| overview.has_resources));
    let button = move |of: Mode, name: &'static str, symbol: &'static str, key: &'static str| {
        view! {
            <button
                aria-pressed=move || (mode.get() == of).to_string()
                title=format!("View {} ({key})", lower(name))
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
