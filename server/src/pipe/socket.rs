//! A pipe's socket: what it sends goes into one stream, what the other stream has goes out through it.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use bytes::Bytes;
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt as _, StreamExt as _};
use scope_shared::control::{PIPE_ENDED, PIPE_EXITED};
use tokio::time::{Instant, MissedTickBehavior};

use super::registry::{NotAttached, Pipe, Side};
use super::stream::{End, Item, Reader, Stream};
use crate::server::Shared;

/// One message must be taken within this time. A person who scrolls back in a paused terminal holds the page's reads up, not its socket.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// A killed machine must be noticed while the other end still waits.
const PING_EVERY: Duration = Duration::from_secs(5);
const SILENCE: Duration = Duration::from_secs(15);

/// A socket's place at one end. Dropping it gives the place up.
pub(super) struct Attachment {
    server: Shared,
    id: String,
    side: Side,
    pipe: Arc<Pipe>,
    reader: Reader,
}

impl Attachment {
    pub(super) fn new(server: &Shared, id: &str, side: Side) -> Result<Self, NotAttached> {
        let pipe = server.pipes.attach(id, side, Instant::now())?;
        let incoming = if side == Side::Ui { &pipe.to_ui } else { &pipe.to_probe };
        let reader = incoming.attach();
        Ok(Self {
            server: Arc::clone(server),
            id: id.to_owned(),
            side,
            pipe,
            reader,
        })
    }

    fn outgoing(&self) -> &Stream {
        if self.side == Side::Ui {
            &self.pipe.to_probe
        } else {
            &self.pipe.to_ui
        }
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        self.server.pipes.detach(&self.id, self.side, Instant::now());
    }
}

/// Serves the socket until one side is done.
pub(super) async fn splice(attachment: Attachment, socket: WebSocket) {
    let (mut sink, mut source) = socket.split();
    tokio::select! {
        () = attachment.pipe.cut.cancelled() => {}
        () = outward(&attachment.reader, &mut sink) => {}
        end = inward(&attachment, &mut source) => {
            if let Some(end) = end {
                let server = &attachment.server;
                server.pipes.close(&attachment.id, &end, Instant::now());
                server.terminals.closed(&attachment.id, &end.reason, &server.audit);
            }
        }
    }
}

/// Socket to stream, until the socket is done. A probe that closes with a reason of ours ends the pipe.
async fn inward(attachment: &Attachment, source: &mut SplitStream<WebSocket>) -> Option<End> {
    loop {
        // Only waiting for the socket counts as its silence; waiting for room in the stream is the other end's doing.
        let message = tokio::time::timeout(SILENCE, source.next()).await.ok()??.ok()?;
        let bytes = match message {
            Message::Binary(bytes) => bytes,
            Message::Text(text) => Bytes::from(text),
            Message::Ping(_) | Message::Pong(_) => continue,
            Message::Close(frame) => return frame.and_then(|frame| ended(attachment.side, &frame)),
        };
        if attachment.side == Side::Probe
            && let Some(recording) = attachment.server.terminals.recording(&attachment.id)
        {
            let recorded = recording.output(bytes.clone()).await;
            if !recorded && attachment.server.audit.is_required() {
                return Some(End::gone("the terminal can no longer be recorded (--audit-required)"));
            }
        }
        if !attachment.outgoing().write(bytes).await {
            // The pipe is over; the reason is on its way out through the other half.
            std::future::pending::<()>().await;
        }
    }
}

fn ended(side: Side, frame: &CloseFrame) -> Option<End> {
    let reason = frame.reason.as_str();
    let ours = reason == PIPE_ENDED || reason.starts_with(PIPE_EXITED);
    (side == Side::Probe && frame.code == 1000 && ours).then(|| End {
        code: 1000,
        reason: reason.to_owned(),
    })
}

/// Stream to socket, until the stream has ended or the socket takes nothing more.
async fn outward(reader: &Reader, sink: &mut SplitSink<WebSocket, Message>) {
    let mut pings = tokio::time::interval(PING_EVERY);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let message = tokio::select! {
            item = reader.next() => match item {
                Item::Message(bytes) => Message::Binary(bytes),
                Item::End(end) => {
                    let close = CloseFrame { code: end.code, reason: end.reason.into() };
                    send(sink, Message::Close(Some(close))).await;
                    return;
                }
            },
            _ = pings.tick() => Message::Ping(Bytes::new()),
        };
        let data = matches!(message, Message::Binary(_));
        if !send(sink, message).await {
            return;
        }
        if data {
            reader.delivered();
        }
    }
}

async fn send(sink: &mut SplitSink<WebSocket, Message>, message: Message) -> bool {
    matches!(tokio::time::timeout(WRITE_TIMEOUT, sink.send(message)).await, Ok(Ok(())))
}
