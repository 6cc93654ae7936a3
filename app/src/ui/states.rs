//! What is said when there is nothing to see, and when the connection is not what it should be: the cause, and what to do about it.

use leptos::prelude::*;
use wasm_bindgen::JsCast as _;

use super::{
    icons::icon,
    store::{Overlay, Store},
};
use crate::letters::lower;
use crate::platform::{address, http, now, storage};
use crate::protocol::{ConnectionState, EmptyCause, ToWorker, Trouble};

/// A strip over the view while the connection is broken, and a form when a token is wanted.
pub fn banner(store: Store) -> impl IntoView {
    let trouble = Memo::new(move |before: Option<&Option<Trouble>>| {
        store.link.with(|link| match &link.state {
            ConnectionState::Waiting { trouble, .. } => Some(trouble.clone()),
            // What somebody is typing into the form must outlive another attempt.
            ConnectionState::Connecting => before.cloned().flatten().filter(|trouble| *trouble == Trouble::Login),
            _ => None,
        })
    });
    // The first attempt may take a moment; a second one is worth a word.
    view! {
        {move || match trouble.get() {
            Some(Trouble::Login) => login(store).into_any(),
            Some(trouble) => trouble_banner(store, &trouble),
            None => ().into_any(),
        }}
        {move || {
            store.link.with(|link| link.reload_advised).then(updated_banner)
        }}
    }
}

#[inline(never)] // waits with the rest of the program (app/web/split.mjs)
fn trouble_banner(store: Store, trouble: &Trouble) -> AnyView {
    let (title, advice) = explain(store, trouble);
    let elsewhere = (*trouble == Trouble::Policy).then(|| format!("{}{}", store.server.get().unwrap_or_default(), address::fragment()));
    view! {
        <div class="banner" role="alert">
            {icon("warning")}
            <div>
                <b>{title}</b>
                <p>{advice}</p>
            </div>
            {match elsewhere {
                Some(page) => view! { <a class="button" href=page>"Open it"</a> }.into_any(),
                None => view! {
                    {countdown(store)}
                    <button on:click=move |_| store.tell(ToWorker::Retry)>"Try now"</button>
                }.into_any(),
            }}
            <button on:click=move |_| store.overlay.set(Overlay::Server)>"Server…"</button>
        </div>
    }
    .into_any()
}

#[inline(never)] // waits with the rest of the program (app/web/split.mjs)
fn updated_banner() -> AnyView {
    view! {
        <div class="banner calm" role="status">
            {icon("refresh")}
            <div><b>"The server was updated"</b><p>"This page is of the version before."</p></div>
            <button on:click=|_| address::reload()>"Reload"</button>
        </div>
    }
    .into_any()
}

fn countdown(store: Store) -> impl IntoView {
    let seconds = RwSignal::new(0u64);
    let update = move || {
        let at = store.link.with_untracked(|link| match link.state {
            ConnectionState::Waiting { retry_at, .. } => retry_at,
            _ => 0,
        });
        seconds.set(at.saturating_sub(now()).div_ceil(1000));
    };
    update();
    if let Ok(timer) = set_interval_with_handle(update, std::time::Duration::from_millis(500)) {
        on_cleanup(move || timer.clear());
    }
    view! {
        <span class="minor" aria-hidden="true">
            {move || if seconds.get() == 0 { "trying…".to_owned() } else { format!("again in {} s", seconds.get()) }}
        </span>
    }
}

#[inline(never)] // waits with the rest of the program (app/web/split.mjs)
fn explain(store: Store, trouble: &Trouble) -> (String, String) {
    let server = store.server.get().unwrap_or_default();
    match trouble {
        Trouble::Unreachable => (
            "The server cannot be reached".into(),
            format!("Nothing answers at {server}. Is scope running there, and does a firewall let you through?"),
        ),
        Trouble::MixedContent => (
            "The browser blocks this server".into(),
            format!(
                "This page came by https, {server} is plain http. Start the server with --tls-cert and --tls-key, or open this page by http."
            ),
        ),
        Trouble::Origin => (
            "The server does not admit this page".into(),
            format!(
                "Start it with --allow-origin {} to let pages from here in.",
                window().location().origin().unwrap_or_default()
            ),
        ),
        Trouble::Policy => (
            "This page may talk to its own server only".into(),
            format!("{server} has a page of its own: open that one. A page on a plain file server may be pointed at any server."),
        ),
        Trouble::Tls => (
            "No trusted connection".into(),
            format!(
                "{server} does not answer over TLS, or its certificate is not trusted. Open it in a tab of its own, accept the certificate, and come back."
            ),
        ),
        Trouble::Login => ("A token is needed".into(), String::new()),
        Trouble::PageTooOld(what) => (
            "This page is older than the server".into(),
            format!("The server speaks a newer protocol ({what}). Reload the page; if it came from another host, update it there."),
        ),
        Trouble::ServerTooOld(what) => (
            "This server is too old for this page".into(),
            format!("{server} is no Scope server of this generation ({what}). Update it, or use the page that it serves itself."),
        ),
        Trouble::Goodbye(reason) => ("The server is going away".into(), reason.clone()),
        Trouble::Lost => (
            "The connection was lost".into(),
            "What you see is the last state received. The page connects again by itself.".into(),
        ),
    }
}

#[inline(never)] // waits with the rest of the program (app/web/split.mjs)
fn login(store: Store) -> impl IntoView {
    let failed = RwSignal::new(String::new());
    let busy = RwSignal::new(false);
    view! {
        <div class="scrim">
            <form
                class="dialog login"
                aria-label="Sign in"
                on:submit=move |event| {
                    event.prevent_default();
                    let token = document()
                        .get_element_by_id("token")
                        .and_then(|input| input.dyn_into::<web_sys::HtmlInputElement>().ok())
                        .map(|input| input.value())
                        .unwrap_or_default();
                    submit(store, token.trim().to_owned(), failed, busy);
                }
            >
                <h2>"Sign in to Scope"</h2>
                <p>"This server asks for a token. It was printed when the server was started, as part of a link."</p>
                <label for="token">"Token"</label>
                <input id="token" name="token" type="password" autocomplete="current-password" required autofocus />
                {move || (!failed.with(String::is_empty)).then(|| view! { <p class="error" role="alert">{failed.get()}</p> })}
                <div class="actions">
                    <button type="button" on:click=move |_| store.overlay.set(Overlay::Server)>"Another server…"</button>
                    <button type="submit" class="primary" disabled=busy>"Sign in"</button>
                </div>
            </form>
        </div>
    }
}

fn submit(store: Store, token: String, failed: RwSignal<String>, busy: RwSignal<bool>) {
    let Some(server) = store.server.get_untracked() else { return };
    busy.set(true);
    failed.set(String::new());
    wasm_bindgen_futures::spawn_local(async move {
        let request = http::Request {
            method: "POST",
            body: serde_json::to_string(&std::collections::BTreeMap::from([("token", &token)])).unwrap_or_default(),
            ..http::Request::default()
        };
        let answer = http::send(&format!("{server}api/login"), request).await;
        busy.set(false);
        match answer {
            Ok(answer) if answer.is_ok() => {
                storage::set_for_tab(storage::TOKEN, Some(&token));
                super::connect(store, Some(server));
            }
            Ok(answer) if answer.status == 429 => failed.set("Too many attempts; wait a minute and try again.".into()),
            Ok(_) => failed.set("This token is not valid here. Copy it whole, without blanks.".into()),
            Err(error) => failed.set(format!("The server did not answer ({error}).")),
        }
    });
}

/// What stands in the middle of an empty view.
pub fn empty(store: Store) -> impl IntoView {
    let cause = Memo::new(move |_| {
        let heard = store.loaded.get();
        let login = store.link.with(|link| matches!(link.state, ConnectionState::Waiting { .. }));
        match store.overview.with(|overview| overview.empty.clone()) {
            // The strip above says it already.
            Some(EmptyCause::Loading) if login => None,
            None if !heard => Some(EmptyCause::Loading),
            cause => cause,
        }
    });
    view! {
        {move || {
            cause.get().map(|cause| {
                let name = format!("{cause:?}").split('(').next().unwrap_or_default().to_owned();
                view! { <div class="empty" role="status" data-cause=name>{reason(store, cause)}</div> }
            })
        }}
    }
}

#[inline(never)] // waits with the rest of the program (app/web/split.mjs)
fn reason(store: Store, cause: EmptyCause) -> AnyView {
    if cause != EmptyCause::Loading {
        return lasting_reason(store, cause);
    }
    view! {
        <div class="boot-ring" aria-hidden="true"></div>
        <h2>"Waiting for the first reports"</h2>
        <p>{move || store.server.get().map(|server| format!("from {server}"))}</p>
    }
    .into_any()
}

#[inline(never)] // waits with the rest of the program (app/web/split.mjs)
fn lasting_reason(store: Store, cause: EmptyCause) -> AnyView {
    let name = move || store.overview.with(|overview| lower(&overview.name));
    match cause {
        EmptyCause::Loading => ().into_any(),
        EmptyCause::NoSource => view! {
            <h2>"Open a report, or name a server"</h2>
            <p>"Drop report files (.json, .msgpack, also .gz) on this page; several are merged. Or connect to a running server."</p>
            <div class="buttons">
                {file_button(store)}
                <button on:click=move |_| store.overlay.set(Overlay::Server)>"Choose a server…"</button>
            </div>
        }
        .into_any(),
        EmptyCause::NoProbes => view! {
            <h2>"No probe reports to this server"</h2>
            <p>"Start one on each host you want to see:"</p>
            <pre>{move || format!("scope probe {}", store.server.get().unwrap_or_default().trim_end_matches('/'))}</pre>
        }
        .into_any(),
        EmptyCause::NothingReported => view! {
            <h2>{move || format!("No {} reported", name())}</h2>
            <p>"Probes report, but nothing of this kind: its runtime is not there, or the probe may not look at it. "
                <code>"scope doctor"</code> " on the host says which."</p>
        }
        .into_any(),
        EmptyCause::Options(count) => view! {
            <h2>"Everything here is filtered out"</h2>
            <p>{if count == 1 { "The options above hide the only node.".to_owned() } else { format!("The options above hide {count} nodes.") }}</p>
            <div class="buttons">
                <button class="primary" on:click=move |_| show_all(store)>"Show everything"</button>
                <button on:click=move |_| {
                    let parent = store.overview.with_untracked(|overview| overview.parent.clone());
                    store.update(|state| { state.options.remove(&parent); });
                }>"Default options"</button>
            </div>
        }
        .into_any(),
        EmptyCause::Pins(count) => view! {
            <h2>"Pinned searches hide everything"</h2>
            <p>{format!("None of the {count} nodes matches all of them.")}</p>
            <button class="primary" on:click=move |_| store.update(|state| state.pins.clear())>"Unpin all"</button>
        }
        .into_any(),
        EmptyCause::NoMetric => view! { <h2>"No host reports this metric"</h2> }.into_any(),
        EmptyCause::Query => view! {
            <h2>"Nothing matches the search"</h2>
            <p>"Other views may have it: their tabs say how much was found."</p>
            <button class="primary" on:click=move |_| store.update(|state| state.query.clear())>"Clear the search"</button>
        }
        .into_any(),
    }
}

/// Chooses, in every group of the current view, the choice that shows most.
fn show_all(store: Store) {
    let (parent, rows) = store
        .overview
        .with_untracked(|overview| (overview.parent.clone(), overview.options.clone()));
    store.update(|state| {
        for row in rows {
            let most = row
                .values
                .iter()
                .find(|value| matches!(value.value.as_str(), "all" | "both" | "show") || (row.union && value.value.is_empty()));
            if let Some(most) = most {
                state.choose(&parent, &row.id, &most.value, row.union, &row.default);
            }
        }
    });
}

/// A button that opens files, for those who cannot drag.
pub fn file_button(store: Store) -> impl IntoView {
    view! {
        <label class="button primary">
            "Open report files…"
            <input
                class="sr-only"
                type="file"
                multiple
                accept=".json,.msgpack,.gz"
                on:change=move |event| {
                    let input: web_sys::HtmlInputElement = event_target(&event);
                    if let Some(files) = input.files() {
                        super::open_files(store, &files);
                    }
                }
            />
        </label>
    }
}
