//! The original's recorded control and pipe traffic, replayed at the probe's end: the test plays Weave Scope's app and says what that said,
//! and what this probe answers is compared with what the original's probe answered.
//!
//! Ids of containers and pipes, the host's name and the shell's version stand for those of the recording. Every other difference is named here, with its reason.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::engine::TestContainer;
use crate::server::{FakeServer, FromProbe, PipeEnd};
use crate::{Probe, SOON};
use scope_probe::config::Allow;

/// The containers of the recording: one that is paused and restarted, one that is started, one with a terminal, one without.
const WORKER: &str = "3ba3ffa14f4fb9ff3cb337571d0ad487eeabe50e5ada45c99f6b50b76bd963dc";
const STOPPED: &str = "3c213516850bc5d75123aeee3d5599eacd42077b6ee30dbc8d5130926bcb6c45";
const SHELL: &str = "b28a8677a55fd80a486763bf66f9a496f9fb40fcbe0b059040ee2d7515a7b057";
const SILENT: &str = "5cd10db2ed3e0520ef2febf8c557218a5cfacf22df00dc76928f8472adfe506d";

/// What the original answered, by number of the call, where ours answers something else on purpose.
fn wanted_instead(number: usize) -> Option<Value> {
    match number {
        // Asked to unpause what is not paused: the original repeats the engine's complaint. Asking twice is no error here.
        2 => Some(json!({})),
        // Attached to a container that has a terminal: here that terminal can be resized too.
        8 => Some(json!({"pipe": "pipe-2646812905856887203", "raw_tty": true, "resize_tty_control": "docker_resize_exec_tty"})),
        _ => None,
    }
}

/// One connection of the recording.
struct Recorded(Value);

impl Recorded {
    fn all() -> Vec<Self> {
        // The server's transcript test replays the same recording from the other end.
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../server/tests/golden/control-websockets.json");
        let all: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        all.into_iter().map(Self).collect()
    }

    /// Path and header fields of its handshake.
    fn handshake(&self) -> (&str, BTreeMap<String, &str>) {
        let mut lines = self.0["request"].as_array().unwrap().iter().map(|line| line.as_str().unwrap());
        let path = lines.next().unwrap().split(' ').nth(1).unwrap();
        let fields = lines.map(|line| line.split_once(": ").unwrap());
        (path, fields.map(|(name, value)| (name.to_lowercase(), value)).collect())
    }

    /// What was said in one direction, in frames of this kind.
    fn said(&self, direction: &str, opcode: &str) -> Vec<&str> {
        let frames = self.0[direction].as_array().unwrap().iter();
        frames
            .filter(|frame| frame["opcode"] == opcode)
            .map(|frame| frame["payload"].as_str().unwrap())
            .collect()
    }
}

/// What stands for what: in the recording, and in this run.
#[derive(Default)]
struct Names(Vec<(String, String)>);

impl Names {
    fn stands_for(&mut self, recorded: &str, ours: &str) {
        self.0.push((recorded.to_owned(), ours.to_owned()));
    }

    fn to_ours(&self, text: &str) -> String {
        self.0
            .iter()
            .fold(text.to_owned(), |text, (recorded, ours)| text.replace(recorded, ours))
    }
}

/// The same header fields, with the same values where these do not name the program or the connection.
fn assert_handshake(server: &FakeServer, recorded: &Recorded, names: &Names) {
    let (path, fields) = recorded.handshake();
    let handshakes = server.handshakes.lock();
    let ours = &handshakes[&names.to_ours(path)];
    for (name, value) in fields {
        let Some(field) = ours.get(&name) else {
            // There is no token to say here; the original's app does not look at it.
            assert_eq!(name, "authorization", "{path}: a header field of the original's is missing");
            continue;
        };
        if ["connection", "upgrade", "sec-websocket-version"].contains(&name.as_str()) {
            assert_eq!(field, value, "{path}: {name}");
        }
        assert!(!field.is_empty(), "{path}: {name}");
    }
}

/// The bytes of a terminal that came and were not compared yet.
struct Terminal {
    pipe: PipeEnd,
    unread: String,
}

impl Terminal {
    fn of(server: &FakeServer, pipe: &str) -> Self {
        Self {
            pipe: server.pipe(pipe),
            unread: String::new(),
        }
    }

    fn say(&self, text: &str) {
        self.pipe.to_probe.send(Message::binary(text.to_owned().into_bytes())).unwrap();
    }

    async fn read_more(&mut self, expected: &str) {
        let event = tokio::time::timeout(SOON, self.pipe.from_probe.recv()).await;
        match event.unwrap_or_else(|_| panic!("{:?} instead of {expected:?}", self.unread)) {
            Some(FromProbe::Bytes(bytes)) => self.unread.push_str(std::str::from_utf8(&bytes).unwrap()),
            other => panic!("{other:?} after {:?} instead of {expected:?}", self.unread),
        }
    }

    /// Reads up to and with this.
    async fn read_until(&mut self, wanted: &str) -> String {
        loop {
            if let Some(at) = self.unread.find(wanted) {
                let rest = self.unread.split_off(at + wanted.len());
                return std::mem::replace(&mut self.unread, rest);
            }
            self.read_more(wanted).await;
        }
    }

    /// Reads exactly this, however it was cut into frames.
    async fn read(&mut self, expected: &str) {
        while self.unread.len() < expected.len() {
            self.read_more(expected).await;
        }
        let rest = self.unread.split_off(expected.len());
        assert_eq!(std::mem::replace(&mut self.unread, rest), expected);
    }

    /// Says what the browser said and reads what the probe sent, in the recording's order: what was typed comes back as an echo.
    async fn replay(&mut self, typed: &mut std::iter::Peekable<std::slice::Iter<'_, &str>>, chunks: &[&str]) {
        for chunk in chunks {
            if let Some(line) = typed.next_if(|line| chunk.starts_with(**line)) {
                self.say(line);
            }
            self.read(chunk).await;
        }
    }

    async fn ends_with(&mut self, reason: &str) {
        let event = tokio::time::timeout(SOON, self.pipe.from_probe.recv()).await.expect("an end");
        assert_eq!(
            (event, self.unread.as_str()),
            (Some(FromProbe::Closed(Some(reason.to_owned()))), "")
        );
    }
}

/// A shell in a container: what it prints, to the byte, and that a resize reaches it between two commands.
async fn shell_in_container(terminal: &mut Terminal, recorded: &Recorded, names: &Names, resize: impl Future<Output = ()>) {
    let typed = recorded.said("s2c", "binary");
    let printed: Vec<String> = recorded.said("c2s", "binary").iter().map(|chunk| names.to_ours(chunk)).collect();
    let printed: Vec<&str> = printed.iter().map(String::as_str).collect();
    let mut typed = typed.iter().peekable();
    let redrawn = printed
        .iter()
        .position(|chunk| chunk.starts_with('\r') && chunk.ends_with("\x1b[J"))
        .unwrap();
    terminal.replay(&mut typed, &printed[..redrawn]).await;
    resize.await;
    terminal.replay(&mut typed, &printed[redrawn..]).await;
    assert_eq!(typed.next(), None, "all was typed");
    terminal.ends_with("exited 0").await;
}

/// What this machine's shell calls itself.
fn busybox() -> String {
    let said = std::process::Command::new("busybox").arg("--help").output().unwrap().stdout;
    let said = String::from_utf8(said).unwrap();
    said.split(" multi-call").next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_recorded_controls_and_terminals_are_answered_as_the_original_answered_them() {
    let waits = "trap 'exit 0' TERM; sleep 1000 & wait";
    let worker = TestContainer::run("transcript-worker", waits);
    let stopped = TestContainer::run("transcript-stopped", waits);
    crate::engine::docker(&["stop", &stopped.id]);
    let shell = TestContainer::run_with(
        "transcript-shell",
        &["-i", "-t"],
        "mkdir /mnt; echo root:x:0:0::/:/bin/sh >/etc/passwd; exec sh",
    );
    let silent = TestContainer::run("transcript-silent", "exec sleep 1000");
    let mut names = Names::default();
    for (recorded, ours) in [(WORKER, &worker), (STOPPED, &stopped), (SHELL, &shell), (SILENT, &silent)] {
        names.stands_for(recorded, &ours.id);
    }
    names.stands_for("host-a", "testhost");
    names.stands_for("BusyBox v1.35.0 (Debian 1:1.35.0-4+deb12u1+b1)", &busybox());

    // As the original's app: without deltas.
    let server = FakeServer::start(false).await;
    let probe = Probe::start(&server, |args| {
        args.collect.docker = true;
        args.control.allow = [&Allow::DEFAULT[..], &[Allow::HostShell]].concat();
    });
    server.wait_for_control_connection().await;
    let known = |report: &scope_shared::report::Report| {
        let containers = &report.topology(scope_shared::report::Kind::Container).nodes;
        [&worker, &stopped, &shell, &silent]
            .iter()
            .all(|container| containers.contains_key(container.node().as_str()))
    };
    server.state(known).await;

    let recording = Recorded::all();
    let controls = &recording[0];
    assert_handshake(&server, controls, &names);
    let pipes: BTreeMap<&str, &Recorded> = recording
        .iter()
        .filter_map(|connection| {
            Some((
                connection.handshake().0.strip_prefix("/api/pipe/")?.strip_suffix("/probe")?,
                connection,
            ))
        })
        .collect();
    let (asked, answered) = (controls.said("s2c", "text"), controls.said("c2s", "text"));
    let calls = asked.chunks_exact(2).zip(answered.chunks_exact(2));
    let mut exec: Option<(Terminal, &Recorded)> = None;
    let mut replayed = 0;
    for (number, (asked, answered)) in calls.enumerate() {
        let ask = async |names: &Names| {
            let frames = [names.to_ours(asked[0]), names.to_ours(asked[1])];
            server.ask(number.try_into().unwrap(), frames).await
        };
        let expected_header: Value = serde_json::from_str(answered[0]).unwrap();
        let mut expected: Value = serde_json::from_str(answered[1]).unwrap();
        if let Some(value) = wanted_instead(number) {
            assert_ne!(expected["Value"], value, "call {number} needs no exception");
            expected["Value"] = value;
        }
        let is_resize = asked[1].contains("docker_resize_exec_tty");
        let [header, body] = if let Some((mut terminal, recorded)) = exec.take_if(|_| is_resize) {
            let mut answer = None;
            shell_in_container(&mut terminal, recorded, &names, async { answer = Some(ask(&names).await) }).await;
            replayed += 1;
            answer.unwrap()
        } else {
            ask(&names).await
        };
        assert_eq!(header, expected_header, "header of the answer to {}", asked[1]);
        let Some(pipe) = expected["Value"]["pipe"].as_str() else {
            let expected: Value = serde_json::from_str(&names.to_ours(&expected.to_string())).unwrap();
            assert_eq!(body, expected, "answer to {}", asked[1]);
            continue;
        };
        let ours = body["Value"]["pipe"]
            .as_str()
            .unwrap_or_else(|| panic!("no pipe in {body}"))
            .to_owned();
        assert!(
            ours.strip_prefix("pipe-").is_some_and(|digits| digits.parse::<u64>().is_ok()),
            "{ours}"
        );
        names.stands_for(pipe, &ours);
        let same: Value = serde_json::from_str(&names.to_ours(&expected.to_string())).unwrap();
        assert_eq!(body, same, "answer to {}", asked[1]);

        let recorded = pipes[pipe];
        let mut terminal = Terminal::of(&server, &ours);
        if asked[1].contains("docker_exec_container") {
            // It is resized in the midst of its conversation, which is the next call.
            exec = Some((terminal, recorded));
            continue;
        }
        let (typed, printed) = (recorded.said("s2c", "binary"), recorded.said("c2s", "binary"));
        if asked[1].contains("host_exec") {
            // What a login shell of this machine greets with is this machine's; the conversation begins where it listens.
            terminal.read_until("\x1b[?2004h").await;
            terminal.say(typed[0]);
            let echo = printed.iter().position(|chunk| chunk.starts_with(typed[0])).unwrap();
            terminal.read_until(typed[0]).await;
            terminal.read(printed[echo..].concat().strip_prefix(typed[0]).unwrap()).await;
            terminal.ends_with("exited 0").await;
        } else {
            terminal.replay(&mut typed.iter().peekable(), &printed).await;
            // The browser's DELETE.
            server.close_pipe(&ours);
        }
        replayed += 1;
    }
    assert_eq!((exec.is_none(), replayed), (true, pipes.len()), "every recorded pipe was replayed");
    for recorded in pipes.values() {
        assert_handshake(&server, recorded, &names);
    }
    assert_eq!(worker.state(), "running");
    assert_eq!(stopped.state(), "running");
    probe.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_original_does_not_understand_is_refused_in_its_words() {
    let server = FakeServer::start(false).await;
    let probe = Probe::start(&server, |args| args.control.allow = vec![Allow::HostShell]);
    server.wait_for_control_connection().await;
    let ask = async |sequence: u64, method: &str, value: Value| {
        let header = json!({"Request": {"Seq": sequence, "ServiceMethod": method}, "Response": null, "Value": null});
        let body = json!({"Request": null, "Response": null, "Value": value});
        server.ask(sequence, [header.to_string(), body.to_string()]).await
    };
    let [header, body] = ask(7, "control.Other", json!({})).await;
    assert_eq!(header["Response"]["Seq"], 7);
    assert_eq!(header["Response"]["Error"], "rpc: can't find method control.Other");
    assert_eq!(body["Value"], json!({}));
    let resize = |arguments: Value| json!({"AppID": "", "NodeID": "x;<host>", "Control": "host_resize_exec_tty", "ControlArgs": arguments});
    for (sequence, arguments, error) in [
        (8, json!({"height": "1", "width": "1"}), "Missing argument: pipeID"),
        (9, json!({"pipeID": "pipe-1", "width": "1"}), "Missing argument: height"),
        (10, json!({"pipeID": "pipe-1", "height": "1"}), "Missing argument: width"),
        (
            11,
            json!({"pipeID": "pipe-1", "height": "x", "width": "1"}),
            "Bad parameter: height (\"x\"): ",
        ),
        (
            12,
            json!({"pipeID": "pipe-1", "height": "1", "width": "1"}),
            "Unknown pipeID (\"pipe-1\")",
        ),
    ] {
        let [header, body] = ask(sequence, "control.Handle", resize(arguments.clone())).await;
        assert_eq!(
            header["Response"],
            json!({"Error": "", "Seq": sequence, "ServiceMethod": "control.Handle"})
        );
        let said = body["Value"]["error"].as_str().unwrap();
        assert!(said.starts_with(error), "{arguments}: {said}");
    }
    probe.end().await;
}
