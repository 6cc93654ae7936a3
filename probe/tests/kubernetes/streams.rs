//! Shells in pods and logs of pods, from the server's end of the pipe to the API server: the whole probe is between them.

use std::time::Duration;

use scope_probe::Args;
use scope_probe::config::Allow;
use scope_shared::report::Kind;
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::CancellationToken;

use super::fake_api::Api;
use super::server::{FakeServer, FromProbe, PipeEnd};
use super::{POD, SOON, kubernetes_args, latest, shop};

struct World {
    api: std::sync::Arc<Api>,
    server: std::sync::Arc<FakeServer>,
    stop: CancellationToken,
    probe: tokio::task::JoinHandle<anyhow::Result<()>>,
}

impl World {
    /// A cluster, a server and the probe between them, which offers its controls.
    async fn start() -> Self {
        let (api, address) = Api::start().await;
        shop(&api);
        let server = FakeServer::start(true).await;
        let mut args = Args {
            targets: vec![server.address.to_string()],
            ..Args::default()
        };
        args.collect.hostname = Some("testhost".to_owned());
        args.collect.tier = "proc".to_owned();
        args.collect.ebpf = false;
        args.collect.conntrack = false;
        args.collect.dns = false;
        args.collect.docker = false;
        args.collect.processes = false;
        args.collect.max_cpu = 1e9;
        args.collect.plugins_root = "".into();
        args.connect.full_report_every = 2;
        args.control.allow = vec![Allow::Exec, Allow::Logs];
        args.collect.kubernetes = scope_probe::config::KubernetesArgs {
            role: "cluster".to_owned(),
            api: Some(format!("http://{address}")),
            ..kubernetes_args()
        };
        let stop = CancellationToken::new();
        let probe = tokio::spawn(scope_probe::run(args, stop.clone()));
        server.wait_for_control_connection().await;
        let offered = "kubernetes_get_logs;kubernetes_exec_pod;kubernetes_describe";
        server
            .state(|report| latest(report, Kind::Pod, POD, "active_controls").as_deref() == Some(offered))
            .await;
        Self { api, server, stop, probe }
    }

    async fn end(self) {
        self.stop.cancel();
        tokio::time::timeout(SOON, self.probe)
            .await
            .expect("the probe ends")
            .expect("without a panic")
            .expect("and without an error");
    }

    async fn shell(&self) -> (String, String, PipeEnd) {
        let answer = self.server.control(POD, "kubernetes_exec_pod", &[]).await;
        assert_eq!((answer.error.as_str(), answer.raw_tty), ("", true));
        let pipe = self.server.pipe(&answer.pipe);
        (answer.pipe, answer.resize_tty_control, pipe)
    }
}

async fn read_until(pipe: &mut PipeEnd, wanted: &str) -> String {
    let mut text = String::new();
    while !text.contains(wanted) {
        match tokio::time::timeout(SOON, pipe.from_probe.recv()).await {
            Ok(Some(FromProbe::Bytes(bytes))) => text.push_str(&String::from_utf8_lossy(&bytes)),
            other => panic!("{other:?} instead of {wanted:?} after {text:?}"),
        }
    }
    text
}

async fn end_of(pipe: &mut PipeEnd) -> Option<String> {
    loop {
        match tokio::time::timeout(SOON, pipe.from_probe.recv()).await.expect("the pipe's end") {
            Some(FromProbe::Bytes(_)) => {}
            Some(FromProbe::Closed(reason)) => return reason,
            None => return None,
        }
    }
}

async fn until(what: &str, done: impl Fn() -> bool) {
    let wait = async {
        while !done() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(10), wait).await;
    waited.unwrap_or_else(|_| panic!("not within ten seconds: {what}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shell_in_a_pod_obeys_the_window_and_tells_how_it_ended() {
    let world = World::start().await;
    for (protocol, code) in [("v5.channel.k8s.io", 7), ("v4.channel.k8s.io", 0)] {
        *world.api.exec.protocol.lock() = protocol;
        let (id, resize, mut pipe) = world.shell().await;
        let size = [("pipeID", id.as_str()), ("height", "33"), ("width", "101")];
        assert_eq!(world.server.control(POD, &resize, &size).await.error, "", "{protocol}");
        // The size goes another way than what is typed, so it may come after it.
        let typed = "until [ \"$(stty size)\" = '33 101' ]; do sleep 0.1; done; echo gr\u{fc}\u{df}e $((6*7))\n";
        pipe.to_probe.send(Message::text(typed)).expect("sent");
        read_until(&mut pipe, "gr\u{fc}\u{df}e 42").await;
        pipe.to_probe.send(Message::text(format!("exit {code}\n"))).expect("sent");
        assert_eq!(end_of(&mut pipe).await, Some(format!("exited {code}")), "{protocol}");
        let gone = world.server.control(POD, &resize, &size).await;
        assert!(gone.error.starts_with("Unknown pipeID"), "{}", gone.error);
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shell_whose_page_is_gone_is_hung_up() {
    let world = World::start().await;
    let (id, _, mut pipe) = world.shell().await;
    pipe.to_probe.send(Message::text("echo up $((1+1))\n")).expect("sent");
    read_until(&mut pipe, "up 2").await;
    let shell = *world.api.exec.shells.lock().first().expect("a shell");
    let alive = || std::path::Path::new(&format!("/proc/{shell}/stat")).exists();
    assert!(alive());
    world.server.close_pipe(&id);
    until("the shell has ended", || !alive()).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_of_all_containers_are_followed_until_nobody_reads_them() {
    let world = World::start().await;
    let says = tokio::sync::broadcast::channel(64).0;
    *world.api.says.lock() = Some(says.clone());
    let answer = world.server.control(POD, "kubernetes_get_logs", &[]).await;
    assert_eq!((answer.error.as_str(), answer.raw_tty), ("", false));
    let mut pipe = world.server.pipe(&answer.pipe);
    until("both logs are open", || {
        world.api.logs.load(std::sync::atomic::Ordering::Acquire) == 2
    })
    .await;
    let mut text = String::new();
    for (container, line) in [("main", "first"), ("sidecar", "second"), ("main", "third")] {
        says.send((container.to_owned(), line.to_owned())).expect("somebody listens");
        text += &read_until(&mut pipe, &format!("{line}\n")).await;
    }
    for wanted in [
        "[main   ] 2026-01-01T00:00:00Z one line of web-1\n",
        "[sidecar] 2026-01-01T00:00:00Z one line of web-1\n",
        "[main   ] 2026-01-01T00:00:01Z first\n",
        "[sidecar] 2026-01-01T00:00:01Z second\n",
        "[main   ] 2026-01-01T00:00:01Z third\n",
    ] {
        assert_eq!(text.matches(wanted).count(), 1, "{wanted} in {text}");
    }
    // The containers say nothing more; their streams end all the same.
    world.server.close_pipe(&answer.pipe);
    until("no log is open", || world.api.logs.load(std::sync::atomic::Ordering::Acquire) == 0).await;
    world.end().await;
}
