//! Pipes: a stream of bytes on this machine (a terminal, a log) joined to a WebSocket that the probe opens to the server.
//!
//! Back-pressure goes end to end: nothing is read from one side before the other has taken what was read before, so a pipe holds one chunk
//! a direction at most. A pipe ends when its local stream ends, when the server says it is closed, when the server has been out of reach for
//! [`LOST`], or when the probe stops; whichever it is, the local side is told exactly once and cleaned up.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{SinkExt as _, StreamExt as _};
use http::{Method, StatusCode};
use rand::Rng as _;
use scope_shared::{control, limits};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::controls::ControlError;
use crate::guard::Guard;
use crate::publish::{Backoff, Server, Socket, TransportError};

/// Pipes one probe keeps at once.
const MOST_PIPES: usize = 64;
/// How long a server may be out of reach before the pipe is given up, its process with it.
pub const LOST: Duration = Duration::from_secs(6);
/// The longest message sent; what is longer goes in several.
const CHUNK: usize = 32 << 10;
/// How often the other end is asked for a sign of life.
const PING: Duration = Duration::from_secs(15);
/// For the local side to take what was typed, and for the clean-up.
const LOCAL: Duration = Duration::from_secs(30);

/// How a pipe came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The local stream ended: the process exited, the log is over.
    Local,
    /// The other side closed or was lost: whatever runs for the pipe is to be ended.
    Remote,
}

/// Called once at the end; ends what runs for the pipe and tells the exit code where there is one.
pub type Finish = Box<dyn FnOnce(Ending) -> Pin<Box<dyn Future<Output = Option<i64>> + Send>> + Send>;

/// The local side of a pipe.
pub struct Local {
    /// What it says.
    pub output: BoxStream<'static, std::io::Result<Bytes>>,
    /// Where what is typed goes; `None` drops it.
    pub input: Option<Pin<Box<dyn AsyncWrite + Send>>>,
    /// The end.
    pub finish: Finish,
}

impl Local {
    /// A stream that only says something, with nothing to clean up but itself.
    pub fn reader(output: BoxStream<'static, std::io::Result<Bytes>>) -> Self {
        Self {
            output,
            input: None,
            finish: Box::new(|_| Box::pin(async { None })),
        }
    }
}

/// The pipes of this probe.
#[derive(Clone)]
pub struct Pipes {
    open: Arc<AtomicUsize>,
    shutdown: CancellationToken,
    tracker: TaskTracker,
    guard: Arc<Guard>,
}

impl Pipes {
    /// No pipes yet; all end when `shutdown` is cancelled, and what `guard` watches also when this process is killed.
    #[must_use]
    pub fn new(shutdown: CancellationToken, guard: Guard) -> Self {
        Self {
            open: Arc::default(),
            shutdown,
            tracker: TaskTracker::new(),
            guard: Arc::new(guard),
        }
    }

    /// A new pipe's id. The id is needed before the pipe opens where a resize must find what belongs to it.
    #[must_use]
    pub fn new_id() -> String {
        format!("pipe-{}", rand::rng().random_range(0..=i64::MAX))
    }

    /// The guard of what runs for pipes.
    #[must_use]
    pub fn guard(&self) -> &Arc<Guard> {
        &self.guard
    }

    /// How many are open.
    #[must_use]
    pub fn count(&self) -> usize {
        self.open.load(Ordering::Acquire)
    }

    /// Joins `local` to a pipe `id` at `server`, in a task of its own.
    ///
    /// # Errors
    /// When too many are open; `local` is finished then.
    pub async fn open(&self, server: Arc<Server>, id: String, local: Local) -> Result<(), ControlError> {
        if self.open.fetch_add(1, Ordering::AcqRel) >= MOST_PIPES {
            self.open.fetch_sub(1, Ordering::AcqRel);
            (local.finish)(Ending::Remote).await;
            return Err(ControlError(format!(
                "{MOST_PIPES} terminals and logs are open on this probe already; close some"
            )));
        }
        let (open, shutdown) = (Arc::clone(&self.open), self.shutdown.clone());
        self.tracker.spawn(async move {
            run(&server, &id, local, &shutdown).await;
            open.fetch_sub(1, Ordering::AcqRel);
        });
        Ok(())
    }

    /// Waits for the clean-up of every pipe, after `shutdown` was cancelled.
    pub async fn finished(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }
}

async fn run(server: &Server, id: &str, mut local: Local, shutdown: &CancellationToken) {
    let mut unsent = None;
    let (ending, socket) = tokio::select! {
        () = shutdown.cancelled() => (Ending::Remote, None),
        () = server.gone.cancelled() => (Ending::Remote, None),
        end = connected(server, id, &mut local, &mut unsent) => end,
    };
    drop(local.input);
    drop(local.output);
    let code = timeout(LOCAL, (local.finish)(ending)).await.unwrap_or_default();
    tracing::debug!(id, ?ending, code, "pipe ended");
    if let Some(mut socket) = socket {
        let reason = code.map_or_else(|| control::PIPE_ENDED.to_owned(), |code| format!("{}{code}", control::PIPE_EXITED));
        let frame = CloseFrame {
            code: CloseCode::Normal,
            reason: reason.into(),
        };
        // The server must have read how it ended before it hears, on another connection, that it is over.
        let told = async {
            socket.close(Some(frame)).await?;
            while let Some(message) = socket.next().await {
                message?;
            }
            Ok::<_, tokio_tungstenite::tungstenite::Error>(())
        };
        if timeout(LOST, told).await.is_err() {
            tracing::debug!(id, "the server did not take the close of a pipe");
        }
    }
    if let Err(error) = server.transport.request_once(Method::DELETE, &format!("/api/pipe/{id}")).await {
        tracing::debug!(id, %error, "the server could not be told that a pipe is over; it will notice by itself");
    }
}

/// Connects, and connects again when the connection is lost, until the pipe is over. Returns the socket if the local stream ended first.
async fn connected(server: &Server, id: &str, local: &mut Local, unsent: &mut Option<Bytes>) -> (Ending, Option<Socket>) {
    let path = format!("/api/pipe/{id}/probe");
    let mut lost = Instant::now();
    let mut backoff = Backoff::up_to(Duration::from_secs(2));
    while lost.elapsed() < LOST {
        match server.transport.websocket(&path, limits::PIPE_MESSAGE_BYTES).await {
            Ok(socket) => {
                match splice(socket, local, unsent).await {
                    Spliced::LocalEnded(socket) => return (Ending::Local, Some(*socket)),
                    Spliced::Lost => {}
                }
                lost = Instant::now();
                backoff.reset();
                // At once: a server that closed the pipe answers 404 now.
            }
            Err(TransportError::Status {
                status: StatusCode::NOT_FOUND,
                ..
            }) => return (Ending::Remote, None),
            Err(error) => {
                tracing::debug!(id, %error, "a pipe cannot reach its server");
                backoff.pause().await;
            }
        }
    }
    (Ending::Remote, None)
}

enum Spliced {
    LocalEnded(Box<Socket>),
    Lost,
}

/// Moves bytes both ways until one side ends.
async fn splice(socket: Socket, local: &mut Local, unsent: &mut Option<Bytes>) -> Spliced {
    let (mut sink, mut stream) = socket.split();
    let Local { output, input, .. } = local;
    let outward = async {
        let mut ping = tokio::time::interval(PING);
        loop {
            if unsent.is_none() {
                tokio::select! {
                    chunk = output.next() => match chunk {
                        Some(Ok(chunk)) => *unsent = Some(chunk),
                        Some(Err(error)) => {
                            tracing::debug!(%error, "a pipe's local stream broke");
                            return Some(());
                        }
                        None => return Some(()),
                    },
                    _ = ping.tick() => {
                        if sink.send(Message::Ping(Bytes::new())).await.is_err() {
                            return None;
                        }
                    }
                }
            }
            while let Some(rest) = unsent.as_mut().filter(|rest| !rest.is_empty()) {
                let chunk = rest.slice(..rest.len().min(CHUNK));
                if sink.send(Message::Binary(chunk.clone())).await.is_err() {
                    return None;
                }
                *rest = rest.slice(chunk.len()..);
            }
            *unsent = None;
        }
    };
    let inward = async {
        while let Some(Ok(message)) = stream.next().await {
            let bytes = match message {
                Message::Binary(bytes) => bytes,
                Message::Text(text) => Bytes::from(text),
                Message::Close(_) => return,
                _ => continue,
            };
            if let Some(stdin) = input.as_mut() {
                let taken = timeout(LOCAL, async {
                    stdin.write_all(&bytes).await?;
                    stdin.flush().await
                });
                if !matches!(taken.await, Ok(Ok(()))) {
                    // The process no longer reads, most likely because it is ending; what it still says is to be delivered.
                    *input = None;
                }
            }
        }
    };
    tokio::select! {
        ended = outward => if ended.is_none() { return Spliced::Lost },
        () = inward => return Spliced::Lost,
    }
    stream
        .reunite(sink)
        .map_or(Spliced::Lost, |socket| Spliced::LocalEnded(Box::new(socket)))
}
