//! The `scope` binary as a process, and the little clients that the tests need.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use scope_fleet::server::Server;
use scope_shared::frame::Frame;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// Only something broken takes longer.
pub const PATIENCE: Duration = Duration::from_secs(120);

pub type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A running server.
pub struct Scope {
    pub server: Server,
    pub address: SocketAddr,
    home: tempfile::TempDir,
}

impl Scope {
    pub fn start(flags: &[&str]) -> Self {
        Self::start_on(None, flags)
    }

    pub fn start_on(address: Option<SocketAddr>, flags: &[&str]) -> Self {
        let home = tempfile::tempdir().expect("directory");
        let state = home.path().join("state").to_string_lossy().into_owned();
        let mut all = vec!["--state-dir", &state];
        all.extend(flags);
        let (binary, log) = (Path::new(env!("CARGO_BIN_EXE_scope")), home.path().join("log"));
        let server = match address {
            Some(address) => Server::start_on(binary, address, &all, &log),
            None => Server::start(binary, &all, &log),
        }
        .expect("a server");
        Self {
            address: server.address,
            server,
            home,
        }
    }

    pub fn state(&self) -> PathBuf {
        self.home.path().join("state")
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.home.path().join("log")).unwrap_or_default()
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A metric by its name and labels as they are printed.
    pub async fn metric(&self, name: &str) -> Option<f64> {
        // A connection of its own, closed at once: kept ones would be counted.
        let client = reqwest::Client::builder().pool_max_idle_per_host(0).build().ok()?;
        let text = client.get(self.url("/metrics")).send().await.ok()?.text().await.ok()?;
        text.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
    }

    /// Waits until a metric is as wanted.
    pub async fn until_metric(&self, name: &str, wanted: impl Fn(f64) -> bool) -> f64 {
        let begun = Instant::now();
        loop {
            let value = self.metric(name).await;
            match value {
                Some(value) if wanted(value) => return value,
                _ if begun.elapsed() > PATIENCE => panic!("{name} is still {value:?}; the log:\n{}", self.log()),
                _ => tokio::time::sleep(Duration::from_millis(200)).await,
            }
        }
    }

    /// A report that the headers describe, as JSON.
    pub fn report(&self, probe: &str, headers: &[(&str, String)], body: String) -> reqwest::RequestBuilder {
        let request = reqwest::Client::new()
            .post(self.url("/api/report"))
            .header("Content-Type", "application/json")
            .header("X-Scope-Probe-ID", probe)
            .body(body);
        headers.iter().fold(request, |request, (name, value)| request.header(*name, value))
    }

    pub async fn viewer(&self) -> Socket {
        connect_async(format!("ws://{}/api/viewer/ws", self.address))
            .await
            .expect("a viewer")
            .0
    }

    /// A viewer's connection after its handshake, for whoever wants to treat it badly.
    pub async fn raw_viewer(&self) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.expect("connection");
        stream.write_all(upgrade(self.address).as_bytes()).await.expect("sent");
        let mut head = [0; 12];
        stream.read_exact(&mut head).await.expect("an answer");
        assert_eq!(&head, b"HTTP/1.1 101");
        stream
    }
}

pub fn upgrade(address: SocketAddr) -> String {
    format!(
        "GET /api/viewer/ws HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: ZmxlZXQgb2Ygdmlld2Vycw==\r\n\r\n"
    )
}

/// Headers of one of our full reports.
pub fn full(sequence: u64) -> Vec<(&'static str, String)> {
    vec![
        ("X-Scope-Report-Kind", "full".to_owned()),
        ("X-Scope-Report-Seq", sequence.to_string()),
    ]
}

/// The next frame; `None` when the socket is closed.
pub async fn next(socket: &mut Socket) -> Option<Vec<u8>> {
    let message = async {
        loop {
            match socket.next().await {
                Some(Ok(Message::Binary(bytes))) => return Some(bytes.to_vec()),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    };
    tokio::time::timeout(PATIENCE, message).await.expect("a frame or the end")
}

/// The body of the next report.
pub async fn next_body(socket: &mut Socket) -> Vec<u8> {
    loop {
        let bytes = next(socket).await.expect("an open socket");
        if let Ok(Frame::Report(report)) = Frame::decode(&bytes) {
            return report.body.to_vec();
        }
    }
}

/// Waits until the other end closes.
pub async fn closed(mut stream: impl tokio::io::AsyncRead + Unpin, what: &str) {
    let mut buffer = [0; 4096];
    let end = async { while stream.read(&mut buffer).await.is_ok_and(|count| count > 0) {} };
    tokio::time::timeout(PATIENCE, end)
        .await
        .unwrap_or_else(|_| panic!("{what} is still connected"));
}
