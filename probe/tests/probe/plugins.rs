//! Plugins: the example, written in Python from the documentation, and ones that misbehave.

use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Arc;

use scope_shared::report::{Kind, Report};

use crate::Probe;
use crate::server::FakeServer;

const HOST: &str = "testhost;<host>";

struct Example(Child);

impl Example {
    fn start(root: &Path) -> Self {
        let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../examples/plugins/io-pressure/io_pressure.py");
        let pressure = root.join("pressure");
        std::fs::create_dir_all(&pressure).unwrap();
        let line = "some avg10=12.50 avg60=3.00 avg300=1.00 total=5\nfull avg10=2.00 avg60=1.00 avg300=0.50 total=3\n";
        for resource in ["io", "cpu", "memory"] {
            std::fs::write(pressure.join(resource), line).unwrap();
        }
        let mut command = Command::new("python3");
        command
            .arg(script)
            .arg("--root")
            .arg(root)
            .arg("--host")
            .arg("testhost")
            .arg("--pressure")
            .arg(pressure);
        Self(command.spawn().expect("python3"))
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

async fn start(root: &Path) -> (Arc<FakeServer>, Probe) {
    let server = FakeServer::start(true).await;
    let root = root.to_owned();
    let probe = Probe::start(&server, |args| {
        args.collect.plugins_root = root;
        args.collect.processes = false;
        args.control.allow = vec![scope_probe::config::Allow::Plugins, scope_probe::config::Allow::HostShell];
    });
    server.wait_for_control_connection().await;
    (server, probe)
}

fn status(report: &Report, id: &str) -> Option<String> {
    report.plugins.as_ref()?.get(id).map(|spec| spec.status.to_string())
}

fn host_latest(report: &Report, key: &str) -> Option<String> {
    report.topology(Kind::Host).nodes.get(HOST)?.latest(key).map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_plugin_reports_controls_dies_and_comes_back() {
    let root = tempfile::tempdir().unwrap();
    let example = Example::start(root.path());
    let (server, probe) = start(root.path()).await;
    let seen = server.state(|report| status(report, "io-pressure").as_deref() == Some("ok")).await;
    let host = &seen.topology(Kind::Host).nodes[HOST];
    assert_eq!(host.metrics.get("io-pressure").unwrap().last().unwrap().value, 12.5);
    assert_eq!(host.latest("io-pressure-table-CPU (full)___avg60"), Some("1.00 %"));
    assert_eq!(
        host.latest("active_controls"),
        Some("host_exec;io-pressure~show-cpu"),
        "beside the probe's own"
    );
    assert!(host.latest("host_name").is_some());
    let topology = seen.topology(Kind::Host);
    assert!(topology.table_templates.contains_key("io-pressure-table-"));
    assert_eq!(topology.controls["io-pressure~show-cpu"].human, "Show CPU pressure");

    let answer = server.control(HOST, "io-pressure~show-cpu", &[]).await;
    assert_eq!(answer.error, "");
    server
        .state(|report| host_latest(report, "io-pressure-shown").as_deref() == Some("CPU"))
        .await;

    drop(example);
    server
        .state(|report| {
            status(report, "io-pressure").is_none_or(|status| status.starts_with("error: "))
                && host_latest(report, "io-pressure-shown").is_none()
        })
        .await;
    let _again = Example::start(root.path());
    server.state(|report| status(report, "io-pressure").as_deref() == Some("ok")).await;
    probe.end().await;
}

/// A plugin that answers every connection as told.
fn rogue(root: &Path, id: &str, answer: impl Fn(UnixStream) + Send + 'static) {
    let listener = UnixListener::bind(root.join(format!("{id}.sock"))).unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = [0; 4096];
            let _asked = stream.read(&mut request).unwrap_or(0);
            answer(stream);
        }
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn plugins_that_misbehave_are_named_and_harm_nobody() {
    let root = tempfile::tempdir().unwrap();
    rogue(root.path(), "garbage", |mut stream| {
        drop(stream.write_all(b"\x00\xffnot http at all\r\n\r\n"))
    });
    rogue(root.path(), "wrong", |mut stream| {
        drop(stream.write_all(b"HTTP/1.0 200 OK\r\n\r\n{\"Plugins\":[{\"id\":\"other\"}]}"))
    });
    rogue(root.path(), "broken", |mut stream| {
        drop(stream.write_all(b"HTTP/1.0 500 Oops\r\n\r\n"))
    });
    rogue(root.path(), "hanging", std::mem::forget);
    rogue(root.path(), "huge", |mut stream| {
        let start = b"HTTP/1.0 200 OK\r\n\r\n";
        let chunk = vec![b' '; 1 << 20];
        let all = std::iter::once(&start[..]).chain(std::iter::repeat_n(chunk.as_slice(), 100));
        for bytes in all {
            if stream.write_all(bytes).is_err() {
                return;
            }
        }
    });
    let _example = Example::start(root.path());
    let (server, probe) = start(root.path()).await;
    let rogues = ["garbage", "wrong", "broken", "hanging", "huge"];
    let seen = server
        .state(|report| {
            let failed = |id: &&str| status(report, id).is_some_and(|status| status.starts_with("error: "));
            rogues.iter().all(failed) && status(report, "io-pressure").as_deref() == Some("ok")
        })
        .await;
    assert_eq!(
        status(&seen, "wrong").unwrap(),
        r#"error: plugin must not change its id (is "other", should be "wrong")"#
    );
    assert!(
        status(&seen, "broken")
            .unwrap()
            .starts_with("error: plugin returned non-200 status code: 500")
    );
    assert_eq!(status(&seen, "hanging").unwrap(), "error: no answer within 500 ms");
    assert!(host_latest(&seen, "host_name").is_some(), "the probe's own part is unmoved");
    probe.end().await;
}
