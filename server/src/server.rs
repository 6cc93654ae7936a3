//! The state that all handlers share, and its housekeeping.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::audit::Audit;
use crate::auth::{Auth, state_directory};
use crate::clock::Clock;
use crate::config::{Limits, ServerArgs};
use crate::control::{Controls, Policy};
use crate::intake::Intake;
use crate::listen::Tls;
use crate::ops::{Metrics, Refusals};
use crate::page::Page;
use crate::pipe::{End, Pipes, Terminals};
use crate::refusal::Refusal;
use crate::relay::Relay;

/// The server, shared by all handlers.
pub type Shared = Arc<Server>;

/// The server's version, as probes and pages are told.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Everything a running server has.
pub struct Server {
    /// Drawn at the start: another id after a reconnect means another process.
    pub id: String,
    /// This machine's name.
    pub hostname: String,
    /// Path prefix, empty or `/a/b`.
    pub base_path: String,
    /// See [`Limits`].
    pub limits: Limits,
    /// See [`Page`].
    pub page: Page,
    /// See [`Clock`].
    pub clock: Clock,
    /// See [`Relay`].
    pub relay: Arc<Relay>,
    /// Which controls are passed on.
    pub policy: Policy,
    /// Cancelled when the server is to stop.
    pub shutdown: CancellationToken,
    /// Everything that must end before the process does: connections and sockets.
    pub(crate) tasks: TaskTracker,
    pub(crate) auth: Auth,
    pub(crate) tls: Option<Tls>,
    pub(crate) audit: Audit,
    pub(crate) controls: Controls,
    pub(crate) pipes: Pipes,
    pub(crate) terminals: Terminals,
    pub(crate) intake: Intake,
    pub(crate) metrics: Metrics,
    pub(crate) refusals: Refusals,
    /// A permit for each connection that may be open.
    pub(crate) places: Arc<Semaphore>,
}

impl Server {
    /// A server that has not started to listen.
    ///
    /// # Errors
    /// When secrets, certificates or the audit log cannot be read or made.
    pub fn new(args: &ServerArgs, policy: Policy, shutdown: CancellationToken) -> anyhow::Result<Shared> {
        let hostname = hostname();
        let auth = Auth::new(&args.auth, args.listen.ip().is_loopback(), &hostname)?;
        let mut names = vec![
            hostname.clone(),
            "localhost".to_owned(),
            "127.0.0.1".to_owned(),
            args.listen.ip().to_string(),
        ];
        names.extend(args.auth.allowed_hosts.iter().cloned());
        names.sort();
        names.dedup();
        let tls = Tls::new(&args.tls, args.auth.state_dir.clone(), names)?;
        // Without tokens there may be no state directory, and a start must leave nothing behind that nobody asked for.
        let log = if !auth.keeps_state() {
            None
        } else {
            Some(state_directory(args.auth.state_dir.as_deref())?.join("audit.jsonl"))
        };
        Ok(Arc::new(Self {
            audit: Audit::new(&args.audit, log)?,
            auth,
            tls,
            id: format!("{:016x}", rand::random::<u64>() >> 1),
            hostname,
            base_path: args.base_path.clone(),
            limits: args.limits.clone(),
            page: args.page,
            clock: Clock::start(),
            relay: Arc::new(Relay::new(args.window, args.limits.clone())),
            policy,
            shutdown,
            controls: Controls::default(),
            terminals: Terminals::default(),
            pipes: Pipes::new(args.limits.pipes),
            tasks: TaskTracker::new(),
            intake: Intake::new(args.limits.intake_bytes),
            metrics: Metrics::new(),
            refusals: Refusals::default(),
            places: Arc::new(Semaphore::new(args.limits.connections)),
        }))
    }

    /// Connections open now, of any kind.
    pub(crate) fn connections(&self) -> usize {
        self.limits.connections.saturating_sub(self.places.available_permits())
    }

    /// Counts and, now and then, logs a refusal of `what` to `from`.
    pub(crate) fn refused(&self, what: &'static str, from: IpAddr, refusal: &Refusal) {
        self.refusals.note(&self.metrics, what, from, refusal);
    }

    /// Once a second, until the shutdown: forgets what has expired.
    pub(crate) async fn housekeeping(self: Arc<Self>) {
        let mut ticks = tokio::time::interval(Duration::from_secs(1));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.shutdown.cancelled() => {
                    self.pipes.close_all(&End::gone("the server is stopping"), Instant::now());
                    return;
                }
                _ = ticks.tick() => {}
            }
            self.auth.expire();
            for pipe in self.pipes.sweep(Instant::now()) {
                tracing::info!(%pipe, "an end of the pipe was lost and did not come back; it is closed");
                self.terminals.closed(&pipe, "an end was lost", &self.audit);
            }
            for probe in self.relay.expire(Instant::now()) {
                tracing::info!(%probe, "probe has been silent for the window; its state is dropped");
            }
        }
    }
}

/// This machine's name: `SCOPE_HOSTNAME`, or the system's.
pub(crate) fn hostname() -> String {
    std::env::var("SCOPE_HOSTNAME")
        .ok()
        .filter(|name| !name.is_empty())
        .or_else(|| nix::unistd::gethostname().ok()?.into_string().ok())
        .unwrap_or_else(|| "localhost".to_owned())
}
