//! A terminal without a page: a control that opens a pipe, and the page's end of that pipe.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use futures::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// How long anything here may take.
const LIMIT: Duration = Duration::from_secs(30);

/// An open terminal. Dropping it cuts its connection without a word, as a browser does that is killed.
pub struct Terminal {
    /// The pipe's id.
    pub pipe: String,
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

/// The id of the only probe that reports to the server.
pub async fn probe_id(port: u16) -> Result<String> {
    let text = reqwest::get(format!("http://127.0.0.1:{port}/api/probes")).await?.text().await?;
    let probes: Value = serde_json::from_str(&text)?;
    let [probe] = probes.as_array().map(Vec::as_slice).unwrap_or_default() else {
        bail!("not one probe: {text}");
    };
    Ok(probe["id"].as_str().context("no id")?.to_owned())
}

/// Has the only probe carry out a control on a container; the answer is the probe's.
pub async fn control(port: u16, container: &str, control: &str) -> Result<Value> {
    let probe = probe_id(port).await?;
    let url = format!("http://127.0.0.1:{port}/api/control/{probe}/{container}%3B%3Ccontainer%3E/{control}");
    let answer = reqwest::Client::new().post(url).send().await?;
    let (status, text) = (answer.status(), answer.text().await?);
    ensure!(status == 200, "{control}: {status}: {text}");
    Ok(serde_json::from_str(&text)?)
}

/// One of the server's gauges.
pub async fn gauge(port: u16, name: &str) -> Result<f64> {
    let text = reqwest::get(format!("http://127.0.0.1:{port}/metrics")).await?.text().await?;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    Ok(line.with_context(|| format!("no {name}"))?.trim().parse()?)
}

impl Terminal {
    /// Opens a shell in a container, by the container's id.
    pub async fn shell(port: u16, container: &str) -> Result<Self> {
        let answer = control(port, container, "docker_exec_container").await?;
        let pipe = answer["pipe"].as_str().context("no pipe")?.to_owned();
        let (socket, _) = connect_async(format!("ws://127.0.0.1:{port}/api/pipe/{pipe}")).await?;
        Ok(Self { pipe, socket })
    }

    /// Types.
    pub async fn send(&mut self, text: &str) -> Result<()> {
        Ok(self.socket.send(Message::text(text.to_owned())).await?)
    }

    /// Reads until this has been said.
    pub async fn read_until(&mut self, wanted: &str) -> Result<String> {
        let mut said = String::new();
        while !said.contains(wanted) {
            match tokio::time::timeout(LIMIT, self.socket.next()).await {
                Ok(Some(Ok(Message::Binary(bytes)))) => said.push_str(&String::from_utf8_lossy(&bytes)),
                Ok(Some(Ok(Message::Ping(_) | Message::Pong(_)))) => {}
                other => bail!("{other:?} instead of {wanted:?} after {said:?}"),
            }
        }
        Ok(said)
    }

    /// Waits for the end, for at most ten seconds: the close frame's reason, or that the connection broke.
    pub async fn ended(&mut self) -> Result<String> {
        let end = async {
            loop {
                match self.socket.next().await {
                    Some(Ok(Message::Close(frame))) => return frame.map_or_else(String::new, |frame| frame.reason.to_string()),
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return "broken".to_owned(),
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(10), end)
            .await
            .context("nothing told the terminal within ten seconds that it is over")
    }
}
