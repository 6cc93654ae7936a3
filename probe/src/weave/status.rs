//! What the Weave Net router's `/report` says, as far as it is used. Unknown fields are skipped, missing ones are empty.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer};

/// The whole answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Status {
    /// Version of the router.
    pub version: String,
    /// The router.
    pub router: Router,
    /// Its DNS; absent if switched off.
    #[serde(rename = "DNS")]
    pub dns: Option<Dns>,
    /// Its address management; absent if switched off.
    #[serde(rename = "IPAM")]
    pub ipam: Option<Ipam>,
    /// Its Docker proxy; absent if not running.
    pub proxy: Option<Proxy>,
    /// Its Docker plugin; absent if not running.
    pub plugin: Option<Plugin>,
}

/// The router.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Router {
    /// Name of this peer.
    pub name: String,
    /// Whether connections are encrypted.
    pub encryption: bool,
    /// Whether peers find each other.
    pub peer_discovery: bool,
    /// Oldest protocol spoken.
    pub protocol_min_version: i64,
    /// Newest protocol spoken.
    pub protocol_max_version: i64,
    /// Every peer of the network.
    #[serde(deserialize_with = "null_is_empty")]
    pub peers: Vec<Peer>,
    /// This peer's connections.
    #[serde(deserialize_with = "null_is_empty")]
    pub connections: Vec<Connection>,
    /// Addresses it was told to connect to.
    #[serde(deserialize_with = "null_is_empty")]
    pub targets: Vec<String>,
    /// Networks in which it does not encrypt.
    #[serde(deserialize_with = "null_is_empty")]
    pub trusted_subnets: Vec<String>,
}

/// A peer.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Peer {
    /// Name: a MAC address.
    pub name: String,
    /// Nick name: usually its host's name.
    pub nick_name: String,
    /// Its connections to other peers.
    #[serde(deserialize_with = "null_is_empty")]
    pub connections: Vec<PeerConnection>,
}

/// A connection of any peer.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct PeerConnection {
    /// The other peer's name.
    pub name: String,
    /// Whether this peer opened it.
    pub outbound: bool,
}

/// A connection of this peer.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Connection {
    /// The other end.
    pub address: String,
    /// Whether this peer opened it.
    pub outbound: bool,
    /// `established`, `retrying`…
    pub state: String,
    /// More about it, for people.
    pub info: String,
}

/// The overlay's DNS.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Dns {
    /// Domain of the names.
    pub domain: String,
    /// Where other names are looked up.
    #[serde(deserialize_with = "null_is_empty")]
    pub upstream: Vec<String>,
    /// How long an answer may be kept, in seconds.
    #[serde(rename = "TTL")]
    pub ttl: u64,
    /// Every name.
    #[serde(deserialize_with = "null_is_empty")]
    pub entries: Vec<DnsEntry>,
}

/// A name.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct DnsEntry {
    /// The name.
    #[serde(rename = "Hostname")]
    pub hostname: String,
    /// The container it belongs to.
    #[serde(rename = "ContainerID")]
    pub container_id: String,
    /// When it was removed; zero if it is there.
    #[serde(rename = "Tombstone")]
    pub tombstone: i64,
}

/// Address management.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Ipam {
    /// Present while the peers are agreeing on who has which addresses.
    pub paxos: Option<serde_json::Value>,
    /// All addresses.
    pub range: String,
    /// Where containers get theirs from.
    pub default_subnet: String,
    /// Who has which addresses.
    #[serde(deserialize_with = "null_is_empty")]
    pub entries: Vec<serde_json::Value>,
    /// Requests that wait for an agreement.
    #[serde(deserialize_with = "null_is_empty")]
    pub pending_allocates: Vec<String>,
}

/// Docker proxy.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Proxy {
    /// Where it listens.
    #[serde(deserialize_with = "null_is_empty")]
    pub addresses: Vec<String>,
}

/// Docker plugin.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Plugin {
    /// Name of the network driver.
    pub driver_name: String,
}

fn null_is_empty<'de, D: Deserializer<'de>, T: Deserialize<'de>>(input: D) -> Result<Vec<T>, D::Error> {
    Ok(Option::deserialize(input)?.unwrap_or_default())
}

impl Status {
    /// Live names, sorted, by container.
    #[must_use]
    pub fn names_by_container(&self) -> BTreeMap<&str, Vec<&str>> {
        let mut names: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for entry in self.dns.iter().flat_map(|dns| &dns.entries).filter(|entry| entry.tombstone == 0) {
            names
                .entry(&entry.container_id)
                .or_default()
                .insert(entry.hostname.trim_end_matches('.'));
        }
        names
            .into_iter()
            .map(|(container, names)| (container, names.into_iter().collect()))
            .collect()
    }
}

impl Ipam {
    /// How address management does, in the words of the router's own status page.
    #[must_use]
    pub fn status(&self) -> &'static str {
        match (self.paxos.is_some(), self.entries.is_empty(), self.pending_allocates.is_empty()) {
            (true, _, _) => "awaiting consensus",
            (false, true, true) => "idle",
            (false, true, false) => "awaiting consensus",
            (false, false, _) => "ready",
        }
    }
}
