//! Networks that exist on this host only (bridges of a container engine), and the scopes that endpoint and address ids get from them.
//!
//! Two hosts may use the same subnet for their bridges; without a scope their endpoints would merge into one. The container collector
//! fills this in; the endpoint tracker reads it. No I/O here: nobody else's interfaces are asked.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use parking_lot::RwLock;
use scope_shared::report::SmolStr;
use smol_str::format_smolstr;

/// A shared handle; clones see the same networks.
#[derive(Clone, Debug, Default)]
pub struct LocalNetworks {
    sources: Arc<RwLock<Vec<Source>>>,
}

/// Who said so, and what.
type Source = (&'static str, Vec<IpNet>);

impl LocalNetworks {
    /// Replaces what `source` (for example `docker`) said before. Host bits are masked off.
    pub fn set(&self, source: &'static str, networks: impl IntoIterator<Item = IpNet>) {
        let networks: Vec<IpNet> = networks.into_iter().map(|network| network.trunc()).collect();
        let mut sources = self.sources.write();
        sources.retain(|(name, _)| *name != source);
        sources.push((source, networks));
    }

    /// Whether the address lies in one of the networks; mapped IPv4 counts as IPv4.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.sources
            .read()
            .iter()
            .any(|(_, networks)| networks.iter().any(|network| network.contains(&address)))
    }

    /// The scope of an address: the host for networks of this host, the host and network namespace for loopback, otherwise empty.
    ///
    /// `netns` is the inode of the network namespace, zero if not known.
    #[must_use]
    pub fn scope(&self, host_id: &str, netns: u32, address: IpAddr) -> SmolStr {
        let address = address.to_canonical();
        if self.contains(address) {
            SmolStr::new(host_id)
        } else if address.is_loopback() {
            match netns {
                0 => SmolStr::new(host_id),
                inode => format_smolstr!("{host_id}-{inode}"),
            }
        } else {
            SmolStr::default()
        }
    }

    /// Id of an endpoint: `<scope>;<address>;<port>`.
    #[must_use]
    pub fn endpoint_id(&self, host_id: &str, netns: u32, address: IpAddr, port: u16) -> SmolStr {
        let address = address.to_canonical();
        format_smolstr!("{};{address};{port}", self.scope(host_id, netns, address))
    }

    /// Id of an address, as in `docker_container_ips_with_scopes`: `<scope>;<address>`.
    #[must_use]
    pub fn address_id(&self, host_id: &str, address: IpAddr) -> SmolStr {
        let address = address.to_canonical();
        format_smolstr!("{};{address}", self.scope(host_id, 0, address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bridges_and_loopback_are_scoped_and_nothing_else_is() -> Result<(), Box<dyn std::error::Error>> {
        let networks = LocalNetworks::default();
        networks.set("docker", ["172.17.0.1/16".parse()?, "fd00:1::1/64".parse()?]);
        let id = |address: &str, netns| Ok::<_, std::net::AddrParseError>(networks.endpoint_id("h", netns, address.parse()?, 80));
        assert_eq!(id("172.17.3.4", 7)?, "h;172.17.3.4;80");
        assert_eq!(id("::ffff:172.17.3.4", 7)?, "h;172.17.3.4;80");
        assert_eq!(id("fd00:1::9", 7)?, "h;fd00:1::9;80");
        assert_eq!(id("127.0.0.1", 7)?, "h-7;127.0.0.1;80");
        assert_eq!(id("::1", 0)?, "h;::1;80");
        assert_eq!(id("10.0.0.1", 7)?, ";10.0.0.1;80");
        networks.set("docker", []);
        assert_eq!(id("172.17.3.4", 7)?, ";172.17.3.4;80");
        Ok(())
    }
}
