//! The network trie against a linear scan.
#![allow(clippy::unwrap_used)]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use proptest::prelude::*;
use scope_shared::trie::NetworkTrie;

fn linear(networks: &[IpNet], address: IpAddr) -> bool {
    let address = match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    };
    networks.iter().any(|network| network.contains(&address))
}

/// Addresses that cluster, so that networks cover, neighbour and nearly miss one another.
fn v4_bits() -> impl Strategy<Value = u32> {
    prop_oneof![
        any::<u32>(),
        (0_u32..4096).prop_map(|low| 0x0a00_0000 | low << 6),
        (0_u32..1024).prop_map(|low| 0xac10_0000 | low)
    ]
}

fn v6_bits() -> impl Strategy<Value = u128> {
    let base = 0xfd00_0000_0000_0000_u128 << 64;
    prop_oneof![
        any::<u128>(),
        (0_u128..4096).prop_map(move |middle| base | middle << 60),
        (0_u128..4096).prop_map(move |low| base | low),
        v4_bits().prop_map(|low| 0xffff_0000_0000 | u128::from(low)),
    ]
}

fn network() -> impl Strategy<Value = IpNet> {
    prop_oneof![
        (v4_bits(), 0_u8..=32).prop_map(|(bits, length)| Ipv4Net::new(Ipv4Addr::from_bits(bits), length).unwrap().into()),
        (v4_bits(), 20_u8..=32).prop_map(|(bits, length)| Ipv4Net::new(Ipv4Addr::from_bits(bits), length).unwrap().into()),
        (v6_bits(), 0_u8..=128).prop_map(|(bits, length)| Ipv6Net::new(Ipv6Addr::from_bits(bits), length).unwrap().into()),
        (v6_bits(), 56_u8..=128).prop_map(|(bits, length)| Ipv6Net::new(Ipv6Addr::from_bits(bits), length).unwrap().into()),
    ]
}

fn address() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        v4_bits().prop_map(|bits| Ipv4Addr::from_bits(bits).into()),
        v6_bits().prop_map(|bits| Ipv6Addr::from_bits(bits).into())
    ]
}

/// The addresses around each network's ends, where mistakes are.
fn edges(networks: &[IpNet]) -> impl Iterator<Item = IpAddr> {
    networks.iter().flat_map(|network| match network {
        IpNet::V4(v4) => {
            let (first, last) = (v4.network().to_bits(), v4.broadcast().to_bits());
            [first, last, first.wrapping_sub(1), last.wrapping_add(1)].map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits)))
        }
        IpNet::V6(v6) => {
            let (first, last) = (v6.network().to_bits(), v6.broadcast().to_bits());
            [first, last, first.wrapping_sub(1), last.wrapping_add(1)].map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits)))
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn answers_as_a_linear_scan_does(networks in prop::collection::vec(network(), 0..60), addresses in prop::collection::vec(address(), 0..60)) {
        let trie = NetworkTrie::build(networks.iter().copied());
        for address in addresses.into_iter().chain(edges(&networks)) {
            prop_assert_eq!(trie.contains(address), linear(&networks, address), "{}", address);
        }
    }

    #[test]
    fn networks_in_networks_are_dropped_and_nothing_else(networks in prop::collection::vec(network(), 0..60)) {
        let trie = NetworkTrie::build(networks.iter().copied());
        let kept: Vec<IpNet> = trie.iter().copied().collect();
        for network in &kept {
            prop_assert!(networks.iter().any(|given| given.trunc() == *network));
            prop_assert!(!kept.iter().any(|other| other != network && other.contains(network)));
        }
        for network in &networks {
            prop_assert!(kept.iter().any(|kept| kept.contains(network)));
        }
        prop_assert_eq!(NetworkTrie::build(kept.iter().copied()), trie);
    }
}

/// Networks scattered over the whole space, more than the direct tables take.
#[test]
fn scattered_networks_answer_as_a_linear_scan_does() {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state ^ state >> 15
    };
    let networks: Vec<IpNet> = (0..5000)
        .map(|index| {
            Ipv4Net::new(Ipv4Addr::from_bits(next()), 17 + (index % 16) as u8)
                .unwrap()
                .trunc()
                .into()
        })
        .collect();
    let trie = NetworkTrie::build(networks.iter().copied());
    for address in edges(&networks)
        .step_by(7)
        .chain((0..2000).map(|_| IpAddr::V4(Ipv4Addr::from_bits(next()))))
    {
        assert_eq!(trie.contains(address), linear(&networks, address), "{address}");
    }
}

#[test]
fn families_do_not_mix_and_mapped_addresses_are_ipv4() {
    let trie = |text: &[&str]| NetworkTrie::build(text.iter().map(|network| network.parse().unwrap()));
    let address = |text: &str| text.parse::<IpAddr>().unwrap();
    let v6 = trie(&["::/0"]);
    assert!(v6.contains(address("2001:db8::1")));
    assert!(!v6.contains(address("10.0.0.1")));
    assert!(!v6.contains(address("::ffff:10.0.0.1")));
    let v4 = trie(&["0.0.0.0/0"]);
    assert!(v4.contains(address("::ffff:10.0.0.1")));
    assert!(v4.contains(address("255.255.255.255")));
    assert!(!v4.contains(address("::1")));
    let both = trie(&["0.0.0.0/0", "::/0"]);
    assert!(both.contains(address("::1")) && both.contains(address("1.2.3.4")));
    assert!(!trie(&[]).contains(address("::")) && !trie(&[]).contains(address("0.0.0.0")));
}

#[test]
fn host_bits_of_an_interface_address_are_masked() {
    let trie = NetworkTrie::build(["10.0.0.5/24".parse().unwrap(), "172.17.0.1/16".parse().unwrap()]);
    assert!(trie.contains("10.0.0.200".parse().unwrap()) && trie.contains("172.17.9.9".parse().unwrap()));
    assert_eq!(
        trie.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["10.0.0.0/24", "172.17.0.0/16"]
    );
    assert_eq!((trie.len(), trie.is_empty()), (2, false));
}
