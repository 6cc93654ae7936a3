//! `GET /api/control/ws`: the socket that a probe keeps open so that controls can reach it.
//!
//! Several calls may be under way; the probe answers in any order. When the socket ends, whoever still waits is told at once.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::HeaderMap;
use axum::response::Response;
use bytes::Bytes;
use futures::StreamExt as _;
use scope_shared::limits::CONTROL_BYTES;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior};

use super::{Call, rpc};
use crate::intake::probe_id;
use crate::refusal::Refusal;
use crate::server::Shared;

/// As the original: a message is taken within this time or the socket is given up.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// Shorter than the original's 33 s: a probe that vanished without a word must be noticed while somebody still looks at the page.
const PING_EVERY: Duration = Duration::from_secs(10);
const SILENCE: Duration = Duration::from_secs(30);
const BUFFER_BYTES: usize = 4 << 10;

type Pending = BTreeMap<u64, oneshot::Sender<Result<Value, String>>>;

/// The handler.
pub(crate) async fn connect(State(server): State<Shared>, headers: HeaderMap, upgrade: WebSocketUpgrade) -> Result<Response, Refusal> {
    let probe = probe_id(&headers)?.ok_or_else(|| Refusal::bad_request("X-Scope-Probe-ID"))?;
    let (line, calls) = server.controls.register(probe.clone(), server.limits.probes, server.limits.calls)?;
    let task = server.tasks.token();
    let failed = (std::sync::Arc::clone(&server), probe.clone());
    Ok(upgrade
        .read_buffer_size(BUFFER_BYTES)
        .write_buffer_size(BUFFER_BYTES)
        .max_message_size(CONTROL_BYTES)
        .max_frame_size(CONTROL_BYTES)
        .on_failed_upgrade(move |_| failed.0.controls.deregister(&failed.1, line))
        .on_upgrade(move |socket| async move {
            tracing::debug!(%probe, "control socket opened");
            let reason = run(&server, socket, calls).await;
            server.controls.deregister(&probe, line);
            tracing::debug!(%probe, reason, "control socket closed");
            drop(task);
        }))
}

async fn run(server: &Shared, mut socket: WebSocket, mut calls: mpsc::Receiver<Call>) -> &'static str {
    let mut pending = Pending::new();
    let mut reader = rpc::Reader::default();
    let mut sequence = 0;
    let mut heard = Instant::now();
    let mut pings = tokio::time::interval(PING_EVERY);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = server.shutdown.cancelled() => return "the server is stopping",
            incoming = socket.next() => {
                heard = Instant::now();
                let text = match incoming {
                    Some(Ok(Message::Text(text))) => Bytes::from(text),
                    Some(Ok(Message::Binary(bytes))) => bytes,
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                    Some(Ok(Message::Close(_))) | None => return "the probe closed it",
                    Some(Err(_)) => return "the connection broke",
                };
                match reader.frame(&text) {
                    Ok(None) => {}
                    Ok(Some(answer)) => {
                        // Nobody waits any longer after a time-out, and a probe may answer what it was never asked.
                        if let Some(caller) = pending.remove(&answer.sequence) {
                            drop(caller.send(answer.outcome));
                        }
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a probe broke the control protocol; its socket is closed");
                        return "the probe broke the protocol";
                    }
                }
            }
            call = calls.recv() => {
                // The sender is gone: another socket of this probe has taken over.
                let Some(call) = call else { return "another socket took over" };
                pending.retain(|_, caller| !caller.is_closed());
                if pending.len() >= server.limits.calls {
                    drop(call.answer.send(Err("too many controls are waiting for this probe".to_owned())));
                    continue;
                }
                for frame in rpc::call(sequence, &call.request) {
                    if !send(&mut socket, Message::Text(frame.into())).await {
                        return "the probe does not read";
                    }
                }
                pending.insert(sequence, call.answer);
                sequence += 1;
            }
            _ = pings.tick() => {
                if heard.elapsed() > SILENCE {
                    return "the probe answers no pings";
                }
                if !send(&mut socket, Message::Ping(Bytes::new())).await {
                    return "the probe does not read";
                }
            }
        }
    }
}

async fn send(socket: &mut WebSocket, message: Message) -> bool {
    matches!(tokio::time::timeout(WRITE_TIMEOUT, socket.send(message)).await, Ok(Ok(())))
}
