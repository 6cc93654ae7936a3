//! The addresses of this machine's interfaces.

use std::net::IpAddr;

use ipnet::IpNet;

/// Interfaces whose addresses are not where published ports are reached from outside.
const INTERNAL: [&str; 3] = ["veth", "docker", "lo"];

/// One address of an interface.
struct Address {
    interface: String,
    network: IpNet,
}

fn all() -> Vec<Address> {
    let Ok(found) = nix::ifaddrs::getifaddrs() else { return Vec::new() };
    let ip = |storage: nix::sys::socket::SockaddrStorage| -> Option<IpAddr> {
        if let Some(v4) = storage.as_sockaddr_in() {
            Some(IpAddr::V4(v4.ip()))
        } else {
            storage.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip()))
        }
    };
    found
        .filter_map(|entry| {
            let address = ip(entry.address?)?;
            let mask = ip(entry.netmask?)?;
            Some(Address {
                network: IpNet::with_netmask(address, mask).ok()?,
                interface: entry.interface_name,
            })
        })
        .collect()
}

/// Link-local addresses are the same on every machine and say nothing.
fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local())
}

/// Every interface address with its prefix, the host part kept (`10.0.0.5/24`). Loopback included, IPv6 link-local ones not.
#[must_use]
pub fn networks() -> Vec<IpNet> {
    all()
        .into_iter()
        .map(|address| address.network)
        .filter(|network| !is_link_local(network.addr()))
        .collect()
}

/// Addresses under which a port bound to all addresses is reached: those of interfaces that lead out of the machine.
#[must_use]
pub fn reachable() -> Vec<IpAddr> {
    all()
        .into_iter()
        .filter(|address| !INTERNAL.iter().any(|prefix| address.interface.starts_with(prefix)))
        .map(|address| address.network.addr())
        .filter(|address| !is_link_local(*address))
        .collect()
}
