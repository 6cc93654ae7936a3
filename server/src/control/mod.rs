//! Controls: a person's click travels as `POST /api/control/{probe}/{node}/{control}`, over the probe's control socket, and back.
//!
//! Wire-compatible with Weave Scope at both ends. The server knows of a control its kind (to refuse what its own policy forbids) and of an
//! answer whether it is an error and which pipe it opened; everything else passes through. The probe enforces its own policy whatever
//! comes from here.

mod kind;
mod request;
mod rpc;
mod socket;

use std::collections::BTreeMap;
use std::time::Duration;

use parking_lot::Mutex;
use scope_shared::control::Request;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

pub use kind::{Kind, Policy, PolicyArgs};
pub(crate) use request::post_control;
pub(crate) use socket::connect;

use crate::refusal::Refusal;
use crate::relay::ProbeId;

/// A probe has this long to answer: stopping a container may take its ten seconds of grace several times over.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(60);

/// A control on its way to a probe.
struct Call {
    request: Request,
    answer: oneshot::Sender<Result<Value, String>>,
}

/// The control sockets that are connected now, by probe.
#[derive(Default)]
pub(crate) struct Controls {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    lines: BTreeMap<ProbeId, Line>,
    counter: u64,
}

/// The sending end towards one control socket's task.
struct Line {
    id: u64,
    calls: mpsc::Sender<Call>,
}

impl Controls {
    /// Registers a probe's socket. A second one with the same id takes over; the first one's end then changes nothing.
    fn register(&self, probe: ProbeId, limit: usize, queue: usize) -> Result<(u64, mpsc::Receiver<Call>), Refusal> {
        let mut state = self.state.lock();
        if !state.lines.contains_key(&probe) && state.lines.len() >= limit {
            return Err(Refusal::too_many(
                "as many probes are connected for controls as --max-probes allows",
                10,
            ));
        }
        state.counter += 1;
        let id = state.counter;
        let (sender, receiver) = mpsc::channel(queue);
        state.lines.insert(probe, Line { id, calls: sender });
        Ok((id, receiver))
    }

    fn deregister(&self, probe: &ProbeId, id: u64) {
        let mut state = self.state.lock();
        if state.lines.get(probe).is_some_and(|line| line.id == id) {
            state.lines.remove(probe);
        }
    }

    /// How many probes can be controlled now.
    pub(crate) fn connected(&self) -> usize {
        self.state.lock().lines.len()
    }

    /// Has a probe carry out a control. The answer is the probe's, as it came.
    ///
    /// # Errors
    /// 400 with the original's words when the probe is not connected, is lost before it answers, does not answer in time, or answers with
    /// an error; 429 when too many calls wait for it.
    pub(crate) async fn call(&self, probe: &str, request: Request) -> Result<Value, Refusal> {
        let calls = self.state.lock().lines.get(probe).map(|line| line.calls.clone());
        let not_connected = || Refusal::bad_request(format!("probe {probe} is not connected right now"));
        let calls = calls.ok_or_else(not_connected)?;
        let (answer, answered) = oneshot::channel();
        calls.try_send(Call { request, answer }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Refusal::too_many(format!("too many controls are waiting for probe {probe}"), 5),
            mpsc::error::TrySendError::Closed(_) => not_connected(),
        })?;
        let outcome = tokio::time::timeout(TIMEOUT, answered)
            .await
            .map_err(|_| Refusal::bad_request("request timed out"))?
            .map_err(|_| {
                Refusal::bad_request(format!(
                    "probe {probe} was lost before it answered; the control may have been carried out"
                ))
            })?;
        let value = match outcome.map_err(Refusal::bad_request)? {
            Value::Null => Value::Object(serde_json::Map::new()),
            value => value,
        };
        match value.get("error").and_then(Value::as_str) {
            Some(error) if !error.is_empty() => Err(Refusal::bad_request(error)),
            _ => Ok(value),
        }
    }
}
