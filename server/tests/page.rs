//! The page's files over HTTP: codings, caching, routes.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail their test this way"
)]

mod common;

use common::start_with_page;
use reqwest::Response;
use scope_server::Page;

#[derive(rust_embed::Embed)]
#[folder = "tests/data/page"]
struct Files;

const SCRIPT: &str = "/app-0123456789abcdef.js";

fn header<'a>(answer: &'a Response, name: &str) -> &'a str {
    answer.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn files_come_in_the_smallest_coding_asked_for_and_are_kept_as_long_as_they_may() {
    let server = start_with_page(&[], Page(Files::get)).await;
    let client = reqwest::Client::new();
    let get = async |path: &str, name: &str, value: &str| client.get(server.url(path)).header(name, value).send().await.unwrap();
    for (accepted, coding, body) in [
        ("gzip, deflate, br", "br", "small"),
        ("gzip", "gzip", "medium"),
        ("br;q=0, gzip", "gzip", "medium"),
        ("identity", "", "plain"),
    ] {
        let answer = get(SCRIPT, "accept-encoding", accepted).await;
        assert_eq!(header(&answer, "content-encoding"), coding, "{accepted}");
        assert_eq!(header(&answer, "content-type"), "text/javascript; charset=utf-8");
        assert_eq!(header(&answer, "cache-control"), "public, max-age=31536000, immutable");
        assert_eq!(header(&answer, "vary"), "Accept-Encoding");
        assert_eq!(answer.text().await.unwrap(), body);
    }
    // No compressed one lies beside it.
    let index = get("/", "accept-encoding", "br").await;
    assert_eq!(
        (header(&index, "content-encoding"), header(&index, "cache-control")),
        ("", "no-cache")
    );
    let tag = header(&index, "etag").to_owned();
    let text = index.text().await.unwrap();
    assert!(text.contains("<title>page"));
    let again = get("/", "if-none-match", &tag).await;
    assert_eq!((again.status().as_u16(), header(&again, "etag")), (304, tag.as_str()));
    assert_eq!(get("/", "if-none-match", "\"another\"").await.status(), 200);
    // What looks like no file is a route of the page.
    for route in ["/ui", "/ui/", "/some/route"] {
        assert_eq!(get(route, "accept", "*/*").await.text().await.unwrap(), text, "{route}");
    }
    for nothing in [
        "/no-such-file.js",
        "/ui/app.js",
        "/../data/issuer-key.pem",
        "/%2e%2e/issuer-key.pem",
    ] {
        assert_eq!(get(nothing, "accept", "*/*").await.status(), 404, "{nothing}");
    }
}

#[tokio::test]
async fn a_server_without_a_page_says_how_to_get_one() {
    let server = start_with_page(&[], Page::default()).await;
    let answer = reqwest::get(server.url("/")).await.unwrap();
    assert_eq!((answer.status().as_u16(), header(&answer, "cache-control")), (200, "no-store"));
    assert!(answer.text().await.unwrap().contains("cargo xtask"));
    assert_eq!(reqwest::get(server.url(SCRIPT)).await.unwrap().status(), 404);
}
