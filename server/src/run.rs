//! Starting and stopping: bind first (so that the address can be printed and a taken port is an error), then serve until told to stop.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use anyhow::Context as _;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

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
/// When the address cannot be bound, or secrets, certificates or the audit log cannot be read or made.
pub async fn bind(args: &ServerArgs, policy: Policy, shutdown: tokio_util::sync::CancellationToken) -> anyhow::Result<Bound> {
    let listener = TcpListener::bind(args.listen).await.with_context(|| {
        format!(
            "cannot listen on {}; is another server running there? Choose another with --listen ADDRESS:PORT",
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
    /// Where a person's browser finds the server. Ends with a slash.
    #[must_use]
    pub fn url(&self) -> String {
        let ip = self.address.ip();
        let reachable = if ip.is_unspecified() {
            outward_address().unwrap_or(loopback(ip))
        } else {
            ip
        };
        self.url_at("", reachable)
    }

    /// Where the probe of the same process finds the server, with the token it is to present: as a user name, so that other servers which
    /// the probe reports to are not given it.
    #[must_use]
    pub fn probe_url(&self) -> String {
        let ip = self.address.ip();
        let token = self
            .server
            .auth
            .tokens()
            .map(|tokens| tokens.probe)
            .filter(|token| !token.is_empty());
        let user = token.map_or_else(String::new, |token| format!("{}@", utf8_percent_encode(&token, NON_ALPHANUMERIC)));
        self.url_at(&user, if ip.is_unspecified() { loopback(ip) } else { ip })
    }

    fn url_at(&self, user: &str, ip: IpAddr) -> String {
        let scheme = if self.server.tls.is_some() { "https" } else { "http" };
        let address = SocketAddr::new(ip, self.address.port());
        format!("{scheme}://{user}{address}{}/", self.server.base_path)
    }

    /// The certificate's fingerprint, if the server speaks TLS.
    #[must_use]
    pub fn fingerprint(&self) -> Option<String> {
        self.server.tls.as_ref().map(listen::Tls::fingerprint)
    }

    /// Serves until the shutdown is asked for, then lets requests in progress finish.
    pub async fn serve(self) {
        let housekeeping = tokio::spawn(Arc::clone(&self.server).housekeeping());
        let reloading = tokio::spawn(reload_on_hangup(Arc::clone(&self.server)));
        let router = router(Arc::clone(&self.server));
        listen::serve(self.listener, self.server, router).await;
        drop(housekeeping.await);
        drop(reloading.await);
    }
}

/// SIGHUP: certificates and tokens are read again; what cannot be read leaves the old ones in force.
async fn reload_on_hangup(server: Shared) {
    let Ok(mut hangups) = signal(SignalKind::hangup()) else {
        return tracing::warn!("SIGHUP cannot be listened for; certificates and tokens are not reloaded");
    };
    loop {
        tokio::select! {
            () = server.shutdown.cancelled() => return,
            received = hangups.recv() => if received.is_none() { return },
        }
        let outcome = server
            .auth
            .reload()
            .and_then(|()| server.tls.as_ref().map_or(Ok(()), listen::Tls::reload));
        match outcome {
            Ok(()) => tracing::info!("certificates and tokens have been read again"),
            Err(error) => tracing::error!("reloading failed; the old certificates and tokens stay in force: {error:#}"),
        }
    }
}

const fn loopback(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
    }
}

/// The address that this machine has towards the world. Connecting a UDP socket sends nothing; it only asks the routing table.
fn outward_address() -> Option<IpAddr> {
    let socket = std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    socket
        .local_addr()
        .ok()
        .map(|address| address.ip())
        .filter(|ip| !ip.is_unspecified())
}
