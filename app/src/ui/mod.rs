//! The page: Leptos components over signals that the worker's messages fill. It merges, sorts and searches nothing itself.

use leptos::prelude::*;

use crate::{platform::worker::WorkerLink, protocol::ToWorker};

/// Mounts the page in place of the loading note.
pub fn start() {
    let status = RwSignal::new(String::from("Connecting…"));
    match WorkerLink::start(move |message| status.set(format!("{message:?}")), move |error| status.set(error)) {
        Ok(link) => link.send(ToWorker::Connect { server: None }),
        Err(error) => leptos::logging::error!("{error:?}"),
    }
    if let Some(boot) = document().get_element_by_id("boot") {
        boot.remove();
    }
    mount_to_body(move || view! { <main class="app">{status}</main> });
}
