//! Exact checks of `Host` and `Origin`, pure.
//!
//! `Host` defeats DNS rebinding: a page of `evil.example` whose name suddenly points here sends its own name. `Origin` defeats pages of
//! other sites that a browser lets send requests and open WebSockets anywhere. Neither is guessed at: no suffixes, no wildcards.

use std::collections::BTreeSet;
use std::net::IpAddr;

use axum::http::{HeaderMap, header};

use crate::refusal::Refusal;

/// Which hosts and origins are this server's.
#[derive(Clone, Debug)]
pub(super) struct Origins {
    names: BTreeSet<String>,
    any_name: bool,
    origins: BTreeSet<String>,
    /// Only addresses of this machine are believed, since nobody else can reach the socket.
    loopback_only: bool,
}

impl Origins {
    pub(super) fn new(loopback_only: bool, hostname: &str, hosts: &[String], origins: &[String]) -> Self {
        let mut names: BTreeSet<String> = hosts.iter().map(|name| name.trim().to_ascii_lowercase()).collect();
        names.insert("localhost".to_owned());
        if !loopback_only {
            names.insert(hostname.to_ascii_lowercase());
        }
        Self {
            any_name: names.contains("*"),
            names,
            origins: origins
                .iter()
                .map(|origin| origin.trim().trim_end_matches('/').to_ascii_lowercase())
                .collect(),
            loopback_only,
        }
    }

    /// Refuses a request that was sent to another host's name.
    pub(super) fn check_host(&self, host: &str) -> Result<(), Refusal> {
        if self.any_name {
            return Ok(());
        }
        let name = without_port(host).to_ascii_lowercase();
        let literal = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        let known = match literal {
            Ok(address) => !self.loopback_only || address.is_loopback() || self.names.contains(&name),
            Err(_) => self.names.contains(&name),
        };
        if known {
            return Ok(());
        }
        Err(Refusal::forbidden(format!(
            "this server does not answer to this host name; if it should, start it with --allowed-host NAME. The request was for {name:?}"
        )))
    }

    /// Whether the origin is this server's own (`scheme://host`) or one that was allowed.
    pub(super) fn is_allowed(&self, origin: &str, own: &str) -> bool {
        let origin = origin.to_ascii_lowercase();
        origin == own.to_ascii_lowercase() || self.origins.contains(&origin)
    }

    /// Whether the origin needs `Access-Control-*` headers: it is another one, and allowed.
    pub(super) fn is_foreign(&self, origin: &str, own: &str) -> bool {
        !origin.eq_ignore_ascii_case(own) && self.origins.contains(&origin.to_ascii_lowercase())
    }
}

/// The `Host` of a request; a request without one is refused.
pub(super) fn host(headers: &HeaderMap) -> Result<&str, Refusal> {
    let mut hosts = headers.get_all(header::HOST).iter();
    match (hosts.next().and_then(|value| value.to_str().ok()), hosts.next()) {
        (Some(host), None) if !host.is_empty() => Ok(host),
        _ => Err(Refusal::bad_request("the request must have exactly one Host header")),
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.chars().all(|c| c.is_ascii_digit()) && (!name.contains(':') || name.ends_with(']')) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origins(loopback_only: bool) -> Origins {
        Origins::new(
            loopback_only,
            "machine",
            &["scope.example.com".to_owned()],
            &["https://page.example.com/".to_owned()],
        )
    }

    #[test]
    fn hosts_that_are_ours_and_hosts_that_are_not() {
        for (loopback_only, host, allowed) in [
            (true, "localhost:4040", true),
            (true, "127.0.0.1:4040", true),
            (true, "[::1]:4040", true),
            (true, "LOCALHOST", true),
            (true, "scope.example.com", true),
            (true, "192.168.1.5:4040", false),
            (true, "machine:4040", false),
            (true, "evil.example:4040", false),
            (true, "localhost.evil.example", false),
            (true, "127.0.0.1.evil.example", false),
            (false, "192.168.1.5:4040", true),
            (false, "[fe80::1]:4040", true),
            (false, "machine:4040", true),
            (false, "evil.example", false),
            (false, "sub.scope.example.com", false),
        ] {
            assert_eq!(origins(loopback_only).check_host(host).is_ok(), allowed, "{loopback_only} {host}");
        }
    }

    #[test]
    fn an_origin_is_compared_whole() {
        let own = "http://127.0.0.1:4040";
        for (origin, allowed) in [
            ("http://127.0.0.1:4040", true),
            ("https://127.0.0.1:4040", false),
            ("http://127.0.0.1:4041", false),
            ("http://127.0.0.1:4040.evil.example", false),
            ("null", false),
            ("https://page.example.com", true),
            ("http://page.example.com", false),
            ("https://page.example.com:444", false),
        ] {
            assert_eq!(origins(true).is_allowed(origin, own), allowed, "{origin}");
        }
        assert!(!origins(true).is_foreign(own, own) && origins(true).is_foreign("https://page.example.com", own));
    }
}
