//! The worker's session over a live connection: a page that cannot be seen, a server that is restarted, a probe whose clock jumps.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use scope_app::feed::Feed;
use scope_app::generate::{Cluster, Dialect, Shape, Stream};
use scope_app::protocol::{ConnectionState, ToPage, ToWorker, ViewState};
use scope_app::session::Session;
use scope_app::view::{Engine, Options};
use scope_shared::frame::{Encoding, Frame, Hello, ReportFrame, ReportKind};
use scope_shared::report::{Kind, Report};
use scope_shared::time::Timestamp;
use scope_shared::wire::encode_msgpack;

const WINDOW: u64 = 15_000;

fn small(hosts: usize) -> Cluster {
    Cluster::new(Shape {
        hosts,
        containers: 3,
        endpoints: 4,
        ..Shape::default()
    })
}

fn streams(hosts: usize, full_every: u64) -> Vec<Stream> {
    (0..hosts)
        .map(|host| Stream::new(small(hosts), host, Dialect::Ours { full_every }))
        .collect()
}

fn hello(server: &str) -> Vec<u8> {
    let hello = Hello {
        id: server.to_owned(),
        window_millis: WINDOW,
        ..Hello::default()
    };
    Frame::Hello(&serde_json::to_vec(&hello).unwrap()).encode()
}

fn session() -> Session {
    let mut session = Session::new();
    let connect = ToWorker::Connect {
        server: Some("http://127.0.0.1:4040/".to_owned()),
        subset: String::new(),
        token: None,
    };
    session.message(connect, 0);
    let state = ViewState {
        topology: "hosts".into(),
        ..ViewState::default()
    };
    session.message(ToWorker::State(Box::new(state)), 0);
    session
}

/// One that has heard of so many hosts and shown them.
fn caught_up(hosts: usize) -> Session {
    let mut session = session();
    session.frame(hello("a"), 0);
    for host in &mut streams(hosts, 5) {
        session.frame(host.next_body().frame(0), 0);
    }
    session.frame(Frame::CaughtUp.encode(), 0);
    session.render(0);
    session
}

/// How many hosts the page was told there are, if it was told anything.
fn shown(messages: &[ToPage]) -> Option<i64> {
    messages.iter().rev().find_map(|message| match message {
        ToPage::Overview(overview) => Some(overview.stats.nonpseudo_node_count),
        _ => None,
    })
}

#[test]
fn a_hidden_page_reads_no_report_and_holds_two_of_each_probe_at_most() {
    let mut session = session();
    let mut hosts = streams(3, 1000);
    session.frame(hello("a"), 0);
    session.message(ToWorker::Hidden(true), 0);
    let mut largest = 0;
    let mut after_a_minute = 0;
    for second in 0..600_u64 {
        for host in &mut hosts {
            let frame = host.next_body().frame(0);
            largest = largest.max(frame.len());
            session.frame(frame, second * 1000);
        }
        session.tick(second * 1000);
        assert!(!session.wants_render());
        if second == 60 {
            after_a_minute = session.waiting_bytes();
        }
    }
    assert!(after_a_minute > 0, "undecoded");
    assert!(session.waiting_bytes() <= 3 * 2 * largest, "{} bytes wait", session.waiting_bytes());
    session.message(ToWorker::Hidden(false), 600_000);
    assert!(session.wants_render());
    assert_eq!(shown(&session.render(600_000)), Some(3));
    assert_eq!(session.waiting_bytes(), 0);
}

#[test]
fn what_a_page_shows_does_not_depend_on_how_often_it_reads() {
    let (mut often, mut seldom) = (session(), session());
    let mut hosts = streams(2, 5);
    for session in [&mut often, &mut seldom] {
        session.frame(hello("a"), 0);
    }
    for second in 0..23_u64 {
        for host in &mut hosts {
            let frame = host.next_body().frame(0);
            often.frame(frame.clone(), second * 1000);
            seldom.frame(frame, second * 1000);
        }
        often.render(second * 1000);
    }
    seldom.render(22_000);
    // Samples differ: who reads seldom sees fewer of them. What there is, and who talks to whom, does not.
    let topology = |session: &mut Session| {
        let state = ViewState {
            topology: "processes".into(),
            ..ViewState::default()
        };
        session.message(ToWorker::State(Box::new(state)), 22_000);
        let messages = session.render(22_000);
        messages.into_iter().find_map(|message| match message {
            ToPage::Scene(scene) => Some((scene.nodes.len(), scene.edges.len())),
            _ => None,
        })
    };
    let often = topology(&mut often);
    assert!(often.is_some_and(|(nodes, edges)| nodes > 0 && edges > 0), "{often:?}");
    assert_eq!(often, topology(&mut seldom));
}

#[test]
fn a_restart_of_the_server_does_not_empty_the_map() {
    let mut session = session();
    let mut hosts = streams(3, 1000);
    let mut all = |session: &mut Session, now: u64, count: usize| {
        for host in hosts.iter_mut().take(count) {
            session.frame(host.next_body().frame(now), now);
        }
    };
    session.connection(ConnectionState::Live);
    session.frame(hello("a"), 0);
    all(&mut session, 0, 3);
    session.frame(Frame::CaughtUp.encode(), 0);
    assert_eq!(shown(&session.render(0)), Some(3));
    // Down for ten minutes; then a server that has heard of nobody yet.
    session.connection(ConnectionState::Connecting);
    session.tick(600_000);
    session.frame(hello("b"), 600_000);
    session.frame(Frame::CaughtUp.encode(), 600_000);
    for now in [600_000, 601_000, 600_000 + WINDOW - 1] {
        session.tick(now);
        assert!(shown(&session.render(now)).is_none_or(|hosts| hosts == 3), "at {now}");
    }
    // Two came back in time, the third did not within the window and is gone.
    for host in streams(3, 1000).iter_mut().take(2) {
        session.frame(host.next_body().frame(0), 605_000);
    }
    session.render(605_000);
    session.tick(600_000 + WINDOW);
    assert_eq!(shown(&session.render(600_000 + WINDOW)), Some(2));
}

#[test]
fn a_turned_screen_packs_the_map_anew_and_no_other_change_of_size_does() {
    let mut session = caught_up(2);
    let mut look = |aspect: f32| {
        session.message(ToWorker::Canvas { aspect }, 0);
        let messages = if session.wants_render() { session.render(0) } else { Vec::new() };
        messages.into_iter().find_map(|message| match message {
            ToPage::Scene(scene) => Some(scene.fresh),
            _ => None,
        })
    };
    assert_eq!(look(1.8), None, "a desk's screen is what maps are packed for at first");
    assert_eq!(look(0.6), Some(true), "turned");
    assert_eq!(look(0.8), None, "the address bar goes");
    assert_eq!(look(1.05), None, "nearly square is no turn");
    assert_eq!(look(1.2), Some(true), "turned back");
    assert_eq!(look(0.95), None, "nearly square is no turn");
}

#[test]
fn what_goes_over_an_edge_is_said_while_the_pointer_rests_on_it_and_when_it_changes() {
    let mut session = session();
    let state = ViewState {
        topology: "processes".into(),
        ..ViewState::default()
    };
    session.message(ToWorker::State(Box::new(state)), 0);
    let mut hosts = streams(2, 5);
    session.frame(hello("a"), 0);
    for host in &mut hosts {
        session.frame(host.next_body().frame(0), 0);
    }
    let scene = session.render(0).into_iter().find_map(|message| match message {
        ToPage::Scene(scene) => Some(*scene),
        _ => None,
    });
    let scene = scene.expect("a map");
    let edge = scene.edges.iter().find(|edge| edge.from != edge.to).expect("an edge");
    let ends = (scene.nodes[edge.from as usize].id.clone(), scene.nodes[edge.to as usize].id.clone());
    let said = |messages: &[ToPage]| {
        messages.iter().find_map(|message| match message {
            ToPage::Edge(edge) => Some(edge.clone()),
            _ => None,
        })
    };
    let rendered = session.wants_render();
    let first = said(&session.message(ToWorker::HoverEdge(Some(ends.clone())), 0)).expect("an answer at once");
    assert_eq!((first.from, first.to), ends);
    assert!(
        first.text.contains(" connection") && first.text.contains(" to port"),
        "{}",
        first.text
    );
    assert_eq!(session.wants_render(), rendered, "nothing is rendered for a tooltip");
    session.frame(Frame::CaughtUp.encode(), 0);
    assert_eq!(said(&session.render(0)), None, "nothing new is not said again");
    // Connections come and go in the streams: before long this edge carries something else, or nothing.
    let changed = (1..200).find_map(|second| {
        for host in &mut hosts {
            session.frame(host.next_body().frame(0), second * 1000);
        }
        said(&session.render(second * 1000))
    });
    let changed = changed.expect("a change is said without being asked for");
    assert_ne!(changed.text, first.text);
    let again = said(&session.message(ToWorker::HoverEdge(Some(ends)), 200_000));
    assert_eq!(again, Some(changed));
    assert_eq!(said(&session.message(ToWorker::HoverEdge(None), 2000)), None);
}

/// A frame of our probe with every date of its report moved by `offset` seconds.
fn shifted(stream: &mut Stream, offset: i64) -> Vec<u8> {
    fn moved(date: Timestamp, offset: i64) -> Timestamp {
        Timestamp::from_unix_millis(date.unix_millis() + offset * 1000)
    }
    let (kind, mut report): (ReportKind, Report) = stream.next_report();
    report.ts = moved(report.ts, offset);
    for kind in Kind::ALL {
        for node in report.topology_mut(kind).nodes.values_mut() {
            let node = std::sync::Arc::make_mut(node);
            let metrics = node.metrics.iter().map(|(key, metric)| {
                let mut metric = metric.clone();
                for sample in &mut metric.samples {
                    sample.date = moved(sample.date, offset);
                }
                (key.clone(), metric)
            });
            node.metrics = metrics.collect::<Vec<_>>().into_iter().collect();
        }
    }
    let body = encode_msgpack(&report);
    let frame = ReportFrame {
        probe: "p",
        received_millis: 0,
        kind,
        encoding: Encoding::Msgpack,
        gzip: false,
        body: &body,
    };
    Frame::Report(frame).encode()
}

#[test]
fn a_probes_clock_that_jumps_ten_minutes_loses_nothing_and_the_newest_value_is_shown() {
    let mut engine = Engine::new(Feed::new());
    let mut stream = Stream::new(small(1), 0, Dialect::Ours { full_every: 5 });
    for second in 0..40_u64 {
        let offset = match second {
            0..10 => 0,
            10..20 => 600,
            20..30 => -600,
            _ => 0,
        };
        // The value that this second's report says, whatever it thinks the time is.
        let said = small(1).report(0, second);
        let said = said
            .topology(Kind::Host)
            .nodes
            .values()
            .next()
            .unwrap()
            .metrics
            .get("load1")
            .unwrap()
            .samples[0]
            .value;
        engine.feed_mut().frame(&shifted(&mut stream, offset), second * 1000).unwrap();
        engine.feed_mut().expire(second * 1000);
        let view = engine.nodes("hosts", &Options::none()).unwrap();
        let host = view.nodes.iter().find(|node| !node.pseudo).expect("the host stays");
        let load = host.metrics.iter().find(|metric| metric.template.id == "load1").unwrap();
        assert!(
            (load.value - said).abs() < 0.011,
            "second {second}: {} shown, {said} said",
            load.value
        );
        assert!(load.samples.as_ref().is_none_or(|samples| samples.len() <= 16), "bounded");
    }
}

/// What each view's tab says of the search, by its id; `None` where it is not counted yet.
fn counts(messages: &[ToPage]) -> Option<std::collections::BTreeMap<String, Option<u32>>> {
    messages.iter().rev().find_map(|message| match message {
        ToPage::Overview(overview) => {
            let all = overview.tabs.iter().flat_map(|tab| std::iter::once(tab).chain(&tab.subs));
            Some(all.map(|tab| (tab.id.to_string(), tab.matches)).collect())
        }
        _ => None,
    })
}

#[test]
fn the_open_view_answers_a_search_first_and_the_others_follow() {
    let mut session = caught_up(2);
    let ask = |session: &mut Session, query: &str| {
        let state = ViewState {
            topology: "hosts".into(),
            query: query.into(),
            ..ViewState::default()
        };
        session.message(ToWorker::State(Box::new(state)), 0);
        counts(&session.render(0)).unwrap()
    };
    let first = ask(&mut session, "label: node-");
    assert_eq!(first["hosts"], Some(2));
    assert!(
        first["containers"].is_none() && first["processes"].is_none(),
        "not waited for: {first:?}"
    );
    while session.is_counting() {
        session.count_next();
    }
    let messages = session.counted();
    let all = counts(&messages).unwrap();
    assert!(all.values().all(Option::is_some), "{all:?}");
    assert_eq!(
        (all["hosts"], all["containers"]),
        (Some(2), Some(6)),
        "three containers a host, named after it"
    );
    let total = messages.iter().find_map(|message| match message {
        ToPage::Search(search) => Some(search.total),
        _ => None,
    });
    assert_eq!(total, Some(all.values().flatten().sum()));
    // Nobody is told the same twice.
    assert!(session.counted().is_empty());

    let next = ask(&mut session, "label: e");
    assert_eq!(next["containers"], None, "counts of another search are gone");
    session.count_next();
    let cleared = ask(&mut session, "");
    assert!(!session.is_counting() && cleared.values().all(Option::is_none), "{cleared:?}");
}
