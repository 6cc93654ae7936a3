//! Limits.
//!
//! Promised: over a limit the one request is refused with 429 or 413, a sentence that names the limit's flag, and `Retry-After` where
//! waiting helps; it is counted in `scope_refused_total`, and logged, a line or two however many there are. Everybody else is served.

use std::io::{Read as _, Write as _};

use scope_fleet::viewer::Viewer;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Error;

use crate::scope::{Scope, full, next_body};

/// Checks a refusal's status and reason.
async fn refused(request: reqwest::RequestBuilder, status: u16, flag: &str) -> reqwest::header::HeaderMap {
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.status(), status, "{flag}");
    let headers = answer.headers().clone();
    let reason: String = answer.json().await.expect("a reason as a JSON string");
    assert!(reason.contains(flag), "{flag}: {reason}");
    headers
}

#[tokio::test]
async fn each_limit_refuses_what_is_over_it_and_nobody_else() {
    let flags = "--max-probes 2 --max-viewers 1 --max-report-size 2000 --max-report-rate 0.01 --max-report-burst 4 --max-held-memory 2500";
    let scope = Scope::start(&flags.split(' ').collect::<Vec<_>>());
    let mut viewer = scope.viewer().await;
    let good = |sequence| scope.report("good", &full(sequence), format!("{{\"n\":{sequence}}}"));
    assert_eq!(good(1).send().await.expect("an answer").status(), 200);
    assert_eq!(next_body(&mut viewer).await, b"{\"n\":1}");

    let long = |length: usize| format!("{{\"filler\":\"{}\"}}", "x".repeat(length));
    refused(scope.report("large", &full(1), long(3000)), 413, "--max-report-size").await;
    let held = scope.report("held", &full(1), long(1500)).send().await.expect("an answer");
    assert_eq!(held.status(), 200);
    let headers = refused(scope.report("third", &full(1), "{}".to_owned()), 429, "--max-probes").await;
    assert!(headers.contains_key("retry-after"));
    // With what "held" has, this much more is too much; "held" keeps what it has.
    refused(scope.report("good", &full(2), long(1200)), 429, "--max-held-memory").await;
    for sequence in 2..4 {
        assert_eq!(good(sequence).send().await.expect("an answer").status(), 200, "{sequence}");
    }
    for sequence in 4..50 {
        refused(good(sequence), 429, "--max-report-rate").await;
    }
    match connect_async(format!("ws://{}/api/viewer/ws", scope.address)).await {
        Err(Error::Http(answer)) => assert_eq!(answer.status(), 429),
        other => panic!("a second viewer: {other:?}"),
    }

    assert_eq!(next_body(&mut viewer).await, long(1500).as_bytes(), "the others' reports arrived");
    let metric = async |name: &str| scope.metric(name).await.unwrap_or(0.0);
    assert!(metric("scope_refused_total{what=\"report\",status=\"413\"}").await >= 1.0);
    assert!(metric("scope_refused_total{what=\"report\",status=\"429\"}").await >= 48.0);
    assert!(metric("scope_refused_total{what=\"viewer\",status=\"429\"}").await >= 1.0);
    let log = scope.log();
    let lines = |what: &str| log.lines().filter(|line| line.contains(what)).count();
    for what in ["413", "--max-probes", "--max-viewers"] {
        assert!(lines(what) > 0, "{what} is not in the log:\n{log}");
    }
    assert!(lines("report refused") < 20, "a flood of refusals is not a flood of lines:\n{log}");
}

/// A kept connection that has a place: what asked whether the server is up may still have one, so the first try may be turned away.
fn served(address: std::net::SocketAddr) -> std::net::TcpStream {
    for _ in 0..100 {
        let mut stream = std::net::TcpStream::connect(address).expect("connection");
        let mut answer = [0; 4096];
        let asked = stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
        if asked.is_ok()
            && let Ok(count) = stream.read(&mut answer)
            && answer[..count].starts_with(b"HTTP/1.1 200")
        {
            return stream;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("no connection was served");
}

#[tokio::test]
async fn one_connection_too_many_is_told_so() {
    let scope = Scope::start(&["--max-connections", "2"]);
    let held: Vec<_> = (0..2).map(|_| served(scope.address)).collect();
    let answer = tokio::task::spawn_blocking({
        let address = scope.address;
        move || {
            let mut third = std::net::TcpStream::connect(address).expect("connection");
            // It may be closed before this is sent; what it was told is there all the same.
            third
                .write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
                .unwrap_or_default();
            let mut answer = Vec::new();
            third.read_to_end(&mut answer).map(|_| ()).unwrap_or_default();
            String::from_utf8_lossy(&answer).into_owned()
        }
    })
    .await
    .expect("asked");
    assert!(
        answer.starts_with("HTTP/1.1 429") && answer.contains("--max-connections"),
        "{answer:?}"
    );
    drop(held);
    scope.until_metric("scope_connections", |connections| connections == 1.0).await;
    assert!(scope.log().contains("--max-connections"), "{}", scope.log());
    assert!(scope.metric("scope_refused_total{what=\"connection\",status=\"429\"}").await >= Some(1.0));
}

#[tokio::test]
async fn a_viewer_of_a_part_is_sent_that_part_only() {
    let scope = Scope::start(&[]);
    for (probe, zone) in [("a", "x"), ("b", "y")] {
        let mut headers = full(1);
        headers.push(("X-Scope-Probe-Hostname", format!("host-{probe}")));
        headers.push(("X-Scope-Probe-Labels", format!("zone={zone}")));
        let answer = scope.report(probe, &headers, format!("{{\"of\":\"{probe}\"}}")).send().await;
        assert_eq!(answer.expect("an answer").status(), 200);
    }
    for (query, body) in [("hosts=host-b", "b"), ("labels=zone%3Dx", "a"), ("probes=b", "b")] {
        let (mut socket, _) = connect_async(format!("ws://{}/api/viewer/ws?{query}", scope.address))
            .await
            .expect("a viewer");
        assert_eq!(next_body(&mut socket).await, format!("{{\"of\":\"{body}\"}}").as_bytes(), "{query}");
    }
    let journal = std::sync::Arc::new(scope_fleet::journal::Journal::new(std::iter::empty()));
    assert!(
        Viewer::connect(scope.address, "?labels=zone", 0, journal).await.is_err(),
        "a label without a value"
    );
}
