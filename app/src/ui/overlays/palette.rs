//! The command palette: any node, view, option or command by typing part of its name.

use leptos::prelude::*;

use super::super::{
    css, details,
    icons::icon,
    store::{Overlay, Store, ThemeChoice, with_map},
    theme, toolbar,
};
use crate::protocol::{Jump, Mode, ToWorker, ViewState};
use crate::scene::gl::MapView;

/// One line of the palette.
#[derive(Clone)]
enum Entry {
    Node(Jump),
    View(String),
    Option {
        parent: String,
        group: String,
        value: String,
        union: bool,
        default: String,
    },
    Mode(Mode),
    Theme(ThemeChoice),
    Metric(smol_str::SmolStr),
    Control(Box<(crate::protocol::CardRef, smol_str::SmolStr, crate::protocol::ControlVm)>),
    Pause,
    Fit,
    Relayout,
    Tools,
    Help,
    Server,
}

/// The palette.
#[inline(never)] // waits with the rest of the program (app/web/split.mjs)
pub fn palette(store: Store) -> impl IntoView {
    let typed = RwSignal::new(String::new());
    let at = RwSignal::new(0usize);
    store.tell(ToWorker::Palette(Some(String::new())));
    store.jumps.set(Vec::new());
    let entries = Memo::new_with_compare(move |_| entries(store, &typed.get(), store.jumps.get()), |_, _| true);
    let input = NodeRef::<leptos::html::Input>::new();
    Effect::new(move |_| {
        if let Some(input) = input.get() {
            drop(input.focus());
        }
    });
    on_cleanup(move || store.tell(ToWorker::Palette(None)));
    view! {
        <div class="scrim top" on:mousedown=move |event| {
            if event.target() == event.current_target() {
                store.overlay.set(Overlay::None);
            }
        }>
            <div class="dialog palette" role="dialog" aria-modal="true" aria-label="Command palette" on:keydown=move |event| {
                let count = entries.with(|entries| entries.len());
                match event.key().as_str() {
                    "ArrowDown" => at.update(|at| *at = (*at + 1).min(count.saturating_sub(1))),
                    "ArrowUp" => at.update(|at| *at = at.saturating_sub(1)),
                    "Enter" => {
                        let chosen = entries.with(|entries| entries.get(at.get_untracked()).map(|(_, _, entry)| entry.clone()));
                        if let Some(entry) = chosen {
                            act(store, entry);
                        }
                    }
                    "Tab" => {}
                    _ => return,
                }
                event.prevent_default();
            }>
                <div class="palette-input">
                    {icon("search")}
                    <input
                        node_ref=input
                        type="text"
                        role="combobox"
                        aria-expanded="true"
                        aria-controls="palette-list"
                        aria-label="Go to a node, view, option or command"
                        placeholder="Go to a node, view, option or command"
                        aria-activedescendant=move || format!("entry-{}", at.get())
                        on:input=move |event| {
                            let text = event_target_value(&event);
                            at.set(0);
                            typed.set(text.clone());
                            store.tell(ToWorker::Palette(Some(text)));
                        }
                    />
                    <kbd>"Esc"</kbd>
                </div>
                <ul id="palette-list" role="listbox" aria-label="Results">
                    {move || {
                        entries
                            .get()
                            .into_iter()
                            .enumerate()
                            .map(|(index, (label, kind, entry))| {
                                let chosen = entry.clone();
                                let colour = if let Entry::Node(jump) = &entry { Some(css(jump.colour)) } else { None };
                                view! {
                                    <li
                                        id=format!("entry-{index}")
                                        role="option"
                                        aria-selected=move || (at.get() == index).to_string()
                                        on:mousemove=move |_| if at.get_untracked() != index { at.set(index) }
                                        on:click=move |_| act(store, chosen.clone())
                                    >
                                        {colour.map(|colour| view! { <span class="swatch" style:background=colour></span> })}
                                        <span class="name">{label}</span>
                                        <span class="kind">{kind}</span>
                                    </li>
                                }
                            })
                            .collect_view()
                    }}
                </ul>
                {move || entries.with(Vec::is_empty).then(|| view! { <p class="note">"Nothing of that name."</p> })}
            </div>
        </div>
    }
}

fn entries(store: Store, typed: &str, jumps: Vec<Jump>) -> Vec<(String, String, Entry)> {
    let wanted = typed.trim().to_lowercase();
    let words: Vec<&str> = wanted.split_whitespace().collect();
    let mut all: Vec<(String, String, Entry)> = jumps
        .into_iter()
        .map(|jump| {
            let label = if jump.minor.is_empty() {
                jump.label.to_string()
            } else {
                format!("{} – {}", jump.label, jump.minor)
            };
            (label, jump.view.to_string(), Entry::Node(jump))
        })
        .collect();
    let commands = commands(store);
    let matching = |label: &str, kind: &str| {
        let (label, kind) = (label.to_lowercase(), kind.to_lowercase());
        words.iter().all(|word| label.contains(word) || kind.contains(word))
    };
    all.extend(
        commands
            .into_iter()
            .filter(|(label, kind, _)| matching(label, kind))
            .take(if words.is_empty() { 12 } else { 20 }),
    );
    all
}

fn commands(store: Store) -> Vec<(String, String, Entry)> {
    let mut all = Vec::new();
    let mut add = |label: String, kind: &str, entry: Entry| all.push((label, kind.to_owned(), entry));
    if let Some(card) = store.state.with_untracked(|state| state.cards.last().cloned())
        && let Some(vm) = store.card(&card)
        && let crate::protocol::CardState::Ready(body) = vm.state
    {
        for control in body.controls {
            add(
                format!("{}: {}", control.human, vm.label),
                "Control",
                Entry::Control(Box::new((card.clone(), vm.label.clone(), control))),
            );
        }
    }
    let overview = store.overview.get();
    for tab in overview.tabs.iter().filter(|tab| tab.visible) {
        add(tab.name.to_string(), "View", Entry::View(tab.id.to_string()));
        for sub in &tab.subs {
            let name = if sub.name.starts_with("By ") {
                format!("{} {}", tab.name, sub.name.to_lowercase())
            } else {
                sub.name.to_string()
            };
            add(name, "View", Entry::View(sub.id.to_string()));
        }
    }
    add("Graph".into(), "View mode", Entry::Mode(Mode::Graph));
    add("Table".into(), "View mode", Entry::Mode(Mode::Table));
    if overview.has_resources {
        add("Resources".into(), "View mode", Entry::Mode(Mode::Resources));
    }
    for row in &overview.options {
        for value in &row.values {
            add(
                value.label.to_string(),
                &format!("Option: {}", row.id),
                Entry::Option {
                    parent: overview.parent.to_string(),
                    group: row.id.to_string(),
                    value: value.value.to_string(),
                    union: row.union,
                    default: row.default.to_string(),
                },
            );
        }
    }
    for metric in &overview.metrics {
        add(format!("Fill by {}", metric.label), "Metric", Entry::Metric(metric.label.clone()));
    }
    let paused = store.state.with_untracked(|state| state.paused_at.is_some());
    add(if paused { "Go live".into() } else { "Pause".into() }, "Time", Entry::Pause);
    add("Show the whole map".into(), "Map", Entry::Fit);
    add("Lay the map out afresh".into(), "Map", Entry::Relayout);
    for (choice, _, label) in ThemeChoice::ALL {
        add(format!("Theme: {label}"), "Theme", Entry::Theme(choice));
    }
    add("Save map or report".into(), "Tools", Entry::Tools);
    add("Choose server".into(), "Tools", Entry::Server);
    add("Help".into(), "Tools", Entry::Help);
    all
}

fn act(store: Store, entry: Entry) {
    store.overlay.set(Overlay::None);
    match entry {
        Entry::Node(jump) => store.update(|state| {
            state.topology.clone_from(&jump.topology);
            if state.mode == Mode::Resources {
                state.mode = Mode::Graph;
            }
            state.focus(&jump.topology, &jump.id);
        }),
        Entry::View(id) => store.update(|state| state.switch_topology(&id)),
        Entry::Option {
            parent,
            group,
            value,
            union,
            default,
        } => store.update(|state: &mut ViewState| state.choose(&parent, &group, &value, union, &default)),
        Entry::Mode(mode) => toolbar::set_mode(store, mode),
        Entry::Theme(choice) => theme::choose(store, choice),
        Entry::Metric(label) => toolbar::pin_metric(store, &label),
        Entry::Control(of) => {
            let (card, name, control) = *of;
            details::ask_or_run(store, card, name, control);
        }
        Entry::Pause => {
            let now = crate::platform::now_text();
            store.update(|state| state.paused_at = if state.paused_at.is_some() { None } else { Some(now) });
        }
        Entry::Fit => with_map(MapView::fit),
        Entry::Relayout => store.tell(ToWorker::Relayout),
        Entry::Tools => store.overlay.set(Overlay::Tools),
        Entry::Help => store.overlay.set(Overlay::Help),
        Entry::Server => store.overlay.set(Overlay::Server),
    }
}
