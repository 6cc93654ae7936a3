//! The control connection: a WebSocket that the probe opens, over which the server asks and the probe answers.
//!
//! The protocol is the original's: each message is two text frames, a header with a sequence number and a body. Requests run concurrently
//! and are answered in any order, but the two frames of one message always follow each other.

use std::sync::Arc;
use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use scope_shared::control::Request;
use scope_shared::limits;
use serde::{Deserialize, Serialize};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::Message;

use super::{Call, Registry};
use crate::publish::{Backoff, Server, Socket, TransportError};

/// Calls that may run at once for one server: far above what people click, far below what would hurt.
const CONCURRENT_CALLS: usize = 32;
/// How often the other end is asked for a sign of life.
const PING: Duration = Duration::from_secs(15);
/// Silence after which the other end counts as gone.
const SILENCE: Duration = Duration::from_secs(60);
/// For writing one message, as the original.
const WRITE: Duration = Duration::from_secs(10);
/// The only method there is.
const METHOD: &str = "control.Handle";

#[derive(Deserialize)]
struct Incoming {
    #[serde(rename = "Request")]
    request: Option<Header>,
    #[serde(rename = "Value")]
    value: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Header {
    #[serde(rename = "Seq", default)]
    sequence: u64,
    #[serde(rename = "ServiceMethod", default)]
    method: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Outgoing<'a> {
    request: Option<()>,
    response: Option<AnswerHeader<'a>>,
    value: Option<serde_json::Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AnswerHeader<'a> {
    error: &'a str,
    seq: u64,
    service_method: &'a str,
}

/// Keeps a control connection to `server` until the server is gone.
pub async fn serve(server: Arc<Server>, registry: Arc<Registry>) {
    let mut backoff = Backoff::default();
    loop {
        let connected = Instant::now();
        let outcome = tokio::select! {
            () = server.gone.cancelled() => return,
            outcome = connection(&server, &registry) => outcome,
        };
        if connected.elapsed() > SILENCE {
            backoff.reset();
        }
        match outcome {
            Ok(()) => tracing::debug!(server = %server.transport.target, "the control connection was closed, opening it again"),
            Err(error) => tracing::debug!(server = %server.transport.target, %error, "the control connection failed, opening it again"),
        }
        tokio::select! {
            () = server.gone.cancelled() => return,
            () = backoff.pause() => {}
        }
    }
}

async fn connection(server: &Arc<Server>, registry: &Arc<Registry>) -> Result<(), TransportError> {
    let socket = server.transport.websocket("/api/control/ws", limits::CONTROL_BYTES).await?;
    tracing::debug!(server = %server.transport.target, "control connection open");
    let (answers, waiting) = mpsc::channel(CONCURRENT_CALLS);
    exchange(socket, waiting, |header, value| accept(header, value, server, registry, &answers)).await
}

/// Reads requests and writes answers until the connection ends.
async fn exchange(
    mut socket: Socket,
    mut waiting: mpsc::Receiver<[String; 2]>,
    mut accept: impl FnMut(Header, serde_json::Value),
) -> Result<(), TransportError> {
    let broken = |error: tokio_tungstenite::tungstenite::Error| TransportError::WebSocket(error.to_string());
    let mut header: Option<Header> = None;
    let mut last_sign = Instant::now();
    let mut ping = tokio::time::interval(PING);
    loop {
        tokio::select! {
            message = socket.next() => {
                last_sign = Instant::now();
                let text = match message {
                    None | Some(Ok(Message::Close(_))) => return Ok(()),
                    Some(Err(error)) => return Err(broken(error)),
                    Some(Ok(Message::Text(text))) => text,
                    Some(Ok(Message::Binary(bytes))) => String::from_utf8_lossy(&bytes).into_owned().into(),
                    Some(Ok(_)) => continue,
                };
                let incoming: Incoming = serde_json::from_str(&text).map_err(|error| TransportError::Answer(error.to_string()))?;
                match (header.take(), incoming.request) {
                    (None, Some(request)) => header = Some(request),
                    (Some(request), None) => accept(request, incoming.value.unwrap_or_default()),
                    _ => return Err(TransportError::Answer("control frames out of order".to_owned())),
                }
            }
            Some(frames) = waiting.recv() => {
                for frame in frames {
                    timeout(WRITE, socket.send(Message::text(frame)))
                        .await
                        .map_err(|_| TransportError::Timeout { what: "writing an answer", seconds: WRITE.as_secs() })?
                        .map_err(broken)?;
                }
            }
            _ = ping.tick() => {
                if last_sign.elapsed() > SILENCE {
                    return Err(TransportError::Timeout { what: "any sign of the server", seconds: SILENCE.as_secs() });
                }
                timeout(WRITE, socket.send(Message::Ping(bytes::Bytes::new())))
                    .await
                    .map_err(|_| TransportError::Timeout { what: "writing a ping", seconds: WRITE.as_secs() })?
                    .map_err(broken)?;
            }
        }
    }
}

/// Starts one call, or answers at once that it cannot be.
fn accept(header: Header, value: serde_json::Value, server: &Arc<Server>, registry: &Arc<Registry>, answers: &mpsc::Sender<[String; 2]>) {
    static CALLS: Semaphore = Semaphore::const_new(CONCURRENT_CALLS);
    let answers = answers.clone();
    let refuse = |text: String, answers: mpsc::Sender<[String; 2]>| {
        let frames = answer(header.sequence, &header.method, &text, serde_json::json!({}));
        // A full channel means a server that reads no answers; it loses this one.
        drop(answers.try_send(frames));
    };
    if header.method != METHOD {
        return refuse(format!("rpc: can't find method {}", header.method), answers);
    }
    let mut request: Request = match serde_json::from_value(value) {
        Ok(request) => request,
        Err(error) => return refuse(format!("the request cannot be read: {error}"), answers),
    };
    let Ok(permit) = CALLS.try_acquire() else {
        return refuse("too many controls are running on this probe; try again".to_owned(), answers);
    };
    request.app_id.clone_from(&server.app_id);
    let (server, registry) = (Arc::clone(server), Arc::clone(registry));
    tokio::spawn(async move {
        let response = registry.handle(Call { request, server }).await;
        drop(permit);
        let body = serde_json::to_value(&response).unwrap_or_default();
        // The connection may have ended meanwhile; then nobody waits for this.
        drop(answers.send(answer(header.sequence, METHOD, "", body)).await);
    });
}

fn answer(sequence: u64, method: &str, error: &str, value: serde_json::Value) -> [String; 2] {
    let header = Outgoing {
        request: None,
        response: Some(AnswerHeader {
            error,
            seq: sequence,
            service_method: method,
        }),
        value: None,
    };
    let body = Outgoing {
        request: None,
        response: None,
        value: Some(value),
    };
    [header, body].map(|frame| serde_json::to_string(&frame).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_the_originals_two_frames() {
        let [header, body] = answer(7, METHOD, "", serde_json::json!({"pipe": "pipe-1"}));
        assert_eq!(
            header,
            r#"{"Request":null,"Response":{"Error":"","Seq":7,"ServiceMethod":"control.Handle"},"Value":null}"#
        );
        assert_eq!(body, r#"{"Request":null,"Response":null,"Value":{"pipe":"pipe-1"}}"#);
    }
}
