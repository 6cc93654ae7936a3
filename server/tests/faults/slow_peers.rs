//! Peers that take their time.
//!
//! Promised: whoever sends a request's headers too slowly, or none at all, is cut off after 15 s; a body that trickles after 30 s (408); a
//! viewer that takes nothing 20 s after its socket is full; one that takes everything but answers no pings after 45 s. Meanwhile everybody
//! else is served, and the server's memory does not grow with what a viewer does not read.

use std::time::Duration;

use scope_shared::frame::{Frame, ReportKind};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::scope::{Scope, closed, full, next};

/// Sends a beginning, then a byte a second, until the server has had enough. Returns what it answered.
async fn trickle(scope: &Scope, beginning: String, what: &str) -> String {
    let stream = TcpStream::connect(scope.address).await.expect("connection");
    let (mut reading, mut writing) = stream.into_split();
    writing.write_all(beginning.as_bytes()).await.expect("sent");
    let writer = tokio::spawn(async move {
        while writing.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    let mut answer = vec![0; 256];
    let count = reading.read(&mut answer).await.unwrap_or(0);
    answer.truncate(count);
    if count > 0 {
        closed(reading, what).await;
    }
    writer.abort();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_peers_are_cut_off_and_nobody_else_notices() {
    let scope = Scope::start(&[]);
    let mut good = scope.viewer().await;
    let never_reads = scope.raw_viewer().await;
    let no_pongs = scope.raw_viewer().await;
    scope.until_metric("scope_viewers", |viewers| viewers == 3.0).await;
    let head = |more: &str| format!("POST /api/report HTTP/1.1\r\nHost: {}\r\n{more}", scope.address);
    let headers = trickle(&scope, head("X-Slow: "), "a probe with slow headers");
    let body = head("Content-Type: application/json\r\nContent-Length: 100000\r\n\r\n{");
    let body = trickle(&scope, body, "a probe with a slow body");
    let viewer = trickle(&scope, "GET /api/viewer/ws?x".to_owned(), "a viewer with slow headers");
    let idle = async {
        let stream = TcpStream::connect(scope.address).await.expect("connection");
        closed(stream, "a connection without a request").await;
    };
    let silent = closed(no_pongs, "a viewer that answers no pings");
    // Large enough that the socket of a viewer that does not read is full after a few.
    let filler = "x".repeat(700_000);
    let mut sent = 0;
    let mut traffic = async || -> u64 {
        sent += 1;
        let body = format!("{{\"number\":{sent},\"filler\":\"{filler}\"}}");
        let answer = scope.report("p", &full(sent), body).send().await.expect("an answer");
        assert_eq!(answer.status(), 200);
        sent
    };
    let busy = async {
        let mut newest = 0;
        // Until both bad viewers are gone: the good one is then alone.
        while scope.metric("scope_viewers").await != Some(1.0) {
            let sent = traffic().await;
            while newest < sent {
                let frame = next(&mut good).await.expect("the good viewer stays connected");
                if let Ok(Frame::Report(report)) = Frame::decode(&frame)
                    && let ReportKind::Full { sequence } = report.kind
                {
                    assert!(sequence > newest);
                    newest = sequence;
                }
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        newest
    };
    let limit = Duration::from_secs(180);
    let (headers, body, viewer, (), (), newest) =
        tokio::time::timeout(limit, async { tokio::join!(headers, body, viewer, idle, silent, busy) })
            .await
            .expect("all slow peers are cut off");
    assert!(newest > 0, "the good viewer had everything that was sent");
    assert!(body.contains("408"), "{body}");
    for answer in [headers, viewer] {
        assert!(answer.is_empty() || answer.contains("408"), "{answer}");
    }
    let peak = scope.server.usage().expect("usage").peak;
    assert!(peak < 120 << 20, "the server grew to {} MB", peak >> 20);
    drop(never_reads);
}
