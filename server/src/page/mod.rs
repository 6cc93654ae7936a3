//! The page: static files that the program brings along, compressed when the page was built, served with the right cache headers.
//!
//! Files whose name carries a hash never change and are cached for ever; everything else (`index.html` first of all) is asked for again
//! each time, and answered with 304 while it is the same. A path that is no file and looks like none is a route of the page and gets `index.html`.

use std::fmt::Write as _;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use rust_embed::EmbeddedFile;

use crate::refusal;
use crate::server::Shared;

/// The page's files by name, e.g. `index.html`. Beside a file may stand the same one compressed: `NAME.br`, `NAME.gz`.
///
/// The program gives them to the library, which therefore need not be compiled again when the page was built anew.
#[derive(Clone, Copy, Debug)]
pub struct Page(pub fn(&str) -> Option<EmbeddedFile>);

impl Default for Page {
    fn default() -> Self {
        Self(|_| None)
    }
}

impl Page {
    /// Whether there is a page.
    #[must_use]
    pub fn is_there(self) -> bool {
        self.get(INDEX).is_some()
    }

    fn get(self, name: &str) -> Option<EmbeddedFile> {
        (self.0)(name)
    }
}

const INDEX: &str = "index.html";
/// What compressed files are called, the smallest first, and the coding's name in HTTP.
const CODINGS: [(&str, &str); 2] = [(".br", "br"), (".gz", "gzip")];
/// Shown when the server was built without a page.
const MISSING: &str = include_str!("missing.html");
/// Hashed files: a year, the longest that caches honour.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// Serves whatever no other route took.
pub(crate) async fn serve(State(server): State<Shared>, method: Method, uri: Uri, headers: HeaderMap) -> Response {
    if (method != Method::GET && method != Method::HEAD) || is_api(uri.path()) {
        return refusal::not_found();
    }
    let path = uri.path().trim_start_matches('/');
    let path = path.strip_prefix("ui/").unwrap_or(if path == "ui" { "" } else { path });
    let name = if path.is_empty() || !path.contains('.') { INDEX } else { path };
    match server.page.get(name) {
        Some(file) => answer(server.page, name, file, &headers),
        None if path.is_empty() && !server.page.is_there() => missing(),
        None => refusal::not_found(),
    }
}

fn is_api(path: &str) -> bool {
    path == "/api" || path.starts_with("/api/")
}

fn missing() -> Response {
    (
        StatusCode::OK,
        [
            (header::CONTENT_TYPE, "text/html; charset=utf-8"),
            (header::CACHE_CONTROL, "no-store"),
        ],
        MISSING,
    )
        .into_response()
}

fn answer(page: Page, name: &str, file: EmbeddedFile, headers: &HeaderMap) -> Response {
    let sent = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let tag = tag(&file);
    let common = [
        (header::CACHE_CONTROL, if is_hashed(name) { FOR_EVER } else { "no-cache" }),
        (header::ETAG, tag.as_str()),
        (header::VARY, "Accept-Encoding"),
    ];
    if sent(header::IF_NONE_MATCH).is_some_and(|known| names_tag(known, &tag)) {
        return (StatusCode::NOT_MODIFIED, common).into_response();
    }
    let accepted = sent(header::ACCEPT_ENCODING).unwrap_or_default();
    let compressed = CODINGS
        .into_iter()
        .filter(|(_, coding)| accepts(accepted, coding))
        .find_map(|(suffix, coding)| Some((page.get(&format!("{name}{suffix}"))?, coding)));
    let kind = [(header::CONTENT_TYPE, content_type(name))];
    match compressed {
        Some((small, coding)) => (common, kind, [(header::CONTENT_ENCODING, coding)], small.data).into_response(),
        None => (common, kind, file.data).into_response(),
    }
}

/// What a browser that has the file sends back to ask whether it is still the same. Weak, because it names the content in whatever coding.
fn tag(file: &EmbeddedFile) -> String {
    let mut tag = String::from("W/\"");
    for byte in file.metadata.sha256_hash().iter().take(8) {
        let _written = write!(tag, "{byte:02x}");
    }
    tag.push('"');
    tag
}

/// Whether an `If-None-Match` names this tag; proxies may have made it strong or weak.
fn names_tag(list: &str, tag: &str) -> bool {
    let plain = |one: &str| one.trim().trim_start_matches("W/").to_owned();
    list.split(',').any(|one| one.trim() == "*" || plain(one) == plain(tag))
}

/// Whether a list of codings names this one with a weight that is not zero.
fn accepts(list: &str, coding: &str) -> bool {
    list.split(',').any(|item| {
        let mut parts = item.split(';').map(str::trim);
        parts.next().is_some_and(|name| name.eq_ignore_ascii_case(coding))
            && !parts.any(|part| matches!(part.trim_start_matches("q="), "0" | "0.0" | "0.00" | "0.000"))
    })
}

/// Trunk names files `name-<16 hex digits>.ext`, wasm-bindgen's `name-<16 hex digits>_bg.wasm`.
fn is_hashed(name: &str) -> bool {
    let stem = name.rsplit('/').next().unwrap_or(name);
    stem.split(['-', '_', '.'])
        .any(|part| part.len() >= 16 && part.chars().all(|c| c.is_ascii_hexdigit()))
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "wasm" => "application/wasm",
        "json" | "map" | "webmanifest" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" | "md" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hashed_names_are_cached_for_ever() {
        assert!(is_hashed("scope-page-0123456789abcdef.js") && is_hashed("page-0123456789abcdef_bg.wasm"));
        assert!(!is_hashed("index.html") && !is_hashed("xterm-addon-fit.js"));
    }

    #[test]
    fn codings_are_taken_from_the_list_the_browser_sends() {
        assert!(accepts("gzip, deflate, br", "br") && accepts("br;q=0.5", "br"));
        assert!(!accepts("gzip", "br") && !accepts("br;q=0", "br") && !accepts("", "gzip"));
    }

    #[test]
    fn a_browser_that_has_the_file_is_told_so() {
        let tag = "W/\"00ff\"";
        assert!(names_tag(tag, tag) && names_tag("\"1\", \"00ff\"", tag) && names_tag("*", tag));
        assert!(!names_tag("\"00fe\"", tag) && !names_tag("", tag));
    }
}
