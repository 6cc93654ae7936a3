//! A server that takes reports and counts their bytes; it keeps the control connection open and asks for nothing.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::extract::ws::WebSocketUpgrade;
use axum::http::HeaderMap;
use axum::routing::{get, post};
use parking_lot::Mutex;

/// Bytes of reports of one kind.
#[derive(Clone, Copy, Default)]
pub struct Sum {
    pub count: usize,
    bytes: usize,
}

impl Sum {
    pub fn mean(self) -> usize {
        self.bytes / self.count.max(1)
    }
}

/// What came since it was last taken.
#[derive(Clone, Copy, Default)]
pub struct Sent {
    pub full: Sum,
    pub between: Sum,
}

impl Sent {
    pub fn mean(&self) -> usize {
        (self.full.bytes + self.between.bytes) / (self.full.count + self.between.count).max(1)
    }
}

pub struct Server {
    pub address: SocketAddr,
    sent: Arc<Mutex<Sent>>,
}

impl Server {
    /// Listens on loopback; with `deltas` it understands ours, otherwise it is an original app.
    pub async fn start(deltas: bool) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let sent: Arc<Mutex<Sent>> = Arc::default();
        let counting = Arc::clone(&sent);
        let report = move |headers: HeaderMap, body: Bytes| async move {
            let mut sent = counting.lock();
            // The original says nothing; of its reports every third is full.
            let plain = (sent.full.count + sent.between.count).is_multiple_of(3);
            let full = headers.get("x-scope-report-kind").map_or(plain, |kind| kind == "full");
            let sum = if full { &mut sent.full } else { &mut sent.between };
            sum.count += 1;
            sum.bytes += body.len();
        };
        let details = format!(r#"{{"id":"bench","version":"bench","hostname":"bench","capabilities":{{"deltas":{deltas}}}}}"#);
        let control =
            |upgrade: WebSocketUpgrade| async { upgrade.on_upgrade(|mut socket| async move { while socket.recv().await.is_some() {} }) };
        let router = Router::new()
            .route("/api", get(move || async move { details }))
            .route("/api/report", post(report).layer(DefaultBodyLimit::disable()))
            .route("/api/control/ws", get(control));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, sent }
    }

    /// What came since the last call. Begins to count anew, with a full report of an original probe as soon as three came.
    pub fn take(&self) -> Sent {
        std::mem::take(&mut *self.sent.lock())
    }
}
