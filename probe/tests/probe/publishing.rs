//! Reports on the wire: full ones, deltas, restarts of the server, original apps.

use std::sync::atomic::Ordering;
use std::time::Duration;

use scope_shared::report::Kind;
use scope_shared::{delta, headers};

use crate::server::FakeServer;
use crate::{Probe, SOON};

#[tokio::test]
async fn a_full_report_comes_first_and_deltas_relative_to_it_follow() {
    let server = FakeServer::start(true).await;
    let mut reports = server.reports();
    let probe = Probe::start(&server, |args| {
        args.connect.spy_interval = Duration::from_millis(200);
        args.connect.publish_interval = Duration::from_millis(200);
        args.connect.full_report_every = 3;
        args.connect.labels = vec!["team=blue sky".to_owned()];
        args.connect.probe_token = "s3cret".to_owned();
    });
    let mut previous = 0;
    let mut base = None;
    while previous < 7 {
        let received = tokio::time::timeout(SOON, reports.recv()).await.unwrap().unwrap();
        let sequence = received.sequence.unwrap();
        // On a slow machine a delta may be replaced by the next before it is sent; a full report never is.
        assert!(sequence > previous);
        previous = sequence;
        let kind = received.kind.clone().unwrap();
        assert_eq!(kind == "full", sequence % 3 == 1, "report {sequence}");
        if kind == "full" {
            assert!(received.report.topology(Kind::Host).nodes.contains_key("testhost;<host>"));
            base = Some((received.sequence, received.report));
        } else {
            let (sequence, full) = base.as_ref().unwrap();
            assert_eq!(received.base, *sequence);
            let state = delta::apply(full, &received.report);
            assert!(
                state.topology(Kind::Host).nodes["testhost;<host>"].latest("host_name").is_some(),
                "nothing is lost by leaving it out"
            );
            assert!(
                received.report.topology(Kind::Host).nodes["testhost;<host>"]
                    .latest("host_name")
                    .is_none(),
                "what did not change is not sent"
            );
        }
        let text = |name: &str| received.headers[name].to_str().unwrap().to_owned();
        assert_eq!(text("authorization"), "Scope-Probe token=s3cret");
        assert_eq!(text(headers::PROBE_HOSTNAME), "testhost");
        assert_eq!(text(headers::PROBE_LABELS), "team=blue%20sky");
    }
    probe.end().await;
}

#[tokio::test]
async fn a_server_that_restarts_gets_a_full_report_first() {
    let server = FakeServer::start(true).await;
    let mut reports = server.reports();
    let probe = Probe::start(&server, |args| {
        args.connect.spy_interval = Duration::from_millis(200);
        args.connect.publish_interval = Duration::from_millis(200);
        args.connect.full_report_every = 1000;
    });
    for _ in 0..3 {
        tokio::time::timeout(SOON, reports.recv()).await.unwrap().unwrap();
    }
    server.restart();
    let mut reports = server.reports();
    let first = tokio::time::timeout(SOON, reports.recv()).await.unwrap().unwrap();
    assert_eq!(first.kind.as_deref(), Some("full"));
    probe.end().await;
}

#[tokio::test]
async fn a_server_that_lost_the_base_gets_a_full_report_and_one_that_refuses_that_too_is_left_alone_for_a_while() {
    let server = FakeServer::start(true).await;
    let mut reports = server.reports();
    let probe = Probe::start(&server, |args| {
        args.connect.spy_interval = Duration::from_millis(200);
        args.connect.publish_interval = Duration::from_millis(200);
        args.connect.full_report_every = 1000;
        args.control.no_controls = true;
    });
    let mut next = async || tokio::time::timeout(SOON, reports.recv()).await.unwrap().unwrap().kind.unwrap();
    while next().await != "delta" {}
    server.refused_deltas.store(1, Ordering::Release);
    while next().await != "full" {}
    server.refused_deltas.store(1, Ordering::Release);
    server.refused_fulls.store(1, Ordering::Release);
    while next().await != "full" {}
    let requests = server.requests.lock().clone();
    let refused = requests.iter().rposition(|request| request == "full").unwrap();
    assert_eq!(
        requests[refused - 3..=refused],
        ["delta", "full", "hello", "full"],
        "after a refused full report the probe begins anew, with the pause of any failure: {requests:?}"
    );
    probe.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_lost_on_the_way_the_next_full_report_heals_it() {
    const FULL_EVERY: u32 = 4;
    let server = FakeServer::start(true).await;
    // Every second full report, and most of the rest.
    let mut count = [0_usize; 2];
    *server.lost.lock() = Box::new(move |received| {
        let full = received.kind.as_deref() == Some("full");
        let count = &mut count[usize::from(full)];
        *count += 1;
        !count.is_multiple_of(if full { 2 } else { 5 })
    });
    let probe = Probe::start(&server, |args| {
        args.connect.spy_interval = Duration::from_millis(200);
        args.connect.publish_interval = Duration::from_millis(200);
        args.connect.full_report_every = FULL_EVERY;
        args.collect.processes = true;
    });
    let mut child = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
    let node = format!("testhost;{}", child.id());
    let seen = |report: &scope_shared::report::Report| report.topology(Kind::Process).nodes.contains_key(node.as_str());
    server.state(seen).await;
    child.kill().unwrap();
    child.wait().unwrap();
    server.state(|report| !seen(report)).await;
    probe.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_that_costs_too_much_says_so_on_its_host_and_in_its_metrics() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = FakeServer::start(true).await;
    let probe = Probe::start(&server, |args| {
        args.connect.spy_interval = Duration::from_millis(100);
        args.connect.publish_interval = Duration::from_millis(100);
        args.collect.max_cpu = 1e-6;
        args.collect.probe_metrics_address = Some(port);
    });
    let cadence = |report: &scope_shared::report::Report| {
        let host = report.topology(Kind::Host).nodes.get("testhost;<host>")?;
        host.latest("scope_probe_cadence").map(str::to_owned)
    };
    server
        .state(|report| cadence(report).is_some_and(|cadence| cadence.starts_with("slowed down to every ")))
        .await;
    let page = reqwest::get(format!("http://{port}/metrics")).await.unwrap().text().await.unwrap();
    for metric in ["scope_probe_cpu_percent", "scope_probe_memory_bytes", "scope_probe_published_bytes"] {
        assert!(page.contains(metric), "no {metric} in {page}");
    }
    probe.end().await;
}

#[tokio::test]
async fn an_original_app_gets_plain_reports_and_no_controls_means_no_control_connection() {
    let server = FakeServer::start(false).await;
    let mut reports = server.reports();
    let probe = Probe::start(&server, |args| args.control.no_controls = true);
    for full in [true, false] {
        let received = tokio::time::timeout(SOON, reports.recv()).await.unwrap().unwrap();
        assert_eq!((received.kind, received.sequence), (None, None));
        let host = received.report.topology(Kind::Host);
        assert!(host.controls.is_empty(), "nothing can be done, so nothing is offered");
        assert_eq!(host.metadata_templates.is_empty(), !full, "sparse reports leave the templates out");
        if full {
            assert_eq!(host.nodes["testhost;<host>"].latest("active_controls"), Some(""));
        }
    }
    assert!(!server.had_control_connection.load(Ordering::Acquire));
    probe.end().await;
}
