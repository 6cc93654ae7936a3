//! The Kubernetes source against an API server that speaks the real protocol over HTTP.
// Queues of the test's server end with the test, so they need no bound.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    missing_docs
)]
#![cfg(feature = "kubernetes")]

mod cluster;
mod exec;
mod fake_api;
mod golden;
mod manifests;
// The server of the other tests; each uses its part of it.
#[allow(dead_code)]
#[path = "../probe/server.rs"]
mod server;
mod streams;

use std::sync::Arc;
use std::time::Duration;

use cluster::{deployment, node, pod, service};
use fake_api::{Api, Fault};
use scope_probe::config::{Allow, KubernetesArgs, Policy};
use scope_probe::kubernetes::{self, Answer, Controls, KubernetesReporter, Settings, SourceState};
use scope_probe::reporter::{Reporter as _, Tick};
use scope_shared::report::{Kind, Report};
use tokio::io::AsyncReadExt as _;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Everything here happens within this, or never.
const SOON: Duration = Duration::from_secs(30);

/// A probe's Kubernetes source against a server of its own.
struct Probe {
    api: Arc<Api>,
    reporter: KubernetesReporter,
    controls: Controls,
    shortcuts: mpsc::Receiver<Report>,
    _stop: tokio_util::sync::DropGuard,
}

impl Probe {
    async fn start(api: Arc<Api>, address: std::net::SocketAddr, node_name: Option<&str>) -> Self {
        let args = KubernetesArgs {
            api: Some(format!("http://{address}")),
            ..kubernetes_args()
        };
        let client = kubernetes::connect(&args).await.expect("a client");
        let settings = Settings {
            probe_id: "probe-1".into(),
            node_name: node_name.map(str::to_owned),
            policy: Policy::of(&Allow::DEFAULT),
        };
        let (sender, shortcuts) = mpsc::channel(64);
        let stop = CancellationToken::new();
        let (reporter, controls) = kubernetes::start(client, settings, sender, &stop);
        Self {
            api,
            reporter,
            controls,
            shortcuts,
            _stop: stop.drop_guard(),
        }
    }

    /// The report once `done` is true of it; panics with what there is after a generous while.
    async fn report_when(&mut self, what: &str, done: impl Fn(&Report) -> bool) -> Report {
        for _ in 0..600 {
            let report = self.reporter.report(&Tick::at_system_time()).await;
            if done(&report) {
                return report;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!(
            "never saw: {what}; sources: {:?}; requests: {:#?}",
            self.reporter.sources(),
            self.api.all_requests()
        );
    }

    async fn controls_when(&mut self, kind: Kind, id: &str, wanted: &str) {
        let what = format!("{id} with controls {wanted:?}");
        let at = id.to_owned();
        let wanted = wanted.to_owned();
        self.report_when(&what, |report| {
            latest(report, kind, &at, "active_controls").as_deref() == Some(wanted.as_str())
        })
        .await;
    }
}

fn kubernetes_args() -> KubernetesArgs {
    KubernetesArgs {
        enabled: true,
        ..scope_probe::config::CollectArgs::default().kubernetes
    }
}

fn latest(report: &Report, kind: Kind, id: &str, key: &str) -> Option<String> {
    report.topology(kind).nodes.get(id)?.latest(key).map(str::to_owned)
}

fn shop(api: &Api) {
    api.put("/api/v1/nodes", node("n1"));
    api.put("/api/v1/services", service("shop", "web"));
    api.put("/apis/apps/v1/deployments", deployment("shop", "web", 2));
    api.put("/api/v1/pods", pod("shop", "web-1", "web", "n1"));
    api.put("/api/v1/pods", pod("shop", "web-2", "web", "n2"));
    api.put("/api/v1/pods", pod("other", "web-3", "web", "n1"));
}

const POD: &str = "pod-shop-web-1;<pod>";

#[tokio::test]
async fn objects_become_nodes_with_values_parents_and_controls() {
    let (api, address) = Api::start().await;
    shop(&api);
    let mut probe = Probe::start(api, address, None).await;
    probe
        .controls_when(
            Kind::Pod,
            POD,
            "kubernetes_get_logs;kubernetes_exec_pod;kubernetes_delete_pod;kubernetes_describe",
        )
        .await;
    let report = probe
        .report_when("three pods", |report| report.topology(Kind::Pod).nodes.len() == 3)
        .await;
    let get = |kind, id: &str, key: &str| latest(&report, kind, id, key).unwrap_or_default();
    assert_eq!(get(Kind::Pod, POD, "kubernetes_restart_count"), "3");
    assert_eq!(get(Kind::Pod, POD, "kubernetes_state"), "Running");
    assert_eq!(get(Kind::Pod, POD, "control_probe_id"), "probe-1");
    assert_eq!(
        get(Kind::Service, "service-shop-web;<service>", "kubernetes_ports"),
        "80:30080/TCP,53/UDP"
    );
    assert_eq!(
        get(Kind::Deployment, "deployment-shop-web;<deployment>", "kubernetes_desired_replicas"),
        "2"
    );
    assert_eq!(get(Kind::Host, "n1;<host>", "active_controls"), "kubernetes_cordon_node");
    let parents = &report.topology(Kind::Pod).nodes[POD].parents;
    assert!(parents.get("service").is_some_and(|ids| ids.contains("service-shop-web;<service>")));
    assert!(
        parents
            .get("deployment")
            .is_some_and(|ids| ids.contains("deployment-shop-web;<deployment>"))
    );
    assert!(
        report.topology(Kind::Pod).nodes["pod-other-web-3;<pod>"].parents.is_empty(),
        "selectors do not cross namespaces"
    );
    assert_eq!(report.topology(Kind::Host).controls["kubernetes_cordon_node"].probe_id, "probe-1");
}

#[tokio::test]
async fn only_the_pods_of_the_named_node_are_asked_for() {
    let (api, address) = Api::start().await;
    shop(&api);
    let mut probe = Probe::start(api, address, Some("n1")).await;
    let report = probe
        .report_when("pods", |report| !report.topology(Kind::Pod).nodes.is_empty())
        .await;
    assert_eq!(report.topology(Kind::Pod).nodes.len(), 2);
    assert!(probe.api.requests("fieldSelector=spec.nodeName%3Dn1") > 0);
}

#[tokio::test]
async fn a_pod_that_comes_or_goes_is_reported_at_once() {
    let (api, address) = Api::start().await;
    shop(&api);
    let mut probe = Probe::start(api, address, None).await;
    probe
        .report_when("the first list", |report| report.topology(Kind::Pod).nodes.len() == 3)
        .await;
    probe.api.put("/api/v1/pods", pod("shop", "web-9", "web", "n1"));
    let shortcut = probe.shortcuts.recv().await.expect("a shortcut report");
    assert!(shortcut.shortcut);
    assert!(shortcut.topology(Kind::Pod).nodes.contains_key("pod-shop-web-9;<pod>"));
    probe.api.delete("/api/v1/pods", "shop", "web-9");
    let shortcut = probe.shortcuts.recv().await.expect("another");
    assert_eq!(
        latest(&shortcut, Kind::Pod, "pod-shop-web-9;<pod>", "kubernetes_state").as_deref(),
        Some("deleted")
    );
    probe
        .report_when("the pod gone", |report| report.topology(Kind::Pod).nodes.len() == 3)
        .await;
}

#[tokio::test]
async fn errors_of_the_api_server_are_waited_out_and_nothing_known_is_lost() {
    let (api, address) = Api::start().await;
    shop(&api);
    api.fail(
        "/api/v1/services",
        &[Fault::Status(401), Fault::Status(403), Fault::Status(429), Fault::Status(500)],
    );
    let mut probe = Probe::start(api, address, None).await;
    probe
        .report_when("pods although services fail", |report| report.topology(Kind::Pod).nodes.len() == 3)
        .await;
    let report = probe
        .report_when("services in the end", |report| !report.topology(Kind::Service).nodes.is_empty())
        .await;
    assert!(probe.api.faults_done("/api/v1/services"));
    assert_eq!(report.topology(Kind::Service).nodes.len(), 1);
    // A watch whose version is too old is listed again, and what was known stays meanwhile.
    probe.api.fail("/api/v1/pods", &[Fault::Expired]);
    probe.api.disconnect_all();
    for _ in 0..200 {
        let report = probe.reporter.report(&Tick::at_system_time()).await;
        assert_eq!(report.topology(Kind::Pod).nodes.len(), 3);
        if probe.api.faults_done("/api/v1/pods") && probe.api.requests("GET /api/v1/pods?&limit") >= 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    probe.api.put("/api/v1/pods", pod("shop", "late", "web", "n1"));
    probe
        .report_when("changes after all that", |report| report.topology(Kind::Pod).nodes.len() == 4)
        .await;
}

#[tokio::test]
async fn a_broken_watch_resumes_where_it_was_without_listing_again() {
    let (api, address) = Api::start().await;
    shop(&api);
    let mut probe = Probe::start(api, address, None).await;
    probe
        .report_when("the first list", |report| report.topology(Kind::Pod).nodes.len() == 3)
        .await;
    let lists = |api: &Api| {
        api.all_requests()
            .iter()
            .filter(|request| request.starts_with("GET /api/v1/pods?") && !request.contains("watch=true"))
            .count()
    };
    let before = lists(&probe.api);
    for round in 0..3 {
        probe.api.disconnect_all();
        probe.api.put("/api/v1/pods", pod("shop", &format!("again-{round}"), "web", "n1"));
        probe
            .report_when("the pod that came while disconnected", |report| {
                report.topology(Kind::Pod).nodes.len() == 4 + round
            })
            .await;
    }
    assert_eq!(lists(&probe.api), before);
}

/// Lists (not watches) of one kind of object so far.
fn lists(api: &Api, collection: &str) -> usize {
    let start = format!("GET {collection}?");
    let requests = api.all_requests();
    let of_kind = requests.iter().filter(|request| request.starts_with(&start));
    of_kind.filter(|request| !request.contains("watch=true")).count()
}

#[tokio::test]
async fn a_storm_of_expired_watches_lists_each_time_once_and_leaves_other_kinds_alone() {
    const STORM: usize = 3;
    let (api, address) = Api::start().await;
    shop(&api);
    let mut probe = Probe::start(api, address, None).await;
    probe
        .report_when("everything", |report| {
            report.topology(Kind::Pod).nodes.len() == 3 && !report.topology(Kind::Service).nodes.is_empty()
        })
        .await;
    let (pods, services) = (lists(&probe.api, "/api/v1/pods"), lists(&probe.api, "/api/v1/services"));
    probe.api.fail("/api/v1/pods", &vec![Fault::Expired; STORM]);
    probe.api.disconnect_all();
    for _ in 0..600 {
        assert_eq!(
            probe.reporter.report(&Tick::at_system_time()).await.topology(Kind::Pod).nodes.len(),
            3,
            "what is known stays"
        );
        if probe.api.faults_done("/api/v1/pods") && lists(&probe.api, "/api/v1/pods") == pods + STORM {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // A change gets through only once the last list is over and watched from.
    probe.api.put("/api/v1/pods", pod("shop", "after", "web", "n1"));
    probe
        .report_when("the storm is over", |report| report.topology(Kind::Pod).nodes.len() == 4)
        .await;
    assert_eq!(
        lists(&probe.api, "/api/v1/pods"),
        pods + STORM,
        "one list for each watch that had expired"
    );
    assert_eq!(lists(&probe.api, "/api/v1/services"), services, "a cut watch goes on where it was");
}

#[tokio::test]
async fn an_answer_that_does_not_come_holds_up_nothing_else() {
    let (api, address) = Api::start().await;
    shop(&api);
    let answer = CancellationToken::new();
    api.fail("/api/v1/services", &[Fault::Slow(answer.clone())]);
    let mut probe = Probe::start(api, address, None).await;
    let report = probe
        .report_when("pods and deployments", |report| {
            report.topology(Kind::Pod).nodes.len() == 3 && !report.topology(Kind::Deployment).nodes.is_empty()
        })
        .await;
    assert!(report.topology(Kind::Service).nodes.is_empty());
    probe.api.put("/api/v1/pods", pod("shop", "meanwhile", "web", "n1"));
    probe
        .report_when("changes go on", |report| report.topology(Kind::Pod).nodes.len() == 4)
        .await;
    assert_eq!(
        lists(&probe.api, "/api/v1/services"),
        1,
        "a slow answer is waited for, not asked for again"
    );
    answer.cancel();
    probe
        .report_when("services in the end", |report| !report.topology(Kind::Service).nodes.is_empty())
        .await;
}

#[tokio::test]
async fn a_missing_kind_of_object_is_not_asked_for_again_and_again() {
    let (api, address) = Api::start().await;
    shop(&api);
    api.fail("/apis/snapshot.storage.k8s.io/v1/volumesnapshots", &[Fault::Status(404)]);
    let mut probe = Probe::start(api, address, None).await;
    probe
        .report_when("pods", |report| report.topology(Kind::Pod).nodes.len() == 3)
        .await;
    for _ in 0..100 {
        if probe
            .reporter
            .sources()
            .iter()
            .any(|(name, state)| name == "volume_snapshot" && *state == SourceState::Unsupported)
        {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{:?}", probe.reporter.sources());
}

#[tokio::test]
async fn what_the_api_server_refuses_is_neither_offered_nor_done() {
    let (api, address) = Api::start().await;
    shop(&api);
    api.refuse("delete", "pods");
    api.refuse("create", "pods/exec");
    let mut probe = Probe::start(api, address, None).await;
    probe.controls_when(Kind::Pod, POD, "kubernetes_get_logs;kubernetes_describe").await;
    let refusal = probe.controls.handle("kubernetes_delete_pod", POD).await.expect_err("a refusal");
    assert!(refusal.contains("does not let"), "{refusal}");
    assert!(probe.api.get("/api/v1/pods", "shop", "web-1").is_some());
}

#[tokio::test]
async fn controls_do_what_they_say() {
    let (api, address) = Api::start().await;
    shop(&api);
    let mut probe = Probe::start(api, address, None).await;
    probe
        .controls_when(
            Kind::Pod,
            POD,
            "kubernetes_get_logs;kubernetes_exec_pod;kubernetes_delete_pod;kubernetes_describe",
        )
        .await;
    const WEB: &str = "deployment-shop-web;<deployment>";
    let replicas = |api: &Api| api.get("/apis/apps/v1/deployments", "shop", "web").unwrap()["spec"]["replicas"].as_i64();
    probe.controls.handle("kubernetes_scale_up", WEB).await.unwrap();
    assert_eq!(replicas(&probe.api), Some(3));
    for _ in 0..3 {
        probe.controls.handle("kubernetes_scale_down", WEB).await.unwrap();
    }
    assert_eq!(replicas(&probe.api), Some(0));
    assert!(
        probe
            .controls
            .handle("kubernetes_scale_down", WEB)
            .await
            .unwrap_err()
            .contains("no replicas")
    );
    probe.controls.handle("kubernetes_rollout_restart", WEB).await.unwrap();
    let template = probe.api.get("/apis/apps/v1/deployments", "shop", "web").unwrap();
    assert!(template.pointer("/spec/template/metadata/annotations").is_some());
    probe.controls.handle("kubernetes_cordon_node", "n1;<host>").await.unwrap();
    probe.controls_when(Kind::Host, "n1;<host>", "kubernetes_uncordon_node").await;
    let Answer::Text(mut logs) = probe.controls.handle("kubernetes_get_logs", POD).await.unwrap() else {
        panic!("no text")
    };
    let mut text = String::new();
    logs.read_to_string(&mut text).await.unwrap();
    assert!(text.contains("[main   ] 2026") && text.contains("[sidecar] 2026"), "{text}");
    let Answer::Text(mut about) = probe.controls.handle("kubernetes_describe", POD).await.unwrap() else {
        panic!("no text")
    };
    let mut text = String::new();
    about.read_to_string(&mut text).await.unwrap();
    assert!(
        text.contains("Name:           web-1") && text.contains("podIP: 10.244.0.7"),
        "{text}"
    );
    let Answer::Removed(id) = probe.controls.handle("kubernetes_delete_pod", POD).await.unwrap() else {
        panic!("not removed")
    };
    assert_eq!(id, POD);
    assert!(probe.api.get("/api/v1/pods", "shop", "web-1").is_none());
    assert_eq!(
        probe.controls.handle("kubernetes_get_logs", "x;<container>").await.unwrap_err(),
        "Invalid ID: x;<container>"
    );
    assert_eq!(
        probe.controls.handle("kubernetes_get_logs", "x;<pod>").await.unwrap_err(),
        "Pod not found: x"
    );
}

#[tokio::test]
async fn a_whole_cluster_is_listed_in_pages_and_once() {
    let (api, address) = Api::start().await;
    for (collection, object) in cluster::generate(20, 1200, 50) {
        api.put(collection, object);
    }
    let mut probe = Probe::start(api, address, None).await;
    let report = probe
        .report_when("all pods", |report| report.topology(Kind::Pod).nodes.len() == 1200)
        .await;
    assert!(
        report
            .topology(Kind::Pod)
            .nodes
            .values()
            .all(|pod| pod.parents.contains_key("service") && pod.parents.contains_key("deployment"))
    );
    let lists = probe
        .api
        .all_requests()
        .iter()
        .filter(|request| request.starts_with("GET /api/v1/pods?") && !request.contains("watch=true"))
        .count();
    assert_eq!(lists, 3, "1,200 pods are three pages of 500");
}
