//! The page: Leptos views over signals that the worker's messages fill. It merges, sorts and searches nothing itself.
//!
//! Views are plain functions of the [`store::Store`]; what re-renders is patched in place, so lists keep their focus and scroll position.

mod details;
mod footer;
mod header;
mod icons;
mod keys;
mod legend;
mod map;
mod map_text;
mod overlays;
mod resources;
mod search_box;
mod states;
mod store;
mod subset;
mod table;
mod terminal;
mod theme;
mod toolbar;

use leptos::prelude::*;

use crate::link::{self, Link};
use crate::platform::{address, files, storage, worker::WorkerLink};
use crate::protocol::{Mode, ToWorker};
use store::Store;

/// Mounts the page in place of the loading note.
pub fn start() {
    let owner = Owner::new();
    owner.set();
    let store = Store::new();
    theme::start(store);
    if let Link::Terminal(pipe) = link::read(&address::fragment()) {
        remove_boot_note();
        WorkerLink::dismiss();
        store.server.set(server_of_page());
        mount_to_body(move || terminal::window_view(store, pipe.clone()));
        std::mem::forget(owner);
        return;
    }
    match WorkerLink::take(
        move |message| store.receive(message),
        move |error| store.toast(&format!("The page's worker failed: {error}. Reload the page."), true),
    ) {
        Ok(worker) => store.attach(worker),
        Err(_) => store.toast(
            "This browser does not start the page's worker; it is too old, or a policy forbids it.",
            true,
        ),
    }
    let server = server_of_page();
    // The state first: what is rendered before it is known would be thrown away.
    store.follow_address(true);
    connect(store, server);
    listen(store);
    remove_boot_note();
    mount_to_body(move || app(store));
    std::mem::forget(owner);
}

fn remove_boot_note() {
    if let Some(boot) = document().get_element_by_id("boot") {
        boot.remove();
    }
}

/// The server that the address asks for, or that was chosen before, or the one that the page came from.
fn server_of_page() -> Option<String> {
    if let Some(asked) = address::parameter("server") {
        if let Some(token) = address::parameter("token") {
            storage::set_for_tab(storage::TOKEN, Some(&token));
            address::drop_parameter("token");
        }
        if asked == "none" {
            storage::set(storage::SERVER, None);
            return None;
        }
        let server = address::normalize_server(&asked);
        storage::set(storage::SERVER, server.as_deref());
        return server;
    }
    storage::get(storage::SERVER).or_else(|| Some(address::base()))
}

/// Tells the worker which server to talk to.
pub(crate) fn connect(store: Store, server: Option<String>) {
    connect_with(store, server, &address::parameter("subset").unwrap_or_default());
}

/// Tells the worker which server to talk to, and which of its probes to ask for (`hosts=…`, `labels=…`, `probes=…`); the address keeps that.
pub(crate) fn connect_with(store: Store, server: Option<String>, subset: &str) {
    address::set_parameter("subset", Some(subset).filter(|subset| !subset.is_empty()));
    store.server.set(server.clone());
    let foreign = server.as_ref().is_some_and(|server| *server != address::base());
    store.tell(ToWorker::Connect {
        server,
        subset: subset.to_owned(),
        token: if foreign { storage::get(storage::TOKEN) } else { None },
    });
}

/// Listens to the window: keys, history, visibility, dropped files.
fn listen(store: Store) {
    keys::listen(store);
    // Leaked on purpose: the page lives as long as its window.
    std::mem::forget(window_event_listener(leptos::ev::popstate, move |_| store.follow_address(false)));
    std::mem::forget(window_event_listener(leptos::ev::hashchange, move |_| {
        if address::fragment() != store.fragment_of(&store.state.get_untracked()) {
            store.follow_address(false);
        }
    }));
    std::mem::forget(window_event_listener(leptos::ev::online, move |_| store.tell(ToWorker::Retry)));
    // A page may be opened in the background.
    if document().hidden() {
        store.tell(ToWorker::Hidden(true));
    }
    std::mem::forget(window_event_listener(leptos::ev::visibilitychange, move |_| {
        store.tell(ToWorker::Hidden(document().hidden()));
    }));
    std::mem::forget(window_event_listener(leptos::ev::dragover, |event| event.prevent_default()));
    std::mem::forget(window_event_listener(leptos::ev::drop, move |event| {
        event.prevent_default();
        if let Some(list) = event.data_transfer().and_then(|transfer| transfer.files()) {
            open_files(store, &list);
        }
    }));
}

/// Hands report files to the worker.
pub(crate) fn open_files(store: Store, list: &web_sys::FileList) {
    if list.length() > 0 {
        store.server.set(None);
    }
    files::read_all(list, move |name, read| match read {
        Ok(bytes) => store.tell(ToWorker::File { name, bytes }),
        Err(reason) => store.toast(&format!("{name} was not opened: {reason}."), true),
    });
}

fn app(store: Store) -> impl IntoView {
    let mode = Memo::new(move |_| store.state.with(|state| state.mode));
    let has_cards = Memo::new(move |_| store.state.with(|state| !state.cards.is_empty()));
    Effect::new(move |_| {
        let title = store
            .state
            .with(|state| state.cards.last().cloned())
            .and_then(|card| store.card(&card))
            .map(|card| card.label);
        let name = store.overview.with(|overview| overview.name.clone());
        document().set_title(&match title.filter(|label| !label.is_empty()) {
            Some(label) => format!("{label} – Scope"),
            None if name.is_empty() => "Scope".to_owned(),
            None => format!("{name} – Scope"),
        });
    });
    view! {
        <div class="app" class:with-cards=has_cards>
            {header::header(store)}
            {toolbar::toolbar(store)}
            <main
                class="stage"
                id="view"
                aria-label=move || store.overview.with(|overview| format!("{} as {}", overview.name, mode_name(mode.get())))
            >
                <h1 class="sr-only">{move || store.overview.with(|overview| format!("Scope: {}", overview.name))}</h1>
                {map::map(store, mode)}
                {move || match mode.get() {
                    Mode::Graph => map_text::list(store).into_any(),
                    Mode::Table => table::table(store).into_any(),
                    Mode::Resources => resources::resources(store).into_any(),
                }}
                {states::banner(store)}
                {states::empty(store)}
                {legend::legend(store)}
                {details::stack(store)}
            </main>
            {terminal::dock(store)}
            {footer::footer(store)}
            {overlays::overlays(store)}
            <div class="toasts" role="log" aria-live="polite" aria-label="Messages">
                {move || {
                    store
                        .toasts
                        .get()
                        .into_iter()
                        .map(|toast| {
                            let id = toast.id;
                            view! {
                                <div class="toast" class:error=toast.error>
                                    <span>{toast.text}</span>
                                    <button
                                        class="plain"
                                        aria-label="Dismiss"
                                        on:click=move |_| store.toasts.update(|all| all.retain(|one| one.id != id))
                                    >
                                        {icons::icon("close")}
                                    </button>
                                </div>
                            }
                        })
                        .collect_view()
                }}
            </div>
            <div class="sr-only" aria-live="polite">{store.announce}</div>
        </div>
    }
}

fn mode_name(mode: Mode) -> &'static str {
    match mode {
        Mode::Graph => "graph",
        Mode::Table => "table",
        Mode::Resources => "resources",
    }
}

/// A colour for CSS.
pub(crate) fn css([red, green, blue]: [u8; 3]) -> String {
    format!("rgb({red} {green} {blue})")
}

/// A text with what matched marked. Ranges that do not fit are ignored.
pub(crate) fn marked(text: &str, spans: &[(u32, u32)]) -> AnyView {
    if spans.is_empty() {
        return text.to_owned().into_any();
    }
    let mut parts: Vec<AnyView> = Vec::new();
    let mut at = 0usize;
    for (start, end) in spans {
        let (start, end) = (*start as usize, *end as usize);
        let (Some(before), Some(matched)) = (text.get(at..start), text.get(start..end)) else {
            continue;
        };
        parts.push(before.to_owned().into_any());
        parts.push(view! { <mark>{matched.to_owned()}</mark> }.into_any());
        at = end;
    }
    parts.push(text.get(at..).unwrap_or_default().to_owned().into_any());
    parts.into_any()
}

/// Moves the focus among the buttons of a group with the arrow keys, as tab lists and toolbars do.
pub(crate) fn rove(event: &web_sys::KeyboardEvent) {
    use wasm_bindgen::JsCast as _;
    let step: i32 = match event.key().as_str() {
        "ArrowRight" | "ArrowDown" => 1,
        "ArrowLeft" | "ArrowUp" => -1,
        _ => return,
    };
    let Some(group) = event.current_target().and_then(|target| target.dyn_into::<web_sys::Element>().ok()) else {
        return;
    };
    let Ok(buttons) = group.query_selector_all("button:not(:disabled)") else {
        return;
    };
    let active = document().active_element();
    let count = buttons.length() as i32;
    let node = |at: i32| {
        buttons
            .item(at as u32)
            .and_then(|node| node.dyn_into::<web_sys::HtmlElement>().ok())
    };
    let now = (0..count).find(|at| node(*at).map(Into::into) == active).unwrap_or(0);
    if let Some(next) = node((now + step).rem_euclid(count.max(1)))
        && next.focus().is_ok()
    {
        event.prevent_default();
    }
}
