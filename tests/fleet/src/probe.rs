//! A simulated probe: one kept connection, a report each interval with the headers of a real one, a full one first and whenever the server
//! asks for it (409). A lost connection is opened anew.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::SendRequest;
use hyper::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use scope_shared::headers;
use tokio::net::TcpStream;
use tokio::time::{Instant, MissedTickBehavior};

use crate::journal::Journal;
use crate::library::{Library, Way};

/// An answer that has not come by then will not come: what a real probe waits.
const TIMEOUT: Duration = Duration::from_secs(12);
/// Before a lost connection is opened again.
const PAUSE: Duration = Duration::from_millis(500);

/// A simulated probe.
pub struct Probe {
    /// Its number in the fleet.
    pub number: usize,
    /// Probes in the fleet, among which the starts are spread.
    pub of: usize,
    /// The server.
    pub address: SocketAddr,
    /// What it sends.
    pub reports: Arc<Library>,
    /// Where it notes what it sent.
    pub journal: Arc<Journal>,
}

/// The id of a fleet's probe: hex, as real ones.
#[must_use]
pub fn id(number: usize) -> String {
    format!("f1ee7{number:011x}")
}

/// Where in its cycle a probe is.
#[derive(Default)]
struct Position {
    /// Of the last report.
    sequence: u64,
    /// Sequence number of the last full report of ours; 0: none that the server has.
    base: u64,
    /// Place in the cycle of the next report.
    place: usize,
}

impl Probe {
    /// Sends until the task is aborted.
    pub async fn run(self) {
        let interval = self.reports.way().interval();
        let phase = interval.mul_f64(self.number as f64 / self.of.max(1) as f64);
        let mut ticks = tokio::time::interval_at(Instant::now() + phase, interval);
        // A report that could not be sent in time is superseded by the next one.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut position = Position::default();
        let mut connection: Option<SendRequest<Full<Bytes>>> = None;
        loop {
            ticks.tick().await;
            let mut sender = match connection.take() {
                Some(sender) => sender,
                None => match connect(self.address).await {
                    Ok(sender) => sender,
                    Err(_) => {
                        self.journal.count(&self.journal.refused, 1);
                        tokio::time::sleep(PAUSE).await;
                        continue;
                    }
                },
            };
            position.base = if sender.is_ready() { position.base } else { 0 };
            if self.post_one(&mut sender, &mut position, interval).await.is_ok() {
                connection = Some(sender);
            } else {
                position.base = 0;
                self.journal.count(&self.journal.refused, 1);
            }
        }
    }

    /// Posts the next report, and a full one after it if the server asks for that.
    async fn post_one(&self, sender: &mut SendRequest<Full<Bytes>>, position: &mut Position, interval: Duration) -> Result<()> {
        let begun = Instant::now();
        let mut status = self.post(sender, position).await?;
        if status == StatusCode::CONFLICT {
            self.journal.count(&self.journal.resynchronised, 1);
            position.base = 0;
            status = self.post(sender, position).await?;
        }
        if !status.is_success() {
            self.journal.count(&self.journal.refused, 1);
        }
        if begun.elapsed() > interval {
            self.journal.count(&self.journal.late, 1);
        }
        Ok(())
    }

    async fn post(&self, sender: &mut SendRequest<Full<Bytes>>, position: &mut Position) -> Result<StatusCode> {
        let cycle = self.reports.cycle(self.number);
        let ours = self.reports.way() == Way::Ours;
        let first = position.sequence == 0;
        if ours && position.base == 0 {
            position.place = 0;
        }
        position.sequence += 1;
        let body = cycle.get(position.place).context("an empty cycle")?.clone();
        let mut request = Request::post("/api/report")
            .header(header::HOST, self.address.to_string())
            .header(header::CONTENT_TYPE, "application/msgpack")
            .header(header::CONTENT_ENCODING, "gzip")
            .header(headers::PROBE_ID, id(self.number))
            .header(headers::PROBE_VERSION, "fleet");
        if ours {
            request = request
                .header(headers::PROBE_HOSTNAME, format!("fleet-{}", self.number))
                .header(headers::PROBE_LABELS, format!("zone=z{}", self.number % 4))
                .header(headers::REPORT_SEQUENCE, position.sequence);
            request = if position.place == 0 {
                position.base = position.sequence;
                request.header(headers::REPORT_KIND, "full")
            } else {
                request
                    .header(headers::REPORT_KIND, "delta")
                    .header(headers::REPORT_BASE, position.base)
            };
        }
        // Full reports of a fleet that starts together are to be spread as those of one that does not.
        position.place = match (ours && first, cycle.len()) {
            (true, length) => 1 + self.number % length.saturating_sub(1).max(1),
            (false, length) => (position.place + 1) % length.max(1),
        };
        let length = body.len() as u64;
        self.journal.begin(self.number, position.sequence);
        let exchange = async {
            sender.ready().await?;
            let answer = sender.send_request(request.body(Full::new(body))?).await?;
            let status = answer.status();
            answer.into_body().collect().await?;
            anyhow::Ok(status)
        };
        let status = tokio::time::timeout(TIMEOUT, exchange).await.context("no answer in time")??;
        if status.is_success() {
            self.journal.count(&self.journal.accepted, 1);
            self.journal.count(&self.journal.bytes, length);
        }
        Ok(status)
    }
}

async fn connect(address: SocketAddr) -> Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(async move {
        // Its end shows at the next request.
        connection.await.unwrap_or_default();
    });
    Ok(sender)
}

/// Whether a counter has anything to complain about; for tables.
#[must_use]
pub fn read(counter: &AtomicU64) -> u64 {
    counter.load(std::sync::atomic::Ordering::Relaxed)
}
