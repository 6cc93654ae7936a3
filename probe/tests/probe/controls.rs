//! Controls and terminals on a real engine.

use std::sync::Arc;
use std::time::Duration;

use scope_shared::report::{Kind, Report};
use tokio_tungstenite::tungstenite::Message;

use crate::engine::{TestContainer, docker};
use crate::server::{FakeServer, FromProbe, PipeEnd};
use crate::{Probe, SOON};

async fn docker_probe(server: &Arc<FakeServer>) -> Probe {
    let probe = Probe::start(server, |args| {
        args.collect.docker = true;
        args.collect.processes = true;
    });
    server.wait_for_control_connection().await;
    probe
}

fn latest(report: &Report, node: &str, key: &str) -> Option<String> {
    report.topology(Kind::Container).nodes.get(node)?.latest(key).map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_is_reported_and_every_change_made_to_it_shows() {
    let container = TestContainer::run("lifecycle", "trap 'exit 0' TERM; sleep 1000 & wait");
    let node = container.node();
    let server = FakeServer::start(true).await;
    let probe = docker_probe(&server).await;
    // The engine may still tell of the container's start: that shortcut report says what it is, not yet where it is in the network.
    let placed = |report: &Report| {
        let container = report.topology(Kind::Container).nodes.get(node.as_str());
        container.is_some_and(|container| container.sets.get("docker_container_ips_with_scopes").is_some())
    };
    let seen = server
        .state(|report| latest(report, &node, "docker_container_state").as_deref() == Some("running") && placed(report))
        .await;
    assert_eq!(latest(&seen, &node, "docker_label_made.by").as_deref(), Some("scope-probe-test"));
    let active = latest(&seen, &node, "active_controls").unwrap();
    assert!(
        active.contains("docker_pause_container") && !active.contains("docker_start_container"),
        "{active}"
    );
    let container_node = &seen.topology(Kind::Container).nodes[node.as_str()];
    assert!(
        container_node
            .parents
            .get("host")
            .is_some_and(|hosts| hosts.contains("testhost;<host>"))
    );
    let address = docker(&[
        "inspect",
        "-f",
        "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}",
        &container.id,
    ]);
    let scoped = format!("testhost;{address}");
    assert!(
        container_node
            .sets
            .get("docker_container_ips_with_scopes")
            .is_some_and(|ids| ids.contains(&scoped)),
        "bridges are the host's own"
    );
    let inside = |report: &Report| {
        report.topology(Kind::Process).nodes.values().any(|process| {
            process.latest("name") == Some("sleep") && process.parents.get("container").is_some_and(|ids| ids.contains(node.as_str()))
        })
    };
    server.state(inside).await;

    for (control, engine, reported) in [
        ("docker_pause_container", "paused", "paused"),
        ("docker_pause_container", "paused", "paused"),
        ("docker_unpause_container", "running", "running"),
        ("docker_stop_container", "exited", "exited"),
        ("docker_stop_container", "exited", "exited"),
        ("docker_start_container", "running", "running"),
        ("docker_restart_container", "running", "running"),
        ("docker_stop_container", "exited", "exited"),
    ] {
        let answer = server.control(&node, control, &[]).await;
        assert_eq!(answer.error, "", "{control}, asked for again or not, is no error");
        assert_eq!(container.state(), engine, "after {control}");
        server
            .state(|report| latest(report, &node, "docker_container_state").as_deref() == Some(reported))
            .await;
    }
    let answer = server.control(&node, "docker_remove_container", &[]).await;
    assert_eq!((answer.error.as_str(), answer.removed_node.as_str()), ("", node.as_str()));
    server
        .state(|report| !report.topology(Kind::Container).nodes.contains_key(node.as_str()))
        .await;
    probe.end().await;
}

/// Reads until `wanted` comes. Patience is for each message, not for all of them: a long log takes a busy machine its time.
async fn read_until(pipe: &mut PipeEnd, wanted: &str) -> String {
    let mut text = String::new();
    // Looks at the new part only: a log is long.
    let mut looked = 0;
    while !text.get(looked..).unwrap_or(&text).contains(wanted) {
        looked = text.len().saturating_sub(wanted.len());
        while !text.is_char_boundary(looked) {
            looked -= 1;
        }
        let message = tokio::time::timeout(SOON, pipe.from_probe.recv()).await;
        match message.unwrap_or_else(|_| panic!("no {wanted:?}")) {
            Some(FromProbe::Bytes(bytes)) => text.push_str(&String::from_utf8_lossy(&bytes)),
            other => panic!("{other:?} instead of {wanted:?} after {text:?}"),
        }
    }
    text
}

async fn end_of(pipe: &mut PipeEnd) -> Option<FromProbe> {
    let end = async {
        loop {
            match pipe.from_probe.recv().await {
                Some(FromProbe::Bytes(_)) => {}
                end => return end,
            }
        }
    };
    tokio::time::timeout(SOON, end).await.expect("the pipe's end")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shell_obeys_the_window_speaks_unicode_and_tells_how_it_ended() {
    let container = TestContainer::run("exec", "exec sleep 1000");
    let server = FakeServer::start(true).await;
    let probe = docker_probe(&server).await;
    server
        .state(|report| latest(report, &container.node(), "docker_container_state").is_some())
        .await;
    let answer = server.control(&container.node(), "docker_exec_container", &[]).await;
    assert_eq!(answer.error, "");
    assert!(answer.raw_tty);
    let mut pipe = server.pipe(&answer.pipe);
    let size = [("pipeID", answer.pipe.as_str()), ("height", "33"), ("width", "101")];
    assert_eq!(server.control(&container.node(), &answer.resize_tty_control, &size).await.error, "");
    pipe.to_probe.send(Message::text("stty size; echo grü\u{df}e $((6*7))\n")).unwrap();
    let text = read_until(&mut pipe, "grüße 42").await;
    assert!(text.contains("33 101"), "{text}");
    pipe.to_probe.send(Message::text("exit 7\n")).unwrap();
    assert_eq!(end_of(&mut pipe).await, Some(FromProbe::Closed(Some("exited 7".to_owned()))));
    until(|| server.is_closed(&answer.pipe)).await;
    let again = server.control(&container.node(), &answer.resize_tty_control, &size).await;
    assert!(again.error.starts_with("Unknown pipeID"), "{}", again.error);
    probe.end().await;
}

/// Waits for something that no event announces.
async fn until(done: impl Fn() -> bool) {
    let wait = async {
        while !done() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), wait)
        .await
        .expect("within ten seconds");
}

fn processes(container: &TestContainer) -> usize {
    docker(&["top", &container.id]).lines().count() - 1
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_of_a_shell_whose_page_server_or_probe_is_gone() {
    let container = TestContainer::run("left", "exec sleep 1000");
    let server = FakeServer::start(true).await;
    let probe = docker_probe(&server).await;
    server
        .state(|report| latest(report, &container.node(), "docker_container_state").is_some())
        .await;
    let open = async || {
        let answer = server.control(&container.node(), "docker_exec_container", &[]).await;
        assert_eq!(answer.error, "");
        let mut pipe = server.pipe(&answer.pipe);
        pipe.to_probe.send(Message::text("sleep 500 &\necho up $((1+1))\n")).unwrap();
        read_until(&mut pipe, "up 2").await;
        assert_eq!(processes(&container), 3, "the container's own, the shell, and what it started");
        (answer.pipe, pipe)
    };
    let (id, _pipe) = open().await;
    server.close_pipe(&id);
    until(|| processes(&container) == 1).await;

    let (_id, _pipe) = open().await;
    server.restart();
    until(|| processes(&container) == 1).await;

    until(|| server.had_control_connection.swap(false, std::sync::atomic::Ordering::AcqRel)).await;
    tokio::time::timeout(SOON, server.control_connected.notified()).await.ok();
    let (_id, _pipe) = open().await;
    probe.end().await;
    until(|| processes(&container) == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chatty_log_is_followed_without_losing_a_line() {
    const LINES: usize = 100_000;
    let container = TestContainer::run("logs", &format!("sleep 2; seq 1 {LINES}; exec sleep 1000"));
    let server = FakeServer::start(true).await;
    let probe = docker_probe(&server).await;
    server
        .state(|report| latest(report, &container.node(), "docker_container_state").is_some())
        .await;
    let answer = server.control(&container.node(), "docker_logs_container", &[("tail", "all")]).await;
    assert_eq!((answer.error.as_str(), answer.raw_tty), ("", false));
    let mut pipe = server.pipe(&answer.pipe);
    let text = read_until(&mut pipe, &format!("\n{LINES}\n")).await;
    let expected: String = (1..=LINES).map(|line| format!("{line}\n")).collect();
    assert!(text == expected, "{} bytes instead of {}", text.len(), expected.len());
    drop(container);
    assert_eq!(end_of(&mut pipe).await, Some(FromProbe::Closed(Some("ended".to_owned()))));
    probe.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_allowed_is_neither_offered_nor_done() {
    let container = TestContainer::run("denied", "exec sleep 1000");
    let server = FakeServer::start(true).await;
    let probe = Probe::start(&server, |args| {
        args.collect.docker = true;
        args.control.allow = vec![scope_probe::config::Allow::Logs];
    });
    server.wait_for_control_connection().await;
    let seen = server
        .state(|report| latest(report, &container.node(), "active_controls").is_some())
        .await;
    assert_eq!(
        latest(&seen, &container.node(), "active_controls").as_deref(),
        Some("docker_logs_container")
    );
    let offered: Vec<_> = seen.topology(Kind::Container).controls.keys().map(ToString::to_string).collect();
    assert_eq!(offered, ["docker_logs_container"]);
    for control in [
        "docker_stop_container",
        "docker_exec_container",
        "docker_remove_container",
        "host_exec",
        "nonsense",
    ] {
        let answer = server.control(&container.node(), control, &[]).await;
        assert!(answer.error.contains("not recognised"), "{control}: {}", answer.error);
    }
    assert_eq!(
        server.control("../../../etc;<container>", "docker_logs_container", &[]).await.error,
        "Invalid ID: ../../../etc;<container>"
    );
    assert_eq!(container.state(), "running");
    probe.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hosts_shell_opens_only_where_it_is_allowed() {
    let server = FakeServer::start(true).await;
    let probe = Probe::start(&server, |args| args.control.allow = vec![scope_probe::config::Allow::HostShell]);
    server.wait_for_control_connection().await;
    let answer = server.control("testhost;<host>", "host_exec", &[]).await;
    assert_eq!(answer.error, "");
    let mut pipe = server.pipe(&answer.pipe);
    let size = [("pipeID", answer.pipe.as_str()), ("height", "31"), ("width", "99")];
    assert_eq!(server.control("testhost;<host>", &answer.resize_tty_control, &size).await.error, "");
    pipe.to_probe.send(Message::text("stty size\n")).unwrap();
    read_until(&mut pipe, "31 99").await;
    pipe.to_probe.send(Message::text("exit 3\n")).unwrap();
    assert_eq!(end_of(&mut pipe).await, Some(FromProbe::Closed(Some("exited 3".to_owned()))));
    probe.end().await;
}
