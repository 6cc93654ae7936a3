//! The accept loop: connections in, requests to the router, everything with a time-out and a limit of number.
//!
//! HTTP/1.1 only: WebSockets need it, probes speak it, and the page is a handful of files. Header time-outs end slow-loris clients;
//! bodies have their own (see `intake`). On shutdown idle connections are closed and busy ones get [`DRAIN`] to finish.

mod base_path;
mod counted;
mod tls;

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::OwnedSemaphorePermit;
use tower::ServiceExt as _;

use counted::Counted;

pub(crate) use tls::Tls;
pub use tls::TlsArgs;

use crate::peer::Peer;
use crate::refusal::Refusal;
use crate::server::Shared;

/// A request's headers must be there within this time; so must the next request on a kept connection.
const HEADER_TIMEOUT: Duration = Duration::from_secs(15);
/// How long requests in progress may still take after the shutdown began, as the original.
const DRAIN: Duration = Duration::from_secs(5);
/// The most a connection buffers of what it reads: bodies stream through, so more only costs memory.
const CONNECTION_BUFFER: usize = 64 << 10;
/// After an error of `accept` (usually: no file descriptors left), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until the shutdown, then drains.
pub(crate) async fn serve(listener: TcpListener, server: Shared, router: Router) {
    loop {
        let (stream, address) = tokio::select! {
            () = server.shutdown.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection; trying again");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            }
        };
        let Ok(place) = Arc::clone(&server.places).try_acquire_owned() else {
            turn_away(stream, address, &server);
            continue;
        };
        let (router, shared) = (router.clone(), Arc::clone(&server));
        server.tasks.spawn(async move {
            connection(stream, place, address, shared, router).await;
        });
    }
    drop(listener);
    server.tasks.close();
    if tokio::time::timeout(DRAIN, server.tasks.wait()).await.is_err() {
        tracing::warn!(
            "some connections were still busy {} s after the shutdown began; they are cut",
            DRAIN.as_secs()
        );
    }
}

/// Refuses a connection over the limit without waiting for anything: what fits into the socket's buffer is said, what came is thrown away.
fn turn_away(stream: TcpStream, address: SocketAddr, server: &Shared) {
    let reason = format!(
        "{} connections are open, the server's limit (--max-connections); try again later",
        server.limits.connections
    );
    let refusal = Refusal::too_many(reason, 5);
    server.refused("connection", address.ip(), &refusal);
    let Ok(mut stream) = stream.into_std() else { return };
    if server.tls.is_none() {
        let body = format!("\"{}\"", refusal.reason);
        let answer = format!(
            "HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/json\r\nRetry-After: 5\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        // A request that was not read makes the close an abrupt one, which could overtake the answer.
        let mut ignored = [0; 4096];
        if let Err(error) = stream.read(&mut ignored)
            && error.kind() != std::io::ErrorKind::WouldBlock
        {
            return;
        }
        if let Err(error) = stream.write(answer.as_bytes()) {
            tracing::debug!(%address, %error, "a connection was turned away without a word");
        }
    }
}

async fn connection(stream: TcpStream, place: OwnedSemaphorePermit, address: SocketAddr, server: Shared, router: Router) {
    // Frames are whole messages: waiting to fill a packet only delays them.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot switch Nagle's algorithm off");
    }
    let stream = Counted::new(stream, place);
    let Some(tls) = &server.tls else {
        return requests(stream, Peer { address, tls: false }, &server, router).await;
    };
    match tokio::time::timeout(HEADER_TIMEOUT, tls.acceptor().accept(stream)).await {
        Ok(Ok(stream)) => requests(stream, Peer { address, tls: true }, &server, router).await,
        Ok(Err(error)) => tracing::debug!(%address, %error, "TLS handshake failed"),
        Err(_) => tracing::debug!(%address, "TLS handshake took too long"),
    }
}

async fn requests<S>(stream: S, peer: Peer, server: &Shared, router: Router)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let base: Arc<str> = server.base_path.as_str().into();
    let service = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(peer);
        let router = router.clone();
        let base = base.clone();
        async move {
            match base_path::strip(&base, request) {
                Ok(request) => router.oneshot(request).await,
                Err(response) => Ok(*response),
            }
        }
    });
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIMEOUT)
            .max_buf_size(CONNECTION_BUFFER)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades()
    );
    let outcome = tokio::select! {
        outcome = connection.as_mut() => outcome,
        () = server.shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = outcome {
        tracing::debug!(peer = %peer.address, %error, "connection ended");
    }
}
