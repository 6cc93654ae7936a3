//! The page: static files embedded at build time, compressed there, served with the right cache headers.
//!
//! Files whose name carries a hash never change and are cached for ever; everything else (`index.html` first of all) is asked for again
//! each time, and answered with 304 while it is the same. A path that is no file and looks like none is a route of the page and gets `index.html`.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use crate::refusal;
use crate::server::Shared;

/// One embedded file.
struct Asset {
    name: &'static str,
    tag: &'static str,
    plain: &'static [u8],
    gzip: Option<&'static [u8]>,
    brotli: Option<&'static [u8]>,
}

static ASSETS: &[Asset] = &include!(concat!(env!("OUT_DIR"), "/page.rs"));
/// Shown when the server was built without a page.
const MISSING: &str = include_str!("missing.html");
/// Hashed files: a year, the longest that caches honour.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// Whether a page was there when the server was built.
#[must_use]
pub fn is_embedded() -> bool {
    !ASSETS.is_empty()
}

/// Serves whatever no other route took.
pub(crate) async fn serve(State(server): State<Shared>, method: Method, uri: Uri, headers: HeaderMap) -> Response {
    if (method != Method::GET && method != Method::HEAD) || is_api(uri.path()) {
        return refusal::not_found();
    }
    let path = uri.path().trim_start_matches('/');
    let path = path.strip_prefix("ui/").unwrap_or(if path == "ui" { "" } else { path });
    let name = if path.is_empty() { "index.html" } else { path };
    if !is_embedded() {
        return if name == "index.html" { missing() } else { refusal::not_found() };
    }
    match find(name) {
        Some(asset) => answer(&server, asset, &headers),
        None if name.contains('.') => refusal::not_found(),
        None => find("index.html").map_or_else(refusal::not_found, |asset| answer(&server, asset, &headers)),
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

fn find(name: &str) -> Option<&'static Asset> {
    ASSETS
        .binary_search_by(|asset| asset.name.cmp(name))
        .ok()
        .and_then(|at| ASSETS.get(at))
}

fn answer(_server: &Shared, asset: &'static Asset, headers: &HeaderMap) -> Response {
    let accepted = headers
        .get(header::ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let cache = if is_hashed(asset.name) { FOR_EVER } else { "no-cache" };
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    if known.is_some_and(|known| names_tag(known, asset.tag)) {
        return (
            StatusCode::NOT_MODIFIED,
            [
                (header::CACHE_CONTROL, cache),
                (header::ETAG, asset.tag),
                (header::VARY, "Accept-Encoding"),
            ],
        )
            .into_response();
    }
    let (bytes, encoding) = match (asset.brotli, asset.gzip) {
        (Some(brotli), _) if accepts(accepted, "br") => (brotli, Some("br")),
        (_, Some(gzip)) if accepts(accepted, "gzip") => (gzip, Some("gzip")),
        _ => (asset.plain, None),
    };
    let mut response = (
        [
            (header::CONTENT_TYPE, content_type(asset.name)),
            (header::CACHE_CONTROL, cache),
            (header::ETAG, asset.tag),
            (header::VARY, "Accept-Encoding"),
        ],
        bytes,
    )
        .into_response();
    if let Some(encoding) = encoding {
        response
            .headers_mut()
            .insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    response
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

    #[test]
    fn the_table_is_sorted_so_that_it_can_be_searched() {
        assert!(ASSETS.is_sorted_by_key(|asset| asset.name));
    }
}
