//! What can be done to a node: buttons, the question before harm, the request, and what comes back.

use leptos::prelude::*;
use smol_str::SmolStr;

use crate::platform::{address, http, storage};
use crate::protocol::{CardRef, ControlVm, PipeRef};
use crate::ui::{
    css,
    icons::icon,
    store::{Overlay, Question, Store},
};

/// The strip below a card's header.
pub fn strip(
    store: Store,
    card: &CardRef,
    name: &SmolStr,
    colour: [u8; 3],
    controls: Vec<ControlVm>,
    missing: String,
) -> impl IntoView + use<> {
    let (card, name) = (card.clone(), name.clone());
    view! {
        {(!controls.is_empty()).then(|| view! {
            <div class="controls" role="toolbar" aria-label="Controls" style:background=css(colour) on:keydown=|event| crate::ui::rove(&event)>
                {controls.into_iter().map(|control| button(store, &card, &name, control)).collect_view()}
            </div>
        })}
        {(!missing.is_empty()).then(|| view! { <p class="missing">{missing}</p> })}
    }
}

fn button(store: Store, card: &CardRef, name: &SmolStr, control: ControlVm) -> impl IntoView + use<> {
    let key = (control.node.clone(), control.id.clone());
    let pending = store.pending.with(|pending| pending.contains(&key));
    let (card, name) = (card.clone(), name.clone());
    let (symbol, human) = (control.icon.clone(), control.human.clone());
    view! {
        <button
            class:danger=control.dangerous
            class:busy=pending
            disabled=pending
            data-control=control.id.to_string()
            title=human.to_string()
            on:click=move |_| ask_or_run(store, card.clone(), name.clone(), control.clone())
        >
            {icon(&symbol)}
            <span>{human.to_string()}</span>
        </button>
    }
}

/// Carries a control out, after a question if it hurts.
pub fn ask_or_run(store: Store, card: CardRef, name: SmolStr, control: ControlVm) {
    if control.confirm.is_empty() {
        run(store, card, name, control);
        return;
    }
    store.overlay.set(Overlay::Confirm(Box::new(Question {
        text: control.confirm.to_string(),
        action: control.human.to_string(),
        control,
        card,
        name,
    })));
}

/// Carries a control out.
pub fn run(store: Store, card: CardRef, name: SmolStr, control: ControlVm) {
    let Some(server) = store.server.get_untracked() else {
        store.toast("There is no server to carry this out.", true);
        return;
    };
    let key = (control.node.clone(), control.id.clone());
    if store.pending.with_untracked(|pending| pending.contains(&key)) {
        return;
    }
    store.pending.update(|pending| pending.push(key.clone()));
    wasm_bindgen_futures::spawn_local(async move {
        let answer = request(&server, &control.probe, &control.node, &control.id, String::new()).await;
        store.pending.update(|pending| pending.retain(|one| *one != key));
        match answer {
            Ok(response) => took_effect(store, &card, &name, &control, response),
            Err(reason) => store.toast(&format!("{} of {name} failed: {reason}", control.human), true),
        }
    });
}

fn took_effect(store: Store, card: &CardRef, name: &SmolStr, control: &ControlVm, response: scope_shared::control::Response) {
    if !response.pipe.is_empty() {
        let pipe = PipeRef {
            id: response.pipe,
            node: control.node.to_string(),
            probe: control.probe.to_string(),
            resize: response.resize_tty_control,
            raw: response.raw_tty,
            title: format!("{} – {name}", control.human),
            control: control.id.to_string(),
        };
        store.show_terminal(pipe.clone());
        store.update(|state| state.pipe = Some(pipe));
        return;
    }
    store.toast(&format!("{}: {name} – done.", control.human), false);
    if !response.removed_node.is_empty() {
        store.update(|state| state.close_card(card));
    }
}

/// Asks the server for a control. The error is a sentence.
pub async fn request(
    server: &str,
    probe: &str,
    node: &str,
    control: &str,
    body: String,
) -> Result<scope_shared::control::Response, String> {
    let encode = |text: &str| String::from(js_sys::encode_uri_component(text));
    let url = format!("{server}api/control/{}/{}/{}", encode(probe), encode(node), encode(control));
    let token = if server == address::base() {
        None
    } else {
        storage::get(storage::TOKEN)
    };
    let answer = http::send(
        &url,
        http::Request {
            method: "POST",
            body,
            token,
            ..http::Request::default()
        },
    )
    .await
    .map_err(|error| format!("the server did not answer ({error})."))?;
    let response: Option<scope_shared::control::Response> = if answer.text.trim().is_empty() {
        Some(Default::default())
    } else {
        serde_json::from_str(&answer.text).ok()
    };
    match (answer.is_ok(), response) {
        (true, Some(response)) if response.error.is_empty() => Ok(response),
        (_, Some(response)) if !response.error.is_empty() => Err(response.error),
        // The original answers failures with a bare JSON string.
        _ => Err(serde_json::from_str::<String>(&answer.text).unwrap_or_else(|_| {
            let text = answer.text.trim();
            if text.is_empty() || text.starts_with('<') {
                format!("the server answered {}.", answer.status)
            } else {
                text.chars().take(300).collect()
            }
        })),
    }
}
