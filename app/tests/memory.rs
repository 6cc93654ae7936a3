//! Memory is given back when a cluster shrinks: a worker that has seen two dozen hosts and sees four now holds what four need.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use cap::Cap;
use scope_app::feed::Feed;
use scope_app::generate::{Cluster, Dialect, Shape, Stream};
use scope_app::view::{Engine, Options};
use scope_shared::frame::Frame;

/// Counts the bytes that are allocated; this file is a program of its own and has one test, so that they are all its own.
#[global_allocator]
static MEMORY: Cap<std::alloc::System> = Cap::new(std::alloc::System, usize::MAX);

const HOSTS: usize = 24;
const LEFT: usize = 4;

/// An engine that has read `seconds` reports of the first `hosts` hosts and rendered after each.
fn watch(engine: &mut Engine, streams: &mut [Stream], seconds: u64) {
    for _ in 0..seconds {
        for stream in streams.iter_mut() {
            engine.feed_mut().frame(&stream.next_body().frame(0), 0).unwrap();
        }
        engine.nodes("containers", &Options::defaults()).unwrap();
        engine.nodes("processes", &Options::defaults()).unwrap();
    }
}

fn streams(hosts: usize) -> Vec<Stream> {
    let cluster = Cluster::new(Shape {
        hosts: HOSTS,
        containers: 10,
        endpoints: 8,
        container_seconds: 20,
        ..Shape::default()
    });
    (0..hosts)
        .map(|host| Stream::new(cluster, host, Dialect::Ours { full_every: 5 }))
        .collect()
}

#[test]
fn a_cluster_that_shrinks_gives_memory_back() {
    let mut few = streams(LEFT);
    let before = MEMORY.allocated();
    let mut small = Engine::new(Feed::new());
    watch(&mut small, &mut few, 12);
    let needed = MEMORY.allocated() - before;
    drop(small);

    let mut many = streams(HOSTS);
    let probes: Vec<String> = many.iter_mut().map(|stream| stream.next_body().probe).collect();
    let mut many = streams(HOSTS);
    let before = MEMORY.allocated();
    let mut engine = Engine::new(Feed::new());
    watch(&mut engine, &mut many, 8);
    let most = MEMORY.allocated() - before;
    many.truncate(LEFT);
    for probe in &probes[LEFT..] {
        engine.feed_mut().frame(&Frame::ProbeGone { probe }.encode(), 0).unwrap();
    }
    watch(&mut engine, &mut many, 4);
    // Streams keep a report each for their next delta; those that are gone gave theirs back.
    let after = MEMORY.allocated().saturating_sub(before);
    println!("{LEFT} hosts need {needed} bytes; {HOSTS} hosts {most}; after they have shrunk to {LEFT}: {after}");
    assert!(
        most > 4 * needed,
        "so many hosts need much more than four, or this test shows nothing"
    );
    assert!(after < 2 * needed, "{after} bytes are held where {needed} are needed");
}
