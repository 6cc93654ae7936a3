//! A server that speaks what a probe needs: `/api`, reports, the control connection and pipes. It remembers what it got.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use bytes::Bytes;
use futures::{SinkExt as _, StreamExt as _};
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use scope_shared::frame::Encoding;
use scope_shared::report::Report;
use scope_shared::{control, delta, wire};
use tokio::net::TcpListener;
use tokio::sync::{Notify, broadcast, mpsc, oneshot, watch};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_util::sync::CancellationToken;

use crate::SOON;

/// A report as it came.
#[derive(Clone, Debug)]
pub struct Received {
    pub kind: Option<String>,
    pub sequence: Option<u64>,
    pub base: Option<u64>,
    pub headers: HeaderMap,
    pub report: Report,
}

/// What a pipe's probe end did.
#[derive(Debug, PartialEq, Eq)]
pub enum FromProbe {
    Bytes(Bytes),
    Closed(Option<String>),
}

/// Says of a report whether it gets lost.
type Loses = Box<dyn FnMut(&Received) -> bool + Send>;
type Waiting = BTreeMap<u64, oneshot::Sender<[serde_json::Value; 2]>>;

pub struct FakeServer {
    pub address: SocketAddr,
    deltas: bool,
    id: Mutex<String>,
    connections: Mutex<CancellationToken>,
    reports: broadcast::Sender<Received>,
    /// The newest full report with its number, and the newest state made of it.
    base: Mutex<Option<(u64, Report)>>,
    state: watch::Sender<Report>,
    /// Which reports get lost on the way: taken, and not remembered.
    pub lost: Mutex<Loses>,
    /// How many of the next deltas and of the next full reports are refused with 409.
    pub refused_deltas: AtomicUsize,
    pub refused_fulls: AtomicUsize,
    /// What was asked for, and what kind of report it was.
    pub requests: Mutex<Vec<String>>,
    control: Mutex<Option<mpsc::UnboundedSender<[String; 2]>>>,
    pub control_connected: Notify,
    waiting: Mutex<Waiting>,
    next: AtomicU64,
    to_probe: Mutex<BTreeMap<String, mpsc::UnboundedReceiver<Message>>>,
    from_probe: Mutex<BTreeMap<String, mpsc::UnboundedSender<FromProbe>>>,
    closed: Mutex<BTreeSet<String>>,
    closing: broadcast::Sender<String>,
    pub had_control_connection: AtomicBool,
    /// The newest request for each WebSocket, by path.
    pub handshakes: Mutex<BTreeMap<String, HeaderMap>>,
}

/// The page's end of a pipe.
pub struct PipeEnd {
    pub to_probe: mpsc::UnboundedSender<Message>,
    pub from_probe: mpsc::UnboundedReceiver<FromProbe>,
}

impl FakeServer {
    pub async fn start(deltas: bool) -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Arc::new(Self {
            address: listener.local_addr().unwrap(),
            deltas,
            id: Mutex::new("app1".to_owned()),
            connections: Mutex::default(),
            reports: broadcast::channel(256).0,
            base: Mutex::default(),
            state: watch::Sender::default(),
            lost: Mutex::new(Box::new(|_| false)),
            refused_deltas: AtomicUsize::new(0),
            refused_fulls: AtomicUsize::new(0),
            requests: Mutex::default(),
            control: Mutex::default(),
            control_connected: Notify::new(),
            waiting: Mutex::default(),
            next: AtomicU64::new(0),
            to_probe: Mutex::default(),
            from_probe: Mutex::default(),
            closed: Mutex::default(),
            closing: broadcast::channel(16).0,
            had_control_connection: AtomicBool::new(false),
            handshakes: Mutex::default(),
        });
        let accepting = Arc::clone(&server);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let server = Arc::clone(&accepting);
                tokio::spawn(async move {
                    let stop = server.connections.lock().clone();
                    let service = service_fn(|request| {
                        let server = Arc::clone(&server);
                        async move { Ok::<_, std::convert::Infallible>(server.answer(request).await) }
                    });
                    let connection = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .with_upgrades();
                    tokio::select! {
                        _ = connection => {}
                        () = stop.cancelled() => {}
                    }
                });
            }
        });
        server
    }

    /// Drops every connection and comes back as another server at the same address.
    pub fn restart(&self) {
        *self.id.lock() = "app2".to_owned();
        self.closed.lock().extend(std::mem::take(&mut *self.from_probe.lock()).into_keys());
        std::mem::take(&mut *self.connections.lock()).cancel();
    }

    pub fn reports(&self) -> broadcast::Receiver<Received> {
        self.reports.subscribe()
    }

    /// Puts the newest state together from full reports and deltas, as a viewer does.
    fn remember(&self, received: &Received) {
        let mut base = self.base.lock();
        let state = match (received.kind.as_deref(), base.as_ref()) {
            (Some("delta"), Some((sequence, full))) if received.base == Some(*sequence) => delta::apply(full, &received.report),
            (Some("delta"), _) => return,
            _ => {
                *base = received.sequence.map(|sequence| (sequence, received.report.clone()));
                received.report.clone()
            }
        };
        self.state.send_replace(state);
    }

    /// Waits for a state that `wanted` accepts, the present one included.
    pub async fn state(&self, wanted: impl Fn(&Report) -> bool) -> Report {
        let mut states = self.state.subscribe();
        let found = tokio::time::timeout(SOON, states.wait_for(|state| wanted(state))).await;
        let outcome = found.map(|state| state.expect("the server lives").clone());
        outcome.unwrap_or_else(|_| panic!("the state that is waited for never came; the newest is {:#?}", self.state.borrow()))
    }

    async fn answer(self: &Arc<Self>, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let status = |status| Response::builder().status(status).body(Full::default()).unwrap();
        let path = request.uri().path().to_owned();
        if request.headers().contains_key(header::UPGRADE) {
            self.handshakes.lock().insert(path.clone(), request.headers().clone());
        }
        let pipe = path
            .strip_prefix("/api/pipe/")
            .map(|rest| rest.trim_end_matches("/probe").to_owned());
        match (request.method().clone(), path.as_str(), pipe) {
            (Method::GET, "/api", _) => {
                self.requests.lock().push("hello".to_owned());
                let body = serde_json::json!({"id": *self.id.lock(), "version": "test", "hostname": "test", "capabilities": {"deltas": self.deltas}});
                Response::new(Full::from(body.to_string()))
            }
            (Method::POST, "/api/report", _) => {
                let (parts, body) = request.into_parts();
                let body = body.collect().await.unwrap().to_bytes();
                let report = wire::decode_report(&body, Encoding::Msgpack, true).unwrap();
                let text = |name: &str| parts.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
                let received = Received {
                    kind: text("x-scope-report-kind"),
                    sequence: text("x-scope-report-seq").map(|text| text.parse().unwrap()),
                    base: text("x-scope-report-base").map(|text| text.parse().unwrap()),
                    headers: parts.headers,
                    report,
                };
                self.requests.lock().push(received.kind.clone().unwrap_or_default());
                let refused = if received.kind.as_deref() == Some("full") {
                    &self.refused_fulls
                } else {
                    &self.refused_deltas
                };
                if refused
                    .fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| left.checked_sub(1))
                    .is_ok()
                {
                    return status(StatusCode::CONFLICT);
                }
                if !(self.lost.lock())(&received) {
                    self.remember(&received);
                }
                let _nobody_may_listen = self.reports.send(received).is_ok();
                status(StatusCode::OK)
            }
            (Method::GET, "/api/control/ws", _) => {
                self.had_control_connection.store(true, Ordering::Release);
                let server = Arc::clone(self);
                upgrade(request, move |socket| server.serve_control(socket))
            }
            (Method::DELETE, _, Some(id)) => {
                self.close_pipe(&id);
                status(StatusCode::OK)
            }
            (Method::GET, _, Some(id)) if self.closed.lock().contains(&id) => status(StatusCode::NOT_FOUND),
            (Method::GET, _, Some(id)) => {
                let server = Arc::clone(self);
                upgrade(request, move |socket| server.serve_pipe(id, socket))
            }
            _ => status(StatusCode::NOT_FOUND),
        }
    }

    /// What the page's `DELETE` does.
    pub fn close_pipe(&self, id: &str) {
        self.closed.lock().insert(id.to_owned());
        self.from_probe.lock().remove(id);
        let _nobody_may_listen = self.closing.send(id.to_owned()).is_ok();
    }

    pub fn is_closed(&self, id: &str) -> bool {
        self.closed.lock().contains(id)
    }

    async fn serve_control(self: Arc<Self>, mut socket: WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>) {
        let (sender, mut requests) = mpsc::unbounded_channel::<[String; 2]>();
        *self.control.lock() = Some(sender);
        self.control_connected.notify_waiters();
        let stop = self.connections.lock().clone();
        let mut header: Option<serde_json::Value> = None;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                Some(frames) = requests.recv() => for frame in frames {
                    socket.send(Message::text(frame)).await.unwrap();
                },
                message = socket.next() => {
                    let Some(Ok(message)) = message else { return };
                    let Message::Text(text) = message else { continue };
                    let frame: serde_json::Value = serde_json::from_str(&text).unwrap();
                    match header.take() {
                        None => header = Some(frame),
                        Some(header) => {
                            let sequence = header["Response"]["Seq"].as_u64().unwrap();
                            let waiting = self.waiting.lock().remove(&sequence).unwrap();
                            let _gone = waiting.send([header, frame]).is_ok();
                        }
                    }
                }
            }
        }
    }

    /// Asks the probe to carry out a control.
    pub async fn control(&self, node: &str, control: &str, arguments: &[(&str, &str)]) -> control::Response {
        let sequence = self.next.fetch_add(1, Ordering::Relaxed);
        let arguments: BTreeMap<_, _> = arguments.iter().copied().collect();
        let header = serde_json::json!({"Request": {"Seq": sequence, "ServiceMethod": "control.Handle"}, "Response": null, "Value": null});
        let value = serde_json::json!({"AppID": "", "NodeID": node, "Control": control, "ControlArgs": arguments});
        let body = serde_json::json!({"Request": null, "Response": null, "Value": value});
        let [_, answer] = self.ask(sequence, [header.to_string(), body.to_string()]).await;
        serde_json::from_value(answer["Value"].clone()).unwrap()
    }

    /// Sends a request as these two frames, the first of which has this number; the two frames of the answer.
    pub async fn ask(&self, sequence: u64, frames: [String; 2]) -> [serde_json::Value; 2] {
        let (sender, answer) = oneshot::channel();
        self.waiting.lock().insert(sequence, sender);
        self.control.lock().as_ref().expect("a control connection").send(frames).unwrap();
        tokio::time::timeout(SOON, answer).await.expect("an answer in time").unwrap()
    }

    pub async fn wait_for_control_connection(&self) {
        loop {
            let connected = self.control_connected.notified();
            if self.control.lock().is_some() {
                return;
            }
            tokio::time::timeout(SOON, connected).await.expect("a control connection");
        }
    }

    /// The page's end of the pipe that a control opened.
    pub fn pipe(&self, id: &str) -> PipeEnd {
        let (to_probe, receiver) = mpsc::unbounded_channel();
        let (sender, from_probe) = mpsc::unbounded_channel();
        self.to_probe.lock().insert(id.to_owned(), receiver);
        self.from_probe.lock().insert(id.to_owned(), sender);
        PipeEnd { to_probe, from_probe }
    }

    async fn serve_pipe(self: Arc<Self>, id: String, mut socket: WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>) {
        let mut closing = self.closing.subscribe();
        let stop = self.connections.lock().clone();
        // The page's end may be asked for a moment later than the probe connects.
        let mut to_probe = loop {
            let receiver = self.to_probe.lock().remove(&id);
            match receiver {
                Some(receiver) => break receiver,
                None => tokio::task::yield_now().await,
            }
        };
        let deliver = |event| {
            let receivers = self.from_probe.lock();
            receivers.get(&id).is_some_and(|sender| sender.send(event).is_ok())
        };
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                Ok(closed) = closing.recv() => if closed == id { return },
                Some(message) = to_probe.recv() => socket.send(message).await.unwrap(),
                message = socket.next() => match message {
                    Some(Ok(Message::Binary(bytes))) => { deliver(FromProbe::Bytes(bytes)); }
                    Some(Ok(Message::Close(frame))) => {
                        deliver(FromProbe::Closed(frame.map(|frame| frame.reason.to_string())));
                    }
                    Some(Ok(_)) => {}
                    None | Some(Err(_)) => return,
                },
            }
        }
    }
}

fn upgrade<F, R>(request: Request<Incoming>, serve: F) -> Response<Full<Bytes>>
where
    F: FnOnce(WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>) -> R + Send + 'static,
    R: Future<Output = ()> + Send,
{
    let key = derive_accept_key(request.headers()[header::SEC_WEBSOCKET_KEY].as_bytes());
    tokio::spawn(async move {
        let upgraded = hyper::upgrade::on(request).await.unwrap();
        serve(WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await).await;
    });
    Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(header::CONNECTION, "Upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_ACCEPT, key)
        .body(Full::default())
        .unwrap()
}
