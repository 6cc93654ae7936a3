//! The browser, as far as the rest of the app needs it: worker, socket, storage, clock, network, files. The only place besides `ui` and
//! `scene/gl` that names `web_sys`; it decides nothing about what is shown.

pub mod address;
pub mod files;
pub mod host;
pub mod http;
pub mod socket;
pub mod storage;
pub mod worker;

/// Milliseconds since the Unix epoch by this browser's clock.
#[must_use]
pub fn now() -> u64 {
    js_sys::Date::now() as u64
}

/// Now as RFC 3339 in UTC, to the second.
#[must_use]
pub fn now_text() -> String {
    let text = String::from(js_sys::Date::new_0().to_iso_string());
    text.split('.').next().map(|date| format!("{date}Z")).unwrap_or_default()
}
