//! Terminals and logs: a dock with tabs over the view, or a window of their own.

mod logs;
mod pipe;
mod screen;

use leptos::prelude::*;

use super::{icons::icon, rove, store::Store};
use crate::link;
use crate::protocol::PipeRef;
use pipe::Pipe;

/// The dock; nothing while no terminal is open.
pub fn dock(store: Store) -> impl IntoView {
    let any = Memo::new(move |_| store.terminals.with(|open| !open.is_empty()));
    view! {
        {move || any.get().then(|| view! {
            <section class="dock" aria-label="Terminals">
                <div class="dock-tabs" role="tablist" aria-label="Open terminals" on:keydown=|event| rove(&event)>
                    {move || store.terminals.get().into_iter().map(|pipe| tab(store, pipe)).collect_view()}
                </div>
                <For each=move || store.terminals.get() key=|pipe| pipe.id.clone() let:pipe>
                    {
                        let id = pipe.id.clone();
                        view! {
                            <div class="dock-pane" role="tabpanel" class:hidden=move || store.front.get() != id>
                                {pane(store, pipe, false)}
                            </div>
                        }
                    }
                </For>
            </section>
        })}
    }
}

#[inline(never)] // waits with the rest of the program (app/web/split.mjs)
fn tab(store: Store, pipe: PipeRef) -> impl IntoView {
    let (id, chosen, closed) = (pipe.id.clone(), pipe.id.clone(), pipe.id.clone());
    let title = if pipe.title.is_empty() {
        "Terminal".to_owned()
    } else {
        pipe.title.clone()
    };
    view! {
        <div class="dock-tab" class:chosen=move || store.front.get() == chosen>
            <button role="tab" aria-selected=move || (store.front.get() == id).to_string() on:click=move |_| store.front.set(pipe.id.clone())>
                {title.clone()}
            </button>
            <button class="plain" aria-label=format!("Close {title}") title="Close" on:click=move |_| close(store, &closed)>{icon("close")}</button>
        </div>
    }
}

/// Closes a terminal here; the pane ends its pipe.
fn close(store: Store, id: &str) {
    store.terminals.update(|open| open.retain(|pipe| pipe.id != id));
    if store.front.get_untracked() == id {
        let next = store.terminals.with_untracked(|open| open.last().map(|pipe| pipe.id.clone()));
        store.front.set(next.unwrap_or_default());
    }
    store.amend(|state| {
        if state.pipe.as_ref().is_some_and(|pipe| pipe.id == id) {
            state.pipe = None;
        }
    });
}

/// One terminal or log with its bar.
#[inline(never)] // waits with the rest of the program (app/web/split.mjs)
fn pane(store: Store, of: PipeRef, alone: bool) -> impl IntoView {
    let server = store.server.get_untracked().unwrap_or_default();
    let pipe = Pipe::open(&server, of.clone());
    let is_log = of.resize.is_empty() && !of.raw && of.control.contains("logs");
    let keep = StoredValue::new(false);
    let ending = StoredValue::new_local(pipe.clone());
    on_cleanup(move || {
        let kept = keep.try_get_value().unwrap_or_default();
        ending.try_with_value(|pipe| {
            if !kept {
                pipe.end();
            }
            pipe.forget();
        });
    });
    let state = pipe.state;
    let (popped, id) = (of.clone(), of.id.clone());
    view! {
        <div class="pane">
            <div class="pane-bar">
                <span class=move || format!("dot {}", state.get().colour()) aria-hidden="true"></span>
                <span role="status" data-pipe=move || state.get().word()>{move || state.get().text()}</span>
                <span class="spacer"></span>
                {(!alone).then(|| view! {
                    <button
                        class="tool"
                        title="Move to a window of its own"
                        on:click=move |_| {
                            keep.set_value(true);
                            if pop_out(&popped) {
                                close(store, &id);
                            } else {
                                keep.set_value(false);
                                store.toast("The browser blocked the new window; allow pop-ups for this page.", true);
                            }
                        }
                    >
                        {icon("external")}
                        "Pop out"
                    </button>
                })}
            </div>
            {if is_log { logs::view(pipe, of.title).into_any() } else { screen::view(pipe, of).into_any() }}
        </div>
    }
}

fn pop_out(pipe: &PipeRef) -> bool {
    let location = window().location();
    let base = location.href().unwrap_or_default();
    let address = format!("{}{}", base.split('#').next().unwrap_or_default(), link::terminal(pipe));
    let features = "width=900,height=560";
    window()
        .open_with_url_and_target_and_features(&address, &format!("scope-{}", pipe.id), features)
        .is_ok_and(|opened| opened.is_some())
}

/// A window that shows one terminal and nothing else.
#[inline(never)] // waits with the rest of the program (app/web/split.mjs)
pub fn window_view(store: Store, pipe: PipeRef) -> impl IntoView {
    document().set_title(&format!("{} – Scope", if pipe.title.is_empty() { "Terminal" } else { &pipe.title }));
    view! { <main class="alone">{pane(store, pipe, true)}</main> }
}
