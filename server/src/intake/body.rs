//! Receives a body straight into the message that viewers will get: header first, then the bytes as they come, one allocation in all.
//!
//! Bounded three ways: the size of one report, the memory of all reports being received at once, and the time one may take.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use scope_shared::frame::ReportFrame;

use super::head::{Head, text};
use crate::config::Limits;
use crate::refusal::Refusal;

/// A report may take this long to arrive: 30 s is a megabyte at 280 kbit/s; a probe would have sent the next thirty by then.
const RECEIVE_TIMEOUT: Duration = Duration::from_secs(30);
/// Where the frame's header has the time of arrival: after version, kind and flags.
const RECEIVED_MILLIS_AT: std::ops::Range<usize> = 3..11;
/// Room set aside before the length is known or believed.
const FIRST_ROOM: usize = 64 << 10;

/// Memory that all uploads share.
#[derive(Clone)]
pub(crate) struct Budget {
    limit: usize,
    used: Arc<AtomicUsize>,
}

impl Budget {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            used: Arc::default(),
        }
    }

    fn share(&self) -> Share {
        Share {
            budget: self.clone(),
            taken: 0,
        }
    }
}

/// One upload's part of the budget, given back when it is dropped.
struct Share {
    budget: Budget,
    taken: usize,
}

impl Share {
    fn grow(&mut self, bytes: usize) -> Result<(), Refusal> {
        let used = self.budget.used.fetch_add(bytes, Ordering::Relaxed);
        self.taken += bytes;
        if used + bytes > self.budget.limit {
            return Err(Refusal::too_many(
                "too many reports are being received at once (--max-intake-memory); this one was dropped",
                2,
            ));
        }
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.taken, Ordering::Relaxed);
    }
}

/// A received report: the future message to viewers.
pub(super) struct Received {
    message: BytesMut,
    header: usize,
    share: Share,
}

impl Received {
    /// The body as the probe sent it.
    pub(super) fn body(&self) -> &[u8] {
        self.message.get(self.header..).unwrap_or_default()
    }

    /// Bytes of the body.
    pub(super) fn length(&self) -> usize {
        self.message.len() - self.header
    }

    /// The message, stamped with the time of arrival.
    pub(super) fn finish(mut self, received_millis: u64) -> Bytes {
        if let Some(stamp) = self.message.get_mut(RECEIVED_MILLIS_AT) {
            stamp.copy_from_slice(&received_millis.to_be_bytes());
        }
        // A buffer that grew by doubling may be half empty, and it will be held for a while.
        if self.message.capacity() > self.message.len() + self.message.len() / 8 {
            return Bytes::from(self.message.as_ref().to_vec());
        }
        self.message.freeze()
    }
}

/// Receives the body within the limits.
pub(super) async fn receive(head: &Head, headers: &HeaderMap, body: Body, limits: &Limits, budget: &Budget) -> Result<Received, Refusal> {
    let announced = text(headers, header::CONTENT_LENGTH.as_str()).and_then(|value| value.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limits.report_bytes) {
        return Err(too_large(limits));
    }
    let frame = ReportFrame {
        probe: &head.probe,
        received_millis: 0,
        kind: head.kind,
        encoding: head.encoding,
        gzip: head.gzip,
        body: &[],
    };
    let prefix = frame.header();
    let mut share = budget.share();
    let room = prefix.len() + announced.unwrap_or(FIRST_ROOM);
    share.grow(room)?;
    // An announcement costs the sender nothing, so only a modest one is believed before bytes have come.
    let mut message = BytesMut::with_capacity(if room <= FIRST_ROOM * 16 { room } else { FIRST_ROOM });
    message.extend_from_slice(&prefix);
    let mut received = Received {
        message,
        header: prefix.len(),
        share,
    };
    match tokio::time::timeout(RECEIVE_TIMEOUT, fill(&mut received, body, limits)).await {
        Ok(outcome) => outcome.map(|()| received),
        Err(_) => Err(Refusal::new(
            StatusCode::REQUEST_TIMEOUT,
            format!("the report took longer than {} s to arrive", RECEIVE_TIMEOUT.as_secs()),
        )),
    }
}

async fn fill(received: &mut Received, mut body: Body, limits: &Limits) -> Result<(), Refusal> {
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Refusal::bad_request("the report's body ended before its announced length"))?;
        let Ok(data) = frame.into_data() else { continue };
        let length = received.message.len() + data.len();
        if length - received.header > limits.report_bytes {
            return Err(too_large(limits));
        }
        if length > received.share.taken {
            received.share.grow(length - received.share.taken)?;
        }
        if length > received.message.capacity() {
            // Within the share already taken, the announced length is as good as any guess.
            let target = received.share.taken.min((length * 2).max(FIRST_ROOM));
            received.message.reserve(target.max(length) - received.message.len());
        }
        received.message.extend_from_slice(&data);
    }
    Ok(())
}

fn too_large(limits: &Limits) -> Refusal {
    Refusal::too_large(format!(
        "the report is larger than {} bytes, the limit (--max-report-size)",
        limits.report_bytes
    ))
}
