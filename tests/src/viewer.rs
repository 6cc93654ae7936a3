//! A viewer without a page: the server's WebSocket, frames as bytes.

use anyhow::{Context, Result};
use futures::StreamExt;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// The second byte of a frame that carries a report.
pub const REPORT: u8 = 1;

/// An open viewer socket.
pub struct Viewer(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Viewer {
    /// Connects, as a page from `origin` would if one is given.
    pub async fn connect(port: u16, origin: Option<&str>) -> Result<Self> {
        let mut request = format!("ws://127.0.0.1:{port}/api/viewer/ws").into_client_request()?;
        if let Some(origin) = origin {
            request.headers_mut().insert("Origin", origin.parse()?);
        }
        Ok(Self(connect_async(request).await?.0))
    }

    /// The next frame.
    pub async fn next(&mut self) -> Result<Vec<u8>> {
        let limit = Duration::from_secs(30);
        loop {
            let message = tokio::time::timeout(limit, self.0.next()).await.context("no frame within 30 s")?;
            match message.context("the server closed the socket")?? {
                Message::Binary(frame) => return Ok(frame.to_vec()),
                _ => continue,
            }
        }
    }

    /// The next frame that carries a report.
    pub async fn next_report(&mut self) -> Result<Vec<u8>> {
        loop {
            let frame = self.next().await?;
            if frame.get(1) == Some(&REPORT) {
                return Ok(frame);
            }
        }
    }
}
