//! Is this address in one of these networks?
//!
//! A set of IPv4 and IPv6 networks that is built once and asked millions of times: every endpoint of every report is either local to the
//! cluster or "the Internet", and clusters have hundreds of networks. Built from prefixes with the covered ones dropped, so that at most one
//! network can hold an address and a look-up never comes back to try another. No boxes and no pointers, only arenas and indices.
//!
//! IPv6, and IPv4 sets too scattered for the tables, are a crit-bit trie ([`critbit`]), a handful of IPv6 networks a list ([`few`]); ordinary
//! IPv4 sets are three direct steps ([`direct`]); a single network is one comparison. An IPv4-mapped IPv6 address counts as IPv4, and no
//! IPv4 address is in an IPv6 network.

mod critbit;
mod direct;
mod few;

use crate::sort::SmallSort as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use critbit::{CritBit, Leaf, Prefix, halves};
use direct::Direct;
use few::Few;

/// An immutable set of networks.
///
/// ```
/// use scope_shared::trie::NetworkTrie;
///
/// let local = NetworkTrie::build(["10.32.0.0/12".parse().unwrap(), "fd00::/8".parse().unwrap()]);
/// assert!(local.contains("10.40.1.2".parse().unwrap()));
/// assert!(!local.contains("8.8.8.8".parse().unwrap()));
/// ```
#[derive(Clone, Debug, Default)]
pub struct NetworkTrie {
    v4: V4,
    v6: V6,
    networks: Vec<IpNet>,
}

#[derive(Clone, Debug)]
enum V4 {
    /// One network, mask and value least significant byte first; none at all is one that nothing matches.
    One {
        mask: u32,
        value: u32,
    },
    Direct(Box<Direct>),
    CritBit(Box<CritBit>),
}

impl Default for V4 {
    fn default() -> Self {
        Self::One { mask: 0, value: 1 }
    }
}

#[derive(Clone, Debug)]
enum V6 {
    /// One network of up to 64 bits, mask and value of its upper half; none at all is one that nothing matches.
    Upper {
        mask: u64,
        value: u64,
    },
    /// One longer network.
    One(Leaf),
    Few(Box<Few>),
    CritBit(Box<CritBit>),
}

impl Default for V6 {
    fn default() -> Self {
        Self::Upper { mask: 0, value: 1 }
    }
}

/// The third quarter of an IPv4-mapped address, least significant byte first.
const MAPPED: u32 = 0xffff_0000;

impl NetworkTrie {
    /// From networks in any order. Host bits are masked off; networks inside other networks of the set are dropped.
    #[must_use]
    pub fn build(networks: impl IntoIterator<Item = IpNet>) -> Self {
        let mut networks: Vec<IpNet> = networks.into_iter().map(|network| network.trunc()).collect();
        // A covering network sorts directly before the first one it covers: by family, address, and then the shorter prefix first.
        networks.order_by_key(|network| (network.addr(), network.prefix_len()));
        let mut kept: Option<IpNet> = None;
        networks.retain(|network| {
            let covered = kept.is_some_and(|kept| kept.contains(network));
            if !covered {
                kept = Some(*network);
            }
            !covered
        });
        let split = networks.partition_point(|network| matches!(network, IpNet::V4(_)));
        let (v4, v6) = networks.split_at(split);
        Self {
            v4: V4::build(v4),
            v6: V6::build(v6),
            networks,
        }
    }

    /// Whether one of the networks holds the address.
    #[must_use]
    #[inline]
    pub fn contains(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => self.contains_v4(address),
            IpAddr::V6(address) => self.contains_v6(address),
        }
    }

    /// Whether one of the IPv4 networks holds the address.
    #[must_use]
    #[inline]
    pub fn contains_v4(&self, address: Ipv4Addr) -> bool {
        match &self.v4 {
            V4::One { mask, value } => u32::from_le_bytes(address.octets()) & mask == *value,
            V4::Direct(direct) => direct.contains(address.to_bits()),
            V4::CritBit(trie) => trie.contains([u64::from(u32::from_le_bytes(address.octets())), 0]),
        }
    }

    /// Whether one of the IPv6 networks holds the address, or for an IPv4-mapped address one of the IPv4 networks.
    #[must_use]
    #[inline]
    pub fn contains_v6(&self, address: Ipv6Addr) -> bool {
        let [high, low] = halves(address.octets());
        if high == 0 && low as u32 == MAPPED {
            return self.contains_v4(Ipv4Addr::from(((low >> 32) as u32).to_le_bytes()));
        }
        match &self.v6 {
            V6::Upper { mask, value } => high & mask == *value,
            V6::One(leaf) => leaf.matches([high, low]),
            V6::Few(few) => few.contains([high, low]),
            V6::CritBit(trie) => trie.contains([high, low]),
        }
    }

    /// The networks, without the covered ones: IPv4 before IPv6, ascending.
    pub fn iter(&self) -> std::slice::Iter<'_, IpNet> {
        self.networks.iter()
    }

    /// How many networks, the covered ones not counted.
    #[must_use]
    pub fn len(&self) -> usize {
        self.networks.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.networks.is_empty()
    }
}

impl V4 {
    /// From disjoint networks in ascending order.
    fn build(networks: &[IpNet]) -> Self {
        let ends = |network: &IpNet| match network {
            IpNet::V4(network) => (network.network(), network.netmask()),
            IpNet::V6(_) => (Ipv4Addr::UNSPECIFIED, Ipv4Addr::UNSPECIFIED),
        };
        match networks {
            [] => Self::default(),
            [one] => {
                let (network, mask) = ends(one);
                Self::One {
                    mask: u32::from_le_bytes(mask.octets()),
                    value: u32::from_le_bytes(network.octets()),
                }
            }
            many => {
                let ranges = many.iter().map(|network| (ends(network).0.to_bits(), network.prefix_len()));
                let trie = || Box::new(CritBit::build(&many.iter().map(prefix).collect::<Vec<_>>()));
                Direct::build(ranges).map_or_else(|| Self::CritBit(trie()), Self::Direct)
            }
        }
    }
}

impl V6 {
    /// From disjoint networks in ascending order.
    fn build(networks: &[IpNet]) -> Self {
        let prefixes: Vec<Prefix> = networks.iter().map(prefix).collect();
        match prefixes.as_slice() {
            [] => Self::default(),
            [one] => match one.leaf() {
                leaf if one.length <= 64 => Self::Upper {
                    mask: leaf.mask[0],
                    value: leaf.value[0],
                },
                leaf => Self::One(leaf),
            },
            many => Few::build(many).map_or_else(|| Self::CritBit(Box::new(CritBit::build(many))), Self::Few),
        }
    }
}

impl PartialEq for NetworkTrie {
    fn eq(&self, other: &Self) -> bool {
        self.networks == other.networks
    }
}

impl Eq for NetworkTrie {}

impl FromIterator<IpNet> for NetworkTrie {
    fn from_iter<I: IntoIterator<Item = IpNet>>(networks: I) -> Self {
        Self::build(networks)
    }
}

impl<'a> IntoIterator for &'a NetworkTrie {
    type Item = &'a IpNet;
    type IntoIter = std::slice::Iter<'a, IpNet>;

    fn into_iter(self) -> Self::IntoIter {
        self.networks.iter()
    }
}

/// A network as 128 bits; IPv4 uses the upper 32.
fn prefix(network: &IpNet) -> Prefix {
    let bits = match network.addr() {
        IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
        IpAddr::V6(address) => address.to_bits(),
    };
    Prefix::new(bits, network.prefix_len())
}
