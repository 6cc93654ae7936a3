//! `GET /api/viewer/ws`: one WebSocket a viewer, all probes multiplexed, frames of `scope_shared::frame`.
//!
//! The socket's task asks the relay for the next messages only when the previous ones are on their way, so the relay's conflation is the
//! only queue. A viewer that does not read within [`WRITE_TIMEOUT`], or says nothing for [`SILENCE`] (pings are answered by every
//! browser), is disconnected. What a viewer sends is limited to a small JSON object: `{"paused":true}`.

use std::time::Duration;

use axum::Extension;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{RawQuery, State};
use axum::response::Response;
use bytes::Bytes;
use futures::StreamExt as _;
use scope_shared::frame::{Frame, Hello};
use tokio::time::{Instant, MissedTickBehavior};

use crate::auth::Identity;
use crate::peer::Peer;
use crate::refusal::Refusal;
use crate::relay::{Subset, Viewer};
use crate::server::{Shared, VERSION};

/// One message must be taken off our hands within this time: 20 s is 1 MB at 400 kbit/s, the slowest link a live map makes sense on.
const WRITE_TIMEOUT: Duration = Duration::from_secs(20);
/// How often the other end is asked whether it is there.
const PING_EVERY: Duration = Duration::from_secs(15);
/// How long the other end may say nothing, pongs included.
const SILENCE: Duration = Duration::from_secs(45);
/// What a viewer may send in one message.
const INCOMING_BYTES: usize = 4 << 10;
/// Read and write buffers of the socket: viewers send next to nothing, and reports are written through.
const BUFFER_BYTES: usize = 4 << 10;

/// The handler.
pub(crate) async fn connect(
    State(server): State<Shared>,
    Extension(identity): Extension<Identity>,
    Extension(peer): Extension<Peer>,
    RawQuery(query): RawQuery,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Refusal> {
    let viewer = Subset::from_query(query.as_deref().unwrap_or_default())
        .and_then(|subset| server.relay.subscribe(subset))
        .inspect_err(|refusal| server.refused("viewer", peer.address.ip(), refusal))?;
    let task = server.tasks.token();
    Ok(upgrade
        .protocols([scope_shared::headers::SUB_PROTOCOL])
        .read_buffer_size(BUFFER_BYTES)
        .write_buffer_size(BUFFER_BYTES)
        .max_message_size(INCOMING_BYTES)
        .max_frame_size(INCOMING_BYTES)
        .on_upgrade(move |socket| async move {
            let reason = run(&server, &identity, &viewer, socket).await;
            tracing::debug!(reason, "viewer left");
            drop(task);
        }))
}

fn hello(server: &Shared, identity: &Identity) -> Vec<u8> {
    let hello = Hello {
        id: server.id.clone(),
        version: VERSION.to_owned(),
        hostname: server.hostname.clone(),
        window_millis: u64::try_from(server.relay.window().as_millis()).unwrap_or(u64::MAX),
        role: identity.role.name().to_owned(),
        refused: server.policy.refused(),
        show_arguments: server.auth.shows_arguments(identity.role),
        probes: u32::try_from(server.relay.counts().probes).unwrap_or(u32::MAX),
    };
    Frame::Hello(&serde_json::to_vec(&hello).unwrap_or_default()).encode()
}

/// Serves the socket until one side is done; the answer says which, for the log.
async fn run(server: &Shared, identity: &Identity, viewer: &Viewer, mut socket: WebSocket) -> &'static str {
    if send(server, &mut socket, hello(server, identity).into()).await.is_err() {
        return "it did not take the first message";
    }
    let mut heard = Instant::now();
    let mut pings = tokio::time::interval(PING_EVERY);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    pings.reset();
    loop {
        tokio::select! {
            biased;
            () = server.shutdown.cancelled() => {
                return say_goodbye(server, &mut socket).await;
            }
            () = identity.ended.cancelled() => return "its session ended",
            incoming = socket.next() => match incoming {
                Some(Ok(Message::Close(_))) | None => return "it closed the socket",
                Some(Ok(message)) => {
                    heard = Instant::now();
                    listen(viewer, &message);
                }
                Some(Err(_)) => return "its connection broke",
            },
            _ = pings.tick() => {
                if heard.elapsed() > SILENCE {
                    return "it answers no pings";
                }
                if deadline(socket.send(Message::Ping(Bytes::new()))).await.is_err() {
                    return "it does not read";
                }
            }
            messages = viewer.next() => {
                for message in messages {
                    if send(server, &mut socket, message).await.is_err() {
                        return "it does not read";
                    }
                }
            }
        }
    }
}

async fn send(server: &Shared, socket: &mut WebSocket, message: Bytes) -> Result<(), ()> {
    let length = message.len();
    deadline(socket.send(Message::Binary(message))).await?;
    server.metrics.sent_to_viewer(length);
    Ok(())
}

async fn deadline<E>(sending: impl Future<Output = Result<(), E>>) -> Result<(), ()> {
    match tokio::time::timeout(WRITE_TIMEOUT, sending).await {
        Ok(Ok(())) => Ok(()),
        _ => Err(()),
    }
}

async fn say_goodbye(server: &Shared, socket: &mut WebSocket) -> &'static str {
    let frame = Frame::Goodbye(b"the server is stopping").encode();
    if send(server, socket, frame.into()).await.is_ok() {
        let close = CloseFrame {
            code: axum::extract::ws::close_code::AWAY,
            reason: "the server is stopping".into(),
        };
        deadline(socket.send(Message::Close(Some(close)))).await.ok();
    }
    "the server is stopping"
}

/// `{"paused":bool}`; anything else is for a later version and ignored.
fn listen(viewer: &Viewer, message: &Message) {
    let text = match message {
        Message::Text(text) => text.as_bytes(),
        Message::Binary(bytes) => bytes,
        _ => return,
    };
    let paused = serde_json::from_slice::<serde_json::Value>(text)
        .ok()
        .and_then(|value| value.get("paused")?.as_bool());
    if let Some(paused) = paused {
        viewer.set_paused(paused);
    }
}
