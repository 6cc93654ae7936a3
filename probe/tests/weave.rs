//! The Weave Net source against a local server that answers as the router's status page does: what comes out equals the reference overlay.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use scope_probe::weave::Weave;
use scope_shared::report::{Kind, Node, Report};
use scope_shared::time::Timestamp;
use serde_json::json;
use tokio_util::sync::CancellationToken;

const REFERENCE: &[u8] = include_bytes!("data/swarmecs-report.json.gz");

async fn status(State(up): State<Arc<AtomicBool>>) -> Response {
    if !up.load(Ordering::Relaxed) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let peer = |n: u8, nick: &str, to: &[u8]| {
        let connections: Vec<_> = to
            .iter()
            .map(|to| json!({"Name": format!("02:00:00:00:00:0{to}"), "Outbound": true}))
            .collect();
        let incoming = json!({"Name": "02:00:00:00:00:09", "Outbound": false});
        json!({"Name": format!("02:00:00:00:00:0{n}"), "NickName": nick, "Connections": connections.into_iter().chain([incoming]).collect::<Vec<_>>()})
    };
    axum::Json(json!({
        "Ready": true, "Version": "2.8.1",
        "Router": {
            "Name": "02:00:00:00:00:01", "NickName": "swarm-1", "Encryption": true, "PeerDiscovery": true, "ProtocolMinVersion": 1, "ProtocolMaxVersion": 2,
            "Peers": [peer(1, "swarm-1", &[2, 3]), peer(2, "swarm-2", &[]), peer(3, "unmonitored", &[4]), {"Name": "02:00:00:00:00:04", "NickName": "", "Connections": null}],
            "Connections": [
                {"Address": "10.1.1.1:6783", "Outbound": true, "State": "established", "Info": "encrypted fastdp 02:00:00:00:00:02(swarm-2)"},
                {"Address": "10.1.7.1:6783", "Outbound": false, "State": "retrying", "Info": "dial tcp: connection refused"}],
            "Targets": ["10.1.1.1", "10.1.7.1"], "TrustedSubnets": ["10.1.0.0/16"],
        },
        "DNS": {"Domain": "weave.local.", "Upstream": ["10.1.0.2", "8.8.8.8"], "TTL": 1, "Entries": [
            {"Hostname": "web.weave.local.", "ContainerID": "c1", "Tombstone": 0},
            {"Hostname": "api.weave.local.", "ContainerID": "c1", "Tombstone": 0},
            {"Hostname": "old.weave.local.", "ContainerID": "c1", "Tombstone": 1700000000}]},
        "IPAM": {"Paxos": null, "Range": "10.32.0.0/12", "DefaultSubnet": "10.32.0.0/12", "Entries": [{"Token": "10.32.0.0"}], "PendingAllocates": null},
        "Proxy": {"Addresses": ["unix:///var/run/weave/weave.sock"]}, "Plugin": {"DriverName": "weave"},
    }))
    .into_response()
}

async fn start() -> (Weave, Arc<AtomicBool>, tokio_util::sync::DropGuard) {
    let up = Arc::new(AtomicBool::new(true));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let router = Router::new().route("/report", get(status)).with_state(Arc::clone(&up));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let stop = CancellationToken::new();
    (Weave::start(&address, "swarm-1", stop.clone()), up, stop.drop_guard())
}

async fn report_when(weave: &Weave, done: impl Fn(&Report) -> bool) -> Report {
    for _ in 0..600 {
        let report = weave.report(Timestamp::from_unix(1, 0));
        if done(&report) {
            return report;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the overlay never appeared");
}

#[tokio::test]
async fn the_overlay_equals_the_reference() {
    let (weave, _up, _stop) = start().await;
    let report = report_when(&weave, |report| !report.topology(Kind::Overlay).nodes.is_empty()).await;
    let reference = scope_shared::wire::decode_report(REFERENCE, scope_shared::frame::Encoding::Json, true).unwrap();
    let values = |node: &Node| {
        node.latest
            .iter()
            .map(|(key, entry)| (key.clone(), entry.value.clone()))
            .collect::<Vec<_>>()
    };
    for (id, wanted) in reference
        .topology(Kind::Overlay)
        .nodes
        .iter()
        .filter(|(id, _)| id.as_str() != "#02:00:00:00:00:02" && !id.starts_with("#docker"))
    {
        let got = &report.topology(Kind::Overlay).nodes[id];
        // The reference has names of two containers; the router above has three entries, one of them gone.
        assert_eq!(values(got), values(wanted), "{id}");
        assert_eq!(
            (&got.adjacency, &got.sets, &got.parents),
            (&wanted.adjacency, &wanted.sets, &wanted.parents),
            "{id}"
        );
    }
    let (got, wanted) = (report.topology(Kind::Overlay), reference.topology(Kind::Overlay));
    for (id, template) in &got.table_templates {
        assert_eq!(
            Some(&template.fixed_rows.clone().unwrap_or_default()),
            wanted
                .table_templates
                .get(id)
                .map(|wanted| wanted.fixed_rows.clone().unwrap_or_default())
                .as_ref(),
            "{id}"
        );
    }
    assert!(got.metadata_templates.keys().eq(wanted.metadata_templates.keys()));
}

#[tokio::test]
async fn containers_get_their_live_names() {
    let (weave, _up, _stop) = start().await;
    report_when(&weave, |report| !report.topology(Kind::Overlay).nodes.is_empty()).await;
    let now = Timestamp::from_unix(2, 0);
    let mut report = Report::default();
    for id in ["c1", "c2"] {
        let mut node = Node::new(format!("{id};<container>"), "container");
        node.set_latest("docker_container_id", now, id);
        report.topology_mut(Kind::Container).add(node);
    }
    weave.tag(&mut report, now);
    let nodes = &report.topology(Kind::Container).nodes;
    assert_eq!(
        nodes["c1;<container>"].latest("weave_dns_hostname"),
        Some("api.weave.local web.weave.local")
    );
    assert_eq!(nodes["c2;<container>"].latest("weave_dns_hostname"), None);
}

#[tokio::test]
async fn when_the_router_stops_answering_the_overlay_goes() {
    let (weave, up, _stop) = start().await;
    report_when(&weave, |report| !report.topology(Kind::Overlay).nodes.is_empty()).await;
    up.store(false, Ordering::Relaxed);
    let report = report_when(&weave, |report| report.topology(Kind::Overlay).nodes.is_empty()).await;
    assert!(report.topology(Kind::Overlay).metadata_templates.is_empty());
}
