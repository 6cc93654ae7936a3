//! The choice of a part of the probes: offered where there are many, and where a part is shown already.
//!
//! Hosts and labels come from the server, which knows them without reading a report. What was chosen stands in the page's address, so that
//! a reload and a link show the same part.

use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::JsCast as _;

use super::store::{Overlay, Store};
use crate::link::subset::{Choice, query};
use crate::platform::{address, http, storage};

/// From here on a person is asked whether all of them are wanted.
pub const MANY: usize = 30;
/// Options of a list that are seen at once.
const LIST_ROWS: &str = "8";

/// Whether a part is shown.
pub fn is_part() -> bool {
    address::parameter("subset").is_some_and(|subset| !subset.is_empty())
}

/// The offer, and the choice once it was taken up. Nothing where there are few probes and all are shown.
pub fn chooser(store: Store) -> impl IntoView {
    let choice = RwSignal::new(None::<Result<Choice, String>>);
    let shown = Memo::new(move |_| store.link.with(|link| (link.probes.len(), link.server_probes as usize)));
    let load = move |_| {
        spawn_local(async move { choice.set(Some(fetch(store).await)) });
    };
    move || {
        let (shown, all) = shown.get();
        let offered = is_part() || all.max(shown) > MANY;
        offered.then(|| {
            let text = if is_part() {
                format!("{shown} probes are shown, of those that were chosen.")
            } else {
                format!("{shown} probes report. A part of them is quicker to draw and easier to read.")
            };
            view! {
                <p class="banner calm">
                    {text}
                    <button on:click=load data-testid="choose-probes">"Choose…"</button>
                    {is_part().then(|| view! { <button on:click=move |_| show(store, "")>"Show all"</button> })}
                </p>
                {move || choice.get().map(|choice| match choice {
                    Ok(choice) => form(store, choice).into_any(),
                    Err(why) => view! { <p class="error" role="alert">{why}</p> }.into_any(),
                })}
            }
        })
    }
}

fn form(store: Store, choice: Choice) -> impl IntoView {
    let keys: Vec<String> = choice.labels.keys().cloned().collect();
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let labels: Vec<(String, String)> = keys
            .iter()
            .enumerate()
            .flat_map(|(at, key)| selected(&format!("probe-label-{at}")).into_iter().map(|value| (key.clone(), value)))
            .filter(|(_, value)| !value.is_empty())
            .collect();
        let hosts = selected("probe-hosts");
        show(
            store,
            &query(
                hosts.iter().map(String::as_str),
                labels.iter().map(|(key, value)| (key.as_str(), value.as_str())),
            ),
        );
    };
    view! {
        <form on:submit=submit>
            {choice.labels.into_iter().enumerate().map(|(at, (key, values))| {
                let id = format!("probe-label-{at}");
                view! {
                    <label for=id.clone()>{key}</label>
                    <select id=id>
                        <option value="">"any"</option>
                        {values.into_iter().map(|(value, count)| view! {
                            <option value=value.clone()>{format!("{value} ({count})")}</option>
                        }).collect_view()}
                    </select>
                }
            }).collect_view()}
            <label for="probe-hosts">{format!("Hosts, several with Ctrl or Shift (none: all {})", choice.hosts.len())}</label>
            <select id="probe-hosts" multiple size=LIST_ROWS>
                {choice.hosts.into_iter().map(|host| view! { <option value=host.clone()>{host.clone()}</option> }).collect_view()}
            </select>
            <div class="actions"><button type="submit" class="primary">"Show these"</button></div>
        </form>
    }
}

/// The values chosen in a list.
fn selected(id: &str) -> Vec<String> {
    let Some(list) = document()
        .get_element_by_id(id)
        .and_then(|list| list.dyn_into::<web_sys::HtmlSelectElement>().ok())
    else {
        return Vec::new();
    };
    let options = list.selected_options();
    (0..options.length())
        .filter_map(|at| options.item(at)?.get_attribute("value"))
        .collect()
}

/// Shows this part, of the server that is shown now.
fn show(store: Store, subset: &str) {
    super::connect_with(store, store.server.get_untracked(), subset);
    store.overlay.set(Overlay::None);
}

async fn fetch(store: Store) -> Result<Choice, String> {
    let server = store.server.get_untracked().unwrap_or_else(address::base);
    let token = if server == address::base() {
        None
    } else {
        storage::get(storage::TOKEN)
    };
    let request = http::Request {
        token,
        ..http::Request::default()
    };
    let answer = http::send(&format!("{server}api/probes"), request).await?;
    Choice::read(&answer.text).ok_or_else(|| format!("The server did not say which probes there are; it answered {}.", answer.status))
}
