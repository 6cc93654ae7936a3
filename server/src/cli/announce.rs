//! What a server prints when it starts: one ready link on standard output, everything else in the log.

use crate::run;

/// Prints the link that a person opens. With tokens it logs its reader in as an operator, so it goes to standard output only.
pub(super) fn announce(bound: &run::Bound) {
    let server = &bound.server;
    let url = bound.url();
    match server.auth.tokens() {
        None => println!("{url}"),
        Some(tokens) => {
            // Tokens of a mounted Secret are known to whoever mounted it; a container's log is no place for them.
            if server.auth.keeps_state() {
                println!("{url}login?token={}", tokens.operator);
                eprintln!("To look only: {url}login?token={}", tokens.viewer);
                // No authority vouches for a certificate that this server made itself.
                let own = server.tls.as_ref().filter(|tls| tls.is_self_signed());
                let pin = own.map_or_else(String::new, |tls| format!(" --tls-fingerprint {}", tls.fingerprint()));
                eprintln!("For probes:   scope probe {url} --probe-token {}{pin}", tokens.probe);
            } else {
                println!("{url}login");
            }
        }
    }
    tracing::info!(version = crate::VERSION, address = %bound.address, "listening");
    if let Some(tls) = server.tls.as_ref().filter(|tls| tls.is_self_signed()) {
        tracing::info!(
            fingerprint = tls.fingerprint(),
            "self-signed certificate; pin it with scope probe --tls-fingerprint"
        );
    }
    if server.auth.is_open() && !bound.address.ip().is_loopback() {
        tracing::warn!(
            address = %bound.address,
            "NO AUTHENTICATION: whoever reaches this address sees everything and controls your containers (--no-auth)"
        );
    }
    if !server.page.is_there() {
        tracing::warn!("this build has no page in it; `cargo xtask launch` makes one that has");
    }
}
