//! Membership in a set of networks, by asking each: a stand-in with the interface of `scope_shared::trie` until that lands.

use std::net::IpAddr;

use ipnet::IpNet;

/// A set of networks.
#[derive(Clone, Debug, Default)]
pub(crate) struct NetworkTrie(Vec<IpNet>);

impl NetworkTrie {
    /// Whether an address lies in one of them.
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

impl FromIterator<IpNet> for NetworkTrie {
    fn from_iter<T: IntoIterator<Item = IpNet>>(networks: T) -> Self {
        Self(networks.into_iter().collect())
    }
}
