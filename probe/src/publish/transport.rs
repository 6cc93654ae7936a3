//! Connections to one server: plain HTTP/1.1 requests on a kept connection, and WebSockets, over TCP or TLS, with the probe's headers.
//!
//! Everything has a time-out and a cap. Nothing here retries; that is the callers' business.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite;
use tungstenite::protocol::WebSocketConfig;

use super::target::Target;

/// To open a TCP connection.
const CONNECT: Duration = Duration::from_secs(5);
/// For the TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// For a whole request, and for a WebSocket's handshake.
const REQUEST: Duration = Duration::from_secs(12);
/// Of an answer's body: a server says little to a probe.
const ANSWER_BYTES: usize = 1 << 20;

/// What went wrong on the way to a server.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// It took too long.
    #[error("{what} took longer than {seconds} s")]
    Timeout {
        /// What did.
        what: &'static str,
        /// How long was waited.
        seconds: u64,
    },
    /// The connection failed.
    #[error("connection failed: {0}")]
    Io(#[from] std::io::Error),
    /// The server broke HTTP.
    #[error("HTTP failed: {0}")]
    Http(#[from] hyper::Error),
    /// The request could not be made.
    #[error("request cannot be made: {0}")]
    Request(#[from] http::Error),
    /// An unexpected answer.
    #[error("the server answered {status}: {message}")]
    Status {
        /// Its status.
        status: StatusCode,
        /// The beginning of its body.
        message: String,
    },
    /// The WebSocket failed.
    #[error("WebSocket failed: {0}")]
    WebSocket(String),
    /// The answer was not what it should be.
    #[error("unexpected answer: {0}")]
    Answer(String),
}

/// A byte stream to a server, TCP or TLS.
pub enum Stream {
    /// Plain.
    Tcp(TcpStream),
    /// TLS.
    Tls(Box<tokio_rustls::client::TlsStream<TcpStream>>),
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}

/// A WebSocket to a server.
pub type Socket = WebSocketStream<Stream>;

/// How to reach one server at one address.
#[derive(Clone)]
pub struct Transport {
    /// As it was written: host name, prefix.
    pub target: Target,
    /// Where it is.
    pub address: SocketAddr,
    tls: Arc<rustls::ClientConfig>,
    headers: Arc<HeaderMap>,
}

/// A kept HTTP/1.1 connection.
pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
    driver: tokio::task::JoinHandle<()>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// An answer with its body.
pub struct Answer {
    /// Status.
    pub status: StatusCode,
    /// Body, capped.
    pub body: Bytes,
}

impl Answer {
    /// The answer if it is a success, else an error with the beginning of its body.
    ///
    /// # Errors
    /// On any status that is no success.
    pub fn success(self) -> Result<Self, TransportError> {
        if self.status.is_success() {
            return Ok(self);
        }
        let message: String = String::from_utf8_lossy(&self.body).trim().chars().take(200).collect();
        Err(TransportError::Status {
            status: self.status,
            message,
        })
    }
}

impl Transport {
    /// For `target` at `address`, with `headers` on every request (the authorization among them).
    #[must_use]
    pub fn new(target: Target, address: SocketAddr, tls: Arc<rustls::ClientConfig>, headers: Arc<HeaderMap>) -> Self {
        Self {
            target,
            address,
            tls,
            headers,
        }
    }

    /// Opens a byte stream.
    ///
    /// # Errors
    /// When the server cannot be reached in time or its certificate is not trusted.
    pub async fn stream(&self) -> Result<Stream, TransportError> {
        let tcp = timeout(CONNECT, TcpStream::connect(self.address))
            .await
            .map_err(|_| TransportError::Timeout {
                what: "connecting",
                seconds: CONNECT.as_secs(),
            })??;
        tcp.set_nodelay(true)?;
        if !self.target.tls {
            return Ok(Stream::Tcp(tcp));
        }
        let name = rustls::pki_types::ServerName::try_from(self.target.host.clone())
            .map_err(|_| TransportError::Answer(format!("'{}' cannot be a TLS server's name", self.target.host)))?;
        let connector = tokio_rustls::TlsConnector::from(Arc::clone(&self.tls));
        let tls = timeout(HANDSHAKE, connector.connect(name, tcp))
            .await
            .map_err(|_| TransportError::Timeout {
                what: "the TLS handshake",
                seconds: HANDSHAKE.as_secs(),
            })??;
        Ok(Stream::Tls(Box::new(tls)))
    }

    /// Opens an HTTP connection to be kept.
    ///
    /// # Errors
    /// As [`Transport::stream`].
    pub async fn connect(&self) -> Result<Connection, TransportError> {
        let stream = self.stream().await?;
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let driver = tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a server's connection ended");
            }
        });
        Ok(Connection { sender, driver })
    }

    /// Sends one request on a kept connection and reads the whole answer.
    ///
    /// # Errors
    /// When the connection is gone, or it took too long. The connection is unusable afterwards.
    pub async fn request(
        &self,
        connection: &mut Connection,
        method: Method,
        path: &str,
        extra: &[(HeaderName, HeaderValue)],
        body: Bytes,
    ) -> Result<Answer, TransportError> {
        let mut request = http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.target.prefix))
            .header(http::header::HOST, self.target.authority())
            .body(Full::new(body))?;
        request.headers_mut().extend(self.headers.as_ref().clone());
        for (name, value) in extra {
            request.headers_mut().insert(name.clone(), value.clone());
        }
        let exchange = async {
            connection.sender.ready().await?;
            let answer = connection.sender.send_request(request).await?;
            let (parts, body) = answer.into_parts();
            let body = Limited::new(body, ANSWER_BYTES)
                .collect()
                .await
                .map_err(|error| TransportError::Answer(error.to_string()))?
                .to_bytes();
            Ok(Answer {
                status: parts.status,
                body,
            })
        };
        timeout(REQUEST, exchange).await.map_err(|_| TransportError::Timeout {
            what: "a request",
            seconds: REQUEST.as_secs(),
        })?
    }

    /// One request on a connection of its own.
    ///
    /// # Errors
    /// As [`Transport::request`].
    pub async fn request_once(&self, method: Method, path: &str) -> Result<Answer, TransportError> {
        let mut connection = self.connect().await?;
        self.request(&mut connection, method, path, &[], Bytes::new()).await
    }

    /// Opens a WebSocket. `max_message` caps what is accepted from the server.
    ///
    /// # Errors
    /// [`TransportError::Status`] when the server refuses the upgrade (404: there is no such pipe any more).
    pub async fn websocket(&self, path: &str, max_message: usize) -> Result<Socket, TransportError> {
        let stream = self.stream().await?;
        let scheme = if self.target.tls { "wss" } else { "ws" };
        let mut request = http::Request::builder()
            .method(Method::GET)
            .uri(format!("{scheme}://{}{}{path}", self.target.authority(), self.target.prefix))
            .header(http::header::HOST, self.target.authority())
            .header(http::header::CONNECTION, "Upgrade")
            .header(http::header::UPGRADE, "websocket")
            .header(http::header::SEC_WEBSOCKET_VERSION, "13")
            .header(http::header::SEC_WEBSOCKET_KEY, tungstenite::handshake::client::generate_key())
            .body(())?;
        request.headers_mut().extend(self.headers.as_ref().clone());
        let config = WebSocketConfig::default()
            .max_message_size(Some(max_message))
            .max_frame_size(Some(max_message))
            // A peer that stops reading is noticed here instead of filling memory.
            .max_write_buffer_size(4 << 20);
        let handshake = tokio_tungstenite::client_async_with_config(request, stream, Some(config));
        let outcome = timeout(REQUEST, handshake).await.map_err(|_| TransportError::Timeout {
            what: "a WebSocket's handshake",
            seconds: REQUEST.as_secs(),
        })?;
        match outcome {
            Ok((socket, _)) => Ok(socket),
            Err(tungstenite::Error::Http(answer)) => {
                let message = answer
                    .body()
                    .as_deref()
                    .map(|body| String::from_utf8_lossy(body).trim().chars().take(200).collect());
                Err(TransportError::Status {
                    status: answer.status(),
                    message: message.unwrap_or_default(),
                })
            }
            Err(error) => Err(TransportError::WebSocket(error.to_string())),
        }
    }
}
