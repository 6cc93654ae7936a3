//! One server at one address: finds out who it is, sends it reports, keeps its control connection.
//!
//! The life of a client is a loop: connect and ask `GET /api` who answers; while it answers, send; on any failure wait (longer each time)
//! and begin again. Each beginning asks the publisher for a full report at once, because a server that broke the connection may have
//! forgotten everything. Two addresses of one server are noticed by the server's id, and the second one rests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use scope_shared::headers;
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::backoff::Backoff;
use super::outbox::{Encoded, Kind, Outbox, Put};
use super::transport::{Connection, Transport, TransportError};
use crate::controls::socket;

/// The longest pause before an address where nobody answers is tried again: a server that was restarted has its probes back within five
/// seconds. Asking a closed port costs next to nothing at both ends; the longer pauses are for servers that answer and refuse.
const UNREACHABLE: Duration = Duration::from_secs(4);
/// How often an address that turned out to be a known server's is asked again.
const DUPLICATE_RECHECK: Duration = Duration::from_secs(30);

/// What a server understands, as far as is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Dialect {
    /// It does not answer at present.
    Unknown = 0,
    /// Full reports and deltas.
    Deltas = 1,
    /// What the original's app understands.
    Original = 2,
}

/// A server that answered: what handlers of controls need to open pipes back to it.
pub struct Server {
    /// How to reach it.
    pub transport: Transport,
    /// Its id, from `GET /api`.
    pub app_id: String,
    /// Cancelled when it no longer answers as this server.
    pub gone: CancellationToken,
}

/// One server at one address.
pub struct Client {
    transport: Transport,
    outbox: Outbox,
    dialect: AtomicU8,
    /// Cancelled when the address is no longer wanted.
    pub stop: CancellationToken,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Details {
    id: String,
    version: String,
    hostname: String,
    capabilities: std::collections::BTreeMap<String, serde_json::Value>,
}

impl Client {
    /// A client that does nothing until [`Client::run`] is called.
    #[must_use]
    pub fn new(transport: Transport, stop: CancellationToken) -> Self {
        Self {
            transport,
            outbox: Outbox::default(),
            dialect: AtomicU8::new(Dialect::Unknown as u8),
            stop,
        }
    }

    /// What the server understands.
    pub fn dialect(&self) -> Dialect {
        match self.dialect.load(Ordering::Acquire) {
            1 => Dialect::Deltas,
            2 => Dialect::Original,
            _ => Dialect::Unknown,
        }
    }

    /// Hands a report over; dropped when the server does not answer at present (it gets a full one when it does).
    pub fn put(&self, report: Arc<Encoded>) {
        if self.dialect() != Dialect::Unknown && self.outbox.put(report) != Put::Queued {
            metrics::counter!("scope_probe_reports_dropped").increment(1);
            tracing::warn!(server = %self.transport.target, "the server takes reports too slowly, an older one was dropped");
        }
    }

    /// Serves until stopped.
    pub async fn run(self: Arc<Self>, shared: Arc<Shared>) {
        let stop = self.stop.clone();
        let mut backoff = Backoff::default();
        let mut complained = false;
        loop {
            let outcome = tokio::select! {
                () = stop.cancelled() => break,
                outcome = self.session(&shared, &mut backoff, &mut complained) => outcome,
            };
            self.dialect.store(Dialect::Unknown as u8, Ordering::Release);
            self.outbox.clear();
            let pause = match outcome {
                Ok(Rest::Duplicate) => {
                    backoff.reset();
                    DUPLICATE_RECHECK
                }
                Err(error) => {
                    let mut pause = backoff.next_pause(&mut rand::rng());
                    if matches!(error, TransportError::Io(_)) {
                        pause = pause.min(UNREACHABLE);
                    }
                    if complained {
                        tracing::debug!(server = %self.transport.target, address = %self.transport.address, %error, "still no connection");
                    } else {
                        tracing::warn!(server = %self.transport.target, address = %self.transport.address, %error, "no connection to the server, trying again");
                        complained = true;
                    }
                    pause
                }
            };
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    async fn session(&self, shared: &Arc<Shared>, backoff: &mut Backoff, complained: &mut bool) -> Result<Rest, TransportError> {
        let mut connection = self.transport.connect().await?;
        let answer = self
            .transport
            .request(&mut connection, Method::GET, "/api", &[], Bytes::new())
            .await?
            .success()?;
        let details: Details = serde_json::from_slice(&answer.body).map_err(|error| TransportError::Answer(error.to_string()))?;
        let Some(_claim) = shared.claim(&details.id) else {
            return Ok(Rest::Duplicate);
        };
        let deltas = details
            .capabilities
            .get("deltas")
            .and_then(serde_json::Value::as_bool)
            .unwrap_or(false);
        tracing::info!(server = %self.transport.target, address = %self.transport.address, id = details.id, version = details.version,
            hostname = details.hostname, deltas, "reporting to the server");
        *complained = false;
        let server = Arc::new(Server {
            transport: self.transport.clone(),
            app_id: details.id,
            gone: self.stop.child_token(),
        });
        let _gone = server.gone.clone().drop_guard();
        let dialect = if deltas { Dialect::Deltas } else { Dialect::Original };
        self.dialect.store(dialect as u8, Ordering::Release);
        shared.want_full();
        if shared.controls.policy().allows_something() {
            tokio::spawn(socket::serve(Arc::clone(&server), Arc::clone(&shared.controls)));
        }
        self.send_reports(shared, &mut connection, backoff).await
    }

    async fn send_reports(&self, shared: &Shared, connection: &mut Connection, backoff: &mut Backoff) -> Result<Rest, TransportError> {
        let mut delivered_full = None;
        loop {
            let report = self.outbox.take().await;
            if let Kind::Delta { base, .. } = report.kind
                && delivered_full != Some(base)
            {
                // It would be relative to something this server does not have.
                shared.want_full();
                continue;
            }
            let extra = report_headers(report.kind);
            let answer = self
                .transport
                .request(connection, Method::POST, "/api/report", &extra, report.bytes.clone())
                .await?;
            // A full report is relative to nothing: a server that refuses it too is asked again after a pause, as after any failure.
            if answer.status == StatusCode::CONFLICT && matches!(report.kind, Kind::Delta { .. }) {
                delivered_full = None;
                shared.want_full();
                continue;
            }
            match answer.success() {
                Ok(_) => {
                    metrics::counter!("scope_probe_publishes", "status" => "ok").increment(1);
                    metrics::counter!("scope_probe_published_bytes").increment(report.bytes.len() as u64);
                    backoff.reset();
                    if let Kind::Full { sequence } = report.kind {
                        delivered_full = Some(sequence);
                    }
                }
                Err(error) => {
                    metrics::counter!("scope_probe_publishes", "status" => "failed").increment(1);
                    return Err(error);
                }
            }
        }
    }
}

/// Why a session ended without a failure.
enum Rest {
    /// Another address leads to the same server.
    Duplicate,
}

fn report_headers(kind: Kind) -> Vec<(HeaderName, HeaderValue)> {
    let mut extra = vec![
        (header::CONTENT_TYPE, HeaderValue::from_static("application/msgpack")),
        (header::CONTENT_ENCODING, HeaderValue::from_static("gzip")),
    ];
    let name = HeaderName::from_static;
    match kind {
        Kind::Full { sequence } => {
            extra.push((name(headers::REPORT_KIND), HeaderValue::from_static("full")));
            extra.push((name(headers::REPORT_SEQUENCE), HeaderValue::from(sequence)));
        }
        Kind::Delta { sequence, base } => {
            extra.push((name(headers::REPORT_KIND), HeaderValue::from_static("delta")));
            extra.push((name(headers::REPORT_SEQUENCE), HeaderValue::from(sequence)));
            extra.push((name(headers::REPORT_BASE), HeaderValue::from(base)));
        }
        Kind::Plain | Kind::Shortcut => {}
    }
    extra
}
