//! A running server as the source: the viewer's WebSocket.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures::{Stream, StreamExt};
use scope_app::feed::{Feed, FeedEvent};
use scope_shared::limits::REPORT_COMPRESSED_BYTES;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use url::Url;

/// A socket of a viewer.
pub(crate) type Socket = tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

/// The server's state as of now: everything it holds, and if it holds nothing its first report within `wait` seconds.
pub(crate) fn feed(server: &str, token: Option<&str>, wait: u64) -> Result<Feed> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the network client")?;
    runtime.block_on(async {
        let mut feed = Feed::new();
        let mut socket = connect(server, token).await?;
        let started = Instant::now();
        let waiting = read_until_first(&mut socket, &mut feed, started);
        // Nothing within the time is an answer, too: an empty one.
        match tokio::time::timeout(Duration::from_secs(wait.max(1)), waiting).await {
            Ok(result) => result?,
            Err(_) if feed.has_reports() => {}
            Err(_) => eprintln!("scope-view: {server} has had no report for {wait} s; showing nothing"),
        }
        Ok(feed)
    })
}

/// Opens the viewer's socket.
pub(crate) async fn connect(server: &str, token: Option<&str>) -> Result<Socket> {
    let url = viewer_url(server)?;
    // Another provider may be compiled in by a dependency; ours is the one that is tested. A second call changes nothing.
    let installed = rustls::crypto::ring::default_provider().install_default();
    drop(installed);
    let mut request = url
        .as_str()
        .into_client_request()
        .with_context(|| format!("{server} is no address of a server"))?;
    if let Some(token) = token {
        let value = HeaderValue::try_from(format!("Bearer {token}")).context("the token holds characters that no header can")?;
        request.headers_mut().insert("authorization", value);
    }
    let limits = WebSocketConfig::default()
        .max_message_size(Some(REPORT_COMPRESSED_BYTES + 4096))
        .max_frame_size(Some(REPORT_COMPRESSED_BYTES + 4096));
    match tokio_tungstenite::connect_async_with_config(request, Some(limits), true).await {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(response)) if matches!(response.status().as_u16(), 401 | 403) => {
            bail!(
                "{server} refuses this viewer ({}): give its token with --token or SCOPE_VIEWER_TOKEN",
                response.status()
            )
        }
        Err(error) => Err(error).with_context(|| format!("cannot connect to {server}: is `scope launch` or `scope server` running there?")),
    }
}

fn viewer_url(server: &str) -> Result<Url> {
    let mut url = Url::parse(server).with_context(|| format!("{server} is no address (expected e.g. http://127.0.0.1:4040)"))?;
    let scheme = match url.scheme() {
        "http" | "ws" => "ws",
        "https" | "wss" => "wss",
        other => bail!("{server}: cannot speak {other}; use http or https"),
    };
    if url.set_scheme(scheme).is_err() {
        bail!("{server} is no address of a server");
    }
    let path = format!("{}/api/viewer/ws", url.path().trim_end_matches('/'));
    url.set_path(&path);
    Ok(url)
}

/// Reads frames until the server has sent all it holds and at least one report is there.
async fn read_until_first<S>(socket: &mut S, feed: &mut Feed, started: Instant) -> Result<()>
where
    S: Stream<Item = Result<Message, Error>> + Unpin,
{
    let mut caught_up = false;
    while !(caught_up && feed.has_reports()) {
        let Some(message) = socket.next().await else {
            bail!("the server closed the connection before it had sent what it holds")
        };
        let Some(event) = take(feed, message?, started)? else { continue };
        caught_up |= event == FeedEvent::CaughtUp;
        if let FeedEvent::Goodbye(reason) = event {
            bail!("the server is going away: {reason}");
        }
    }
    Ok(())
}

/// Gives a message to the feed. One unreadable report is told and passed over.
pub(crate) fn take(feed: &mut Feed, message: Message, started: Instant) -> Result<Option<FeedEvent>> {
    let Message::Binary(bytes) = message else { return Ok(None) };
    match feed.frame(&bytes, started.elapsed().as_millis() as u64) {
        Ok(event) => Ok(Some(event)),
        Err(error @ scope_app::feed::FeedError::Report { .. }) => {
            eprintln!("scope-view: {error}");
            Ok(None)
        }
        Err(error) => Err(error).context("the server does not speak this viewer's protocol"),
    }
}
