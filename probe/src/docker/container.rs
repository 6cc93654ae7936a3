//! One container: what an inspection said of it, and the node made of that with every report.

use std::collections::BTreeMap;
use std::net::IpAddr;

use bollard::models::{ContainerInspectResponse, ContainerState, PortMap};
use scope_shared::report::{Kind, Node, SmolStr};
use scope_shared::time::Timestamp;
use smol_str::{ToSmolStr as _, format_smolstr};

use super::words;

/// What an inspection said, kept until the next event about the container.
#[derive(Clone, Debug)]
pub struct Container {
    /// Full id.
    pub id: SmolStr,
    /// Image's id without `sha256:`.
    pub image_id: SmolStr,
    /// Image as it was asked for (`redis:7`).
    pub image_reference: SmolStr,
    /// First process; zero if it does not run.
    pub pid: u32,
    /// Whether a terminal was asked for.
    pub tty: bool,
    /// Network mode: `bridge`, `host`, `container:<id>`…
    pub network_mode: SmolStr,
    /// Names of the networks it is attached to.
    pub networks: Vec<SmolStr>,
    /// Its own addresses, both families.
    pub addresses: Vec<IpAddr>,
    state: ContainerState,
    restart_count: i64,
    ports: Vec<Port>,
    fixed: Node,
}

/// What is left out of nodes.
#[derive(Clone, Copy, Debug)]
pub struct Censor {
    /// Arguments of the command.
    pub arguments: bool,
    /// Environment variables.
    pub environment: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Port {
    Exposed(SmolStr),
    Bound {
        host: Option<IpAddr>,
        host_port: SmolStr,
        container: SmolStr,
    },
}

/// What a node needs to know that the container itself does not.
#[derive(Clone, Debug, Default)]
pub struct Surroundings<'a> {
    /// Addresses of the network the container really is in: its own, another container's, or the host's.
    pub addresses: &'a [IpAddr],
    /// Whether that network is the host's.
    pub in_host_network: bool,
    /// Ports of the container whose network it is in.
    pub owner: Option<&'a Container>,
    /// Addresses of this host that outsiders reach.
    pub reachable: &'a [IpAddr],
}

impl Container {
    /// From an inspection; `None` if it lacks even an id.
    #[must_use]
    pub fn new(inspect: ContainerInspectResponse, censor: Censor, now: Timestamp) -> Option<Self> {
        let id = SmolStr::new(inspect.id.as_deref()?);
        let fixed = fixed_node(&id, &inspect, censor, now);
        let state = inspect.state.unwrap_or_default();
        let config = inspect.config.unwrap_or_default();
        let settings = inspect.network_settings.unwrap_or_default();
        let attached: BTreeMap<String, _> = settings.networks.unwrap_or_default().into_iter().collect();
        let address = |text: Option<&String>| text.and_then(|text| text.parse::<IpAddr>().ok());
        let mut addresses: Vec<IpAddr> = attached
            .values()
            .flat_map(|network| [address(network.ip_address.as_ref()), address(network.global_ipv6_address.as_ref())])
            .flatten()
            .collect();
        addresses.sort_unstable();
        addresses.dedup();
        let running = state.running.unwrap_or(false);
        Some(Self {
            id,
            image_id: inspect.image.as_deref().map(short_image_id).unwrap_or_default(),
            image_reference: config.image.as_deref().map(SmolStr::new).unwrap_or_default(),
            pid: state.pid.filter(|_| running).and_then(|pid| u32::try_from(pid).ok()).unwrap_or(0),
            tty: config.tty.unwrap_or(false),
            network_mode: inspect
                .host_config
                .and_then(|host| host.network_mode)
                .map(SmolStr::from)
                .unwrap_or_default(),
            networks: attached.keys().filter(|name| *name != "none").map(SmolStr::new).collect(),
            addresses,
            restart_count: inspect.restart_count.unwrap_or(0),
            ports: ports(settings.ports.unwrap_or_default()),
            state,
            fixed,
        })
    }

    /// One word for its state.
    #[must_use]
    pub fn state(&self) -> &'static str {
        words::state(&self.state)
    }

    /// Whether a listing's word for its state is what is known of it.
    #[must_use]
    pub fn agrees_with(&self, listed: &str) -> bool {
        // A container that is being stopped still runs; one that is being removed is looked at until it is gone.
        self.state() == if listed == "stopping" { "running" } else { listed }
    }

    /// Whether it has processes.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.state.running.unwrap_or(false)
    }

    /// The node as of `now`, without addresses, metrics and controls.
    #[must_use]
    pub fn node(&self, now: Timestamp) -> Node {
        let mut node = self.fixed.clone();
        let state = self.state();
        node.set_latest("docker_container_state", now, state);
        node.set_latest("docker_container_state_human", now, words::state_sentence(&self.state, now));
        if state == "running" {
            node.set_latest("docker_container_uptime", now, words::uptime(&self.state, now).to_smolstr());
            node.set_latest("docker_container_restart_count", now, self.restart_count.to_smolstr());
            node.set_latest("docker_container_network_mode", now, self.network_mode.clone());
        }
        node
    }

    /// Adds where the container is found in the network. `scoped` makes the id of an address.
    pub fn describe_network(&self, node: &mut Node, around: &Surroundings<'_>, now: Timestamp, scoped: impl Fn(IpAddr) -> SmolStr) {
        let owner = around.owner.unwrap_or(self);
        for network in &owner.networks {
            node.add_to_set("docker_container_networks", network.clone());
        }
        for address in around.addresses {
            node.add_to_set("docker_container_ips", address.to_smolstr());
            node.add_to_set("docker_container_ips_with_scopes", scoped(*address));
        }
        for port in &owner.ports {
            port.describe(node, around.reachable);
        }
        if around.in_host_network {
            node.set_latest("docker_is_in_host_network", now, "true");
        }
    }
}

impl Port {
    fn describe(&self, node: &mut Node, reachable: &[IpAddr]) {
        const SET: &str = "docker_container_ports";
        match self {
            Self::Exposed(port) => {
                node.add_to_set(SET, port.clone());
            }
            Self::Bound {
                host: Some(host),
                host_port,
                container,
            } if !host.is_unspecified() => {
                node.add_to_set(SET, binding(*host, host_port, container));
            }
            Self::Bound {
                host,
                host_port,
                container,
            } => {
                let v6 = host.is_some_and(|host| host.is_ipv6());
                for address in reachable.iter().filter(|address| address.is_ipv6() == v6) {
                    node.add_to_set(SET, binding(*address, host_port, container));
                }
            }
        }
    }
}

fn binding(host: IpAddr, host_port: &str, container: &str) -> SmolStr {
    match host {
        IpAddr::V4(host) => format_smolstr!("{host}:{host_port}->{container}"),
        IpAddr::V6(host) => format_smolstr!("[{host}]:{host_port}->{container}"),
    }
}

fn ports(map: PortMap) -> Vec<Port> {
    let sorted: BTreeMap<String, _> = map.into_iter().collect();
    let mut ports = Vec::new();
    for (container, bindings) in sorted {
        let container = SmolStr::from(container);
        let bindings = bindings.unwrap_or_default();
        if bindings.is_empty() {
            ports.push(Port::Exposed(container));
            continue;
        }
        for bound in bindings {
            let host = bound
                .host_ip
                .as_deref()
                .filter(|text| !text.is_empty())
                .and_then(|text| text.parse().ok());
            ports.push(Port::Bound {
                host,
                host_port: bound.host_port.map(SmolStr::from).unwrap_or_default(),
                container: container.clone(),
            });
        }
    }
    ports
}

/// An image id without its algorithm.
#[must_use]
pub fn short_image_id(id: &str) -> SmolStr {
    SmolStr::new(id.strip_prefix("sha256:").unwrap_or(id))
}

fn fixed_node(id: &SmolStr, inspect: &ContainerInspectResponse, censor: Censor, now: Timestamp) -> Node {
    let mut node = Node::new(format_smolstr!("{id};<container>"), Kind::Container.name());
    let image_id = inspect.image.as_deref().map(short_image_id).unwrap_or_default();
    node.set_latest("docker_container_id", now, id.clone());
    node.set_latest("docker_image_id", now, image_id.clone());
    node.set_latest(
        "docker_container_name",
        now,
        inspect.name.as_deref().unwrap_or_default().trim_start_matches('/'),
    );
    if let Some(created) = &inspect.created {
        node.set_latest("docker_container_created", now, created.as_str());
    }
    let mut command = inspect.path.clone().unwrap_or_default();
    if !censor.arguments {
        for argument in inspect.args.iter().flatten() {
            command.push(' ');
            command.push_str(argument);
        }
    }
    node.set_latest("docker_container_command", now, command);
    if let Some(config) = &inspect.config {
        let host = config.hostname.as_deref().unwrap_or_default();
        let full = match config.domainname.as_deref().filter(|domain| !domain.is_empty()) {
            Some(domain) => format_smolstr!("{host}.{domain}"),
            None => SmolStr::new(host),
        };
        node.set_latest("docker_container_hostname", now, full);
        let labels: BTreeMap<_, _> = config.labels.iter().flatten().collect();
        for (key, value) in labels {
            node.set_latest(&format!("docker_label_{key}"), now, value.as_str());
        }
        if !censor.environment {
            for (key, value) in config.env.iter().flatten().filter_map(|pair| pair.split_once('=')) {
                node.set_latest(&format!("docker_env_{key}"), now, value);
            }
        }
    }
    node.add_parent(Kind::ContainerImage.name(), format_smolstr!("{image_id};<container_image>"));
    node
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inspected() -> ContainerInspectResponse {
        serde_json::from_value(serde_json::json!({
            "Id": "abc", "Created": "2026-01-02T03:04:05.678Z", "Path": "redis-server", "Args": ["--port", "6379"],
            "Image": "sha256:f00", "Name": "/shop-redis-1", "RestartCount": 2,
            "State": {"Status": "running", "Running": true, "Pid": 77, "StartedAt": "2026-01-02T03:04:06Z"},
            "HostConfig": {"NetworkMode": "shop"},
            "Config": {"Hostname": "abc", "Domainname": "example.org", "Env": ["SECRET=1"], "Image": "redis:7", "Tty": true,
                       "Labels": {"com.docker.compose.service": "redis"}},
            "NetworkSettings": {
                "Networks": {"shop": {"IPAddress": "172.18.0.3", "GlobalIPv6Address": "fd00::3"}},
                "Ports": {"6379/tcp": [{"HostIp": "0.0.0.0", "HostPort": "16379"}, {"HostIp": "::", "HostPort": "16379"},
                                       {"HostIp": "127.0.0.1", "HostPort": "1"}],
                          "80/tcp": null}
            }
        }))
        .unwrap()
    }

    fn node(censor: Censor) -> Node {
        let now = Timestamp::parse("2026-01-02T03:07:11Z").unwrap();
        let container = Container::new(inspected(), censor, now).unwrap();
        let mut node = container.node(now);
        let reachable = ["10.0.0.5".parse().unwrap(), "2001:db8::5".parse().unwrap()];
        let around = Surroundings {
            addresses: &container.addresses,
            reachable: &reachable,
            ..Surroundings::default()
        };
        container.describe_network(&mut node, &around, now, |address| format_smolstr!("h;{address}"));
        node
    }

    #[test]
    fn an_inspection_becomes_the_originals_node() {
        let node = node(Censor {
            arguments: false,
            environment: true,
        });
        for (key, value) in [
            ("docker_container_id", "abc"),
            ("docker_image_id", "f00"),
            ("docker_container_name", "shop-redis-1"),
            ("docker_container_command", "redis-server --port 6379"),
            ("docker_container_hostname", "abc.example.org"),
            ("docker_label_com.docker.compose.service", "redis"),
            ("docker_container_state", "running"),
            ("docker_container_state_human", "Up 3 minutes"),
            ("docker_container_uptime", "180"),
            ("docker_container_restart_count", "2"),
            ("docker_container_network_mode", "shop"),
        ] {
            assert_eq!(node.latest(key), Some(value), "{key}");
        }
        assert_eq!(
            node.latest("docker_env_SECRET"),
            None,
            "the environment is private unless asked for"
        );
        assert!(
            node.parents
                .get("container_image")
                .is_some_and(|ids| ids.contains("f00;<container_image>"))
        );
    }

    #[test]
    fn addresses_and_ports_of_both_families_are_reported() {
        let node = node(Censor {
            arguments: true,
            environment: false,
        });
        let set = |key| {
            node.sets
                .get(key)
                .map(|set| set.iter().map(ToString::to_string).collect::<Vec<_>>())
                .unwrap_or_default()
        };
        assert_eq!(set("docker_container_ips"), ["172.18.0.3", "fd00::3"]);
        assert_eq!(set("docker_container_ips_with_scopes"), ["h;172.18.0.3", "h;fd00::3"]);
        assert_eq!(
            set("docker_container_ports"),
            [
                "10.0.0.5:16379->6379/tcp",
                "127.0.0.1:1->6379/tcp",
                "80/tcp",
                "[2001:db8::5]:16379->6379/tcp"
            ]
        );
        assert_eq!(node.latest("docker_container_command"), Some("redis-server"));
        assert_eq!(node.latest("docker_env_SECRET"), Some("1"));
    }
}
