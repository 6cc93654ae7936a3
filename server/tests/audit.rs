//! What is recorded, and what is refused because it cannot be.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail their test this way"
)]

mod common;

use common::{Running, Socket, next, say, start};
use futures::SinkExt as _;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

const SHELL: &str = "/api/control/p/c%3B%3Ccontainer%3E/docker_exec_container";
const RESIZE: &str = "/api/control/p/c%3B%3Ccontainer%3E/docker_resize_exec_tty";

async fn probe(server: &Running) -> Socket {
    let socket = server.socket("/api/control/ws", &[("X-Scope-Probe-ID", "p")]).await;
    socket.expect("the control socket")
}

/// Posts a control, and has the probe answer it with `answer`.
async fn control(server: &Running, probe: &mut Socket, path: &str, body: &str, answer: Value) -> reqwest::Response {
    let post = tokio::spawn(reqwest::Client::new().post(server.url(path)).body(body.to_owned()).send());
    let header: Value = serde_json::from_str(next(probe).await.to_text().expect("text")).expect("JSON");
    next(probe).await;
    say(
        probe,
        &json!({"Response": {"Seq": header["Request"]["Seq"], "Error": ""}}).to_string(),
    )
    .await;
    say(probe, &json!({"Value": answer}).to_string()).await;
    post.await.expect("task").expect("answer")
}

fn lines(path: &std::path::Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).expect("file");
    text.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect()
}

#[tokio::test]
async fn a_terminal_is_recorded_as_it_looked_and_the_log_says_who_had_it_and_how_it_ended() {
    let kept = tempfile::tempdir().expect("directory");
    let (log, casts) = (kept.path().join("audit.jsonl"), kept.path().join("casts"));
    let flags = [
        "--audit-log",
        log.to_str().expect("path"),
        "--record-terminals",
        casts.to_str().expect("path"),
    ];
    let server = start(&flags).await;
    let mut probe = probe(&server).await;
    let opened = json!({"pipe": "pipe-7", "raw_tty": true, "resize_tty_control": "docker_resize_exec_tty"});
    assert_eq!(control(&server, &mut probe, SHELL, "", opened).await.status(), 200);
    let mut shell = server.socket("/api/pipe/pipe-7/probe", &[]).await.expect("the probe's end");
    let mut page = server.socket("/api/pipe/pipe-7", &[]).await.expect("the page's end");
    let size = r#"{"pipeID":"pipe-7","width":"100","height":"30"}"#;
    assert_eq!(control(&server, &mut probe, RESIZE, size, json!({})).await.status(), 200);
    say(&mut page, "secret that is typed").await;
    next(&mut shell).await;
    // A character that is cut between two messages, colours, and a line of its own.
    let said = "\u{1b}[32mgr\u{fc}n\u{1b}[0m\r\n".as_bytes();
    for part in [&said[..8], &said[8..]] {
        shell.send(Message::binary(part.to_vec())).await.expect("sent");
        next(&mut page).await;
    }
    let close = tokio_tungstenite::tungstenite::protocol::CloseFrame {
        code: 1000.into(),
        reason: "exited 3".into(),
    };
    shell.send(Message::Close(Some(close))).await.expect("closed");
    next(&mut page).await;

    let events = lines(&log);
    let of = |event: &str, control: &str| {
        let found = events
            .iter()
            .find(|line| line["event"] == event && line["what"]["control"].as_str().is_none_or(|of| of == control));
        found.unwrap_or_else(|| panic!("no {event} in {events:?}"))
    };
    assert_eq!(of("control asked", "docker_exec_container")["from"], "127.0.0.1");
    let closed = of("terminal closed", "docker_exec_container");
    assert_eq!((&closed["what"]["pipe"], &closed["result"]), (&json!("pipe-7"), &json!("exited 3")));
    assert!(closed["durationMillis"].is_u64() && closed["who"] == "anyone", "{closed}");

    let cast = std::fs::read_dir(&casts)
        .expect("recordings")
        .next()
        .expect("one")
        .expect("entry")
        .path();
    // The file is finished by a thread of its own, soon after the pipe.
    let recorded = tokio::task::spawn_blocking(move || {
        loop {
            let lines = lines(&cast);
            if lines.len() == 4 {
                return lines;
            }
            std::thread::yield_now();
        }
    });
    let recorded = recorded.await.expect("read");
    assert_eq!(
        (&recorded[0]["version"], &recorded[0]["width"], &recorded[0]["height"]),
        (&json!(2), &json!(80), &json!(24))
    );
    let mut at = 0.0;
    let mut shown = String::new();
    for event in &recorded[1..] {
        let [time, kind, data] = event.as_array().expect("an event").as_slice() else {
            panic!("{event}")
        };
        assert!(time.as_f64().expect("a time") >= at, "times go on: {recorded:?}");
        at = time.as_f64().expect("a time");
        match kind.as_str().expect("a kind") {
            "o" => shown.push_str(data.as_str().expect("text")),
            "r" => assert_eq!(data, "100x30"),
            other => panic!("{other}"),
        }
    }
    assert_eq!(shown.as_bytes(), said, "what was typed is not in it");
}

#[tokio::test]
async fn with_audit_required_nothing_happens_that_cannot_be_recorded() {
    // A log that can be opened and takes nothing.
    let server = start(&["--require-token", "--audit-log", "/dev/full", "--audit-required"]).await;
    let client = reqwest::Client::new();
    let body = json!({"token": server.token("operator")});
    let login = client.post(server.url("/api/login")).json(&body).send().await.expect("answer");
    assert_eq!(login.status(), 503, "a login that cannot be recorded");
    let probe = server
        .socket(
            "/api/control/ws",
            &[
                ("X-Scope-Probe-ID", "p"),
                ("Authorization", &format!("Bearer {}", server.token("probe"))),
            ],
        )
        .await
        .expect("the control socket");
    let refused = client
        .post(server.url(SHELL))
        .bearer_auth(server.token("operator"))
        .send()
        .await
        .expect("answer");
    assert_eq!(refused.status(), 503);
    assert!(refused.text().await.expect("text").contains("--audit-required"));
    // Answered before the probe said anything: it was not asked.
    drop(probe);
}

#[tokio::test]
async fn with_audit_required_a_terminal_that_cannot_be_recorded_is_closed_again() {
    let kept = tempfile::tempdir().expect("directory");
    let (log, casts) = (kept.path().join("audit.jsonl"), kept.path().join("casts"));
    let flags = [
        "--audit-log",
        log.to_str().expect("path"),
        "--audit-required",
        "--record-terminals",
        casts.to_str().expect("path"),
    ];
    let server = start(&flags).await;
    std::fs::remove_dir(&casts).expect("removed");
    let mut probe = probe(&server).await;
    let refused = control(&server, &mut probe, SHELL, "", json!({"pipe": "pipe-8", "raw_tty": true})).await;
    assert_eq!(refused.status(), 503);
    assert_eq!(
        server.socket("/api/pipe/pipe-8/probe", &[]).await.map(drop),
        Err(404),
        "the probe learns that it is over"
    );
    assert_eq!(server.socket("/api/pipe/pipe-8", &[]).await.map(drop), Err(404));
}
