//! One interface over everything that can say whether an address is in a set of networks.
#![allow(dead_code)]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use scope_shared::trie::NetworkTrie;

/// A set of networks.
pub trait Lookup {
    fn build(networks: &[IpNet]) -> Self;
    fn has_v4(&self, address: Ipv4Addr) -> bool;
    fn has_v6(&self, address: Ipv6Addr) -> bool;
}

/// The IPv4 ones among addresses.
pub fn v4(addresses: &[IpAddr]) -> Vec<Ipv4Addr> {
    addresses
        .iter()
        .filter_map(|address| if let IpAddr::V4(address) = address { Some(*address) } else { None })
        .collect()
}

/// The IPv6 ones among addresses.
pub fn v6(addresses: &[IpAddr]) -> Vec<Ipv6Addr> {
    addresses
        .iter()
        .filter_map(|address| if let IpAddr::V6(address) = address { Some(*address) } else { None })
        .collect()
}

fn split(networks: &[IpNet]) -> (Vec<Ipv4Net>, Vec<Ipv6Net>) {
    let mut families = (Vec::new(), Vec::new());
    for network in networks {
        match network {
            IpNet::V4(network) => families.0.push(network.trunc()),
            IpNet::V6(network) => families.1.push(network.trunc()),
        }
    }
    families
}

impl Lookup for NetworkTrie {
    fn build(networks: &[IpNet]) -> Self {
        Self::build(networks.iter().copied())
    }

    fn has_v4(&self, address: Ipv4Addr) -> bool {
        self.contains_v4(address)
    }

    fn has_v6(&self, address: Ipv6Addr) -> bool {
        self.contains_v6(address)
    }
}

/// Every network in turn.
pub struct Linear(Vec<Ipv4Net>, Vec<Ipv6Net>);

impl Lookup for Linear {
    fn build(networks: &[IpNet]) -> Self {
        let (v4, v6) = split(networks);
        Self(v4, v6)
    }

    fn has_v4(&self, address: Ipv4Addr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    fn has_v6(&self, address: Ipv6Addr) -> bool {
        self.1.iter().any(|network| network.contains(&address))
    }
}

/// First and last addresses, merged and sorted, searched by halves.
pub struct Ranges(Vec<(u32, u32)>, Vec<(u128, u128)>);

fn merge<T: Ord + Copy>(mut ranges: Vec<(T, T)>) -> Vec<(T, T)> {
    ranges.sort_unstable();
    let mut merged: Vec<(T, T)> = Vec::with_capacity(ranges.len());
    for (first, last) in ranges {
        match merged.last_mut() {
            Some(before) if first <= before.1 => before.1 = before.1.max(last),
            _ => merged.push((first, last)),
        }
    }
    merged
}

fn search<T: Ord + Copy>(ranges: &[(T, T)], address: T) -> bool {
    let after = ranges.partition_point(|(first, _)| *first <= address);
    after
        .checked_sub(1)
        .and_then(|at| ranges.get(at))
        .is_some_and(|(_, last)| address <= *last)
}

impl Lookup for Ranges {
    fn build(networks: &[IpNet]) -> Self {
        let (v4, v6) = split(networks);
        Self(
            merge(
                v4.iter()
                    .map(|network| (network.network().to_bits(), network.broadcast().to_bits()))
                    .collect(),
            ),
            merge(
                v6.iter()
                    .map(|network| (network.network().to_bits(), network.broadcast().to_bits()))
                    .collect(),
            ),
        )
    }

    fn has_v4(&self, address: Ipv4Addr) -> bool {
        search(&self.0, address.to_bits())
    }

    fn has_v6(&self, address: Ipv6Addr) -> bool {
        search(&self.1, address.to_bits())
    }
}

/// The crate prefix-trie.
pub struct PrefixTrie(prefix_trie::PrefixSet<Ipv4Net>, prefix_trie::PrefixSet<Ipv6Net>);

impl Lookup for PrefixTrie {
    fn build(networks: &[IpNet]) -> Self {
        let (v4, v6) = split(networks);
        Self(v4.into_iter().collect(), v6.into_iter().collect())
    }

    fn has_v4(&self, address: Ipv4Addr) -> bool {
        self.0.get_lpm(&Ipv4Net::from(address)).is_some()
    }

    fn has_v6(&self, address: Ipv6Addr) -> bool {
        self.1.get_lpm(&Ipv6Net::from(address)).is_some()
    }
}

/// The crate ip_network_table.
pub struct Table(ip_network_table::IpNetworkTable<()>);

impl Lookup for Table {
    fn build(networks: &[IpNet]) -> Self {
        let mut table = ip_network_table::IpNetworkTable::new();
        for network in networks.iter().map(IpNet::trunc) {
            if let Ok(network) = ip_network::IpNetwork::new(network.addr(), network.prefix_len()) {
                table.insert(network, ());
            }
        }
        Self(table)
    }

    fn has_v4(&self, address: Ipv4Addr) -> bool {
        self.0.longest_match_ipv4(address).is_some()
    }

    fn has_v6(&self, address: Ipv6Addr) -> bool {
        self.0.longest_match_ipv6(address).is_some()
    }
}

/// The crate poptrie.
pub struct Pop(poptrie::Poptrie<(u32, u8), ()>, poptrie::Poptrie<(u128, u8), ()>);

impl Lookup for Pop {
    fn build(networks: &[IpNet]) -> Self {
        let (v4, v6) = split(networks);
        let (mut small, mut large) = (poptrie::Poptrie::new(), poptrie::Poptrie::new());
        for network in v4 {
            small.insert((network.addr().to_bits(), network.prefix_len()), ());
        }
        for network in v6 {
            large.insert((network.addr().to_bits(), network.prefix_len()), ());
        }
        Self(small, large)
    }

    fn has_v4(&self, address: Ipv4Addr) -> bool {
        self.0.lookup(address.to_bits()).is_some()
    }

    fn has_v6(&self, address: Ipv6Addr) -> bool {
        self.1.lookup(address.to_bits()).is_some()
    }
}

/// The crate iptrie, in its compressed form for look-ups. Its root always matches; none of the sets measured holds everything.
pub struct Compressed(iptrie::set::LCTrieSet<Ipv4Net>, iptrie::set::LCTrieSet<Ipv6Net>);

impl Lookup for Compressed {
    fn build(networks: &[IpNet]) -> Self {
        let (v4, v6) = split(networks);
        let small: iptrie::set::RTrieSet<Ipv4Net> = v4.into_iter().collect();
        let large: iptrie::set::RTrieSet<Ipv6Net> = v6.into_iter().collect();
        Self(small.compress(), large.compress())
    }

    fn has_v4(&self, address: Ipv4Addr) -> bool {
        self.0.lookup(&address).prefix_len() > 0
    }

    fn has_v6(&self, address: Ipv6Addr) -> bool {
        self.1.lookup(&address).prefix_len() > 0
    }
}

/// The crate rangemap.
pub struct RangeMap(rangemap::RangeInclusiveSet<u32>, rangemap::RangeInclusiveSet<u128>);

impl Lookup for RangeMap {
    fn build(networks: &[IpNet]) -> Self {
        let (v4, v6) = split(networks);
        Self(
            v4.iter()
                .map(|network| network.network().to_bits()..=network.broadcast().to_bits())
                .collect(),
            v6.iter()
                .map(|network| network.network().to_bits()..=network.broadcast().to_bits())
                .collect(),
        )
    }

    fn has_v4(&self, address: Ipv4Addr) -> bool {
        self.0.contains(&address.to_bits())
    }

    fn has_v6(&self, address: Ipv6Addr) -> bool {
        self.1.contains(&address.to_bits())
    }
}
