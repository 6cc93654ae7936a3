//! Which addresses are inside the cluster: the networks that hosts and overlays report, and one that holds every Kubernetes service.

use scope_shared::sort::SmallSort as _;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net};
use scope_shared::report::Kind;
use scope_shared::trie::NetworkTrie;

use super::state::State;

/// The local networks of a merged report, sorted, each once, host bits masked off.
pub(crate) fn local_networks(state: State<'_>) -> Vec<IpNet> {
    let mut networks: Vec<IpNet> = [Kind::Host, Kind::Overlay]
        .into_iter()
        .flat_map(|kind| state.nodes(kind))
        .filter_map(|(_, node)| node.sets.get("local_networks"))
        .flatten()
        .filter_map(|text| text.parse::<IpNet>().ok())
        .map(|network| unmapped(network.trunc()))
        .collect();
    let services = state
        .nodes(Kind::Service)
        .filter_map(|(_, node)| node.latest("kubernetes_ip"))
        .filter_map(|text| text.parse().ok());
    networks.extend(containing(services).map(IpNet::V4));
    networks.order();
    networks.dedup();
    networks
}

/// A set of networks, ready to be asked.
pub(crate) fn trie(networks: &[IpNet]) -> NetworkTrie {
    networks.iter().copied().collect()
}

/// IPv4 networks written in the mapped form are IPv4.
fn unmapped(network: IpNet) -> IpNet {
    match network {
        IpNet::V6(v6) if v6.prefix_len() >= 96 => match v6.network().to_ipv4_mapped() {
            Some(address) => Ipv4Net::new(address, v6.prefix_len() - 96).map_or(network, IpNet::V4),
            None => network,
        },
        _ => network,
    }
}

/// The smallest IPv4 network that holds all addresses.
fn containing(addresses: impl Iterator<Item = Ipv4Addr>) -> Option<Ipv4Net> {
    let mut common: Option<(u32, u8)> = None;
    for address in addresses {
        let bits = u32::from(address);
        common = Some(match common {
            None => (bits, 32),
            Some((first, length)) => (first, length.min((first ^ bits).leading_zeros() as u8)),
        });
    }
    let (first, length) = common?;
    Ipv4Net::new(Ipv4Addr::from(first), length).ok().map(|network| network.trunc())
}

/// Reads an address as the original does: dotted IPv4 with leading zeros allowed, or IPv6; an IPv4-mapped IPv6 address is IPv4.
pub(crate) fn parse_ip(text: &str) -> Option<IpAddr> {
    match text.bytes().find(|byte| matches!(byte, b'.' | b':'))? {
        b'.' => {
            let mut octets = [0u8; 4];
            let mut parts = text.split('.');
            for octet in &mut octets {
                let part = parts.next()?;
                if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit()) {
                    return None;
                }
                *octet = part.bytes().try_fold(0u16, |value, digit| {
                    Some(value * 10 + u16::from(digit - b'0')).filter(|value| *value < 256)
                })? as u8;
            }
            parts.next().is_none().then_some(IpAddr::V4(octets.into()))
        }
        _ => {
            let address: std::net::Ipv6Addr = text.parse().ok()?;
            Some(address.to_ipv4_mapped().map_or(IpAddr::V6(address), IpAddr::V4))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_network_holds_every_address() {
        let of = |list: &[&str]| containing(list.iter().filter_map(|text| text.parse().ok())).map(|network| network.to_string());
        assert_eq!(of(&[]), None);
        assert_eq!(of(&["10.0.0.1"]).as_deref(), Some("10.0.0.1/32"));
        assert_eq!(of(&["10.0.0.1", "10.0.2.55", "10.0.106.48"]).as_deref(), Some("10.0.0.0/17"));
        assert_eq!(of(&["10.0.0.1", "192.168.0.1"]).as_deref(), Some("0.0.0.0/0"));
    }

    #[test]
    fn addresses_parse_as_the_original_reads_them() {
        assert_eq!(parse_ip("010.1.02.3"), Some("10.1.2.3".parse().unwrap()));
        assert_eq!(parse_ip("::ffff:1.2.3.4"), Some("1.2.3.4".parse().unwrap()));
        assert_eq!(parse_ip("fe80::1"), Some("fe80::1".parse().unwrap()));
        for bad in ["", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1..2.3", "fe80::1%eth0", "host", "+1.2.3.4"] {
            assert_eq!(parse_ip(bad), None, "{bad}");
        }
    }
}
