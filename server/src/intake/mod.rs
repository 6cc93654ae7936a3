//! `POST /api/report`: takes a report from a probe of ours or an original one, checks its envelope, and gives it to the relay.
//!
//! Nothing here looks into a report. What is checked: the headers, the size before and after inflation, and that the body is one
//! well-formed map. The check runs off the asynchronous threads; a few for each core run at once.

mod body;
mod envelope;
mod head;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use tokio::sync::Semaphore;
use tokio::time::Instant;

pub(crate) use body::Budget;
use head::Head;
pub(crate) use head::{probe_id, text};

use crate::peer::Peer;
use crate::refusal::Refusal;
use crate::relay::Incoming;
use crate::server::Shared;

/// Envelope checks at once, for each core. A check is a millisecond of work but has to wait for a thread; on a busy machine one for each
/// core left the cores idle between them (500 probes: a third of the posts were late, at 0.4 of two cores).
const CHECKS_PER_CORE: usize = 4;

/// What all uploads share.
pub(crate) struct Intake {
    /// Memory for bodies being received.
    budget: Budget,
    /// Envelope checks running at once.
    checks: Semaphore,
}

impl Intake {
    pub(crate) fn new(bytes: usize) -> Self {
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Self {
            budget: Budget::new(bytes),
            checks: Semaphore::new(cores * CHECKS_PER_CORE),
        }
    }
}

/// The handler.
pub(crate) async fn post_report(
    State(server): State<Shared>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Refusal> {
    let outcome = take(&server, &peer, &headers, body).await;
    match &outcome {
        Ok(bytes) => server.metrics.report_taken(*bytes),
        Err(refusal) => {
            server.refused("report", peer.address.ip(), refusal);
        }
    }
    outcome.map(|_| StatusCode::OK)
}

async fn take(server: &Shared, peer: &Peer, headers: &HeaderMap, body: Body) -> Result<usize, Refusal> {
    let head = Head::read(headers, peer)?;
    server.relay.admit(&head.probe, Instant::now())?;
    let received = body::receive(&head, headers, body, &server.limits, &server.intake.budget).await?;
    let arrived = Instant::now();
    let length = received.length();
    let frame = check(server, &head, received).await?.finish(server.clock.millis(arrived));
    server.relay.accept(
        Incoming {
            probe: head.probe,
            meta: head.meta,
            kind: head.kind,
            frame,
        },
        arrived,
    )?;
    Ok(length)
}

async fn check(server: &Shared, head: &Head, received: body::Received) -> Result<body::Received, Refusal> {
    let (encoding, gzip) = (head.encoding, head.gzip);
    let _running = server
        .intake
        .checks
        .acquire()
        .await
        .map_err(|_| Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "the server is stopping"))?;
    tokio::task::spawn_blocking(move || envelope::check(received.body(), encoding, gzip).map(|()| received))
        .await
        .map_err(|_| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "checking the report failed; it was dropped"))?
}
