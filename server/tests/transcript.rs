//! The original's recorded control and pipe traffic, replayed at both ends of the server.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail their test this way"
)]

mod common;

use common::{Socket, next, say, start};
use futures::SinkExt as _;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

const PROBE: &str = "19c0b13066ff8eb8";

fn recorded(name: &str) -> Value {
    let path = format!("{}/tests/golden/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).expect("recording")).expect("JSON")
}

/// The data frames of one direction of the recorded control socket.
fn frames(recording: &Value, direction: &str) -> Vec<Value> {
    recording[0][direction]
        .as_array()
        .expect("frames")
        .iter()
        .filter(|frame| frame["opcode"] == "text")
        .map(|frame| serde_json::from_str(frame["payload"].as_str().expect("text")).expect("JSON"))
        .collect()
}

async fn json_of(socket: &mut Socket) -> Value {
    serde_json::from_str(next(socket).await.to_text().expect("text")).expect("JSON")
}

#[tokio::test]
async fn controls_go_over_the_wire_as_recorded_and_their_answers_come_back_as_recorded() {
    let server = start(&[]).await;
    let recording = recorded("control-websockets.json");
    let (asked, answered) = (frames(&recording, "s2c"), frames(&recording, "c2s"));
    let mut probe = server
        .socket("/api/control/ws", &[("X-Scope-Probe-Id", PROBE)])
        .await
        .expect("socket");
    let requests: Vec<Value> = recorded("controls.json")
        .as_array()
        .expect("list")
        .iter()
        .filter(|entry| entry["request"].as_str().is_some_and(|request| request.contains(PROBE)))
        .cloned()
        .collect();
    assert_eq!(requests.len() * 2, asked.len(), "every recorded request went over the socket");
    for (number, request) in requests.iter().enumerate() {
        let path = request["request"]
            .as_str()
            .and_then(|line| line.strip_prefix("POST "))
            .expect("path");
        let path = path.replace(';', "%3B").replace('<', "%3C").replace('>', "%3E");
        let mut post = reqwest::Client::new().post(server.url(&path));
        if let Some(body) = request["body"].as_str() {
            post = post.body(body.to_owned());
        }
        let answer = tokio::spawn(post.send());
        assert_eq!(json_of(&mut probe).await, asked[number * 2], "header of call {number}");
        assert_eq!(json_of(&mut probe).await, asked[number * 2 + 1], "body of call {number}");
        for frame in &answered[number * 2..number * 2 + 2] {
            say(&mut probe, &frame.to_string()).await;
        }
        let answer = answer.await.expect("task").expect("answer");
        assert_eq!(
            answer.status().as_u16(),
            request["status"]
                .as_u64()
                .and_then(|status| u16::try_from(status).ok())
                .expect("status")
        );
        assert_eq!(answer.headers()["content-type"], "application/json");
        let expected: Value = serde_json::from_str(request["response"].as_str().expect("text")).expect("JSON");
        assert_eq!(answer.json::<Value>().await.expect("JSON"), expected, "{path}");
    }
}

#[tokio::test]
async fn a_control_of_a_probe_that_is_not_connected_is_answered_as_recorded() {
    let server = start(&[]).await;
    let path = "/api/control/deadbeef/x%3B%3Ccontainer%3E/docker_pause_container";
    let answer = reqwest::Client::new().post(server.url(path)).send().await.expect("answer");
    assert_eq!(answer.status(), 400);
    assert_eq!(answer.text().await.expect("text"), "\"probe deadbeef is not connected right now\"");
}

#[tokio::test]
async fn answers_out_of_order_find_their_callers_and_a_lost_probe_answers_at_once() {
    let server = start(&[]).await;
    let mut probe = server
        .socket("/api/control/ws", &[("X-Scope-Probe-ID", "p")])
        .await
        .expect("socket");
    let post = |control: &str| {
        tokio::spawn(
            reqwest::Client::new()
                .post(server.url(&format!("/api/control/p/n/{control}")))
                .send(),
        )
    };
    let mut calls = Vec::new();
    for control in ["docker_stop_container", "docker_start_container", "docker_pause_container"] {
        calls.push(post(control));
        let header = json_of(&mut probe).await;
        assert_eq!(header["Request"]["Seq"], json!(calls.len() - 1));
        json_of(&mut probe).await;
    }
    for sequence in [1, 0] {
        say(&mut probe, &json!({"Response": {"Seq": sequence, "Error": ""}}).to_string()).await;
        say(&mut probe, &json!({"Value": {"value": sequence}}).to_string()).await;
    }
    let lost = calls.pop().expect("third");
    for (number, call) in calls.into_iter().enumerate() {
        let answer: Value = call.await.expect("task").expect("answer").json().await.expect("JSON");
        assert_eq!(answer, json!({"value": number}));
    }
    drop(probe);
    let answer = lost.await.expect("task").expect("answer");
    assert_eq!(answer.status(), 400);
    assert!(answer.text().await.expect("text").contains("was lost"));
}

#[tokio::test]
async fn recorded_terminals_pass_through_byte_for_byte_and_end_with_the_exit_code() {
    let server = start(&[]).await;
    for connection in recorded("control-websockets.json").as_array().expect("list") {
        let Some(path) = connection["request"][0]
            .as_str()
            .and_then(|line| line.split(' ').nth(1))
            .filter(|path| path.ends_with("/probe"))
        else {
            continue;
        };
        let mut probe = server.socket(path, &[]).await.expect("probe's end");
        let mut page = server
            .socket(path.strip_suffix("/probe").expect("page's path"), &[])
            .await
            .expect("page's end");
        replay(connection, "c2s", &mut probe, &mut page).await;
        replay(connection, "s2c", &mut page, &mut probe).await;
        let close = tokio_tungstenite::tungstenite::protocol::CloseFrame {
            code: 1000.into(),
            reason: "exited 3".into(),
        };
        probe.send(Message::Close(Some(close))).await.expect("closed");
        let Message::Close(Some(close)) = next(&mut page).await else {
            panic!("a close frame")
        };
        assert_eq!((u16::from(close.code), close.reason.as_str()), (1000, "exited 3"));
        let check = reqwest::get(server.url(&format!("{}/check", path.strip_suffix("/probe").expect("path"))))
            .await
            .expect("answer");
        assert_eq!(check.status(), 404);
    }
}

async fn replay(connection: &Value, direction: &str, from: &mut Socket, to: &mut Socket) {
    for frame in connection[direction]
        .as_array()
        .expect("frames")
        .iter()
        .filter(|frame| frame["opcode"] == "binary")
    {
        let payload = frame["payload"].as_str().expect("payload").as_bytes().to_vec();
        from.send(Message::binary(payload.clone())).await.expect("sent");
        assert_eq!(next(to).await.into_data().to_vec(), payload);
    }
}

#[tokio::test]
async fn deleting_a_pipe_ends_both_ends() {
    let server = start(&[]).await;
    let mut probe = server.socket("/api/pipe/pipe-9/probe", &[]).await.expect("probe's end");
    let mut page = server.socket("/api/pipe/pipe-9", &[]).await.expect("page's end");
    let client = reqwest::Client::new();
    assert_eq!(
        client
            .get(server.url("/api/pipe/pipe-9/check"))
            .send()
            .await
            .expect("answer")
            .status(),
        204
    );
    assert_eq!(
        client.delete(server.url("/api/pipe/pipe-9")).send().await.expect("answer").status(),
        200
    );
    assert!(matches!(next(&mut probe).await, Message::Close(_)) && matches!(next(&mut page).await, Message::Close(_)));
    assert_eq!(server.socket("/api/pipe/pipe-9/probe", &[]).await.map(drop), Err(404));
}
