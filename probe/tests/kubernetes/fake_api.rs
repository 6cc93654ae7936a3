//! A Kubernetes API server for tests: real HTTP, list with pages, watch with bookmarks, SelfSubjectAccessReview, logs, exec, patches and
//! deletes, and faults on request. It keeps objects as JSON and counts what it was asked.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use futures::StreamExt as _;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

/// What happens to the next request for a collection.
#[derive(Clone, Debug)]
pub enum Fault {
    /// The next list or watch is answered with this status.
    Status(u16),
    /// The next list or watch is answered only when this is cancelled.
    Slow(CancellationToken),
    /// The next watch says that its version is too old (410 inside the stream).
    Expired,
}

#[derive(Clone, Debug)]
struct Change {
    collection: String,
    event: Value,
}

/// The state behind the server; shared with the test.
pub struct Api {
    inner: Mutex<Inner>,
    changes: broadcast::Sender<Change>,
    disconnect: Mutex<CancellationToken>,
    /// Shells in pods.
    pub exec: super::exec::Exec,
    /// What containers say from now on (container, line); while nobody has asked for it, logs end after their first line.
    pub says: Mutex<Option<broadcast::Sender<(String, String)>>>,
    /// Log streams that are open.
    pub logs: Arc<AtomicUsize>,
}

#[derive(Default)]
struct Inner {
    version: u64,
    /// Collection (`/api/v1/pods`) → `namespace/name` → object.
    objects: BTreeMap<String, BTreeMap<String, Value>>,
    faults: BTreeMap<String, VecDeque<Fault>>,
    refused: HashSet<(String, String)>,
    requests: Vec<String>,
}

/// Every collection the server has, so that asking for another is a 404 as for a missing custom resource.
const COLLECTIONS: [&str; 14] = [
    "/api/v1/pods",
    "/api/v1/services",
    "/api/v1/namespaces",
    "/api/v1/nodes",
    "/api/v1/persistentvolumes",
    "/api/v1/persistentvolumeclaims",
    "/apis/apps/v1/deployments",
    "/apis/apps/v1/daemonsets",
    "/apis/apps/v1/statefulsets",
    "/apis/batch/v1/cronjobs",
    "/apis/batch/v1/jobs",
    "/apis/storage.k8s.io/v1/storageclasses",
    "/apis/snapshot.storage.k8s.io/v1/volumesnapshots",
    "/apis/snapshot.storage.k8s.io/v1/volumesnapshotcontents",
];

impl Api {
    /// Starts a server on a free port of the loopback.
    pub async fn start() -> (Arc<Self>, SocketAddr) {
        let api = Arc::new(Self {
            inner: Mutex::default(),
            changes: broadcast::channel(65536).0,
            disconnect: Mutex::default(),
            exec: super::exec::Exec::default(),
            says: Mutex::default(),
            logs: Arc::default(),
        });
        for collection in COLLECTIONS {
            api.inner.lock().objects.insert(collection.to_owned(), BTreeMap::new());
        }
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let router = Router::new().fallback(answer).with_state(Arc::clone(&api));
        tokio::spawn(async move { axum::serve(listener, router).await });
        (api, address)
    }

    /// Puts an object in, telling watches.
    pub fn put(&self, collection: &str, mut object: Value) {
        let mut inner = self.inner.lock();
        inner.version += 1;
        object["metadata"]["resourceVersion"] = json!(inner.version.to_string());
        let key = key(&object);
        let old = inner.objects.entry(collection.to_owned()).or_default().insert(key, object.clone());
        let kind = if old.is_some() { "MODIFIED" } else { "ADDED" };
        drop(inner);
        self.tell(collection, kind, object);
    }

    /// Takes an object out, telling watches.
    pub fn delete(&self, collection: &str, namespace: &str, name: &str) -> bool {
        let mut inner = self.inner.lock();
        inner.version += 1;
        let version = inner.version;
        let removed = inner
            .objects
            .get_mut(collection)
            .and_then(|objects| objects.remove(&format!("{namespace}/{name}")));
        drop(inner);
        let Some(mut object) = removed else { return false };
        object["metadata"]["resourceVersion"] = json!(version.to_string());
        self.tell(collection, "DELETED", object);
        true
    }

    fn tell(&self, collection: &str, kind: &str, object: Value) {
        let event = json!({"type": kind, "object": object});
        // Nobody may be watching.
        drop(self.changes.send(Change {
            collection: collection.to_owned(),
            event,
        }));
    }

    /// An object as it is now.
    pub fn get(&self, collection: &str, namespace: &str, name: &str) -> Option<Value> {
        self.inner
            .lock()
            .objects
            .get(collection)?
            .get(&format!("{namespace}/{name}"))
            .cloned()
    }

    /// What happens to the next requests for a collection.
    pub fn fail(&self, collection: &str, faults: &[Fault]) {
        self.inner
            .lock()
            .faults
            .entry(collection.to_owned())
            .or_default()
            .extend(faults.iter().cloned());
    }

    /// Whether all faults of a collection have happened.
    pub fn faults_done(&self, collection: &str) -> bool {
        self.inner.lock().faults.get(collection).is_none_or(VecDeque::is_empty)
    }

    /// Refuses a verb on a resource (`pods`, `pods/exec`) to whoever asks.
    pub fn refuse(&self, verb: &str, resource: &str) {
        self.inner.lock().refused.insert((verb.to_owned(), resource.to_owned()));
    }

    /// Cuts every open watch.
    pub fn disconnect_all(&self) {
        std::mem::take(&mut *self.disconnect.lock()).cancel();
    }

    /// Requests so far whose `METHOD path?query` contains the text.
    pub fn requests(&self, containing: &str) -> usize {
        self.inner
            .lock()
            .requests
            .iter()
            .filter(|request| request.contains(containing))
            .count()
    }

    /// Every request so far.
    pub fn all_requests(&self) -> Vec<String> {
        self.inner.lock().requests.clone()
    }
}

fn key(object: &Value) -> String {
    let text = |pointer| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    format!("{}/{}", text("/metadata/namespace"), text("/metadata/name"))
}

fn status(code: u16, message: &str) -> Response {
    let reason = match code {
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "NotFound",
        410 => "Expired",
        429 => "TooManyRequests",
        _ => "InternalError",
    };
    let body = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "reason": reason, "code": code});
    (StatusCode::from_u16(code).expect("a status"), axum::Json(body)).into_response()
}

async fn answer(State(api): State<Arc<Api>>, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let query: BTreeMap<String, String> = url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes())
        .into_owned()
        .collect();
    api.inner.lock().requests.push(format!("{} {}", parts.method, parts.uri));
    if path.ends_with("/exec") {
        return super::exec::answer(&api, &mut parts).await;
    }
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap_or_default();
    if path.ends_with("/selfsubjectaccessreviews") {
        return review(&api, &body);
    }
    let Some((collection, namespace, name, subresource)) = split(&path) else {
        return status(404, "no such path");
    };
    if !api.inner.lock().objects.contains_key(&collection) && !path.ends_with("/events") {
        return status(404, "the server could not find the requested resource");
    }
    let Some(name) = name else {
        match take_fault(&api, &collection) {
            Some(Fault::Status(code)) => return status(code, "as the test asked"),
            Some(Fault::Slow(until)) => until.cancelled().await,
            _ => {}
        }
        return match (&parts.method, query.contains_key("watch")) {
            (&Method::POST, _) => create(&api, &collection, &body),
            (_, true) => watch(&api, &collection, &query),
            (_, false) => list(&api, &collection, &query),
        };
    };
    if subresource == "log" {
        return log(&api, &name, &query);
    }
    one(&api, &parts.method, (&collection, &namespace, &name, &subresource), &body)
}

/// Counts a stream for as long as it lives.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// One line of the past, and what the container says from now on if anybody lets it.
fn log(api: &Api, pod: &str, query: &BTreeMap<String, String>) -> Response {
    let first = format!("2026-01-01T00:00:00Z one line of {pod}\n");
    let says = api.says.lock().as_ref().map(broadcast::Sender::subscribe);
    let Some(says) = says.filter(|_| query.get("follow").is_some_and(|follow| follow == "true")) else {
        return first.into_response();
    };
    api.logs.fetch_add(1, Ordering::AcqRel);
    let (container, open) = (query.get("container").cloned().unwrap_or_default(), Counted(Arc::clone(&api.logs)));
    let live = futures::stream::unfold((says, container, open), |(mut says, container, open)| async move {
        loop {
            match says.recv().await {
                Ok((of, line)) if of == container => return Some((format!("2026-01-01T00:00:01Z {line}\n"), (says, container, open))),
                Ok(_) => {}
                Err(_) => return None,
            }
        }
    });
    let lines = futures::stream::iter([first]).chain(live).map(Ok::<_, Infallible>);
    Body::from_stream(lines).into_response()
}

/// `/api/v1/namespaces/x/pods/y/log` → collection, namespace, name, sub-resource.
fn split(path: &str) -> Option<(String, String, Option<String>, String)> {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let prefix = if parts.first() == Some(&"apis") { 3 } else { 2 };
    let (group, rest) = parts.split_at_checked(prefix)?;
    let (namespace, rest) = match rest {
        ["namespaces", namespace, rest @ ..] if !rest.is_empty() => ((*namespace).to_owned(), rest),
        rest => (String::new(), rest),
    };
    let resource = rest.first()?;
    let name = rest.get(1).map(|name| (*name).to_owned());
    Some((
        format!("/{}/{resource}", group.join("/")),
        namespace,
        name,
        rest.get(2).copied().unwrap_or_default().to_owned(),
    ))
}

/// The next fault of a collection that befalls a request as a whole.
fn take_fault(api: &Api, collection: &str) -> Option<Fault> {
    let mut inner = api.inner.lock();
    let faults = inner.faults.get_mut(collection)?;
    if matches!(faults.front(), Some(Fault::Status(_) | Fault::Slow(_))) {
        faults.pop_front()
    } else {
        None
    }
}

fn review(api: &Api, body: &Bytes) -> Response {
    let mut review: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |name: &str| {
        review
            .pointer(&format!("/spec/resourceAttributes/{name}"))
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let resource = match text("subresource") {
        sub if sub.is_empty() => text("resource"),
        sub => format!("{}/{sub}", text("resource")),
    };
    let allowed = !api.inner.lock().refused.contains(&(text("verb"), resource));
    review["status"] = json!({"allowed": allowed});
    (StatusCode::CREATED, axum::Json(review)).into_response()
}

fn list(api: &Api, collection: &str, query: &BTreeMap<String, String>) -> Response {
    let inner = api.inner.lock();
    let empty = BTreeMap::new();
    let objects: Vec<&Value> = inner
        .objects
        .get(collection)
        .unwrap_or(&empty)
        .values()
        .filter(|object| selected(object, query))
        .collect();
    let limit: usize = query.get("limit").and_then(|limit| limit.parse().ok()).unwrap_or(usize::MAX);
    let from: usize = query.get("continue").and_then(|from| from.parse().ok()).unwrap_or(0);
    let page: Vec<&&Value> = objects.iter().skip(from).take(limit).collect();
    let next = if from + page.len() < objects.len() {
        (from + page.len()).to_string()
    } else {
        String::new()
    };
    axum::Json(json!({
        "kind": "List", "apiVersion": "v1", "items": page,
        "metadata": {"resourceVersion": inner.version.to_string(), "continue": next},
    }))
    .into_response()
}

fn selected(object: &Value, query: &BTreeMap<String, String>) -> bool {
    match query
        .get("fieldSelector")
        .and_then(|selector| selector.strip_prefix("spec.nodeName="))
    {
        Some(node) => object.pointer("/spec/nodeName").and_then(Value::as_str) == Some(node),
        None => true,
    }
}

fn watch(api: &Arc<Api>, collection: &str, query: &BTreeMap<String, String>) -> Response {
    let expired = {
        let mut inner = api.inner.lock();
        let fault = inner
            .faults
            .get_mut(collection)
            .and_then(|faults| matches!(faults.front(), Some(Fault::Expired)).then(|| faults.pop_front()));
        fault.is_some()
    };
    if expired {
        let status =
            json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Expired", "code": 410, "message": "too old"});
        return format!("{}\n", json!({"type": "ERROR", "object": status})).into_response();
    }
    let since: u64 = query.get("resourceVersion").and_then(|version| version.parse().ok()).unwrap_or(0);
    let (received, missed, version) = {
        let inner = api.inner.lock();
        let newer = |object: &&Value| {
            let version = object
                .pointer("/metadata/resourceVersion")
                .and_then(Value::as_str)
                .and_then(|version| version.parse::<u64>().ok());
            version.is_some_and(|version| version > since)
        };
        let missed: Vec<Value> = inner
            .objects
            .get(collection)
            .into_iter()
            .flat_map(BTreeMap::values)
            .filter(newer)
            .map(|object| json!({"type": "ADDED", "object": object}))
            .collect();
        (api.changes.subscribe(), missed, inner.version)
    };
    let bookmark = json!({"type": "BOOKMARK", "object": {"kind": "Bookmark", "apiVersion": "v1", "metadata": {"resourceVersion": version.to_string()}}});
    let first = futures::stream::iter(missed.into_iter().chain([bookmark]));
    let collection = collection.to_owned();
    let query = query.clone();
    let live = tokio_util_stream(received).filter_map(move |change| {
        let keep = change.collection == collection && selected(&change.event["object"], &query);
        futures::future::ready(keep.then_some(change.event))
    });
    let cut = api.disconnect.lock().clone();
    let lines = first
        .chain(live)
        .map(|event| Ok::<_, Infallible>(Bytes::from(format!("{event}\n"))))
        .take_until(async move { cut.cancelled().await });
    Body::from_stream(lines).into_response()
}

fn tokio_util_stream(received: broadcast::Receiver<Change>) -> impl futures::Stream<Item = Change> {
    futures::stream::unfold(received, |mut received| async move {
        loop {
            match received.recv().await {
                Ok(change) => return Some((change, received)),
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    })
}

fn create(api: &Api, collection: &str, body: &Bytes) -> Response {
    let mut object: Value = serde_json::from_slice(body).unwrap_or_default();
    object["metadata"]["uid"] = json!(format!("uid-{}", key(&object)));
    api.put(collection, object.clone());
    (StatusCode::CREATED, axum::Json(object)).into_response()
}

fn one(api: &Api, method: &Method, (collection, namespace, name, subresource): (&str, &str, &str, &str), body: &Bytes) -> Response {
    let Some(mut object) = api.get(collection, namespace, name) else {
        return status(404, &format!("{name} not found"));
    };
    if subresource == "scale" {
        if *method == Method::PATCH {
            let patch: Value = serde_json::from_slice(body).unwrap_or_default();
            object["spec"]["replicas"] = patch["spec"]["replicas"].clone();
            api.put(collection, object.clone());
        }
        let scale = json!({"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": object["metadata"], "spec": {"replicas": object["spec"]["replicas"]}});
        return axum::Json(scale).into_response();
    }
    match *method {
        Method::DELETE => {
            api.delete(collection, namespace, name);
            axum::Json(object).into_response()
        }
        Method::PATCH => {
            merge(&mut object, &serde_json::from_slice(body).unwrap_or_default());
            api.put(collection, object.clone());
            axum::Json(object).into_response()
        }
        _ => axum::Json(object).into_response(),
    }
}

fn merge(into: &mut Value, patch: &Value) {
    match (into, patch) {
        (Value::Object(into), Value::Object(patch)) => {
            for (key, value) in patch {
                merge(into.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (into, patch) => *into = patch.clone(),
    }
}
