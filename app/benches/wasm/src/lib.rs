//! What `run.mjs` times: reading, merging and rendering, prepared once and then run as often as asked. Numbers stand for names.
//!
//! The modules are the app's own, taken in by path: the app as a whole would bring the page and its bindings to a browser.
#![allow(missing_docs, dead_code, unused_imports)]

#[path = "../../../src/detail/mod.rs"]
mod detail;
#[path = "../../../src/feed/mod.rs"]
mod feed;
#[path = "../../../src/generate/mod.rs"]
mod generate;
#[path = "../../../src/layout/mod.rs"]
mod layout;
#[path = "../../../src/model/mod.rs"]
mod model;
/// What the layout knows of the scene.
#[path = "../../../src/scene"]
mod scene {
    pub mod data;
}
#[path = "../../../src/view/mod.rs"]
mod view;

use std::cell::RefCell;
use std::hint::black_box;

use feed::Feed;
use generate::{Body, Cluster, Dialect, Shape, Stream};
use scope_shared::frame::{Encoding, ReportKind};
use scope_shared::report::Report;
use scope_shared::wire::{decode_report, encode_json};
use view::{Engine, Options, api};

type Case = Box<dyn FnMut() -> usize>;

thread_local! {
    static CASE: RefCell<Case> = RefCell::new(Box::new(|| 0));
    static REAL: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static MERGED: RefCell<Report> = RefCell::new(Report::default());
    /// Engines that have rendered nothing yet, and those that have: neither making nor dropping one belongs to a rendering.
    static FRESH: RefCell<Vec<Engine>> = const { RefCell::new(Vec::new()) };
    static USED: RefCell<Vec<Engine>> = const { RefCell::new(Vec::new()) };
}

const VIEWS: [&str; 6] = [
    "processes",
    "processes-by-name",
    "containers",
    "containers-by-hostname",
    "containers-by-image",
    "hosts",
];

fn keep(case: Case) {
    CASE.with(|slot| *slot.borrow_mut() = case);
}

/// Room for the bytes of a real report (gzip'd JSON), which `run.mjs` writes.
#[unsafe(no_mangle)]
pub extern "C" fn real_report(length: usize) -> *mut u8 {
    REAL.with(|real| {
        let mut real = real.borrow_mut();
        real.resize(length, 0);
        real.as_mut_ptr()
    })
}

/// Runs the prepared case `rounds` times.
#[unsafe(no_mangle)]
pub extern "C" fn run(rounds: u32) -> usize {
    CASE.with(|case| (0..rounds).map(|_| black_box(case.borrow_mut()())).sum())
}

fn merged(large: bool) -> Report {
    if large {
        let cluster = Cluster::new(Shape::default());
        let reports: Vec<Report> = (0..10).map(|host| cluster.report(host, 0)).collect();
        return Report::merge_all(&reports);
    }
    let report = REAL.with(|real| decode_report(&real.borrow(), Encoding::Json, true));
    Report::merge_all([&report.unwrap_or_default()])
}

fn engine_of(report: &Report) -> Engine {
    let mut feed = Feed::new();
    feed.add_report("bench", report.clone());
    Engine::new(feed)
}

/// Makes engines for so many rounds of a rendering from nothing. Not to be timed.
#[unsafe(no_mangle)]
pub extern "C" fn fill(rounds: u32) {
    USED.take();
    let engines = MERGED.with_borrow(|merged| (0..rounds).map(|_| engine_of(merged)).collect());
    FRESH.set(engines);
}

/// Prepares rendering from nothing, of the real report or of the generated cluster. `work`: a view by number; 6 the list of views with
/// statistics, 7 a container's details. Every round needs an engine of [`fill`].
#[unsafe(no_mangle)]
pub extern "C" fn prepare_view(large: u32, work: u32) {
    let merged = merged(large != 0);
    let id = engine_of(&merged)
        .nodes("containers", &Options::none())
        .and_then(|view| view.nodes.iter().find(|node| !node.pseudo).map(|node| node.id.clone()))
        .unwrap_or_default();
    MERGED.set(merged);
    keep(Box::new(move || {
        let Some(mut engine) = FRESH.with_borrow_mut(Vec::pop) else { return 0 };
        let done = match VIEWS.get(work as usize) {
            Some(view) => engine.nodes(view, &Options::none()).map_or(0, |view| view.nodes.len()),
            None if work == 6 => engine.topologies(&Options::none()).len(),
            None => usize::from(engine.details("containers", &id, &Options::none()).is_some()),
        };
        USED.with_borrow_mut(|used| used.push(engine));
        done
    }));
}

/// Prepares reading and merging ten hosts' full reports.
#[unsafe(no_mangle)]
pub extern "C" fn prepare_reading() {
    let cluster = Cluster::new(Shape::default());
    let frames: Vec<Vec<u8>> = (0..10)
        .map(|host| Stream::new(cluster, host, Dialect::Full).next_body().frame(0))
        .collect();
    keep(Box::new(move || {
        let mut feed = Feed::new();
        frames.iter().filter(|frame| feed.frame(frame, 0).is_ok()).count()
    }));
}

/// Prepares one delta of one of so many hosts, up to a view by number (none if there is no such view).
#[unsafe(no_mangle)]
pub extern "C" fn prepare_delta(hosts: u32, work: u32) {
    let cluster = Cluster::new(Shape {
        hosts: hosts as usize,
        ..Shape::default()
    });
    let dialect = Dialect::Ours { full_every: 15 };
    let mut engine = Engine::new(Feed::new());
    for host in 0..hosts as usize {
        let full = Stream::new(cluster, host, dialect).next_body().frame(0);
        if engine.feed_mut().frame(&full, 0).is_err() {
            return;
        }
    }
    let mut stream = Stream::new(cluster, 0, dialect);
    let ReportKind::Full { sequence: base } = stream.next_body().kind else {
        return;
    };
    let deltas: Vec<Body> = (1..15).map(|_| stream.next_body()).collect();
    let mut sent = 0;
    let view = VIEWS.get(work as usize);
    engine.nodes(view.unwrap_or(&"containers"), &Options::defaults());
    keep(Box::new(move || {
        sent += 1;
        let kind = ReportKind::Delta {
            sequence: base + sent,
            base,
        };
        // Making the frame copies its bytes: a few per cent of what is timed.
        let delta = Body {
            kind,
            ..deltas[sent as usize % deltas.len()].clone()
        };
        let read = engine.feed_mut().frame(&delta.frame(0), 0).is_ok();
        let shown = view.and_then(|view| engine.nodes(view, &Options::defaults()));
        usize::from(read) + shown.map_or(0, |view| view.nodes.len())
    }));
}

/// Prepares laying out a generated service graph: from nothing, or (`more`) with a node that comes and goes.
#[unsafe(no_mangle)]
pub extern "C" fn prepare_layout(nodes: u32, more: u32) {
    let graph = layout::generate::service_graph(nodes as usize, 7);
    let mut other = graph.clone();
    other.nodes.push(layout::GraphNode::default());
    other.edges.push((0, nodes));
    let mut engine = layout::Engine::new();
    let mut turn = 0;
    keep(Box::new(move || {
        turn += 1;
        if more == 0 {
            engine = layout::Engine::new();
        }
        let graph = if more == 1 && turn % 2 == 0 { &other } else { &graph };
        engine.update(black_box(graph)).positions.len()
    }));
}
