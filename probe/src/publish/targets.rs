//! From the targets on the command line to running clients: names are resolved again and again, and each address has a client of its own.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use base64::Engine as _;
use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use scope_shared::headers;
use tokio_util::sync::CancellationToken;

use super::client::Client;
use super::target::Target;
use super::transport::Transport;
use super::{Backoff, Shared, resolve, tls};
use crate::config::ConnectArgs;

/// How often a name that resolves is looked up again, once things have settled.
const SETTLED: Duration = Duration::from_secs(60);

/// What the probe says of itself in headers.
pub struct Identity<'a> {
    /// Probe's id.
    pub probe_id: &'a str,
    /// Host's name.
    pub hostname: &'a str,
}

/// Starts reporting to all targets until `stop` is cancelled.
///
/// # Errors
/// When a target, label, token or certificate file cannot be used.
pub fn start(
    targets: &[String],
    args: &ConnectArgs,
    identity: &Identity<'_>,
    shared: &Arc<Shared>,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    let tls = tls::client_config(args.tls_fingerprint.as_deref(), args.tls_ca.as_deref(), args.insecure)?;
    let token = args.token()?;
    for text in targets {
        let target = Target::parse(text)?;
        let headers = Arc::new(headers_for(&target, args, identity, &token)?);
        let (tls, shared, stop, resolver) = (Arc::clone(&tls), Arc::clone(shared), stop.clone(), args.resolver);
        tokio::spawn(async move {
            let make = |address| Transport::new(target.clone(), address, Arc::clone(&tls), Arc::clone(&headers));
            tokio::select! {
                () = stop.cancelled() => {}
                () = follow(&target, resolver, &shared, &stop, &make) => {}
            }
        });
    }
    Ok(())
}

/// Asks a server who it is, once, for `doctor`.
///
/// # Errors
/// When no address of it answers as a server.
pub async fn reachable(target: &Target, args: &ConnectArgs) -> anyhow::Result<String> {
    let tls = tls::client_config(args.tls_fingerprint.as_deref(), args.tls_ca.as_deref(), args.insecure)?;
    let identity = Identity {
        probe_id: "0",
        hostname: "doctor",
    };
    let headers = Arc::new(headers_for(target, args, &identity, &args.token()?)?);
    let addresses = resolve::addresses(target, args.resolver).await?;
    let mut last = anyhow::anyhow!("no address");
    for address in addresses {
        let transport = Transport::new(target.clone(), address, Arc::clone(&tls), Arc::clone(&headers));
        match transport
            .request_once(http::Method::GET, "/api")
            .await
            .and_then(super::transport::Answer::success)
        {
            Ok(_) => return Ok(format!("answers at {address}")),
            Err(error) => last = error.into(),
        }
    }
    Err(last)
}

/// Keeps one client for each address the target's name has.
async fn follow(
    target: &Target,
    resolver: Option<SocketAddr>,
    shared: &Arc<Shared>,
    stop: &CancellationToken,
    make: &(dyn Fn(SocketAddr) -> Transport + Send + Sync),
) {
    let mut running: BTreeMap<SocketAddr, CancellationToken> = BTreeMap::new();
    let mut backoff = Backoff::up_to(SETTLED);
    let mut complained = false;
    loop {
        match resolve::addresses(target, resolver).await {
            Ok(addresses) => {
                complained = false;
                for address in &addresses {
                    running.entry(*address).or_insert_with(|| {
                        let client = Arc::new(Client::new(make(*address), stop.child_token()));
                        shared.clients.lock().push(Arc::clone(&client));
                        tokio::spawn(Arc::clone(&client).run(Arc::clone(shared)));
                        client.stop.clone()
                    });
                }
                running.retain(|address, client| {
                    let keep = addresses.contains(address);
                    if !keep {
                        client.cancel();
                    }
                    keep
                });
                shared.clients.lock().retain(|client| !client.stop.is_cancelled());
                if target.host.parse::<std::net::IpAddr>().is_ok() {
                    return std::future::pending().await;
                }
            }
            Err(error) if !complained => {
                complained = true;
                tracing::warn!(server = %target, error = format!("{error:#}"), "the server's name cannot be resolved, trying again");
            }
            Err(error) => tracing::debug!(server = %target, error = format!("{error:#}"), "still not resolved"),
        }
        backoff.pause().await;
    }
}

fn headers_for(target: &Target, args: &ConnectArgs, identity: &Identity<'_>, token: &str) -> anyhow::Result<HeaderMap> {
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let token = target.token.as_deref().unwrap_or(token);
    let authorization = match &args.basic_auth {
        Some(pair) => format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair)),
        None => format!("Scope-Probe token={token}"),
    };
    let mut authorization = HeaderValue::from_str(&authorization).context("the token has characters that no header can carry")?;
    authorization.set_sensitive(true);
    let mut map = HeaderMap::new();
    map.insert(http::header::AUTHORIZATION, authorization);
    map.insert(
        http::header::USER_AGENT,
        HeaderValue::from_str(&format!("Scope_Probe/{}", crate::VERSION))?,
    );
    map.insert(
        HeaderName::from_static(headers::PROBE_ID),
        HeaderValue::from_str(identity.probe_id)?,
    );
    map.insert(
        HeaderName::from_static(headers::PROBE_VERSION),
        HeaderValue::from_static(crate::VERSION),
    );
    map.insert(
        HeaderName::from_static(headers::PROBE_HOSTNAME),
        HeaderValue::from_str(&encode(identity.hostname))?,
    );
    let mut labels = Vec::new();
    for label in args.labels.iter().filter(|label| !label.is_empty()) {
        let (key, value) = label
            .split_once('=')
            .with_context(|| format!("a label is KEY=VALUE, this is none: {label}"))?;
        labels.push(format!("{}={}", encode(key), encode(value)));
    }
    if !labels.is_empty() {
        map.insert(
            HeaderName::from_static(headers::PROBE_LABELS),
            HeaderValue::from_str(&labels.join(","))?,
        );
    }
    Ok(map)
}
