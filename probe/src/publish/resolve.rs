//! Which addresses a target's name has, asked again and again: a name may gain addresses, lose them, or move.
//!
//! Address literals need no asking. Names go to the system's resolver, or over TCP to the DNS server that was named.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr as _;
use std::time::Duration;

use anyhow::{Context as _, bail};
use hickory_proto::op::{Message, Query};
use hickory_proto::rr::{Name, RData, RecordType};
use hickory_proto::serialize::binary::{BinDecodable as _, BinEncodable as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::target::Target;

/// A DNS answer over TCP has a 16-bit length; the whole exchange gets this long.
const LOOKUP: Duration = Duration::from_secs(5);
/// Addresses of one name that are used; more are left out.
const MOST_ADDRESSES: usize = 16;

/// The addresses of a target, at most [`MOST_ADDRESSES`].
///
/// # Errors
/// When the name cannot be resolved.
pub async fn addresses(target: &Target, resolver: Option<SocketAddr>) -> anyhow::Result<BTreeSet<SocketAddr>> {
    if let Ok(ip) = target.host.parse::<IpAddr>() {
        return Ok(BTreeSet::from([SocketAddr::new(ip, target.port)]));
    }
    let found: BTreeSet<SocketAddr> = match resolver {
        None => tokio::time::timeout(LOOKUP, tokio::net::lookup_host((target.host.as_str(), target.port)))
            .await
            .context("the system's resolver did not answer")?
            .with_context(|| format!("cannot resolve {}", target.host))?
            .take(MOST_ADDRESSES)
            .collect(),
        Some(server) => {
            let mut found = BTreeSet::new();
            for kind in [RecordType::A, RecordType::AAAA] {
                let ips = tokio::time::timeout(LOOKUP, ask(server, &target.host, kind))
                    .await
                    .with_context(|| format!("{server} did not answer"))?
                    .with_context(|| format!("cannot resolve {} at {server}", target.host))?;
                found.extend(ips.into_iter().map(|ip| SocketAddr::new(ip, target.port)));
            }
            found.into_iter().take(MOST_ADDRESSES).collect()
        }
    };
    if found.is_empty() {
        bail!("{} has no address", target.host);
    }
    Ok(found)
}

async fn ask(server: SocketAddr, host: &str, kind: RecordType) -> anyhow::Result<Vec<IpAddr>> {
    let mut query = Message::query();
    query.metadata.recursion_desired = true;
    let absolute = if host.ends_with('.') { host.to_owned() } else { format!("{host}.") };
    query.add_query(Query::query(Name::from_str(&absolute)?, kind));
    let bytes = query.to_bytes()?;
    let mut stream = TcpStream::connect(server).await?;
    stream.write_u16(u16::try_from(bytes.len())?).await?;
    stream.write_all(&bytes).await?;
    let length = stream.read_u16().await?;
    let mut answer = vec![0; usize::from(length)];
    stream.read_exact(&mut answer).await?;
    let answer = Message::from_bytes(&answer)?;
    Ok(answer
        .answers
        .iter()
        .filter_map(|record| match &record.data {
            RData::A(address) => Some(IpAddr::V4(address.0)),
            RData::AAAA(address) => Some(IpAddr::V6(address.0)),
            _ => None,
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn literals_of_both_families_need_no_resolver() {
        for text in ["127.0.0.1:4701", "[::1]:4701"] {
            let target = Target::parse(text).unwrap();
            let found = addresses(&target, None).await.unwrap();
            assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), [text]);
        }
    }
}
