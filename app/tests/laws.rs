//! Laws of the feed and the views, over generated clusters and torn-up real reports: brought up to date equals rendered afresh, the order
//! of arrival does not matter, and nothing that decodes can make rendering panic.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;
#[path = "common/wild.rs"]
mod wild;

use common::reports;
use proptest::prelude::*;
use scope_app::feed::Feed;
use scope_app::generate::{Cluster, Dialect, Shape, Stream};
use scope_app::view::{Engine, Options, api};
use scope_shared::frame::{Encoding, Frame, ReportFrame, ReportKind};
use scope_shared::report::{Kind, Report, SmolStr};
use scope_shared::wire::{decode_report, encode_msgpack};
use std::sync::Arc;

const VIEWS: [&str; 13] = [
    "processes",
    "processes-by-name",
    "containers",
    "containers-by-hostname",
    "containers-by-image",
    "pods",
    "kube-controllers",
    "services",
    "ecs-tasks",
    "ecs-services",
    "swarm-services",
    "hosts",
    "weave",
];

/// Everything the read API says, details of every `step`th node included.
fn everything(engine: &mut Engine, step: usize) -> Vec<String> {
    let mut told = Vec::new();
    for query in [
        "",
        "?x=y",
        "?stopped=both&pseudo=show&system=all&unconnected=show&storage=show&snapshot=show",
    ] {
        told.push(String::from_utf8(api::get(engine, &format!("/api/topology{query}"))).unwrap());
        for view in VIEWS {
            told.push(String::from_utf8(api::get(engine, &format!("/api/topology/{view}{query}"))).unwrap());
        }
    }
    told.push(format!("{:?}", engine.generic_topologies()));
    let generic = engine
        .generic_topologies()
        .into_iter()
        .map(|view| view.url.rsplit('/').next().unwrap().to_owned());
    let views: Vec<String> = VIEWS.map(str::to_owned).into_iter().chain(generic).collect();
    for view in &views {
        let nodes = engine.nodes(view, &Options::none()).unwrap();
        for options in [Options::none(), Options::defaults()] {
            // What the page draws: edges by index, and counts.
            let view = engine.nodes(view, &options).unwrap();
            told.push(format!("{} {:?} {:?}", view.topology, view.edges, view.stats));
        }
        for node in nodes.nodes.iter().step_by(step) {
            for options in [Options::none(), Options::defaults()] {
                let details = engine.details(view, &node.id, &options).expect("a node of the view has details");
                told.push(serde_json::to_string(&details).unwrap());
            }
        }
    }
    told
}

/// Looks at views and at a node of each, so that whatever is kept between states is there to go stale: half of the people at every view, the
/// others at some of them, so that there are things nobody has asked for yet.
fn look_around(engine: &mut Engine, person: u64) {
    let views = if person.is_multiple_of(2) {
        VIEWS.len()
    } else {
        person as usize / 2 % VIEWS.len()
    };
    for view in VIEWS.into_iter().take(views) {
        engine.nodes(view, &Options::defaults()).unwrap();
        let nodes = engine.nodes(view, &Options::none()).unwrap();
        if let Some(node) = nodes.nodes.last() {
            engine
                .details(view, &node.id, &Options::defaults())
                .expect("a node of the view has details");
        }
    }
    if views == VIEWS.len() {
        engine.topologies(&Options::defaults());
    }
}

/// The same state, rendered from nothing.
fn afresh(engine: &Engine, step: usize) -> Vec<String> {
    let mut feed = Feed::new();
    feed.add_report("all", engine.feed().whole_report());
    everything(&mut Engine::new(feed), step)
}

fn assert_same(now: &[String], wanted: &[String], context: &str) {
    assert_eq!(now.len(), wanted.len(), "{context}");
    for (now, wanted) in now.iter().zip(wanted) {
        if now != wanted {
            let at = now
                .bytes()
                .zip(wanted.bytes())
                .take_while(|(a, b)| a == b)
                .count()
                .saturating_sub(120);
            let part = |text: &str| text.chars().skip(at).take(400).collect::<String>();
            panic!("{context}\n   now: {}\nwanted: {}", part(now), part(wanted));
        }
    }
}

fn frame(probe: &str, kind: ReportKind, report: &Report) -> Vec<u8> {
    let body = encode_msgpack(report);
    Frame::Report(ReportFrame {
        probe,
        received_millis: 0,
        kind,
        encoding: Encoding::Msgpack,
        gzip: false,
        body: &body,
    })
    .encode()
}

#[derive(Clone, Debug)]
enum Event {
    Report(usize),
    Lost(usize),
    Repeated(usize),
    Gone(usize),
    Silence,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        8 => (0..4usize).prop_map(Event::Report),
        1 => (0..4usize).prop_map(Event::Lost),
        1 => (0..4usize).prop_map(Event::Repeated),
        1 => (0..4usize).prop_map(Event::Gone),
        1 => Just(Event::Silence),
    ]
}

fn small_cluster(seed: u64) -> Cluster {
    Cluster::new(Shape {
        hosts: 4,
        containers: 3,
        endpoints: 6,
        connection_seconds: 3,
        container_seconds: 5,
        seed,
    })
}

/// Keeps a part of a report's nodes, entries and names, chosen by `seed`.
fn torn(report: &Report, seed: u64) -> Report {
    let mut state = seed | 1;
    let mut keep = |of: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        !(state >> 33).is_multiple_of(of)
    };
    let mut report = report.clone();
    for kind in Kind::ALL {
        let drop_all = !keep(12);
        let topology = report.topology_mut(kind);
        topology.nodes.retain(|_, _| !drop_all && keep(4));
        for node in topology.nodes.values_mut() {
            if !keep(4) {
                let node = Arc::make_mut(node);
                node.latest.retain(|_, _| keep(3));
                node.parents.retain(|_, _| keep(3));
                node.sets.retain(|_, _| keep(3));
            }
        }
    }
    report.dns.retain(|_, _| keep(4));
    // Pods, said again as a kind that nobody knows.
    report.others.insert("Sheep".into(), report.topology(Kind::Pod).clone());
    report
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    /// Two probes of ours and two of the original's, with reports lost and repeated, probes leaving, and silence.
    #[test]
    fn brought_up_to_date_equals_rendered_afresh(seed in 0..1000u64, events in prop::collection::vec(event(), 1..24)) {
        let cluster = small_cluster(seed);
        let dialect = |host| if host % 2 == 0 { Dialect::Ours { full_every: 4 } } else { Dialect::Original };
        let mut streams: Vec<Stream> = (0..4).map(|host| Stream::new(cluster, host, dialect(host))).collect();
        let mut engine = Engine::new(Feed::new());
        let mut now = 0;
        let mut last: Vec<Option<Vec<u8>>> = vec![None; 4];
        for event in events {
            now += 1000;
            match event {
                Event::Report(host) => {
                    let frame = streams[host].next_body().frame(now);
                    engine.feed_mut().frame(&frame, now).unwrap();
                    last[host] = Some(frame);
                }
                Event::Lost(host) => drop(streams[host].next_report()),
                Event::Repeated(host) => if let Some(frame) = &last[host] {
                    engine.feed_mut().frame(frame, now).unwrap();
                },
                Event::Gone(host) => {
                    engine.feed_mut().frame(&Frame::ProbeGone { probe: &cluster.probe_id(host) }.encode(), now).unwrap();
                }
                Event::Silence => now += 9000,
            }
            engine.feed_mut().expire(now);
            // Rendering between the events is what makes the state incremental.
            look_around(&mut engine, seed);
        }
        let wanted = afresh(&engine, 1);
        assert_same(&everything(&mut engine, 1), &wanted, "after all events");
    }

    /// Real reports of every kind of cluster, torn into parts that replace one another.
    #[test]
    fn replacing_parts_of_real_reports_equals_rendering_afresh(
        case in prop::sample::select(vec!["fixture", "k8s", "swarmecs", "recorded-clean", "shortlived"]),
        seeds in prop::collection::vec((0..3u8, any::<u64>()), 1..6),
    ) {
        let report = Report::merge_all(reports(case).iter().map(|(_, report)| report));
        let mut engine = Engine::new(Feed::new());
        for (sequence, (probe, seed)) in seeds.iter().enumerate() {
            let probe = ["p1", "p2", "p3"][usize::from(*probe)];
            let kind = ReportKind::Full { sequence: sequence as u64 };
            engine.feed_mut().frame(&frame(probe, kind, &torn(&report, *seed)), 0).unwrap();
            look_around(&mut engine, seeds[0].1);
        }
        let wanted = afresh(&engine, 7);
        assert_same(&everything(&mut engine, 7), &wanted, case);
    }

    /// Within a quantum the order of arrival says nothing.
    #[test]
    fn the_order_of_arrival_does_not_matter(seed in 0..1000u64, order in Just((0..12usize).collect::<Vec<_>>()).prop_shuffle()) {
        let cluster = small_cluster(seed);
        let mut streams: Vec<Stream> = (0..3).map(|host| Stream::new(cluster, host, Dialect::Original)).collect();
        let bodies: Vec<Vec<u8>> = (0..12).map(|at| streams[at % 3].next_body().frame(0)).collect();
        let render = |order: &[usize]| {
            let mut engine = Engine::new(Feed::new());
            for at in order {
                engine.feed_mut().frame(&bodies[*at], 0).unwrap();
                look_around(&mut engine, 0);
            }
            everything(&mut engine, 1)
        };
        assert_same(&render(&order), &render(&(0..12).collect::<Vec<_>>()), "another order");
    }

    /// Reports as no probe would send them, from three probes in turn, ours and the original's.
    #[test]
    fn whatever_is_reported_renders_and_is_the_same_afresh(steps in prop::collection::vec((0..4usize, any::<u64>()), 1..6)) {
        let mut engine = Engine::new(Feed::new());
        for (second, (probe, seed)) in steps.iter().enumerate() {
            let kind = if *probe == 3 { ReportKind::Plain } else { ReportKind::Full { sequence: second as u64 } };
            let mut report = wild::report(*seed, second as i64);
            if *probe != 3 {
                // What only the oldest probes write and nobody else sends: ours never does, so its reports are taken as they are.
                report.upgrade(report.ts);
            }
            engine.feed_mut().frame(&frame(["p1", "p2", "p3", "p4"][*probe], kind, &report), 0).unwrap();
            look_around(&mut engine, steps[0].1);
        }
        let wanted = afresh(&engine, 1);
        assert_same(&everything(&mut engine, 1), &wanted, "wild");
    }

    /// The same reports in another order of arrival.
    #[test]
    fn wild_reports_say_the_same_in_any_order(seed in any::<u64>(), order in Just((0..6usize).collect::<Vec<_>>()).prop_shuffle()) {
        let render = |order: &[usize]| {
            let mut engine = Engine::new(Feed::new());
            for at in order {
                let report = wild::report(seed.wrapping_add(*at as u64), *at as i64);
                engine.feed_mut().frame(&frame(["p1", "p2"][at % 2], ReportKind::Plain, &report), 0).unwrap();
                look_around(&mut engine, 0);
            }
            everything(&mut engine, 1)
        };
        assert_same(&render(&order), &render(&[0, 1, 2, 3, 4, 5]), "another order");
    }

    /// Bytes changed at random places: what still decodes must still render.
    #[test]
    fn no_decodable_report_makes_rendering_panic(
        case in prop::sample::select(vec!["fixture", "k8s", "swarmecs", "recorded-clean", "shortlived"]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..200),
    ) {
        let report = Report::merge_all(reports(case).iter().map(|(_, report)| report));
        let mut bytes = encode_msgpack(&report);
        for (at, byte) in &changes {
            // Inside of strings mostly: most other changes do not decode.
            let at = at.index(bytes.len());
            if bytes[at].is_ascii_alphanumeric() || bytes[at] == b';' {
                bytes[at] = if byte % 4 == 0 { b';' } else { byte & 0x7f };
            }
        }
        if let Ok(report) = decode_report(&bytes, Encoding::Msgpack, false) {
            let mut feed = Feed::new();
            feed.add_reports([(SmolStr::new_static("torn"), report)]);
            everything(&mut Engine::new(feed), 5);
        }
    }
}
