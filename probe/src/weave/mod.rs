//! Weave Net: the overlay's peers and their connections, from the router's status page; names from its DNS onto containers.
//!
//! A task of its own polls the router. Reports use what it said last; once it fails, the overlay is gone from reports until it answers.

mod nodes;
mod status;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::RwLock;
use scope_shared::report::{Kind, Report, SmolStr};
use scope_shared::time::Timestamp;
pub use status::Status;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::reporter::{Reporter, Tagger, Tick};

/// How often the router is asked.
const POLL: Duration = Duration::from_secs(5);
/// How long to wait after the first failure; doubled after each further one.
const RETRY: Duration = Duration::from_secs(10);
/// The longest wait.
const RETRY_MAX: Duration = Duration::from_secs(60);
/// For one answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// An answer lists every peer, connection and DNS name of the network: some 100 bytes each.
const ANSWER_BYTES: usize = 16 << 20;

/// Reports the overlay.
#[derive(Clone, Debug)]
pub struct Weave {
    host_id: SmolStr,
    status: Arc<RwLock<Option<Arc<Status>>>>,
}

impl Weave {
    /// Starts polling the router at `address` (`host:port`), until `shutdown`.
    #[must_use]
    pub fn start(address: &str, host_id: &str, shutdown: CancellationToken) -> Self {
        let weave = Self {
            host_id: SmolStr::new(host_id),
            status: Arc::default(),
        };
        let status = Arc::clone(&weave.status);
        let url = format!("http://{address}/report");
        tokio::spawn(async move {
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = poll(&url, &status) => {}
            }
        });
        weave
    }

    /// The overlay as the router sees it now.
    #[must_use]
    pub fn report(&self, now: Timestamp) -> Report {
        let mut report = Report::default();
        if let Some(status) = &*self.status.read() {
            nodes::add(&mut report, status, &self.host_id, now);
        }
        report
    }

    /// Gives the report's containers the names the overlay's DNS has for them.
    pub fn tag(&self, report: &mut Report, now: Timestamp) {
        let Some(status) = self.status.read().clone() else { return };
        let names = status.names_by_container();
        for container in report.topology_mut(Kind::Container).nodes.values_mut() {
            let Some(names) = container.latest("docker_container_id").and_then(|id| names.get(id)) else {
                continue;
            };
            Arc::make_mut(container).set_latest("weave_dns_hostname", now, names.join(" "));
        }
    }
}

#[async_trait]
impl Reporter for Weave {
    fn name(&self) -> &'static str {
        "weave"
    }

    async fn report(&mut self, tick: &Tick) -> Report {
        Self::report(self, tick.now)
    }
}

impl Tagger for Weave {
    fn name(&self) -> &'static str {
        "weave"
    }

    fn tag(&self, report: &mut Report, now: Timestamp) {
        Self::tag(self, report, now);
    }
}

async fn poll(url: &str, status: &RwLock<Option<Arc<Status>>>) {
    let http = reqwest::Client::builder().timeout(TIMEOUT).build().unwrap_or_default();
    let mut wait = RETRY;
    loop {
        match ask(&http, url).await {
            Ok(answer) => {
                let first = status.write().replace(Arc::new(answer)).is_none();
                if first {
                    info!(url, "the Weave Net router answers; reporting the overlay");
                }
                wait = RETRY;
                tokio::time::sleep(POLL).await;
            }
            Err(error) => {
                *status.write() = None;
                warn!(%error, "the Weave Net router does not answer; leaving the overlay out and asking again in {wait:?}");
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(RETRY_MAX);
            }
        }
    }
}

async fn ask(http: &reqwest::Client, url: &str) -> anyhow::Result<Status> {
    let mut answer = http
        .get(url)
        .header("accept", "application/json")
        .send()
        .await?
        .error_for_status()?;
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        anyhow::ensure!(
            body.len() + chunk.len() <= ANSWER_BYTES,
            "the answer is longer than {ANSWER_BYTES} bytes"
        );
        body.extend_from_slice(&chunk);
    }
    Ok(serde_json::from_slice(&body)?)
}
