//! HTTP to one plugin over its socket, with a time-out for the whole exchange and a cap on the answer.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper_util::rt::TokioIo;
use scope_shared::limits;
use tokio::net::UnixStream;

/// For one poll, as the original.
pub const POLL: Duration = Duration::from_millis(500);
/// For one control: people wait for those, and some things take longer than half a second.
pub const CONTROL: Duration = Duration::from_secs(8);

/// Why a plugin's answer could not be had. The text is the plugin's status in the page.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PluginError(pub String);

/// One plugin's address.
#[derive(Clone, Debug)]
pub struct Client {
    socket: PathBuf,
    query: String,
}

impl Client {
    /// For the plugin at `socket`.
    #[must_use]
    pub fn new(socket: &Path, probe_id: &str) -> Self {
        Self {
            socket: socket.to_owned(),
            query: format!("api_version=1&probe_id={probe_id}"),
        }
    }

    /// Asks for a report.
    ///
    /// # Errors
    /// When the plugin does not answer in time, not with 200, or with too much.
    pub async fn report(&self) -> Result<Bytes, PluginError> {
        self.exchange(Method::GET, "/report", Bytes::new(), POLL).await
    }

    /// Asks for a control to be carried out.
    ///
    /// # Errors
    /// As [`Client::report`].
    pub async fn control(&self, body: Vec<u8>) -> Result<Bytes, PluginError> {
        self.exchange(Method::POST, "/control", body.into(), CONTROL).await
    }

    async fn exchange(&self, method: Method, path: &str, body: Bytes, limit: Duration) -> Result<Bytes, PluginError> {
        tokio::time::timeout(limit, self.exchange_unlimited(method, path, body))
            .await
            .unwrap_or_else(|_| Err(PluginError(format!("no answer within {} ms", limit.as_millis()))))
    }

    async fn exchange_unlimited(&self, method: Method, path: &str, body: Bytes) -> Result<Bytes, PluginError> {
        let failed = |error: &dyn std::fmt::Display| PluginError(error.to_string());
        let stream = UnixStream::connect(&self.socket).await.map_err(|error| failed(&error))?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| failed(&error))?;
        let request = Request::builder()
            .method(method)
            .uri(format!("{path}?{}", self.query))
            .header(header::HOST, "plugin")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .map_err(|error| failed(&error))?;
        let answer = async {
            let answer = sender.send_request(request).await.map_err(|error| failed(&error))?;
            if answer.status() != StatusCode::OK {
                return Err(PluginError(format!("plugin returned non-200 status code: {}", answer.status())));
            }
            let collected = Limited::new(answer.into_body(), limits::PLUGIN_BYTES).collect().await;
            collected.map(http_body_util::Collected::to_bytes).map_err(|error| {
                if error.is::<LengthLimitError>() {
                    PluginError("response must be shorter than 50MB".to_owned())
                } else {
                    failed(&error)
                }
            })
        };
        // The connection is driven in place: it ends with this call, and nothing is left behind when the call is given up.
        let mut connection = std::pin::pin!(connection);
        let mut answer = std::pin::pin!(answer);
        tokio::select! {
            biased;
            answer = &mut answer => answer,
            ended = &mut connection => {
                ended.map_err(|error| failed(&error))?;
                answer.await
            }
        }
    }
}
