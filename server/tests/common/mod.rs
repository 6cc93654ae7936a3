//! A real server on a free port of loopback, and the little clients that the tests need.

#![allow(dead_code, reason = "each test binary uses its part")]

use std::net::SocketAddr;
use std::time::Duration;

use clap::Parser as _;
use futures::{SinkExt as _, StreamExt as _};
use scope_server::config::ServerArgs;
use scope_server::{Kind, Page, Policy, bind};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use tokio_util::sync::CancellationToken;

#[derive(clap::Parser)]
struct Command {
    #[command(flatten)]
    server: ServerArgs,
}

pub type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A server that stops with the test.
pub struct Running {
    pub address: SocketAddr,
    pub state: tempfile::TempDir,
    pub shutdown: CancellationToken,
    pub serving: tokio::task::JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

/// Starts a server with these flags.
pub async fn start(flags: &[&str]) -> Running {
    start_with_page(flags, Page::default()).await
}

/// Starts a server with these flags, which shows a page.
pub async fn start_with_page(flags: &[&str], page: Page) -> Running {
    let state = tempfile::tempdir().expect("directory");
    let directory = state.path().to_str().expect("path").to_owned();
    let mut line = vec!["scope", "--listen", "127.0.0.1:0", "--state-dir", &directory];
    line.extend(flags);
    let args = ServerArgs {
        page,
        ..Command::parse_from(line).server
    };
    let shutdown = CancellationToken::new();
    let kinds = [
        Kind::Lifecycle,
        Kind::Remove,
        Kind::Exec,
        Kind::Attach,
        Kind::Logs,
        Kind::Plugins,
        Kind::HostShell,
    ];
    let bound = bind(&args, Policy::of(kinds), shutdown.clone()).await.expect("bound");
    let address = bound.address;
    Running {
        address,
        state,
        shutdown,
        serving: tokio::spawn(bound.serve()),
    }
}

impl Running {
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn token(&self, role: &str) -> String {
        let text = std::fs::read_to_string(self.state.path().join(format!("{role}.token"))).expect("token");
        text.trim().to_owned()
    }

    /// Opens a WebSocket; the error is the HTTP status of a refusal.
    pub async fn socket(&self, path: &str, headers: &[(&str, &str)]) -> Result<Socket, u16> {
        let mut request = format!("ws://{}{path}", self.address).into_client_request().expect("request");
        for (name, value) in headers {
            request.headers_mut().insert(
                HeaderName::from_bytes(name.as_bytes()).expect("name"),
                HeaderValue::from_str(value).expect("value"),
            );
        }
        match tokio_tungstenite::connect_async(request).await {
            Ok((socket, _)) => Ok(socket),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    /// Posts a JSON report of a probe.
    pub async fn report(&self, probe: &str, extra: &[(&str, String)], body: &str) -> reqwest::Response {
        let mut request = reqwest::Client::new()
            .post(self.url("/api/report"))
            .header("Content-Type", "application/json")
            .header("X-Scope-Probe-ID", probe)
            .body(body.to_owned());
        for (name, value) in extra {
            request = request.header(*name, value);
        }
        request.send().await.expect("answer")
    }
}

/// The next message that is no ping, within a time that only a broken server exceeds.
pub async fn next(socket: &mut Socket) -> Message {
    let message = async {
        loop {
            match socket.next().await.expect("an open socket").expect("a message") {
                Message::Ping(_) | Message::Pong(_) => {}
                message => return message,
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), message)
        .await
        .expect("a message in time")
}

/// Sends a text.
pub async fn say(socket: &mut Socket, text: &str) {
    socket.send(Message::text(text.to_owned())).await.expect("sent");
}
