//! Reading, merging, rendering: on a large real report, and on a generated cluster of 10 hosts × 100 containers × 20 endpoints (20,000
//! endpoints, 10,000 processes, 1,000 containers). `docs/performance.md` shows the figures beside the original's for the same amounts.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "../../shared/benches/cpu_time/mod.rs"]
mod cpu_time;

use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use cpu_time::CpuTime;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use scope_app::feed::Feed;
use scope_app::generate::{Body, Cluster, Dialect, Shape, Stream};
use scope_app::view::{Engine, Options, api};
use scope_shared::frame::{Encoding, ReportKind};
use scope_shared::report::Report;
use scope_shared::wire::decode_report;

const VIEWS: [&str; 6] = [
    "processes",
    "processes-by-name",
    "containers",
    "containers-by-hostname",
    "containers-by-image",
    "hosts",
];

fn real() -> Report {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/render-report/report.json.gz");
    decode_report(&std::fs::read(path).unwrap(), Encoding::Json, true).unwrap()
}

/// An engine that has read the full reports of so many hosts, and one of them a second later, and again, as often as asked: the same fourteen
/// seconds over and over, each relative to the full report, so that every delta is as large as any other whatever the number of hosts.
///
/// Each second a thirtieth of the connections is another; with `restarts` one of the host's hundred containers is, with its processes.
fn live(hosts: usize, restarts: bool) -> (Engine, impl FnMut() -> Vec<u8>) {
    let cluster = Cluster::new(Shape {
        hosts,
        container_seconds: if restarts { 100 } else { 0 },
        ..Shape::default()
    });
    let mut engine = Engine::new(Feed::new());
    for host in 0..hosts {
        let full = Stream::new(cluster, host, Dialect::Ours { full_every: 15 }).next_body();
        engine.feed_mut().frame(&full.frame(0), 0).unwrap();
    }
    let mut stream = Stream::new(cluster, 0, Dialect::Ours { full_every: 15 });
    let base = stream.next_body();
    let deltas: Vec<Body> = (1..15).map(|_| stream.next_body()).collect();
    let mut sent = 0;
    let next = move || {
        sent += 1;
        let ReportKind::Full { sequence: base } = base.kind else {
            panic!("the first report is full")
        };
        let kind = ReportKind::Delta {
            sequence: base + sent,
            base,
        };
        let delta = Body {
            kind,
            ..deltas[sent as usize % deltas.len()].clone()
        };
        delta.frame(0)
    };
    (engine, next)
}

/// A view from nothing. Rendered: joined, grouped, filtered and counted, which is what the original calls rendering; and with its nodes
/// described (label, rows, metrics, tables, parents, edges), which the original measures as a step of its own.
fn views(criterion: &mut Criterion<CpuTime>, name: &str, report: &Report) {
    let mut group = criterion.benchmark_group(name);
    let merged = Report::merge_all([report]);
    for view in VIEWS {
        group.bench_function(format!("{view}, rendered"), |bencher| {
            bencher.iter_batched_ref(
                || engine_of(&merged),
                |engine| black_box(engine.counts(view, &Options::none())),
                BatchSize::PerIteration,
            );
        });
        group.bench_function(view, |bencher| {
            bencher.iter_batched_ref(
                || engine_of(&merged),
                |engine| black_box(engine.nodes(view, &Options::none())),
                BatchSize::PerIteration,
            );
        });
    }
    group.bench_function("list of views with statistics", |bencher| {
        bencher.iter_batched_ref(
            || engine_of(&merged),
            |engine| black_box(engine.topologies(&Options::none())),
            BatchSize::PerIteration,
        );
    });
    let mut engine = engine_of(&merged);
    let id = engine
        .nodes("containers", &Options::none())
        .unwrap()
        .nodes
        .iter()
        .find(|node| !node.pseudo)
        .unwrap()
        .id
        .clone();
    group.bench_function("details of a container, cold", |bencher| {
        bencher.iter_batched_ref(
            || engine_of(&merged),
            |engine| black_box(engine.details("containers", &id, &Options::none())),
            BatchSize::PerIteration,
        );
    });
    group.bench_function("details of a container, warm", |bencher| {
        bencher.iter(|| black_box(engine.details("containers", &id, &Options::none())))
    });
    group.bench_function("containers as JSON", |bencher| {
        bencher.iter(|| black_box(api::get(&mut engine, "/api/topology/containers")))
    });
    group.finish();
}

fn engine_of(report: &Report) -> Engine {
    let mut feed = Feed::new();
    feed.add_report("bench", report.clone());
    Engine::new(feed)
}

fn rendering(criterion: &mut Criterion<CpuTime>) {
    views(criterion, "real report", &real());
    let cluster = Cluster::new(Shape::default());
    let reports: Vec<Report> = (0..10).map(|host| cluster.report(host, 0)).collect();
    views(criterion, "10 x 100 x 20", &Report::merge_all(&reports));
}

fn reading(criterion: &mut Criterion<CpuTime>) {
    let mut group = criterion.benchmark_group("10 hosts' full reports");
    let cluster = Cluster::new(Shape::default());
    let frames: Vec<Vec<u8>> = (0..10)
        .map(|host| Stream::new(cluster, host, Dialect::Full).next_body().frame(0))
        .collect();
    group.bench_function("inflate, decode and merge", |bencher| {
        bencher.iter_batched_ref(
            Feed::new,
            |feed| {
                for frame in &frames {
                    feed.frame(frame, 0).unwrap();
                }
            },
            BatchSize::PerIteration,
        );
    });
    let reports: Vec<Report> = (0..10).map(|host| cluster.report(host, 0)).collect();
    group.bench_function("merge", |bencher| bencher.iter(|| black_box(Report::merge_all(&reports))));
    group.finish();
}

/// One probe's delta of one second, up to the view that is looked at: with a hundred times the hosts it must not cost a hundred times as much.
fn one_delta(criterion: &mut Criterion<CpuTime>) {
    deltas(criterion, "one host's delta", false);
    deltas(criterion, "one host's delta, containers and processes come and go", true);
}

fn deltas(criterion: &mut Criterion<CpuTime>, name: &str, restarts: bool) {
    let mut group = criterion.benchmark_group(name);
    for hosts in [1, 10, 100] {
        for view in ["", "containers", "processes", "hosts"] {
            let what = if view.is_empty() { "read and merged" } else { view };
            // Made only if the benchmark is wanted.
            let mut cluster = None;
            group.bench_function(format!("{what}, {hosts} hosts"), |bencher| {
                let (engine, next) = cluster.get_or_insert_with(|| {
                    let (mut engine, next) = live(hosts, restarts);
                    engine.nodes(if view.is_empty() { "containers" } else { view }, &Options::defaults());
                    (engine, next)
                });
                bencher.iter_custom(|iterations| {
                    let mut total = Duration::ZERO;
                    for _ in 0..iterations {
                        let frame = next();
                        let start = cpu_time::now();
                        engine.feed_mut().frame(&frame, 0).unwrap();
                        if !view.is_empty() {
                            black_box(engine.nodes(view, &Options::defaults()));
                        }
                        total += cpu_time::now().saturating_sub(start);
                    }
                    total
                });
            });
        }
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(CpuTime).sample_size(10).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(3));
    targets = rendering, reading, one_delta
}
criterion_main!(benches);
