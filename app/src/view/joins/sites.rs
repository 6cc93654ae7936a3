//! Addresses and the keys by which endpoints find containers and pods.
//!
//! A *site* is a `scope;address`: every endpoint at it looks up the same key. An *address* is a site's address text whatever the scope: it
//! is parsed, named and tested against the local networks once, not once per endpoint.

use std::net::IpAddr;

use scope_shared::report::{DnsRecord, SmolStr};
use scope_shared::trie::NetworkTrie;

use super::few::Few;
use super::ids::Ids;
use super::level::NONE;
use crate::view::known::is_known_service;
use crate::view::networks::parse_ip;

/// Owners of a join key. Only a key with exactly one owner joins; one seen twice, even from one node, joins nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Key(Few);

/// What a look-up of a key finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// No one has the key.
    Absent,
    /// Several have it.
    Poisoned,
    /// One has it.
    One(u32),
}

impl Key {
    /// What a look-up finds.
    pub(crate) fn found(&self) -> Found {
        match *self.0.as_slice() {
            [] => Found::Absent,
            [one] => Found::One(one),
            _ => Found::Poisoned,
        }
    }

    /// One more owner. True if look-ups change.
    pub(crate) fn add(&mut self, owner: u32) -> bool {
        let before = self.found();
        self.0.push(owner);
        before != self.found()
    }

    /// One owner less. True if look-ups change.
    pub(crate) fn remove(&mut self, owner: u32) -> bool {
        let before = self.found();
        if let Some(at) = self.0.iter().position(|other| *other == owner) {
            self.0.swap_remove(at);
        }
        before != self.found()
    }
}

/// A `scope;address`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Site {
    pub(crate) address: u32,
    pub(crate) endpoints: Few,
    pub(crate) containers: Key,
    pub(crate) pods: Key,
}

/// An address.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    pub(crate) ip: Option<IpAddr>,
    /// Whether it is an IP address outside of every local network.
    pub(crate) outside: bool,
    /// The known service under whose name it goes (number of [`Sites::services`]), or [`NONE`].
    pub(crate) service: u32,
    pub(crate) sites: Few,
}

/// All sites and addresses.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sites {
    ids: Ids,
    pub(crate) sites: Vec<Site>,
    address_ids: Ids,
    pub(crate) addresses: Vec<Address>,
    /// Node ids of known services.
    pub(crate) services: Ids,
}

impl Sites {
    /// The site of a `scope;address` text; `address_of` says what is known of a new address.
    pub(crate) fn site(&mut self, text: &str, networks: &NetworkTrie, dns: impl FnOnce(&str) -> Option<DnsRecord>) -> u32 {
        let slot = self.ids.intern_again(text);
        if slot as usize == self.sites.len() {
            let address_text = text.split_once(';').map_or("", |(_, address)| address);
            let address = self.address_ids.intern_text(address_text);
            if address as usize == self.addresses.len() {
                let ip = parse_ip(address_text);
                let outside = ip.is_some_and(|ip| !networks.contains(ip));
                self.addresses.push(Address {
                    ip,
                    outside,
                    service: NONE,
                    sites: Few::default(),
                });
                self.set_names(address, dns(address_text).as_ref());
            }
            self.addresses[address as usize].sites.push(slot);
            self.sites.push(Site {
                address,
                ..Site::default()
            });
        }
        slot
    }

    /// The number of an address that some site has.
    pub(crate) fn address(&self, text: &str) -> Option<u32> {
        self.address_ids.get(text)
    }

    /// Sets the names of an address. True if it now goes under another service's name.
    pub(crate) fn set_names(&mut self, address: u32, record: Option<&DnsRecord>) -> bool {
        let service = record
            .and_then(service_name)
            .map_or(NONE, |name| self.services.intern(&SmolStr::from(format!("service-{name}"))));
        let known = &mut self.addresses[address as usize];
        let changed = known.service != service;
        known.service = service;
        changed
    }

    /// Tests every address against new networks and returns the endpoints at those that moved in or out.
    pub(crate) fn set_networks(&mut self, networks: &NetworkTrie) -> Vec<u32> {
        let mut moved = Vec::new();
        for address in &mut self.addresses {
            let outside = address.ip.is_some_and(|ip| !networks.contains(ip));
            if outside != address.outside {
                address.outside = outside;
                moved.extend(
                    address
                        .sites
                        .iter()
                        .flat_map(|site| self.sites[*site as usize].endpoints.iter().copied()),
                );
            }
        }
        moved
    }

    /// The endpoints at an address.
    pub(crate) fn endpoints_at(&self, address: u32) -> impl Iterator<Item = u32> + '_ {
        self.addresses[address as usize]
            .sites
            .iter()
            .flat_map(|site| self.sites[*site as usize].endpoints.iter().copied())
    }

    /// How many sites there are, used or not.
    pub(crate) fn len(&self) -> usize {
        self.sites.len()
    }
}

/// The first forward name that is a known service, else the first such reverse name.
fn service_name(record: &DnsRecord) -> Option<&SmolStr> {
    record.forward.iter().chain(&record.reverse).find(|name| is_known_service(name))
}
