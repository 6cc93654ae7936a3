//! The ECS source against a local server that answers as the ECS API and the ECS agent are documented.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use parking_lot::Mutex;
use scope_probe::config::{Allow, Policy};
use scope_probe::ecs::{Credentials, Ecs, Settings};
use scope_shared::report::{Kind, Node, Report};
use scope_shared::time::Timestamp;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

const FRONT: &str = "arn:aws:ecs:eu-west-1:1:task/front";
const BACK: &str = "arn:aws:ecs:eu-west-1:1:task/back";
const BATCH: &str = "arn:aws:ecs:eu-west-1:1:task/batch";

/// What the server was asked, and how it is.
#[derive(Default)]
struct Server {
    calls: Mutex<Vec<(String, Value)>>,
    failing: Mutex<bool>,
    front_desired: Mutex<i64>,
}

impl Server {
    fn calls(&self, action: &str) -> usize {
        self.calls.lock().iter().filter(|(called, _)| called == action).count()
    }
}

async fn answer(State(server): State<Arc<Server>>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    if path == "/v1/metadata" {
        return axum::Json(json!({"Cluster": "prod", "ContainerInstanceArn": "arn:x", "Version": "agent"})).into_response();
    }
    if path == "/v1/tasks" {
        let task = json!({"Arn": BATCH, "Family": "batch", "Version": "1", "Containers": [{"DockerId": "unlabelled", "Name": "batch"}]});
        return axum::Json(json!({"Tasks": [task]})).into_response();
    }
    let (parts, body) = request.into_parts();
    let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let signed = header("authorization").starts_with("AWS4-HMAC-SHA256 Credential=AKID/")
        && header("authorization").contains("/eu-west-1/ecs/aws4_request");
    let action = header("x-amz-target").rsplit('.').next().unwrap_or_default().to_owned();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let parameters: Value = serde_json::from_slice(&body).unwrap_or_default();
    server.calls.lock().push((action.clone(), parameters.clone()));
    if !signed {
        return (
            StatusCode::FORBIDDEN,
            axum::Json(json!({"__type": "MissingAuthenticationTokenException"})),
        )
            .into_response();
    }
    if *server.failing.lock() {
        return (
            StatusCode::BAD_REQUEST,
            axum::Json(json!({"__type": "ThrottlingException", "message": "Rate exceeded"})),
        )
            .into_response();
    }
    let wants = |list: &str, name: &str| parameters[list].as_array().is_some_and(|all| all.iter().any(|one| one == name));
    let service = |name: &str, desired: i64, deployment: &str| json!({"serviceName": name, "desiredCount": desired, "runningCount": 2, "createdAt": 1_768_000_000.5, "deployments": [{"id": deployment}]});
    let desired = *server.front_desired.lock();
    let result = match action.as_str() {
        "DescribeTasks" => {
            // One task names its service, one only the deployment that started it, one was started by hand.
            let all = [
                json!({"taskArn": FRONT, "createdAt": 1_768_462_200.123, "group": "service:front-service", "startedBy": "ecs-svc/1"}),
                json!({"taskArn": BACK, "createdAt": 1_768_462_200.0, "startedBy": "ecs-svc/2"}),
                json!({"taskArn": BATCH, "createdAt": 1_768_462_200.0, "startedBy": "somebody"}),
            ];
            json!({"tasks": all.into_iter().filter(|task| wants("tasks", task["taskArn"].as_str().unwrap())).collect::<Vec<_>>(), "failures": []})
        }
        "ListServices" if parameters["nextToken"].is_null() => json!({"serviceArns": ["arn:front-service"], "nextToken": "2"}),
        "ListServices" => json!({"serviceArns": ["arn:back-service"]}),
        "DescribeServices" => {
            let mut found = Vec::new();
            if wants("services", "front-service") || wants("services", "arn:front-service") {
                found.push(service("front-service", desired, "ecs-svc/1"));
            }
            if wants("services", "back-service") || wants("services", "arn:back-service") {
                found.push(service("back-service", 1, "ecs-svc/2"));
            }
            json!({"services": found})
        }
        "UpdateService" => {
            *server.front_desired.lock() = parameters["desiredCount"].as_i64().unwrap();
            json!({"service": service("front-service", parameters["desiredCount"].as_i64().unwrap(), "ecs-svc/1")})
        }
        _ => json!({}),
    };
    axum::Json(result).into_response()
}

async fn start() -> (Arc<Server>, Ecs, tokio_util::sync::DropGuard) {
    let server = Arc::new(Server {
        front_desired: Mutex::new(2),
        ..Server::default()
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(answer).with_state(Arc::clone(&server));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let settings = Settings {
        probe_id: "probe-1".into(),
        region: Some("eu-west-1".into()),
        endpoint: Some(format!("{base}/")),
        credentials: Some(Credentials {
            key: "AKID".into(),
            secret: "secret".into(),
            session: None,
        }),
        agent: base,
        expiry: Duration::from_secs(3600),
        policy: Policy::of(&Allow::DEFAULT),
    };
    let stop = CancellationToken::new();
    (server, Ecs::start(&settings, stop.clone()), stop.drop_guard())
}

fn containers() -> Report {
    let now = Timestamp::from_unix(1_768_462_300, 0);
    let mut report = Report::default();
    for (id, arn) in [("a", Some(FRONT)), ("b", Some(BACK)), ("unlabelled", None), ("stranger", None)] {
        let mut node = Node::new(format!("{id};<container>"), "container");
        node.set_latest("docker_container_id", now, id);
        if let Some(arn) = arn {
            node.set_latest("docker_label_com.amazonaws.ecs.task-arn", now, arn);
            node.set_latest("docker_label_com.amazonaws.ecs.cluster", now, "prod");
            node.set_latest(
                "docker_label_com.amazonaws.ecs.task-definition-family",
                now,
                arn.rsplit('/').next().unwrap(),
            );
        }
        report.topology_mut(Kind::Container).add(node);
    }
    report
}

async fn tagged_when(ecs: &Ecs, what: &str, done: impl Fn(&Report) -> bool) -> Report {
    for _ in 0..600 {
        let mut report = containers();
        ecs.tag(&mut report, Timestamp::from_unix(1_768_462_301, 0));
        if done(&report) {
            return report;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("never: {what}");
}

fn latest(report: &Report, kind: Kind, id: &str, key: &str) -> Option<String> {
    report.topology(kind).nodes.get(id)?.latest(key).map(str::to_owned)
}

#[tokio::test]
async fn containers_get_their_tasks_and_the_tasks_their_services() {
    let (server, ecs, _stop) = start().await;
    let both = |report: &Report| report.topology(Kind::EcsService).nodes.len() == 2 && report.topology(Kind::EcsTask).nodes.len() == 3;
    let report = tagged_when(&ecs, "two services and three tasks", both).await;
    let task = format!("{FRONT};<ecs_task>");
    assert_eq!(latest(&report, Kind::EcsTask, &task, "ecs_task_family").as_deref(), Some("front"));
    assert_eq!(
        latest(&report, Kind::EcsTask, &task, "ecs_created_at").as_deref(),
        Some("2026-01-15T07:30:00.123Z")
    );
    let container = |id: &str| report.topology(Kind::Container).nodes[id].parents.clone();
    assert!(
        container("a;<container>")
            .get("ecs_service")
            .is_some_and(|ids| ids.contains("prod;front-service"))
    );
    assert!(
        container("b;<container>")
            .get("ecs_service")
            .is_some_and(|ids| ids.contains("prod;back-service")),
        "matched by its deployment"
    );
    let batch = container("unlabelled;<container>");
    assert!(
        batch
            .get("ecs_task")
            .is_some_and(|ids| ids.contains(&format!("{BATCH};<ecs_task>"))),
        "known from the agent"
    );
    assert!(batch.get("ecs_service").is_none(), "started by hand");
    assert!(container("stranger;<container>").is_empty());
    assert_eq!(
        latest(&report, Kind::EcsService, "prod;front-service", "active_controls").as_deref(),
        Some("ecs_scale_up;ecs_scale_down")
    );
    assert_eq!(
        latest(&report, Kind::EcsService, "prod;back-service", "active_controls").as_deref(),
        Some("ecs_scale_up")
    );
    // Nothing is asked about again while it is fresh.
    let (tasks, lists) = (server.calls("DescribeTasks"), server.calls("ListServices"));
    for _ in 0..5 {
        ecs.tag(&mut containers(), Timestamp::from_unix(1_768_462_302, 0));
    }
    assert_eq!((server.calls("DescribeTasks"), server.calls("ListServices")), (tasks, lists));
}

#[tokio::test]
async fn scaling_asks_for_the_count_of_now_and_stops_at_one() {
    let (server, ecs, _stop) = start().await;
    *server.front_desired.lock() = 5;
    ecs.handle("ecs_scale_up", "prod;front-service").await.unwrap();
    assert_eq!(*server.front_desired.lock(), 6);
    assert_eq!(
        ecs.handle("ecs_scale_down", "prod;back-service").await.unwrap_err(),
        "back-service is not scaled below one task"
    );
    assert_eq!(
        ecs.handle("ecs_scale_up", "prod;nobody").await.unwrap_err(),
        "Service not found: nobody"
    );
    assert_eq!(ecs.handle("ecs_scale_up", "nonsense").await.unwrap_err(), "Invalid ID: nonsense");
    *server.failing.lock() = true;
    assert!(
        ecs.handle("ecs_scale_up", "prod;front-service")
            .await
            .unwrap_err()
            .contains("Rate exceeded")
    );
}

#[tokio::test]
async fn without_an_answer_tasks_are_shown_from_their_labels() {
    let (server, ecs, _stop) = start().await;
    *server.failing.lock() = true;
    let report = tagged_when(&ecs, "tasks", |report| report.topology(Kind::EcsTask).nodes.len() == 3).await;
    assert!(report.topology(Kind::EcsService).nodes.is_empty());
    *server.failing.lock() = false;
    tagged_when(&ecs, "services once the API answers", |report| {
        report.topology(Kind::EcsService).nodes.len() == 2
    })
    .await;
}
