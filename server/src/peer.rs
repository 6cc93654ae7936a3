//! Who is at the other end of a connection, as the accept loop found it; put into every request's extensions.

use std::net::{Ipv4Addr, SocketAddr};

/// The other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its address: a proxy's, if there is one in between.
    pub address: SocketAddr,
    /// Whether the connection is encrypted by this server.
    pub tls: bool,
}

impl Peer {
    /// A peer on this machine, for tests.
    #[must_use]
    pub const fn local() -> Self {
        Self {
            address: SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 1),
            tls: false,
        }
    }
}
