//! What lies over the page: help, tools, palette, server, probes, and questions. Each is a modal dialog: focus stays inside, Escape closes.

mod palette;

use leptos::prelude::*;
use wasm_bindgen::JsCast as _;

use super::{
    details,
    icons::icon,
    keys, states,
    store::{Overlay, Question, Store, ThemeChoice, with_map},
    theme,
};
use crate::platform::{address, files, storage};
use crate::protocol::ToWorker;
use crate::scene::gl::Extent;

/// Whatever is open.
pub fn overlays(store: Store) -> impl IntoView {
    view! {
        {move || match store.overlay.get() {
            Overlay::None => ().into_any(),
            Overlay::Palette => palette::palette(store).into_any(),
            Overlay::Help => dialog(store, "Help", "wide", help(store).into_any()).into_any(),
            Overlay::Tools => dialog(store, "Tools", "", tools(store).into_any()).into_any(),
            Overlay::Server => dialog(store, "Server", "", server(store).into_any()).into_any(),
            Overlay::Probes => dialog(store, "Probes and plugins", "wide", probes(store).into_any()).into_any(),
            Overlay::Confirm(question) => confirm(store, *question).into_any(),
        }}
    }
}

#[inline(never)] // waits with the rest of the program (app/web/split.mjs)
fn confirm(store: Store, question: Question) -> impl IntoView {
    let action = question.action.clone();
    dialog(
        store,
        "Are you sure?",
        "small",
        view! {
            {
                if question.text == format!("{}?", question.action) {
                    view! { <p>{question.action.clone()} " " <b>{question.name.to_string()}</b> "?"</p> }.into_any()
                } else {
                    view! { <p>{question.text.clone()} " (" <b>{question.name.to_string()}</b> ")"</p> }.into_any()
                }
            }
            <div class="actions">
                <button on:click=move |_| store.overlay.set(Overlay::None)>"Cancel"</button>
                <button
                    class="danger"
                    autofocus
                    data-testid="confirm"
                    on:click=move |_| {
                        store.overlay.set(Overlay::None);
                        details::run_control(store, question.card.clone(), question.name.clone(), question.control.clone());
                    }
                >
                    {action}
                </button>
            </div>
        }
        .into_any(),
    )
}

/// A dialog in the middle of a veil. The first thing in it gets the focus, and gives it back when it closes.
pub(super) fn dialog(store: Store, title: &'static str, size: &'static str, content: AnyView) -> impl IntoView {
    let panel = NodeRef::<leptos::html::Div>::new();
    let before = StoredValue::new_local(document().active_element());
    Effect::new(move |_| {
        if let Some(panel) = panel.get() {
            let wanted = panel.query_selector("[autofocus], input, button:not(.plain)").ok().flatten();
            if let Some(element) = wanted {
                drop(element.unchecked_into::<web_sys::HtmlElement>().focus());
            }
        }
    });
    on_cleanup(move || {
        if let Some(element) = before.try_with_value(Clone::clone).flatten()
            && let Ok(element) = element.dyn_into::<web_sys::HtmlElement>()
        {
            drop(element.focus());
        }
    });
    view! {
        <div class="scrim" on:mousedown=move |event| {
            if event.target() == event.current_target() {
                store.overlay.set(Overlay::None);
            }
        }>
            <div class=format!("dialog {size}") role="dialog" aria-modal="true" aria-label=title node_ref=panel on:keydown=move |event| keep_focus(&event)>
                <div class="dialog-head">
                    <h2>{title}</h2>
                    <button class="plain" aria-label="Close" title="Close (Esc)" on:click=move |_| store.overlay.set(Overlay::None)>{icon("close")}</button>
                </div>
                {content}
            </div>
        </div>
    }
}

/// Tab goes round inside of a dialog.
pub(super) fn keep_focus(event: &web_sys::KeyboardEvent) {
    if event.key() != "Tab" {
        return;
    }
    let Some(panel) = event.current_target().and_then(|target| target.dyn_into::<web_sys::Element>().ok()) else {
        return;
    };
    let Ok(all) = panel.query_selector_all("button:not(:disabled), input, select, a[href], [tabindex='0']") else {
        return;
    };
    let ends = (all.item(0), all.item(all.length().saturating_sub(1)));
    let active: Option<web_sys::Node> = document().active_element().map(Into::into);
    let next = match (event.shift_key(), ends) {
        (true, (first, last)) if active == first => last,
        (false, (first, last)) if active == last => first,
        _ => return,
    };
    if let Some(element) = next.and_then(|node| node.dyn_into::<web_sys::HtmlElement>().ok()) {
        event.prevent_default();
        drop(element.focus());
    }
}

#[inline(never)] // waits with the rest of the program (app/web/split.mjs)
fn help(store: Store) -> impl IntoView {
    let names = Memo::new(move |_| {
        store
            .overview
            .with(|overview| (overview.name.clone(), overview.fields.clone(), overview.metric_names.clone()))
    });
    let list = |names: Vec<smol_str::SmolStr>| {
        if names.is_empty() {
            return view! { <p class="minor"><i>"None"</i></p> }.into_any();
        }
        view! { <ul class="names" tabindex="0">{names.into_iter().map(|name| view! { <li><code>{name.to_string()}</code></li> }).collect_view()}</ul> }.into_any()
    };
    let examples = [
        ("foo", "any field contains foo"),
        ("pid: 12345", "the field PID contains 12345"),
        ("foo|bar", "a regular expression: foo or bar"),
        ("command: foo(bar|baz)", "an expression in one field"),
        ("cpu > 4%", "CPU above 4 percent"),
        ("memory < 10mb", "memory below 10 megabytes"),
    ];
    view! {
        <div class="columns">
            <section>
                <h3>"Shortcuts"</h3>
                <dl class="keys">
                    {keys::ALL.map(|(key, what)| view! { <div><dt><kbd>{key}</kbd></dt><dd>{what}</dd></div> }).into_iter().collect_view()}
                </dl>
            </section>
            <section>
                <h3>"Search"</h3>
                <dl class="keys stacked">
                    {examples.map(|(query, what)| view! { <div><dt><code>{query}</code></dt><dd>{what}</dd></div> }).into_iter().collect_view()}
                </dl>
                <p class="minor">"Enter pins a search: only what matches all pins is shown. Backspace in the empty box takes the last one back. Comparisons: < <= = != >= >"</p>
            </section>
            <section>
                {move || {
                    let (view, fields, metrics) = names.get();
                    view! {
                        <h3>{if view.is_empty() { "Fields".to_owned() } else { format!("Fields of {}", view.to_lowercase()) }}</h3>
                        {list(fields)}
                        <h3>"Metrics"</h3>
                        {list(metrics)}
                    }
                }}
            </section>
        </div>
    }
}

#[inline(never)] // waits with the rest of the program (app/web/split.mjs)
fn tools(store: Store) -> impl IntoView {
    let name = move || {
        let title: String = document()
            .title()
            .chars()
            .map(|c| if c.is_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
            .collect();
        title
    };
    let svg = move |extent: Extent| {
        with_map(|map| files::save(&format!("{}.svg", name()), "image/svg+xml", map.export_svg(extent).as_bytes()));
    };
    let png = move |extent: Extent| {
        let name = format!("{}.png", name());
        with_map(move |map| {
            map.export_png(extent, move |bytes| match bytes {
                Some(bytes) => files::save(&name, "image/png", &bytes),
                None => store.toast("The browser could not make this picture; try the SVG.", true),
            });
        });
    };
    view! {
        <section>
            <h3>"Save the map"</h3>
            <div class="buttons">
                <button on:click=move |_| svg(Extent::View)>{icon("download")}"SVG, as seen"</button>
                <button on:click=move |_| svg(Extent::All)>{icon("download")}"SVG, whole map"</button>
                <button on:click=move |_| png(Extent::View)>{icon("download")}"PNG, as seen"</button>
                <button on:click=move |_| png(Extent::All)>{icon("download")}"PNG, whole map"</button>
            </div>
        </section>
        <section>
            <h3>"Reports"</h3>
            <div class="buttons">
                <button on:click=move |_| store.tell(ToWorker::RawReport)>{icon("download")}"Save the merged report (JSON)"</button>
                {states::file_button(store)}
            </div>
        </section>
        <section>
            <h3>"Theme"</h3>
            <div class="segmented" role="group" aria-label="Theme">
                {ThemeChoice::ALL.map(|(choice, _, label)| view! {
                    <button aria-pressed=move || (store.theme.get() == choice).to_string() on:click=move |_| theme::choose(store, choice)>{label}</button>
                }).into_iter().collect_view()}
            </div>
        </section>
        <section>
            <h3>"If something looks wrong"</h3>
            <div class="buttons">
                <button on:click=move |_| store.overlay.set(Overlay::Server)>{icon("server")}"Server and probes shown…"</button>
                <button on:click=move |_| reset()>{icon("refresh")}"Forget the view and reload"</button>
            </div>
        </section>
    }
}

fn reset() {
    for key in [storage::VIEW, storage::PINS] {
        storage::set(key, None);
    }
    address::write("#/", true);
    address::reload();
}

#[inline(never)] // waits with the rest of the program (app/web/split.mjs)
fn server(store: Store) -> impl IntoView {
    let now = store.server.get_untracked().unwrap_or_default();
    let subset = address::parameter("subset").unwrap_or_default();
    let failed = RwSignal::new(String::new());
    let value = |id: &str| {
        document()
            .get_element_by_id(id)
            .and_then(|input| input.dyn_into::<web_sys::HtmlInputElement>().ok())
            .map(|input| input.value().trim().to_owned())
            .unwrap_or_default()
    };
    view! {
        <form on:submit=move |event| {
            event.prevent_default();
            let Some(server) = address::normalize_server(&value("server-address")) else {
                failed.set("This is no address; it looks like https://host:4040".into());
                return;
            };
            if address::is_secure() && server.starts_with("http:") && !server.contains("//localhost") && !server.contains("//127.") {
                failed.set("This page came by https, and browsers forbid it to talk to plain http. Give the server a certificate, or open this page by http.".into());
                return;
            }
            let token = value("server-token");
            if !token.is_empty() {
                storage::set_for_tab(storage::TOKEN, Some(&token));
            }
            storage::set(storage::SERVER, (server != address::base()).then_some(server.as_str()));
            super::connect_with(store, Some(server), &value("server-subset"));
            store.overlay.set(Overlay::None);
        }>
            <label for="server-address">"Address"</label>
            <input id="server-address" type="text" inputmode="url" value=now placeholder="https://host:4040" autofocus />
            <label for="server-token">"Token, if it asks for one"</label>
            <input id="server-token" type="password" autocomplete="off" />
            <label for="server-subset">"Only some probes (optional)"</label>
            <input id="server-subset" type="text" value=subset placeholder="hosts=web-1,web-2 or labels=zone=a" />
            {move || (!failed.with(String::is_empty)).then(|| view! { <p class="error" role="alert">{failed.get()}</p> })}
            <p class="minor">"A server admits pages from elsewhere only when started with " <code>"--allow-origin"</code> "."</p>
            <div class="actions">
                <button type="button" on:click=move |_| {
                    storage::set(storage::SERVER, None);
                    super::connect_with(store, Some(address::base()), "");
                    store.overlay.set(Overlay::None);
                }>"This page's own"</button>
                <button type="submit" class="primary">"Connect"</button>
            </div>
        </form>
    }
}

#[inline(never)] // waits with the rest of the program (app/web/split.mjs)
fn probes(store: Store) -> impl IntoView {
    view! {
        {super::subset::chooser(store)}
        {move || {
            let link = store.link.get();
            view! {
                <table class="list">
                    <thead><tr><th scope="col">"Host"</th><th scope="col">"Version"</th><th scope="col">"Connections seen by"</th><th scope="col">"Last report"</th><th scope="col">"State"</th></tr></thead>
                    <tbody>
                        {link.probes.into_iter().map(|probe| {
                            let host = if probe.hostname.is_empty() { probe.id.to_string() } else { probe.hostname.to_string() };
                            view! {
                                <tr>
                                    <td title=probe.id.to_string()>{host}</td>
                                    <td>{probe.version.to_string()}</td>
                                    <td>{if probe.tracking.is_empty() { "–".to_owned() } else { probe.tracking.to_string() }}</td>
                                    <td>{format!("{} s ago", probe.age_seconds)}</td>
                                    <td>{if probe.error.is_empty() { "ok".to_owned() } else { probe.error }}</td>
                                </tr>
                            }
                        }).collect_view()}
                    </tbody>
                </table>
                <h3>"Plugins"</h3>
                {if link.plugins.is_empty() {
                    view! { <p class="minor">"None."</p> }.into_any()
                } else {
                    link.plugins.into_iter().map(|plugin| view! {
                        <p data-plugin=plugin.label.to_string()><b>{plugin.label.to_string()}</b> " " {plugin.description.to_string()} " – " {plugin.status.to_string()}</p>
                    }).collect_view().into_any()
                }}
            }
        }}
    }
}
