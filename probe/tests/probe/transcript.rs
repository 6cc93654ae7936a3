//! The requests that the original's server was recorded to send, sent to this probe frame by frame, on containers as those were: it answers
//! as the original's probe did. The server's end of the same recording is tested in the server.

use std::collections::BTreeMap;

use scope_shared::report::Kind;
use serde_json::Value;
use tokio_tungstenite::tungstenite::Message;

use crate::Probe;
use crate::controls::{end_of, read_until};
use crate::engine::{TestContainer, docker};
use crate::server::{FakeServer, FromProbe};

const RECORDING: &str = include_str!("../../../server/tests/golden/control-websockets.json");

/// The containers of the recording, by the beginning of their ids.
fn containers() -> BTreeMap<&'static str, TestContainer> {
    let stopped = TestContainer::run("transcript-stopped", "true");
    docker(&["wait", &stopped.id]);
    BTreeMap::from([
        (
            "3ba3ffa14f4f",
            TestContainer::run("transcript-plain", "trap 'exit 0' TERM; sleep 1000 & wait"),
        ),
        ("3c213516850b", stopped),
        (
            "b28a8677a55f",
            TestContainer::run_with("transcript-shell", &["-i", "-t"], "exec /bin/sh"),
        ),
        ("5cd10db2ed3e", TestContainer::run("transcript-quiet", "exec sleep 1000")),
    ])
}

/// The texts of one direction.
fn texts<'a>(connection: &'a Value, direction: &str) -> Vec<&'a str> {
    let frames = connection[direction].as_array().expect("frames").iter();
    frames
        .filter(|frame| frame["opcode"] == "text")
        .filter_map(|frame| frame["payload"].as_str())
        .collect()
}

fn typed(recording: &Value, pipe: &str) -> Vec<String> {
    let path = format!("GET /api/pipe/{pipe}/probe HTTP/1.1");
    let of = recording
        .as_array()
        .expect("connections")
        .iter()
        .find(|one| one["request"][0] == path.as_str());
    let frames = of.expect("the pipe was recorded")["s2c"].as_array().expect("frames").iter();
    frames
        .filter(|frame| frame["opcode"] == "binary")
        .filter_map(|frame| frame["payload"].as_str().map(str::to_owned))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_recorded_requests_are_answered_as_the_originals_probe_answered_them() {
    let recording: Value = serde_json::from_str(RECORDING).expect("JSON");
    let containers = containers();
    let server = FakeServer::start(true).await;
    let probe = Probe::start(&server, |args| {
        args.collect.docker = true;
        args.collect.hostname = Some("host-a".to_owned());
        args.control.allow = scope_probe::config::Allow::DEFAULT.to_vec();
        args.control.allow.push(scope_probe::config::Allow::HostShell);
    });
    server.wait_for_control_connection().await;
    server
        .state(|report| {
            let known = &report.topology(Kind::Container).nodes;
            containers.values().all(|container| known.contains_key(container.node().as_str()))
        })
        .await;

    let (asked, answered) = (texts(&recording[0], "s2c"), texts(&recording[0], "c2s"));
    // The recording's pipes, and ours in their place.
    let mut pipes: BTreeMap<String, String> = BTreeMap::new();
    let mut ends = Vec::new();
    let mut compared = 0;
    for (request, answer) in asked.chunks(2).zip(answered.chunks(2)) {
        let [header, body] = request else { panic!("half a request") };
        let recorded: Value = serde_json::from_str(answer[1]).expect("JSON");
        let recorded = &recorded["Value"];
        let mut body = (*body).to_owned();
        for (id, container) in &containers {
            if let Some(at) = body.find(id) {
                body.replace_range(at..at + 64, &container.id);
            }
        }
        for (theirs, ours) in &pipes {
            body = body.replace(theirs, ours);
        }
        let sequence: Value = serde_json::from_str(header).expect("JSON");
        let sequence = sequence["Request"]["Seq"].as_u64().expect("a number");
        let got = server.ask(sequence, [(*header).to_owned(), body.clone()]).await;
        let about = format!("{body}: {recorded} recorded, {got} given");
        let keys = |value: &Value| value.as_object().map(|fields| fields.keys().cloned().collect::<Vec<_>>());
        if recorded["error"].as_str().is_some_and(|error| error.contains("is not paused")) {
            // Ours are idempotent: what is so already is no error.
            assert_eq!(got, serde_json::json!({}), "{about}");
        } else if let Some(theirs) = recorded["pipe"].as_str() {
            assert_eq!(keys(&got), keys(recorded), "{about}");
            for key in ["raw_tty", "resize_tty_control"] {
                assert_eq!(got[key], recorded[key], "{about}");
            }
            let ours = got["pipe"].as_str().expect("a pipe").to_owned();
            ends.push((theirs.to_owned(), server.pipe(&ours)));
            pipes.insert(theirs.to_owned(), ours);
        } else {
            assert_eq!(&got, recorded, "{about}");
        }
        compared += 1;
    }
    assert_eq!(
        (compared, ends.len()),
        (asked.len() / 2, 4),
        "every request of the recording, four of which open pipes"
    );

    // What was typed then is typed again, in the terminals that were shells.
    let [(shell, shell_end), (attached, attached_end), _, (host, host_end)] = ends.as_mut_slice() else {
        unreachable!()
    };
    for (pipe, end, wanted) in [
        (&*shell, shell_end, "33 101"),
        (&*attached, attached_end, "attached\r\n"),
        (&*host, host_end, "\n0\r\n"),
    ] {
        let lines = typed(&recording, pipe);
        let (last, first) = lines.split_last().expect("something was typed");
        let leaves = last.contains("exit");
        for line in if leaves && !first.is_empty() { first } else { &lines } {
            end.to_probe.send(Message::text(line.clone())).expect("sent");
        }
        let text = read_until(end, wanted).await;
        assert!(text.contains(wanted), "{text}");
        if leaves {
            if !first.is_empty() {
                end.to_probe.send(Message::text(last.clone())).expect("sent");
            }
            assert_eq!(end_of(end).await, Some(FromProbe::Closed(Some("exited 0".to_owned()))), "{pipe}");
        }
    }
    probe.end().await;
}
