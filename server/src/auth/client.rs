//! Where a request really comes from: the connection's peer, or what a trusted proxy says.

use std::net::IpAddr;

use axum::http::HeaderMap;
use ipnet::IpNet;

use crate::intake::text;
use crate::peer::Peer;

/// The client of a request; in the extensions of every request that passed the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Client {
    /// Its address.
    pub(crate) address: IpAddr,
    /// Whether it speaks TLS, to us or to a trusted proxy.
    pub(crate) tls: bool,
    /// Whether the connection itself comes from a trusted proxy.
    pub(crate) proxied: bool,
}

impl Client {
    /// Reads the proxy's headers if, and only if, the connection comes from one that is trusted.
    pub(super) fn of(peer: &Peer, headers: &HeaderMap, trusted: &[IpNet]) -> Self {
        let address = peer.address.ip().to_canonical();
        let is_trusted = |address: &IpAddr| trusted.iter().any(|net| net.contains(address));
        if !is_trusted(&address) {
            return Self {
                address,
                tls: peer.tls,
                proxied: false,
            };
        }
        // Each proxy appends whom it saw, so the last address that is no proxy of ours is the client; what is before it anyone can write.
        let forwarded = headers
            .get_all("x-forwarded-for")
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(|hop| hop.trim().parse::<IpAddr>().ok())
            .map(|address| address.to_canonical())
            .rfind(|address| !is_trusted(address));
        Self {
            address: forwarded.unwrap_or(address),
            tls: peer.tls || text(headers, "x-forwarded-proto").is_some_and(|scheme| scheme.eq_ignore_ascii_case("https")),
            proxied: true,
        }
    }

    /// The scheme of this server's URLs as the client sees them.
    pub(super) const fn scheme(&self) -> &'static str {
        if self.tls { "https" } else { "http" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forwarded_headers_count_only_from_a_trusted_peer() {
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", "6.6.6.6, 203.0.113.9, 127.0.0.1".parse().expect("value"));
        headers.insert("x-forwarded-proto", "https".parse().expect("value"));
        let untrusted = Client::of(&Peer::local(), &headers, &["10.0.0.0/8".parse().expect("network")]);
        assert_eq!((untrusted.address.to_string().as_str(), untrusted.tls), ("127.0.0.1", false));
        let trusted = Client::of(&Peer::local(), &headers, &["127.0.0.0/8".parse().expect("network")]);
        assert_eq!((trusted.address.to_string().as_str(), trusted.tls), ("203.0.113.9", true));
    }
}
