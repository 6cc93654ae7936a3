//! gRPC over a Unix socket: one connection, calls with a time-out and a cap on their answers.
//!
//! Tonic does gRPC and hyper the HTTP/2 below it. Tonic's own transport (pools, load balancing, TLS) is left out: there is one socket on this
//! machine. Nothing here tries again; that is the caller's business.

use std::path::Path;
use std::time::Duration;

use http::Uri;
use http::uri::PathAndQuery;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use tokio::net::UnixStream;
use tokio::time::timeout;
use tonic::client::Grpc;
use tonic_prost::ProstCodec;

/// To connect, and for each call.
const CALL: Duration = Duration::from_secs(5);
/// Of one answer; ten thousand containers with Kubernetes' labels and annotations are about as much.
const MOST_BYTES: usize = 32 << 20;

/// Why a runtime did not answer.
#[derive(Debug, thiserror::Error)]
pub enum CriError {
    /// Nobody there, or not for us.
    #[error("cannot connect: {0}")]
    Io(#[from] std::io::Error),
    /// The connection broke.
    #[error("the connection failed: {0}")]
    Http(#[from] hyper::Error),
    /// It took too long.
    #[error("no answer within {} s", CALL.as_secs())]
    Timeout,
    /// It refused.
    #[error("{}", _0.message())]
    Refused(tonic::Status),
}

impl CriError {
    /// Whether the protocol is not spoken here: a runtime's other services may share the socket.
    #[must_use]
    pub fn is_unimplemented(&self) -> bool {
        matches!(self, Self::Refused(status) if status.code() == tonic::Code::Unimplemented)
    }
}

/// A connection to a runtime.
pub struct Client {
    sender: SendRequest<tonic::body::Body>,
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens or may be spoken to.
    pub async fn connect(socket: &Path) -> Result<Self, CriError> {
        let stream = timeout(CALL, UnixStream::connect(socket)).await.map_err(|_| CriError::Timeout)??;
        let shaken = timeout(CALL, handshake(TokioExecutor::new(), TokioIo::new(stream)));
        let (sender, connection) = shaken.await.map_err(|_| CriError::Timeout)??;
        tokio::spawn(async move {
            // Ends with the last sender, or with the runtime; a call that is under way is told why.
            if let Err(error) = connection.await {
                tracing::debug!(%error, "the connection to the container runtime ended");
            }
        });
        Ok(Self { sender })
    }

    /// Calls a method, for example `/runtime.v1.RuntimeService/Version`.
    ///
    /// # Errors
    /// When it is refused, takes too long or says too much.
    pub async fn call<Q, A>(&self, method: &'static str, request: Q) -> Result<A, CriError>
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
    {
        let service = tower::service_fn(|request| self.sender.clone().send_request(request));
        let mut grpc = Grpc::with_origin(service, Uri::from_static("http://localhost")).max_decoding_message_size(MOST_BYTES);
        let codec = ProstCodec::<Q, A>::default();
        let answer = grpc.unary(tonic::Request::new(request), PathAndQuery::from_static(method), codec);
        let answer = timeout(CALL, answer).await.map_err(|_| CriError::Timeout)?;
        Ok(answer.map_err(CriError::Refused)?.into_inner())
    }
}
