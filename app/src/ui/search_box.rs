//! The search box: pinned terms as chips, a live query, suggestions.

use leptos::prelude::*;
use wasm_bindgen::JsCast as _;

use super::{icons::icon, store::Store};

/// The box's id, for the shortcut that focuses it.
pub const ID: &str = "search";

/// The box.
pub fn search_box(store: Store) -> impl IntoView {
    let active = RwSignal::new(0usize);
    let open = Memo::new(move |_| {
        store.searching.get()
            && store
                .search
                .with(|search| !search.suggestions.is_empty() || !search.note.is_empty())
    });
    let query = Memo::new(move |_| store.state.with(|state| state.query.clone()));
    let pins = Memo::new(move |_| store.state.with(|state| state.pins.clone()));
    view! {
        <div class="search" role="search">
            {icon("search")}
            {move || {
                pins.get()
                    .into_iter()
                    .map(|pin| {
                        let label = format!("Remove the pinned search {pin}");
                        let gone = pin.clone();
                        view! {
                            <span class="chip">
                                <span>{pin}</span>
                                <button
                                    class="plain"
                                    aria-label=label
                                    on:click=move |_| store.update(|state| state.pins.retain(|one| *one != gone))
                                >
                                    {icon("close")}
                                </button>
                            </span>
                        }
                    })
                    .collect_view()
            }}
            <input
                id=ID
                type="text"
                role="combobox"
                autocomplete="off"
                spellcheck="false"
                aria-label="Search nodes"
                aria-expanded=move || open.get().to_string()
                aria-controls="suggestions"
                aria-autocomplete="list"
                aria-activedescendant=move || match active.get() {
                    0 => String::new(),
                    at => format!("suggestion-{at}"),
                }
                title="Plain text, field:text, or a comparison such as cpu > 2%. Enter pins it."
                placeholder=move || if pins.with(Vec::is_empty) { "Search" } else { "" }
                prop:value=query
                on:input=move |event| {
                    active.set(0);
                    let typed = event_target_value(&event);
                    store.amend(|state| state.query = typed);
                }
                on:focus=move |_| store.searching.set(true)
                on:blur=move |_| {
                    active.set(0);
                    store.searching.set(false);
                }
                on:keydown=move |event| key(store, active, &event)
            />
            {move || {
                let total = store.search.with(|search| search.total);
                (!query.with(|query| query.trim().is_empty())).then(|| {
                    view! {
                        <button
                            class="plain clear"
                            title=format!("{total} matches in all views; clear")
                            aria-label="Clear the search"
                            on:mousedown=|event| event.prevent_default()
                            on:click=move |_| store.update(|state| state.query.clear())
                        >
                            {icon("close")}
                        </button>
                    }
                })
            }}
            {move || open.get().then(|| suggestions(store, active))}
            {move || (!open.get()).then(|| view! { <kbd class="hint" aria-hidden="true">"/"</kbd> })}
        </div>
    }
}

fn suggestions(store: Store, active: RwSignal<usize>) -> impl IntoView {
    view! {
        <div class="popover suggestions">
            {move || {
                let note = store.search.with(|search| search.note.clone());
                (!note.is_empty()).then(|| view! { <p class="note">{note.to_string()}</p> })
            }}
            <ul id="suggestions" role="listbox" aria-label="Suggestions">
                {move || {
                    store
                        .search
                        .with(|search| search.suggestions.clone())
                        .into_iter()
                        .enumerate()
                        .map(|(at, suggestion)| {
                            let text = suggestion.query.to_string();
                            let chosen = text.clone();
                            view! {
                                <li
                                    id=format!("suggestion-{}", at + 1)
                                    role="option"
                                    aria-selected=move || (active.get() == at + 1).to_string()
                                    on:mousedown=move |event| {
                                        event.prevent_default();
                                        take(store, &chosen);
                                    }
                                >
                                    <code>{text}</code>
                                    <span class="kind">
                                        {suggestion.count.map_or_else(|| suggestion.kind.to_string(), |count| format!("{count} nodes"))}
                                    </span>
                                </li>
                            }
                        })
                        .collect_view()
                }}
            </ul>
        </div>
    }
}

fn take(store: Store, text: &str) {
    let text = text.to_owned();
    store.amend(|state| state.query = text);
}

fn key(store: Store, active: RwSignal<usize>, event: &web_sys::KeyboardEvent) {
    let typed = store.state.with_untracked(|state| state.query.clone());
    let count = store.search.with_untracked(|search| search.suggestions.len());
    match event.key().as_str() {
        "ArrowDown" => active.update(|at| *at = (*at + 1).min(count)),
        "ArrowUp" => active.update(|at| *at = at.saturating_sub(1)),
        "Enter" => {
            let at = active.get_untracked();
            let chosen = store
                .search
                .with_untracked(|search| search.suggestions.get(at.wrapping_sub(1)).map(|one| one.query.to_string()));
            match chosen {
                Some(text) => take(store, &text),
                None if !typed.trim().is_empty() => store.update(|state| {
                    let pin = state.query.trim().to_owned();
                    if !state.pins.contains(&pin) {
                        state.pins.push(pin);
                    }
                    state.query.clear();
                }),
                None => return,
            }
            active.set(0);
        }
        "Backspace" if typed.is_empty() => {
            store.update(|state| {
                state.pins.pop();
            });
            return;
        }
        "Escape" if !typed.is_empty() => store.update(|state| state.query.clear()),
        "Escape" => {
            if let Some(input) = event.target().and_then(|target| target.dyn_into::<web_sys::HtmlElement>().ok()) {
                drop(input.blur());
            }
        }
        _ => return,
    }
    event.prevent_default();
    event.stop_propagation();
}
