//! Pipes: the server joins a page's WebSocket and a probe's, byte for byte, with back-pressure, and knows nothing of what they say.
//!
//! `GET /api/pipe/{id}` is the page's end, `GET /api/pipe/{id}/probe` the probe's, `GET …/check` tells whether it is over, `DELETE` (or
//! `POST`) ends it. How the process behind it ended travels in the close frame's reason, from the probe to the page.

mod registry;
mod socket;
mod stream;
mod terminal;

use axum::extract::{Path, State, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use scope_shared::limits::PIPE_MESSAGE_BYTES;
use tokio::time::Instant;

use registry::NotAttached;
pub(crate) use registry::{Pipes, Side};
pub(crate) use stream::End;
pub(crate) use terminal::{Terminal, Terminals};

use crate::refusal::{self, Refusal};
use crate::server::Shared;

/// Read and write buffers of a pipe's socket.
const BUFFER_BYTES: usize = 8 << 10;
/// The longest id remembered: the original's have 24 characters.
const ID_BYTES: usize = 128;

/// The page's end.
pub(crate) async fn connect_ui(state: State<Shared>, path: Path<String>, upgrade: WebSocketUpgrade) -> Result<Response, Refusal> {
    connect(state, path, upgrade, Side::Ui)
}

/// The probe's end.
pub(crate) async fn connect_probe(state: State<Shared>, path: Path<String>, upgrade: WebSocketUpgrade) -> Result<Response, Refusal> {
    connect(state, path, upgrade, Side::Probe)
}

fn connect(State(server): State<Shared>, Path(id): Path<String>, upgrade: WebSocketUpgrade, side: Side) -> Result<Response, Refusal> {
    if id.len() > ID_BYTES {
        return Err(Refusal::bad_request(format!("a pipe's id has at most {ID_BYTES} bytes")));
    }
    let attachment = match socket::Attachment::new(&server, &id, side) {
        Ok(attachment) => attachment,
        Err(NotAttached::Over) => return Ok(refusal::not_found()),
        Err(NotAttached::TooMany) => {
            let refusal = Refusal::too_many("too many terminals and logs are open (--max-pipes); close one", 10);
            server.metrics.refused("pipe", refusal.status);
            return Err(refusal);
        }
    };
    let task = server.tasks.token();
    Ok(upgrade
        .protocols([scope_shared::headers::SUB_PROTOCOL])
        .read_buffer_size(BUFFER_BYTES)
        .write_buffer_size(BUFFER_BYTES)
        .max_message_size(PIPE_MESSAGE_BYTES)
        .max_frame_size(PIPE_MESSAGE_BYTES)
        .on_upgrade(move |socket| async move {
            socket::splice(attachment, socket).await;
            drop(task);
        }))
}

/// 204 while the pipe may be used (or is unknown), 404 once it is over.
pub(crate) async fn check(State(server): State<Shared>, Path(id): Path<String>) -> Response {
    if server.pipes.is_over(&id) {
        refusal::not_found()
    } else {
        StatusCode::NO_CONTENT.into_response()
    }
}

/// Ends the pipe; 200 also for one that is over or unknown.
pub(crate) async fn close(State(server): State<Shared>, Path(id): Path<String>) -> StatusCode {
    server.pipes.close(&id, &End::closed(), Instant::now());
    server.terminals.closed(&id, "closed", &server.audit);
    StatusCode::OK
}
