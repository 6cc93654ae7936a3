//! The relay's promises, without sockets and with the time passed in.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail their test this way"
)]

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use scope_shared::frame::{Encoding, Frame, ReportFrame, ReportKind};
use tokio::time::Instant;

use super::{Accepted, Incoming, ProbeMeta, Relay, Subset, Viewer};
use crate::config::Limits;

const WINDOW: Duration = Duration::from_secs(15);

fn relay(limits: Limits) -> Arc<Relay> {
    Arc::new(Relay::new(WINDOW, limits))
}

fn report(probe: &str, kind: ReportKind, body: &str) -> Incoming {
    let frame = ReportFrame {
        probe,
        received_millis: 0,
        kind,
        encoding: Encoding::Json,
        gzip: false,
        body: body.as_bytes(),
    };
    Incoming {
        probe: probe.into(),
        meta: ProbeMeta::default(),
        kind,
        frame: Bytes::from(Frame::Report(frame).encode()),
    }
}

fn full(sequence: u64) -> ReportKind {
    ReportKind::Full { sequence }
}

fn delta(sequence: u64, base: u64) -> ReportKind {
    ReportKind::Delta { sequence, base }
}

/// Everything a viewer can have now, each message as a word: a report's body, `gone`, `skipped N`, `caught up`.
fn take(viewer: &Viewer) -> Vec<String> {
    let mut words = Vec::new();
    while let Some(messages) = viewer.try_next() {
        for message in messages {
            words.push(match Frame::decode(&message).expect("frame") {
                Frame::Report(report) => String::from_utf8(report.body.to_vec()).expect("text"),
                Frame::ProbeGone { probe } => format!("{probe} gone"),
                Frame::Skipped { frames } => format!("skipped {frames}"),
                Frame::CaughtUp => "caught up".to_owned(),
                other => format!("{other:?}"),
            });
        }
    }
    words
}

fn viewer(relay: &Arc<Relay>) -> Viewer {
    relay.subscribe(Subset::default()).expect("subscribed")
}

#[test]
fn a_late_viewer_gets_the_newest_full_report_and_the_newest_delta_only() {
    let (relay, now) = (relay(Limits::default()), Instant::now());
    for (kind, body) in [
        (full(1), "f1"),
        (delta(2, 1), "d2"),
        (full(3), "f3"),
        (delta(4, 3), "d4"),
        (delta(5, 3), "d5"),
    ] {
        assert_eq!(relay.accept(report("p", kind, body), now), Ok(Accepted::Kept));
    }
    assert_eq!(take(&viewer(&relay)), ["f3", "d5", "caught up"]);
}

#[test]
fn a_slow_viewer_is_skipped_forward_and_told_while_a_fast_one_gets_everything() {
    let (relay, now) = (relay(Limits::default()), Instant::now());
    let (fast, slow) = (viewer(&relay), viewer(&relay));
    assert_eq!(
        (take(&fast), take(&slow)),
        (vec!["caught up".to_owned()], vec!["caught up".to_owned()])
    );
    let mut seen = Vec::new();
    for (kind, body) in [
        (full(1), "f1"),
        (delta(2, 1), "d2"),
        (delta(3, 1), "d3"),
        (full(4), "f4"),
        (delta(5, 4), "d5"),
    ] {
        relay.accept(report("p", kind, body), now).expect("kept");
        seen.extend(take(&fast));
        if body == "f1" {
            assert_eq!(take(&slow), ["f1"]);
        }
    }
    assert_eq!(seen, ["f1", "d2", "d3", "f4", "d5"]);
    assert_eq!(take(&slow), ["f4", "d5", "skipped 2"]);
    assert_eq!(relay.counts().skipped, 2);
}

#[test]
fn all_viewers_share_one_allocation() {
    let (relay, now) = (relay(Limits::default()), Instant::now());
    let viewers = [viewer(&relay), viewer(&relay)];
    let incoming = report("p", full(1), "body");
    let sent = incoming.frame.as_ptr();
    relay.accept(incoming, now).expect("kept");
    for viewer in &viewers {
        let first = viewer.try_next().expect("caught up");
        assert_eq!(first.len(), 1);
        assert_eq!(viewer.try_next().expect("report")[0].as_ptr(), sent);
    }
}

#[test]
fn a_delta_without_its_base_is_refused_until_a_full_report_heals_it() {
    let (relay, now) = (relay(Limits::default()), Instant::now());
    assert_eq!(
        relay
            .accept(report("p", delta(8, 5), "d8"), now)
            .map_err(|refusal| refusal.status.as_u16()),
        Err(409)
    );
    relay.accept(report("p", full(9), "f9"), now).expect("kept");
    assert_eq!(
        relay.accept(report("p", delta(11, 9), "d11"), now),
        Ok(Accepted::Kept),
        "10 was lost, which 11 makes up for"
    );
    assert_eq!(
        relay.accept(report("p", delta(10, 9), "d10"), now),
        Ok(Accepted::Stale),
        "it came late after all"
    );
    assert_eq!(
        relay.accept(report("p", delta(11, 9), "d11"), now),
        Ok(Accepted::Stale),
        "delivered twice"
    );
    assert_eq!(take(&viewer(&relay)), ["f9", "d11", "caught up"]);
}

#[test]
fn a_restarted_probe_replaces_what_it_said_before() {
    let (relay, now) = (relay(Limits::default()), Instant::now());
    let viewer = viewer(&relay);
    relay.accept(report("p", full(40), "old"), now).expect("kept");
    assert_eq!(take(&viewer), ["caught up", "old"]);
    relay.accept(report("p", full(1), "new"), now).expect("kept");
    relay.accept(report("p", delta(2, 1), "d2"), now).expect("kept");
    assert_eq!(take(&viewer), ["new", "d2"]);
}

#[test]
fn an_original_probe_is_held_for_the_window_and_then_gone() {
    let (relay, start) = (relay(Limits::default()), Instant::now());
    for second in 0..20 {
        relay
            .accept(
                report("p", ReportKind::Plain, &second.to_string()),
                start + Duration::from_secs(second),
            )
            .expect("kept");
    }
    let viewer = viewer(&relay);
    let words = take(&viewer);
    assert_eq!(
        (words.first().map(String::as_str), words.len()),
        (Some("4"), 17),
        "16 reports within 15 s, and the end"
    );
    let gone = relay.expire(start + Duration::from_secs(40));
    assert_eq!(gone.len(), 1);
    assert_eq!(take(&viewer), ["p gone"]);
    assert_eq!(relay.counts().held, 0);
}

#[test]
fn a_probe_that_changes_to_plain_reports_is_forgotten_first() {
    let (relay, now) = (relay(Limits::default()), Instant::now());
    let viewer = viewer(&relay);
    relay.accept(report("p", full(1), "f1"), now).expect("kept");
    take(&viewer);
    relay.accept(report("p", ReportKind::Plain, "plain"), now).expect("kept");
    assert_eq!(take(&viewer), ["p gone", "plain"]);
}

#[test]
fn a_paused_viewer_costs_nothing_and_gets_the_newest_state_without_being_called_slow() {
    let (relay, now) = (relay(Limits::default()), Instant::now());
    let viewer = viewer(&relay);
    take(&viewer);
    viewer.set_paused(true);
    for (kind, body) in [(full(1), "f1"), (delta(2, 1), "d2"), (delta(3, 1), "d3")] {
        relay.accept(report("p", kind, body), now).expect("kept");
    }
    assert!(take(&viewer).is_empty());
    viewer.set_paused(false);
    assert_eq!(take(&viewer), ["f1", "d3"]);
}

#[test]
fn a_viewer_of_a_part_gets_that_part() {
    let (relay, now) = (relay(Limits::default()), Instant::now());
    let labelled = |id: &str, host: &str, zone: &str| {
        let mut incoming = report(id, full(1), id);
        incoming.meta.hostname = host.to_owned();
        incoming.meta.labels.insert("zone".to_owned(), zone.to_owned());
        incoming
    };
    for (id, host, zone) in [("a", "h1", "x"), ("b", "h2", "x"), ("c", "h3", "y")] {
        relay.accept(labelled(id, host, zone), now).expect("kept");
    }
    for (query, expected) in [
        ("", vec!["a", "b", "c"]),
        ("probes=a,c", vec!["a", "c"]),
        ("hosts=h2", vec!["b"]),
        ("labels=zone%3Dx", vec!["a", "b"]),
        ("labels=zone=x&hosts=h1%2Ch3", vec!["a"]),
    ] {
        let viewer = relay.subscribe(Subset::from_query(query).expect("query")).expect("subscribed");
        let mut words = take(&viewer);
        assert_eq!(words.pop().as_deref(), Some("caught up"));
        assert_eq!(words, expected, "{query}");
    }
    assert!(Subset::from_query("labels=zone").is_err());
}

#[test]
fn each_limit_refuses_the_one_request_over_it() {
    let now = Instant::now();
    let small = relay(Limits {
        probes: 1,
        viewers: 1,
        held_bytes: 200,
        report_rate: 1.0,
        report_burst: 2.0,
        ..Limits::default()
    });
    small.accept(report("a", full(1), "x"), now).expect("kept");
    assert!(small.admit("b", now).is_err() && small.accept(report("b", full(1), "x"), now).is_err());
    let first = viewer(&small);
    assert!(small.subscribe(Subset::default()).is_err());
    let long = "x".repeat(300);
    assert_eq!(
        small
            .accept(report("a", full(2), &long), now)
            .map_err(|refusal| refusal.status.as_u16()),
        Err(429)
    );
    assert!(
        small.admit("a", now).is_ok() && small.admit("a", now).is_err(),
        "one of the burst was spent by the first report"
    );
    assert!(small.admit("a", now + Duration::from_secs(1)).is_ok());
    assert_eq!(take(&first), ["x", "caught up"], "what was held is untouched");
}

#[test]
fn a_second_host_under_a_live_probes_id_is_refused() {
    let (relay, now) = (relay(Limits::default()), Instant::now());
    let on = |host: &str, sequence| {
        let mut incoming = report("p", full(sequence), "x");
        incoming.meta.hostname = host.to_owned();
        incoming
    };
    relay.accept(on("h1", 1), now).expect("kept");
    assert_eq!(relay.accept(on("h2", 1), now).map_err(|refusal| refusal.status.as_u16()), Err(409));
    relay.expire(now + WINDOW * 2);
    assert!(relay.accept(on("h2", 1), now + WINDOW * 2).is_ok(), "the first one is gone");
}
