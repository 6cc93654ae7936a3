//! What the probe costs this machine: CPU time, peak memory and bytes sent over a minute, by tier, idle and with a world to look at.
//!
//! ```text
//! cargo bench -p scope-probe --bench footprint                      # as the machine is
//! cargo bench -p scope-probe --bench footprint -- --world           # with 100 containers, 2,000 processes, 5,000 sockets (root, Docker)
//! ```
//! Options: `--seconds 60`, `--settle 20`, `--tiers ebpf,diag,proc`, `--containers 100`, `--processes 2000`, `--sockets 5000`, `--churn 0`
//! (connections a second that come and go), `--original` (the original's protocol, for its bytes), `--program PATH` (a `scope` binary to
//! measure instead of this one). The probe is a process of its own; what is measured is what the kernel says of it. It must not be confused
//! with a test: it asserts nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod server;
mod world;

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use clap::Parser as _;
use scope_probe::Args;
use tokio_util::sync::CancellationToken;

use server::Server;
use world::World;

/// Value of an option of this benchmark.
fn option(name: &str) -> Option<String> {
    std::env::args().skip_while(|argument| argument != name).nth(1)
}

fn number(name: &str, default: usize) -> usize {
    option(name).map_or(default, |value| value.parse().expect(name))
}

fn flag(name: &str) -> bool {
    std::env::args().any(|argument| argument == name)
}

#[derive(clap::Parser)]
struct ProbeProgram {
    #[command(flatten)]
    args: Args,
}

fn main() {
    let mut arguments = std::env::args();
    if arguments.nth(1).as_deref() == Some("probe") {
        let program = ProbeProgram::parse_from(std::iter::once("probe".to_owned()).chain(arguments));
        // As `scope probe` does.
        scope_probe::runtime()
            .expect("a runtime")
            .block_on(scope_probe::run(program.args, CancellationToken::new()))
            .expect("the probe runs");
    } else {
        tokio::runtime::Runtime::new().expect("a runtime").block_on(measure());
    }
}

async fn measure() {
    let _world = flag("--world").then(|| {
        World::start(&world::Size {
            containers: number("--containers", 100),
            processes: number("--processes", 2000),
            sockets: number("--sockets", 5000),
            churn: number("--churn", 0),
        })
    });
    let (settle, seconds) = (number("--settle", 20), number("--seconds", 60));
    println!("{}", world::describe());
    println!("| tier | CPU, % of a core | peak memory | at the end | full report | between | a report on average |");
    println!("|---|---|---|---|---|---|---|");
    for tier in option("--tiers").unwrap_or_else(|| "ebpf,diag,proc".to_owned()).split(',') {
        let server = Server::start(!flag("--original")).await;
        let mut probe = start(tier, server.address);
        tokio::time::sleep(Duration::from_secs(settle as u64)).await;
        let _before_it_settled = server.take();
        let (before, began) = (cpu(&probe), Instant::now());
        tokio::time::sleep(Duration::from_secs(seconds as u64)).await;
        let percent = (cpu(&probe) - before) / began.elapsed().as_secs_f64() * 100.0;
        let (peak, now) = (memory(&probe, "VmHWM"), memory(&probe, "VmRSS"));
        let sent = server.take();
        println!(
            "| {tier} | {percent:.2} | {peak:.1} MB | {now:.1} MB | {} B ({} of them) | {} B ({}) | {} B |",
            sent.full.mean(),
            sent.full.count,
            sent.between.mean(),
            sent.between.count,
            sent.mean()
        );
        drop(probe.kill());
        drop(probe.wait());
    }
}

fn start(tier: &str, server: std::net::SocketAddr) -> Child {
    let program = option("--program").map_or_else(|| std::env::current_exe().expect("this program"), Into::into);
    Command::new(program)
        .args(["probe", "--tier", tier, "--max-cpu", "1000", "--plugins-root", ""])
        .arg(server.to_string())
        .stdout(Stdio::null())
        .stdin(Stdio::null())
        .spawn()
        .expect("the probe starts")
}

/// CPU seconds that a process has used, all its threads together.
fn cpu(child: &Child) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).expect("the probe runs");
    let fields: Vec<&str> = stat.rsplit(") ").next().expect("fields").split(' ').collect();
    let ticks: f64 = [fields[11], fields[12]]
        .iter()
        .map(|field| field.parse::<f64>().expect("ticks"))
        .sum();
    let second = nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK).ok().flatten().unwrap_or(100);
    ticks / second as f64
}

/// Megabytes of memory that a process has, by a key of its status.
fn memory(child: &Child, key: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).expect("the probe runs");
    let line = status.lines().find(|line| line.starts_with(key)).expect(key);
    line.split_whitespace().nth(1).expect("a number").parse::<f64>().expect("kilobytes") * 1024.0 / 1e6
}
