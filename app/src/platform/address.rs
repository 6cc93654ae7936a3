//! The page's address: where its server is, which view it names, and going back and forth.

use wasm_bindgen::JsValue;
use web_sys::{Location, UrlSearchParams};

fn location() -> Option<Location> {
    Some(web_sys::window()?.location())
}

/// The fragment, with its `#`.
#[must_use]
pub fn fragment() -> String {
    location().and_then(|location| location.hash().ok()).unwrap_or_default()
}

/// A parameter of the query string.
#[must_use]
pub fn parameter(name: &str) -> Option<String> {
    let search = location()?.search().ok()?;
    UrlSearchParams::new_with_str(&search).ok()?.get(name)
}

/// Puts a fragment in the address without anyone being told: as a new entry of the history, or in place of the current one.
pub fn write(fragment: &str, replace: bool) {
    let Some(history) = web_sys::window().and_then(|window| window.history().ok()) else {
        return;
    };
    let done = if replace {
        history.replace_state_with_url(&JsValue::NULL, "", Some(fragment))
    } else {
        history.push_state_with_url(&JsValue::NULL, "", Some(fragment))
    };
    if done.is_err() {
        super::worker::log("the browser did not take the new address");
    }
}

/// The folder the page was loaded from, ending in `/`.
#[must_use]
pub fn base() -> String {
    let href = location().and_then(|location| location.href().ok()).unwrap_or_default();
    let path = href.split(['?', '#']).next().unwrap_or_default();
    path.rfind('/').and_then(|at| path.get(..=at)).unwrap_or(path).to_owned()
}

/// Whether the page came over a connection that forbids plain http.
#[must_use]
pub fn is_secure() -> bool {
    location()
        .and_then(|location| location.protocol().ok())
        .is_some_and(|protocol| protocol == "https:")
}

/// A base address as typed: with a scheme and a trailing `/`, without query and fragment. `None` when it is none.
#[must_use]
pub fn normalize_server(typed: &str) -> Option<String> {
    let typed = typed.trim();
    if typed.is_empty() {
        return None;
    }
    let with_scheme = if typed.contains("://") {
        typed.to_owned()
    } else {
        format!("http://{typed}")
    };
    let url = web_sys::Url::new(&with_scheme).ok()?;
    if !matches!(url.protocol().as_str(), "http:" | "https:") {
        return None;
    }
    url.set_hash("");
    url.set_search("");
    let href = url.href();
    Some(if href.ends_with('/') { href } else { format!("{href}/") })
}

/// Removes a parameter from the query string in the address, e.g. a token that need not be seen.
pub fn drop_parameter(name: &str) {
    let Some(location) = location() else { return };
    let (Ok(href), Ok(search)) = (location.href(), location.search()) else {
        return;
    };
    let (Ok(url), Ok(params)) = (web_sys::Url::new(&href), UrlSearchParams::new_with_str(&search)) else {
        return;
    };
    if params.has(name) {
        params.delete(name);
        url.set_search(&String::from(params.to_string()));
        write(&url.href(), true);
    }
}

/// Sets a parameter of the query string in the address, or removes it.
pub fn set_parameter(name: &str, value: Option<&str>) {
    let Some(value) = value else { return drop_parameter(name) };
    let Some(location) = location() else { return };
    let (Ok(href), Ok(search)) = (location.href(), location.search()) else {
        return;
    };
    let (Ok(url), Ok(params)) = (web_sys::Url::new(&href), UrlSearchParams::new_with_str(&search)) else {
        return;
    };
    params.set(name, value);
    url.set_search(&String::from(params.to_string()));
    write(&url.href(), true);
}

/// Loads the page again.
pub fn reload() {
    if let Some(location) = location()
        && location.reload().is_err()
    {
        super::worker::log("the page could not be reloaded");
    }
}
