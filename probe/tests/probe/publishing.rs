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
