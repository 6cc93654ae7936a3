//! The details panel: cards that stack, the last on top, those below as titles to come back to.

mod chart;
mod controls;
mod lists;

pub use controls::{ask_or_run, request, run as run_control};

use leptos::prelude::*;
use smol_str::SmolStr;
use std::collections::BTreeSet;

use super::{css, icons::icon, marked, store::Store};
use crate::protocol::{CardBody, CardRef, CardState, CardVm, InfoRow, NodeLink};

/// What is open in a card: sections unfolded, the metric charted, how lists are sorted. It outlives each re-rendering of the card.
#[derive(Clone, Copy)]
pub struct CardUi {
    /// Sections shown in full.
    pub unfolded: RwSignal<BTreeSet<SmolStr>>,
    /// The metric shown as a larger chart.
    pub chart: RwSignal<Option<SmolStr>>,
    /// Where the pointer is on that chart, a share of its width.
    pub pointer: RwSignal<Option<f64>>,
    /// Sort order of lists by their id: column and direction.
    pub sorts: RwSignal<std::collections::BTreeMap<SmolStr, (usize, bool)>>,
}

impl CardUi {
    fn new() -> Self {
        Self {
            unfolded: RwSignal::default(),
            chart: RwSignal::default(),
            pointer: RwSignal::default(),
            sorts: RwSignal::default(),
        }
    }

    /// Folds or unfolds a section.
    pub fn toggle(self, id: &SmolStr) {
        self.unfolded.update(|open| {
            if !open.remove(id) {
                open.insert(id.clone());
            }
        });
    }
}

/// The panel; nothing when no card is open.
pub fn stack(store: Store) -> impl IntoView {
    let cards = Memo::new(move |_| store.state.with(|state| state.cards.clone()));
    let top = Memo::new(move |_| cards.with(|cards| cards.last().cloned()));
    view! {
        {move || {
            top.get().map(|top| {
                let ui = CardUi::new();
                let shown = top.clone();
                let vm = Memo::new(move |_| store.card(&shown));
                view! {
                    <aside class="details" aria-label="Details">
                        {move || below(store, &cards.get())}
                        {move || match vm.get() {
                            Some(vm) => card(store, vm, ui).into_any(),
                            None => waiting(store, &top).into_any(),
                        }}
                    </aside>
                }
            })
        }}
    }
}

/// Titles of the cards below the top one.
#[inline(never)] // waits with the rest of the program (app/web/split.mjs)
fn below(store: Store, cards: &[CardRef]) -> impl IntoView + use<> {
    let covered: Vec<CardRef> = cards.iter().rev().skip(1).rev().cloned().collect();
    (!covered.is_empty()).then(|| {
        view! {
            <nav class="below" aria-label="Cards below">
                {covered
                    .into_iter()
                    .map(|card| {
                        let name = store.card(&card).map(|vm| vm.label).filter(|label| !label.is_empty()).unwrap_or_else(|| card.id.clone());
                        let colour = store.card(&card).map(|vm| css(vm.header)).unwrap_or_default();
                        let (raise, close) = (card.clone(), card);
                        view! {
                            <div class="crumb" style:background=colour>
                                <button title=name.to_string() on:click=move |_| store.update(|state| state.push_card(&raise.topology, &raise.id))>
                                    {name.to_string()}
                                </button>
                                <button
                                    class="plain"
                                    aria-label=format!("Close {name}")
                                    on:click=move |_| store.update(|state| state.close_card(&close))
                                >
                                    {icon("close")}
                                </button>
                            </div>
                        }
                    })
                    .collect_view()}
            </nav>
        }
    })
}

#[inline(never)] // waits with the rest of the program (app/web/split.mjs)
fn waiting(store: Store, card: &CardRef) -> impl IntoView + use<> {
    let close = card.clone();
    view! {
        <article class="card">
            <header class="card-head neutral">
                {close_button(store, close)}
                <h2>"Loading…"</h2>
            </header>
            <div class="card-body"><div class="boot-ring small" aria-hidden="true"></div></div>
        </article>
    }
}

fn close_button(store: Store, card: CardRef) -> impl IntoView {
    view! {
        <button class="plain" title="Close details (Esc)" aria-label="Close details" on:click=move |_| store.update(|state| state.close_card(&card))>
            {icon("close")}
        </button>
    }
}

#[inline(never)] // waits with the rest of the program (app/web/split.mjs)
fn card(store: Store, vm: CardVm, ui: CardUi) -> impl IntoView {
    let away = store
        .state
        .with_untracked(|state| state.selected.as_ref() != Some(&vm.card.id) || state.topology != vm.card.topology);
    let (shown, linked) = (vm.card.clone(), vm.card.clone());
    let label = vm.label.clone();
    let gone = vm.gone || vm.state == CardState::Gone;
    view! {
        <article class="card" class:gone=vm.gone data-card=vm.card.id.to_string() data-node=vm.card.id.to_string() data-stable=vm.stable.to_string()>
            <header class="card-head" style:background=css(vm.header)>
                <div class="card-tools">
                    <span class="kind">{vm.view.to_string()}</span>
                    {away.then(|| view! {
                        <button
                            class="plain"
                            title=format!("Show {} in its own view", vm.label)
                            on:click=move |_| store.update(|state| state.show_in_view(&shown))
                        >
                            {icon("graph")}
                            "Show in view"
                        </button>
                    })}
                    <button
                        class="plain"
                        title="Copy a link to this"
                        aria-label="Copy a link to this"
                        on:click=move |_| copy_link(store, &linked)
                    >
                        {icon("link")}
                    </button>
                    {close_button(store, vm.card.clone())}
                </div>
                <h2 title=label.to_string()>
                    {match &vm.state {
                        CardState::Loading => "Loading…".into_any(),
                        CardState::Gone => "Not here".into_any(),
                        CardState::Ready(_) => marked(&vm.label, &vm.spans),
                    }}
                </h2>
                {(!vm.minor.is_empty()).then(|| view! { <p class="minor">{vm.minor.to_string()}</p> })}
                {match &vm.state {
                    CardState::Ready(body) => parents(store, body.parents.clone(), ui).into_any(),
                    _ => ().into_any(),
                }}
            </header>
            {match vm.state {
                CardState::Loading => view! { <div class="card-body"><div class="boot-ring small" aria-hidden="true"></div></div> }.into_any(),
                CardState::Gone => view! {
                    <div class="card-body">
                        <p>"No probe reports this node now: it has ended, or its probe is silent. The card fills again when it comes back."</p>
                        <p class="minor"><code>{vm.card.id.to_string()}</code></p>
                    </div>
                }
                .into_any(),
                CardState::Ready(body) => content(store, &vm.card, vm.label.clone(), vm.strip, *body, gone, ui).into_any(),
            }}
        </article>
    }
}

fn copy_link(store: Store, card: &CardRef) {
    let mut state = store.state.get_untracked();
    state.show_in_view(card);
    state.query.clear();
    let address = window().location().href().unwrap_or_default();
    let base = address.split('#').next().unwrap_or_default();
    copy(store, &format!("{base}{}", store.fragment_of(&state)));
}

/// Puts a text on the clipboard.
pub fn copy(store: Store, text: &str) {
    let promise = window().navigator().clipboard().write_text(text);
    wasm_bindgen_futures::spawn_local(async move {
        match wasm_bindgen_futures::JsFuture::from(promise).await {
            Ok(_) => store.toast("Copied.", false),
            Err(_) => store.toast("The browser did not let this page copy; select the text instead.", true),
        }
    });
}

/// Parents shown before "more".
const MAX_PARENTS: usize = 5;

fn parents(store: Store, parents: Vec<NodeLink>, ui: CardUi) -> impl IntoView {
    let id = SmolStr::new_static("parents");
    let all = ui.unfolded.with(|open| open.contains(&id));
    let more = parents.len().saturating_sub(MAX_PARENTS);
    let shown = if all { parents.len() } else { MAX_PARENTS };
    view! {
        <div class="parents">
            {parents
                .into_iter()
                .take(shown)
                .map(|parent| {
                    let text = marked(&parent.label, &parent.spans);
                    let title = format!("{}: {}", parent.kind, parent.label);
                    view! {
                        <button title=title on:click=move |_| store.update(|state| state.push_card(&parent.topology, &parent.id))>
                            <span class="kind">{parent.kind.to_string()}</span>
                            <span class="name">{text}</span>
                        </button>
                    }
                })
                .collect_view()}
            {(more > 0).then(|| view! {
                <button on:click=move |_| ui.toggle(&id)>{if all { "Show less".to_owned() } else { format!("{more} more") }}</button>
            })}
        </div>
    }
}

fn content(store: Store, card: &CardRef, name: SmolStr, strip: [u8; 3], body: CardBody, gone: bool, ui: CardUi) -> impl IntoView {
    view! {
        {(!gone).then(|| controls::strip(store, card, &name, strip, body.controls, body.missing_controls))}
        <div class="card-body">
            {gone.then(|| view! {
                <p class="banner calm" role="status">"No probe reports this node any more. This is how it was last."</p>
            })}
            {(!body.metrics.is_empty()).then(|| chart::health(body.metrics, ui))}
            {(!body.info.is_empty()).then(|| info(store, body.info, ui))}
            {body.connections.into_iter().map(|group| lists::group(store, group, ui)).collect_view()}
            {body.children.into_iter().map(|group| lists::group(store, group, ui)).collect_view()}
            {body.lists.into_iter().map(|list| lists::properties(store, list, ui)).collect_view()}
            {body.tables.into_iter().map(|group| lists::group(store, group, ui)).collect_view()}
        </div>
    }
}

fn info(store: Store, rows: Vec<InfoRow>, ui: CardUi) -> impl IntoView {
    let id = SmolStr::new_static("info");
    let all = ui.unfolded.with(|open| open.contains(&id));
    let hidden = rows.iter().filter(|row| row.minor).count();
    view! {
        <section>
            <h3>"Info"</h3>
            <dl class="info">
                {rows.into_iter().filter(|row| all || !row.minor).map(|row| info_row(store, row)).collect_view()}
            </dl>
            {lists::more(hidden, all, move || ui.toggle(&id))}
        </section>
    }
}

/// One `label: value` row, with a button that copies the value.
pub fn info_row(store: Store, row: InfoRow) -> impl IntoView {
    let copied = row.full.to_string();
    let label = row.label.to_string();
    view! {
        <div class="row" data-row=row.id.to_string()>
            <dt title=label.clone()>{label.clone()}</dt>
            <dd title=row.full.to_string()>
                {if row.link {
                    view! { <a href=row.full.to_string() target="_blank" rel="noopener noreferrer">{marked(&row.text, &row.spans)}</a> }.into_any()
                } else {
                    view! { <span class="value">{marked(&row.text, &row.spans)}</span> }.into_any()
                }}
                <button class="plain copy" title="Copy" aria-label=format!("Copy {label}") on:click=move |_| copy(store, &copied)>
                    {icon("copy")}
                </button>
            </dd>
        </div>
    }
}
