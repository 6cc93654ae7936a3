//! What the Kubernetes source costs on a large cluster: time to the first whole report, memory, and CPU while pods come and go.
//!
//! `cargo bench -p scope-probe --bench kubernetes` starts an API server as a child process (the one of the tests), 200 nodes, 5,000 pods and
//! 500 services, then measures its own process. Options: `--seconds 60`, `--churn 5` (pods replaced each second), `--pods`, `--nodes`, `--services`.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, dead_code)]

#[path = "../tests/kubernetes/cluster.rs"]
mod cluster;
#[allow(dead_code)]
#[path = "../tests/kubernetes/exec.rs"]
mod exec;
#[path = "../tests/kubernetes/fake_api.rs"]
mod fake_api;

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use scope_probe::config::{Allow, CollectArgs, KubernetesArgs, Policy};
use scope_probe::kubernetes::{self, Settings};
use scope_probe::reporter::{Reporter as _, Tick};
use scope_shared::report::Kind;
use tokio_util::sync::CancellationToken;

fn option(name: &str, default: usize) -> usize {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    arguments.nth(1).and_then(|value| value.parse().ok()).unwrap_or(default)
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    if std::env::args().any(|argument| argument == "serve") {
        runtime.block_on(serve());
    } else {
        runtime.block_on(measure());
    }
}

/// The API server: prints its address, then replaces pods for ever (its parent ends it).
async fn serve() {
    let (nodes, pods, services, churn) = (
        option("--nodes", 200),
        option("--pods", 5000),
        option("--services", 500),
        option("--churn", 5),
    );
    let (api, address) = fake_api::Api::start().await;
    for (collection, object) in cluster::generate(nodes, pods, services) {
        api.put(collection, object);
    }
    println!("{address}");
    let mut next = pods;
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    loop {
        tick.tick().await;
        for _ in 0..churn {
            let gone = next - pods;
            let namespace = |n: usize| format!("ns-{}", (n % services) % 20);
            api.delete("/api/v1/pods", &namespace(gone), &format!("pod-{gone}"));
            let pod = cluster::pod(
                &namespace(next),
                &format!("pod-{next}"),
                &format!("app-{}", next % services),
                &format!("node-{}", next % nodes),
            );
            api.put("/api/v1/pods", pod);
            next += 1;
        }
    }
}

/// Seconds of CPU and bytes of resident memory of this process (peak).
fn usage() -> (f64, u64) {
    let usage = nix::sys::resource::getrusage(nix::sys::resource::UsageWho::RUSAGE_SELF).expect("usage");
    let seconds = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    (
        seconds(usage.user_time()) + seconds(usage.system_time()),
        usage.max_rss() as u64 * 1024,
    )
}

async fn measure() {
    let seconds = option("--seconds", 60);
    let pods = option("--pods", 5000);
    let mut server = Command::new(std::env::current_exe().expect("this program"))
        .args(std::env::args().skip(1).filter(|argument| argument != "--bench"))
        .arg("serve")
        .stdout(Stdio::piped())
        .spawn()
        .expect("the API server starts");
    let mut address = String::new();
    BufReader::new(server.stdout.take().expect("its output"))
        .read_line(&mut address)
        .expect("its address");
    let before = usage();
    let started = Instant::now();
    let args = KubernetesArgs {
        enabled: true,
        api: Some(format!("http://{}", address.trim())),
        ..CollectArgs::default().kubernetes
    };
    let client = kubernetes::connect(&args).await.expect("a client");
    let (sender, mut shortcuts) = tokio::sync::mpsc::channel(64);
    let stop = CancellationToken::new();
    let settings = Settings {
        probe_id: "bench".into(),
        node_name: None,
        policy: Policy::of(&Allow::DEFAULT),
    };
    let (mut reporter, _controls) = kubernetes::start(client, settings, sender, &stop);
    loop {
        let report = reporter.report(&Tick::at_system_time()).await;
        if report.topology(Kind::Pod).nodes.len() >= pods && !report.topology(Kind::Deployment).nodes.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (whole, start) = (started.elapsed(), usage());
    println!(
        "first whole report after {:.2} s, {:.2} s of CPU",
        whole.as_secs_f64(),
        start.0 - before.0
    );
    let mut announced = 0;
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    for _ in 0..seconds {
        tick.tick().await;
        std::hint::black_box(reporter.report(&Tick::at_system_time()).await);
        while shortcuts.try_recv().is_ok() {
            announced += 1;
        }
    }
    let end = usage();
    println!(
        "{seconds} s with a report each second and {} pods replaced each second: {:.2} % of a core, {:.0} MB peak, {announced} announcements",
        option("--churn", 5),
        (end.0 - start.0) / seconds as f64 * 100.0,
        end.1 as f64 / 1e6
    );
    stop.cancel();
    drop(server.kill());
    drop(server.wait());
}
