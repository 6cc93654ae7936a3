//! Starting and stopping: bind first (so that the address can be printed and a taken port is an error), then serve until told to stop.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use tokio::net::TcpListener;

use crate::config::ServerArgs;
use crate::control::Policy;
use crate::server::{Server, Shared};
use crate::{listen, router};

/// A server that listens but does not answer yet.
pub struct Bound {
    /// Where it listens; the port is the real one if 0 was asked for.
    pub address: SocketAddr,
    /// Its state.
    pub server: Shared,
    listener: TcpListener,
}

/// Binds the address.
///
/// # Errors
/// When the address cannot be bound.
pub async fn bind(args: &ServerArgs, policy: Policy, shutdown: tokio_util::sync::CancellationToken) -> anyhow::Result<Bound> {
    let listener = TcpListener::bind(args.listen).await.with_context(|| {
        format!(
            "cannot listen on {}; is another server running there (`scope status`)? Choose another with --listen ADDRESS:PORT",
            args.listen
        )
    })?;
    let address = listener.local_addr().context("the listening socket has no address")?;
    Ok(Bound {
        address,
        server: Server::new(args, policy, shutdown)?,
        listener,
    })
}

impl Bound {
    /// Where a person's browser, or a probe on this machine, finds the server.
    #[must_use]
    pub fn url(&self) -> String {
        let host = match self.address.ip() {
            ip if ip.is_unspecified() => "localhost".to_owned(),
            std::net::IpAddr::V6(ip) => format!("[{ip}]"),
            ip => ip.to_string(),
        };
        format!("http://{host}:{}{}/", self.address.port(), self.server.base_path)
    }

    /// Serves until the shutdown is asked for, then lets requests in progress finish.
    pub async fn serve(self) {
        let housekeeping = tokio::spawn(Arc::clone(&self.server).housekeeping());
        let router = router(Arc::clone(&self.server));
        listen::serve(self.listener, self.server, router).await;
        drop(housekeeping.await);
    }
}
