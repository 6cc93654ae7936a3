//! The golden case of Swarm, ECS and Weave Net, end to end: what their sources add is taken out of the reference report, put in again by the
//! sources themselves from local servers that answer as documented, and every view of the result compared with the original's answer.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "../../app/tests/common/mod.rs"]
mod common;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::routing::get;
use common::{Verdict, differences, documents, prune, report};
use scope_app::feed::Feed;
use scope_app::view::{Engine, api};
use scope_probe::config::{Allow, Policy};
use scope_probe::ecs::{Credentials, Ecs, Settings};
use scope_probe::reporter::Tagger as _;
use scope_probe::taggers::SwarmTagger;
use scope_probe::weave::Weave;
use scope_shared::report::{Kind, Node, Report, Topology};
use scope_shared::time::Timestamp;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// The kinds of nodes that come from these sources alone.
const THEIRS: [Kind; 3] = [Kind::EcsTask, Kind::EcsService, Kind::SwarmService];
const IDLE: &str = "prod;idle-service";

fn value<'a>(node: &'a Node, key: &str) -> &'a str {
    node.latest(key).unwrap_or_default()
}

/// The reference without anything that the sources add.
fn without_theirs(reference: &Report) -> Report {
    let mut base = reference.clone();
    for kind in THEIRS.into_iter().chain([Kind::Overlay]) {
        *base.topology_mut(kind) = Report::default().topology(kind).clone();
    }
    // Networks of Docker's are peers of the overlay's topology too. The service without tasks is another account's doing: a probe reports
    // the services of the tasks it sees.
    let kept = [(Kind::Overlay, "#docker_peer_"), (Kind::EcsService, IDLE)];
    for (kind, prefix) in kept {
        let nodes = reference.topology(kind).nodes.iter().filter(|(id, _)| id.starts_with(prefix));
        base.topology_mut(kind)
            .nodes
            .extend(nodes.map(|(id, node)| (id.clone(), Arc::clone(node))));
    }
    let containers: &mut Topology = base.topology_mut(Kind::Container);
    containers.metadata_templates.retain(|id, _| !id.starts_with("weave_"));
    for node in containers.nodes.values_mut() {
        let mut bare = Node::clone(node);
        bare.parents
            .retain(|kind, _| THEIRS.iter().all(|theirs| theirs.name() != kind.as_str()));
        bare.latest.retain(|key, _| !key.starts_with("weave_"));
        *node = Arc::new(bare);
    }
    base
}

/// Seconds since the epoch, as the ECS API writes times.
fn seconds(rfc3339: &str) -> f64 {
    Timestamp::parse(rfc3339).expect("a time").unix_millis() as f64 / 1e3
}

/// The ECS API of the reference's tasks and services: a task of `front` says its service, one of `back` only the deployment that began it.
async fn ecs_api(State(reference): State<Arc<Report>>, request: Request) -> axum::Json<Value> {
    let target = request.headers().get("x-amz-target").and_then(|value| value.to_str().ok());
    let action = target.and_then(|target| target.rsplit('.').next()).unwrap_or_default().to_owned();
    let body = axum::body::to_bytes(request.into_body(), 1 << 20).await.unwrap();
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    let wanted = |list: &str, name: &str| {
        let mut names = asked[list].as_array().into_iter().flatten().filter_map(Value::as_str);
        names.any(|wanted| wanted.rsplit('/').next() == name.rsplit('/').next())
    };
    let service_of = |node: &Node| {
        let services = node.parents.get("ecs_service")?;
        services.iter().next()?.split_once(';').map(|(_, name)| name.to_owned())
    };
    let tasks = reference.topology(Kind::EcsTask).nodes.iter().filter_map(|(id, node)| {
        let arn = id.strip_suffix(";<ecs_task>")?;
        let mut task = json!({"taskArn": arn, "createdAt": seconds(value(node, "ecs_created_at")), "lastStatus": "RUNNING"});
        if let Some(service) = service_of(node) {
            task["startedBy"] = json!(format!("ecs-svc/{service}"));
            if service.starts_with("front") {
                task["group"] = json!(format!("service:{service}"));
            }
        }
        wanted("tasks", arn).then_some(task)
    });
    let services = || {
        reference.topology(Kind::EcsService).nodes.iter().map(|(id, node)| {
            let name = id.split_once(';').map(|(_, name)| name).unwrap_or_default().to_owned();
            let count = |key: &str| value(node, key).parse::<i64>().unwrap();
            let described = json!({"serviceName": name, "deployments": [{"id": format!("ecs-svc/{name}")}],
                "desiredCount": count("ecs_service_desired_count"), "runningCount": count("ecs_service_running_count")});
            (name, described)
        })
    };
    axum::Json(match action.as_str() {
        "DescribeTasks" => json!({"tasks": tasks.collect::<Vec<_>>(), "failures": []}),
        "ListServices" => {
            let arns: Vec<_> = services()
                .map(|(name, _)| format!("arn:aws:ecs:eu-west-1:123456789012:service/prod/{name}"))
                .collect();
            json!({"serviceArns": arns})
        }
        "DescribeServices" => {
            let described: Vec<_> = services()
                .filter(|(name, _)| wanted("services", name))
                .map(|(_, one)| one)
                .collect();
            json!({"services": described, "failures": []})
        }
        _ => json!({}),
    })
}

/// What the router of a host says of itself and the others.
fn router_status(reference: &Report, own: &str) -> Value {
    let overlay = &reference.topology(Kind::Overlay).nodes;
    let peers: Vec<Value> = overlay
        .iter()
        .filter(|(id, _)| !id.starts_with("#docker_peer_"))
        .map(|(_, node)| {
            let to: Vec<Value> = node
                .adjacency
                .iter()
                .map(|id| json!({"Name": id.trim_start_matches('#'), "Outbound": true}))
                .collect();
            json!({"Name": value(node, "weave_peer_name"), "NickName": value(node, "weave_peer_nick_name"), "Connections": to})
        })
        .collect();
    let (_, me) = overlay.iter().find(|(id, _)| id.as_str() == own).expect("the peer");
    let get = |key: &str| value(me, &format!("weave_{key}")).to_owned();
    let rows: BTreeMap<&str, BTreeMap<&str, &str>> = me
        .latest
        .with_prefix("weave_connections_multicolumn_table_")
        .filter_map(|(key, entry)| {
            let (row, column) = key
                .strip_prefix("weave_connections_multicolumn_table_")?
                .split_once("___weave_connection_")?;
            Some((row, column, entry.value.as_str()))
        })
        .fold(BTreeMap::new(), |mut rows, (row, column, value)| {
            rows.entry(row).or_insert_with(BTreeMap::new).insert(column, value);
            rows
        });
    let connections: Vec<Value> = rows
        .iter()
        .map(|(address, row)| json!({"Address": address, "Outbound": row["connection"].starts_with("->"), "State": row["state"], "Info": row["info"]}))
        .collect();
    let host = value(me, "host_node_id");
    let here = reference
        .topology(Kind::Container)
        .nodes
        .values()
        .filter(|node| value(node, "host_node_id") == host);
    let mut names: Vec<Value> = here
        .filter(|node| node.latest("weave_dns_hostname").is_some())
        .map(|node| json!({"ContainerID": value(node, "docker_container_id"), "Hostname": format!("{}.", value(node, "weave_dns_hostname")), "Tombstone": 0}))
        .collect();
    // The others are names of containers that no report knows; one that is gone does not count.
    names.resize_with(
        get("dns_entry_count").parse().unwrap(),
        || json!({"ContainerID": "unknown", "Hostname": "x.weave.local.", "Tombstone": 0}),
    );
    names.push(
        json!({"ContainerID": value(reference.topology(Kind::Container).nodes.values().next().unwrap(), "docker_container_id"),
        "Hostname": "gone.weave.local.", "Tombstone": 1_700_000_000}),
    );
    let (least, most) = match get("protocol").split_once("..") {
        Some((least, most)) => (least.parse::<i64>().unwrap(), most.parse::<i64>().unwrap()),
        None => panic!("a range of protocols"),
    };
    let or_null = |running: bool, value: Value| if running { value } else { Value::Null };
    json!({
        "Ready": true, "Version": get("version"),
        "Router": {
            "Name": get("peer_name"), "NickName": get("peer_nick_name"), "Encryption": get("encryption") == "enabled",
            "PeerDiscovery": get("peer_discovery") == "enabled", "ProtocolMinVersion": least, "ProtocolMaxVersion": most,
            "Peers": peers, "Connections": connections, "Targets": vec!["10.1.1.1"; get("target_count").parse().unwrap()],
            "TrustedSubnets": me.sets.get("weave_trusted_subnet_count").map(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>()),
        },
        "DNS": {"Domain": get("dns_domain"), "Upstream": get("dns_upstream").split(", ").collect::<Vec<_>>(),
            "TTL": get("dns_ttl").parse::<i64>().unwrap(), "Entries": names},
        "IPAM": {"Paxos": null, "Range": get("ipam_range"), "DefaultSubnet": get("ipam_default_subnet"), "Entries": [{"Token": "10.32.0.0"}], "PendingAllocates": null},
        "Proxy": or_null(get("proxy_status") == "running", json!({"Addresses": [get("proxy_address")]})),
        "Plugin": or_null(get("plugin_status") == "running", json!({"DriverName": get("plugin_driver")})),
    })
}

async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// Times to the millisecond: the ECS API gives no more of them than fits a floating-point number.
fn to_millis(document: &mut Value) {
    match document {
        Value::String(text) if Timestamp::parse(text).is_some() => {
            if let Some((whole, fraction)) = text.trim_end_matches('Z').split_once('.') {
                *text = format!("{whole}.{}Z", fraction.chars().take(3).collect::<String>());
            }
        }
        Value::Array(items) => items.iter_mut().for_each(to_millis),
        Value::Object(fields) => fields.values_mut().for_each(to_millis),
        _ => {}
    }
}

#[tokio::test]
async fn the_views_of_what_the_sources_say_are_the_originals() {
    let reference = Arc::new(report("swarmecs/report.json.gz"));
    let base = without_theirs(&reference);
    let now = reference.ts;
    let stop = CancellationToken::new();
    let _guard = stop.clone().drop_guard();

    let ecs_address = serve(Router::new().fallback(ecs_api).with_state(Arc::clone(&reference))).await;
    let ecs = Ecs::start(
        &Settings {
            probe_id: "probe-ecs-1.eu-west-1.compute.internal".into(),
            region: Some("eu-west-1".into()),
            endpoint: Some(format!("http://{ecs_address}/")),
            credentials: Some(Credentials {
                key: "AKID".into(),
                secret: "secret".into(),
                session: None,
            }),
            // No agent answers there: the labels say everything.
            agent: "http://127.0.0.1:9".into(),
            expiry: Duration::from_secs(3600),
            policy: Policy::of(&Allow::DEFAULT),
        },
        stop.clone(),
    );
    let mut routers = Vec::new();
    for (host, peer) in [("swarm-1", "#02:00:00:00:00:01"), ("swarm-2", "#02:00:00:00:00:02")] {
        let status = router_status(&reference, peer);
        let address = serve(Router::new().route("/report", get(async move || axum::Json(status)))).await;
        routers.push(Weave::start(&address, host, stop.clone()));
    }

    let mut whole = base.clone();
    for _ in 0..600 {
        whole = base.clone();
        SwarmTagger.tag(&mut whole, now);
        ecs.tag(&mut whole, now);
        for router in &routers {
            whole.merge(&router.report(now));
            router.tag(&mut whole, now);
        }
        let has = |kind: Kind| whole.topology(kind).nodes.keys().eq(reference.topology(kind).nodes.keys());
        if THEIRS.into_iter().chain([Kind::Overlay]).all(has) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    let mut feed = Feed::new();
    feed.add_reports([("report.json.gz".into(), whole)]);
    let mut engine = Engine::new(feed);
    let mut verdict = Verdict::default();
    for mut entry in documents("swarmecs.jsonl.gz") {
        let request = entry["request"].as_str().unwrap().to_owned();
        let mut got: Value = serde_json::from_slice(&api::get(&mut engine, &request)).unwrap();
        if entry.get("missing").is_some() {
            let found = if got["status"] == 404 {
                vec![]
            } else {
                vec![format!("404 wanted, {got} given")]
            };
            verdict.add(&request, &found);
            continue;
        }
        for document in [&mut entry["answer"], &mut got] {
            prune(document);
            to_millis(document);
        }
        verdict.add(&request, &differences(&entry["answer"], &got, entry.get("free_order").is_some()));
    }
    verdict.check();
}
