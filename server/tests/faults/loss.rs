//! A network that loses things, and clocks that jump.
//!
//! Promised: whatever is lost between probe and server or between server and viewer, what a viewer shows of a probe is at every moment a
//! state that the probe was in, whole; and the first full report after the loss makes it the newest one. A probe's clock plays no part: not
//! in what is kept, not in the order, not in when it is forgotten. The server's own time is monotonic from its start on (`clock.rs`): a
//! correction of its wall clock moves neither expiry nor the stamps it puts on frames.

use scope_app::feed::{Feed, FeedEvent};
use scope_app::generate::{Cluster, Dialect, Shape, Stream};
use scope_shared::frame::{Frame, ReportKind};
use scope_shared::headers;
use scope_shared::report::{Kind, Report};
use scope_shared::wire::{encode_msgpack, gzip};

use crate::scope::{Scope, Socket, next, next_body};

fn cluster() -> Cluster {
    Cluster::new(Shape {
        hosts: 1,
        containers: 3,
        endpoints: 6,
        connection_seconds: 5,
        container_seconds: 20,
        seed: 7,
    })
}

/// What a report says of who is there and who talks to whom; samples are gathered over time and left out.
fn essence(report: &Report) -> Vec<String> {
    let mut lines = Vec::new();
    for kind in [Kind::Endpoint, Kind::Process, Kind::Container, Kind::Host] {
        for (id, node) in &report.topology(kind).nodes {
            let latest: Vec<String> = node.latest.iter().map(|(key, latest)| format!("{key}={}", latest.value)).collect();
            let peers: Vec<String> = node.adjacency.iter().map(ToString::to_string).collect();
            lines.push(format!("{kind:?} {id} {} {}", peers.join(","), latest.join(" ")));
        }
    }
    lines
}

/// Lines that only one of two states has.
fn unlike(expected: &[String], shown: &[String]) -> String {
    let only = |a: &[String], b: &[String], mark| {
        a.iter()
            .filter(|line| !b.contains(line))
            .map(|line| format!("\n{mark} {line}"))
            .collect::<String>()
    };
    only(expected, shown, '-') + &only(shown, expected, '+')
}

/// Whether the `number`th thing on a way is lost: five in a hundred, the same in every run.
fn lost(number: u64, way: u64) -> bool {
    (number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ way.wrapping_mul(0xbf58_476d_1ce4_e5b9))
        .rotate_left(29)
        .wrapping_mul(0x94d0_49bb_1331_11eb)
        >> 32
        < (1 << 32) / 20
}

async fn post(scope: &Scope, kind: ReportKind, body: Vec<u8>) -> u16 {
    let mut request = reqwest::Client::new()
        .post(scope.url("/api/report"))
        .header("Content-Type", "application/msgpack")
        .header("Content-Encoding", "gzip")
        .header(headers::PROBE_ID, "p");
    request = match kind {
        ReportKind::Plain => request,
        ReportKind::Full { sequence } => request
            .header(headers::REPORT_KIND, "full")
            .header(headers::REPORT_SEQUENCE, sequence),
        ReportKind::Delta { sequence, base } => request
            .header(headers::REPORT_KIND, "delta")
            .header(headers::REPORT_SEQUENCE, sequence)
            .header(headers::REPORT_BASE, base),
    };
    request.body(body).send().await.expect("an answer").status().as_u16()
}

/// Gives the viewer's feed frames up to the report with this sequence number, but for those that are lost.
async fn read_up_to(socket: &mut Socket, feed: &mut Feed, sequence: u64, loses: bool) {
    loop {
        let bytes = next(socket).await.expect("an open socket");
        let Ok(Frame::Report(frame)) = Frame::decode(&bytes) else {
            continue;
        };
        let (ReportKind::Full { sequence: came } | ReportKind::Delta { sequence: came, .. }) = frame.kind else {
            panic!("a plain report");
        };
        if !(loses && lost(came, 2)) {
            let event = feed.frame(&bytes, came * 1000).expect("a frame that can be read");
            assert!(matches!(event, FeedEvent::Report { .. }));
        }
        if came == sequence {
            return;
        }
    }
}

#[tokio::test]
async fn five_percent_lost_on_each_way_never_shows_a_state_that_was_not_and_heals() {
    let scope = Scope::start(&["--max-report-rate", "10000", "--max-report-burst", "10000"]);
    let mut socket = scope.viewer().await;
    let (mut stream, mut feed) = (Stream::new(cluster(), 0, Dialect::Ours { full_every: 15 }), Feed::new());
    // The state of second n is said by report n + 1.
    let states: Vec<Vec<String>> = (0..300).map(|second| essence(&cluster().report(0, second))).collect();
    let (mut on_the_way, mut rejected, mut stale) = (0, 0, 0);
    for sequence in 1..=300_u64 {
        let (kind, report) = stream.next_report();
        // The last full report is number 286: everything up to there is lossy.
        let loses = sequence < 286;
        if loses && lost(sequence, 1) {
            on_the_way += 1;
            continue;
        }
        match post(&scope, kind, gzip(&encode_msgpack(&report), 1)).await {
            200 => {}
            // Its full report was lost; a real probe would send one at once, this one lets the next scheduled one heal it.
            409 => {
                rejected += 1;
                continue;
            }
            other => panic!("{other}"),
        }
        read_up_to(&mut socket, &mut feed, sequence, loses).await;
        if feed.has_reports() {
            let shown = essence(&feed.whole_report());
            let at = states.iter().position(|state| *state == shown).unwrap_or_else(|| {
                panic!(
                    "after {sequence}: a state that the probe was not in: {}",
                    unlike(&states[sequence as usize - 1], &shown)
                )
            });
            stale += usize::from(at as u64 + 1 != sequence);
            assert!(
                at as u64 + 1 == sequence || loses,
                "{at} is shown after {sequence}, though nothing is lost any more"
            );
        }
    }
    println!("{on_the_way} posts lost, {rejected} deltas without their base, {stale} times an older state was shown");
    assert!(on_the_way > 5 && stale > 5, "something was lost on either way");
}

#[tokio::test]
async fn a_probes_clock_that_jumps_ten_minutes_changes_nothing() {
    let scope = Scope::start(&["--max-report-rate", "10000", "--max-report-burst", "10000"]);
    let mut socket = scope.viewer().await;
    let (start, jump) = (10_000, 600);
    for (turn, second) in [start, start + jump, start + 1, start - jump, start + 2].into_iter().enumerate() {
        // An original's reports carry nothing but their own time.
        let body = gzip(&encode_msgpack(&cluster().report(0, second)), 1);
        assert_eq!(post(&scope, ReportKind::Plain, body.clone()).await, 200);
        assert_eq!(next_body(&mut socket).await, body, "report {turn} arrived, in the order of sending");
    }
    let probes: serde_json::Value = reqwest::get(scope.url("/api/probes"))
        .await
        .expect("an answer")
        .json()
        .await
        .expect("JSON");
    let silent = probes[0]["silentMillis"].as_u64().expect("a number");
    assert!(silent < 300_000, "silence is counted from the arrival: {silent}");
    // A late viewer gets all five: none was taken for old.
    let mut late = scope.viewer().await;
    for _ in 0..5 {
        next_body(&mut late).await;
    }
}
