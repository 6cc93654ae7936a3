//! Orderly ends and changes while running.
//!
//! Promised: on SIGTERM viewers are told before their sockets close, pipes are closed, and the process ends with success. On SIGHUP
//! certificates and tokens are read again; what cannot be read leaves the old ones in force. Logs are JSON when asked for.

use std::time::{Duration, Instant};

use scope_shared::frame::Frame;
use tokio_tungstenite::connect_async;

use crate::scope::{PATIENCE, Scope, full, next};

#[tokio::test]
async fn viewers_are_told_and_pipes_closed_when_the_server_stops() {
    let mut scope = Scope::start(&["--log-format", "json"]);
    let mut viewer = scope.viewer().await;
    let (mut pipe, _) = connect_async(format!("ws://{}/api/pipe/pipe-1/probe", scope.address))
        .await
        .expect("a pipe's end");
    assert_eq!(reqwest::get(scope.url("/readyz")).await.expect("an answer").status(), 200);
    scope.server.signal("TERM").expect("sent");
    let mut told = false;
    while let Some(bytes) = next(&mut viewer).await {
        told |= matches!(Frame::decode(&bytes), Ok(Frame::Goodbye(_)));
    }
    assert!(told, "the viewer was told");
    assert!(next(&mut pipe).await.is_none(), "the pipe is closed");
    let begun = Instant::now();
    let status = loop {
        match scope.server.ended().expect("asked") {
            Some(status) => break status,
            None if begun.elapsed() > PATIENCE => panic!("it does not end"),
            None => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    };
    assert!(status.success(), "{status}");
    for line in scope.log().lines().filter(|line| line.starts_with('{')) {
        serde_json::from_str::<serde_json::Value>(line).expect("a JSON object a line");
    }
    let stopping = scope.log().lines().any(|line| line.starts_with('{') && line.contains("stopping"));
    assert!(stopping, "{}", scope.log());
}

#[tokio::test]
async fn tokens_are_read_again_on_hangup() {
    let scope = Scope::start(&["--require-token"]);
    let file = scope.state().join("probe.token");
    let old = std::fs::read_to_string(&file).expect("token").trim().to_owned();
    let post = async |token: &str, sequence| {
        let mut headers = full(sequence);
        headers.push(("Authorization", format!("Scope-Probe token={token}")));
        scope
            .report("p", &headers, "{}".to_owned())
            .send()
            .await
            .expect("an answer")
            .status()
            .as_u16()
    };
    assert_eq!(post(&old, 1).await, 200);
    let new = "a".repeat(old.len());
    std::fs::write(&file, &new).expect("written");
    scope.server.signal("HUP").expect("sent");
    until_logged(&scope, "read again").await;
    assert_eq!(post(&new, 2).await, 200);
    assert_eq!(post(&old, 3).await, 401);
    // A file that cannot be used leaves what is in force.
    std::fs::write(&file, "short").expect("written");
    scope.server.signal("HUP").expect("sent");
    until_logged(&scope, "stay in force").await;
    assert_eq!(post(&new, 4).await, 200);
}

#[tokio::test]
async fn certificates_are_read_again_on_hangup() {
    let directory = tempfile::tempdir().expect("directory");
    let (cert, key) = (directory.path().join("cert.pem"), directory.path().join("key.pem"));
    let renew = || {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
        std::fs::write(&cert, made.cert.pem()).expect("written");
        std::fs::write(&key, made.signing_key.serialize_pem()).expect("written");
        made.cert.pem()
    };
    let first = renew();
    let (cert_path, key_path) = (cert.to_string_lossy(), key.to_string_lossy());
    let scope = Scope::start(&["--tls-cert", &cert_path, "--tls-key", &key_path]);
    let answers = async |trusted: &str| {
        let root = reqwest::Certificate::from_pem(trusted.as_bytes()).expect("PEM");
        let client = reqwest::Client::builder()
            .tls_built_in_root_certs(false)
            .add_root_certificate(root)
            .resolve("localhost", scope.address)
            .build()
            .expect("a client");
        let answer = client
            .get(format!("https://localhost:{}/healthz", scope.address.port()))
            .send()
            .await;
        answer.is_ok_and(|answer| answer.status() == 200)
    };
    assert!(answers(&first).await);
    let second = renew();
    scope.server.signal("HUP").expect("sent");
    until_logged(&scope, "read again").await;
    assert!(answers(&second).await && !answers(&first).await);
}

async fn until_logged(scope: &Scope, words: &str) {
    let logged = async {
        while !scope.log().contains(words) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    // Only so that a run ends that would wait for ever.
    tokio::time::timeout(PATIENCE, logged)
        .await
        .unwrap_or_else(|_| panic!("{words:?} is not in the log:\n{}", scope.log()));
}
