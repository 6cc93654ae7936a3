//! Names of addresses: what processes asked for (answers seen on the wire) and what the reverse zone says.
//!
//! Nothing here makes anybody wait: answers are read from a filtered socket as they pass, reverse look-ups run in a task of their own at
//! a limited rate, and a report takes what is known so far.

mod answer;
mod cache;
mod reverse;
mod snoop;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

pub use answer::{Answer, parse_answer, udp_payload};
pub use cache::Cache;
use parking_lot::Mutex;
pub use reverse::{Lookup, Reverse};
use scope_shared::report::{DnsRecord, Report, SmolStr, StringSet};
use smol_str::ToSmolStr;
pub use snoop::Snooper;

/// Addresses whose asked-for names are remembered.
const MAX_ADDRESSES: usize = 10_000;
/// Names kept for one address: a shared front end may have thousands.
const MAX_NAMES: usize = 16;

/// Names that were asked for, by the address they were answered with.
#[derive(Clone, Debug)]
pub struct ForwardNames {
    cache: Arc<Mutex<Cache<IpAddr, StringSet>>>,
}

impl Default for ForwardNames {
    fn default() -> Self {
        Self {
            cache: Arc::new(Mutex::new(Cache::new(MAX_ADDRESSES))),
        }
    }
}

impl ForwardNames {
    /// Takes note of an answer.
    pub fn note(&self, answer: Answer) {
        let mut cache = self.cache.lock();
        for address in answer.addresses {
            let names = cache.get_or_insert_with(address, StringSet::default);
            if names.len() < MAX_NAMES {
                names.insert(answer.name.clone());
            }
        }
    }

    /// The names known for an address.
    #[must_use]
    pub fn get(&self, address: IpAddr) -> StringSet {
        self.cache.lock().get(&address).cloned().unwrap_or_default()
    }
}

/// Adds the names of all endpoints of `report` to its `DNS` section; addresses without a name are left out.
pub fn add_names(report: &mut Report, endpoints: impl Iterator<Item = IpAddr>, forward: &ForwardNames, reverse: Option<&Reverse>) {
    let mut records: BTreeMap<SmolStr, DnsRecord> = BTreeMap::new();
    for address in endpoints.filter(|address| !address.is_loopback() && !address.is_unspecified()) {
        let record = DnsRecord {
            forward: forward.get(address),
            reverse: reverse.map(|reverse| reverse.get(address)).unwrap_or_default(),
        };
        if record != DnsRecord::default() {
            records.insert(address.to_smolstr(), record);
        }
    }
    report.dns.extend(records);
}
