//! What the benchmarks run on, natively and in WebAssembly: a made-up large host, and sets of networks with addresses to look up.
//!
//! Everything is drawn from a fixed seed, so that figures of two builds compare.
#![allow(dead_code)]

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use scope_shared::report::{Kind, Metric, Node, Report, Sample};
use scope_shared::time::Timestamp;

/// A small generator of numbers (SplitMix64).
pub struct Draw(u64);

impl Draw {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn hex(&mut self) -> String {
        (0..4).map(|_| format!("{:016x}", self.next())).collect()
    }
}

/// A host with `containers` containers of ten processes and twenty endpoints each: 287 of them are 4.9 MB of msgpack.
pub fn host(name: &str, containers: u64) -> Report {
    let mut draw = Draw::new(containers);
    let mut report = Report {
        ts: Timestamp::from_unix(1_700_000_000, 0),
        id: name.into(),
        window: 3_000_000_000,
        ..Report::default()
    };
    let host_id = format!("{name};<host>");
    let now = |draw: &mut Draw| Timestamp::from_unix(1_700_000_000, draw.below(1_000_000_000) as u32);
    for index in 0..containers {
        let id = draw.hex();
        let image = format!("{:064x};<container_image>", index % 20);
        let container_id = format!("{id};<container>");
        let at = now(&mut draw);
        let address = Ipv4Addr::from_bits(0x0a20_0000 + index as u32);
        let mut node = Node::new(container_id.as_str(), "container");
        let entries = [
            ("docker_container_id", id.clone()),
            ("docker_container_name", format!("shop_service-{}_{index}", index % 20)),
            (
                "docker_container_command",
                format!("/usr/local/bin/service --port 8080 --name service-{index}"),
            ),
            ("docker_container_created", "2023-11-14T22:13:20Z".to_owned()),
            ("docker_container_hostname", id.chars().take(12).collect()),
            ("docker_container_state", "running".to_owned()),
            ("docker_container_state_human", "Up 3 hours".to_owned()),
            ("docker_container_uptime", "10800".to_owned()),
            ("docker_container_restart_count", "0".to_owned()),
            ("docker_container_network_mode", "default".to_owned()),
            ("docker_image_id", format!("{:064x}", index % 20)),
            ("docker_label_com.docker.compose.project", "shop".to_owned()),
            ("docker_label_com.docker.compose.service", format!("service-{}", index % 20)),
            (
                "docker_env_PATH",
                "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned(),
            ),
            ("host_node_id", host_id.clone()),
            ("control_probe_id", "3d67817e3fe1a250".to_owned()),
            (
                "active_controls",
                "docker_attach_container;docker_exec_container;docker_pause_container;docker_stop_container".to_owned(),
            ),
        ];
        for (key, value) in entries {
            node.set_latest(key, at, value);
        }
        node.add_to_set("docker_container_ips", address.to_string());
        node.add_to_set("docker_container_ips_with_scopes", format!(";{address}"));
        node.add_parent("host", host_id.as_str());
        node.add_parent("container_image", image.as_str());
        for metric in ["docker_cpu_total_usage", "docker_memory_usage"] {
            let samples: Vec<Sample> = (0..3)
                .map(|_| Sample {
                    date: now(&mut draw),
                    value: draw.below(1000) as f64 / 8.0,
                })
                .collect();
            node.metrics.insert(
                metric,
                Metric {
                    samples,
                    min: 0.0,
                    max: 125.0,
                },
            );
        }
        report.topology_mut(Kind::Container).add(node);
        for process in 0..10 {
            processes(&mut report, &mut draw, name, &host_id, &container_id, index * 10 + process + 100);
        }
        for endpoint in 0..20 {
            endpoints(&mut report, &mut draw, &host_id, address, index, endpoint);
        }
    }
    report
}

fn processes(report: &mut Report, draw: &mut Draw, host: &str, host_id: &str, container_id: &str, pid: u64) {
    let at = Timestamp::from_unix(1_700_000_000, draw.below(1_000_000_000) as u32);
    let mut node = Node::new(format!("{host};{pid}"), "process");
    let entries = [
        ("pid", pid.to_string()),
        ("ppid", "99".to_owned()),
        ("name", "service".to_owned()),
        ("cmdline", format!("/usr/local/bin/service --worker {pid} --listen 0.0.0.0:8080")),
        ("threads", draw.below(20).to_string()),
        ("host_node_id", host_id.to_owned()),
    ];
    for (key, value) in entries {
        node.set_latest(key, at, value);
    }
    node.add_parent("container", container_id);
    node.add_parent("host", host_id);
    for metric in ["process_cpu_usage_percent", "process_memory_usage_bytes", "open_files_count"] {
        let samples: Vec<Sample> = (0..3)
            .map(|_| Sample {
                date: at,
                value: draw.below(1 << 20) as f64,
            })
            .collect();
        node.metrics.insert(
            metric,
            Metric {
                samples,
                min: 0.0,
                max: 1_048_576.0,
            },
        );
    }
    report.topology_mut(Kind::Process).add(node);
}

fn endpoints(report: &mut Report, draw: &mut Draw, host_id: &str, address: Ipv4Addr, container: u64, endpoint: u64) {
    let at = Timestamp::from_unix(1_700_000_000, draw.below(1_000_000_000) as u32);
    let mut node = Node::new(format!(";{address};{}", 32768 + endpoint * 7), "endpoint");
    node.set_latest("host_node_id", at, host_id);
    node.set_latest("pid", at, (container * 10 + endpoint % 10 + 100).to_string());
    let peer = Ipv4Addr::from_bits(0x0a20_0000 + draw.below(1000) as u32);
    node.adjacency.insert(format!(";{peer};8080"));
    report.topology_mut(Kind::Endpoint).add(node);
}

/// Local networks as clusters have them: pod networks of nodes side by side, service addresses, a few large ones.
pub fn networks_v4(count: usize) -> Vec<IpNet> {
    let mut draw = Draw::new(count as u64);
    (0..count)
        .map(|index| {
            let (bits, length) = match index % 8 {
                0..4 => (0x0af4_0000 | (draw.below(1 << 12) as u32) << 8, 24),
                4..7 => (0x0a60_0000 | draw.below(1 << 13) as u32, 32),
                _ => (0xac10_0000 | (draw.below(1 << 8) as u32) << 12, 20),
            };
            IpNet::from(Ipv4Net::new_assert(Ipv4Addr::from_bits(bits), length))
        })
        .collect()
}

/// The same in IPv6: a /64 a node, single service addresses, a few /48.
pub fn networks_v6(count: usize) -> Vec<IpNet> {
    let mut draw = Draw::new(count as u64);
    (0..count)
        .map(|index| {
            let (bits, length) = match index % 8 {
                0..4 => (0xfd00_0010_0244_0000_u128 << 64 | u128::from(draw.below(1 << 13)) << 64, 64),
                4..7 => (0xfd00_0010_0096_0000_u128 << 64 | u128::from(draw.below(1 << 14)), 128),
                _ => (0x2001_0db8_0000_0000_u128 << 64 | u128::from(draw.below(1 << 10)) << 80, 48),
            };
            IpNet::from(Ipv6Net::new_assert(Ipv6Addr::from_bits(bits), length))
        })
        .collect()
}

/// Addresses to look up: 4,096 look-ups of far fewer addresses, a few of them most of the time, as connection tables have them.
/// `inside` of ten lie in one of the networks.
pub fn addresses(networks: &[IpNet], inside: u64) -> Vec<std::net::IpAddr> {
    let mut draw = Draw::new(networks.len() as u64 + inside);
    let mut one = || {
        let Some(network) = networks.get(draw.below(networks.len() as u64) as usize) else {
            return Ipv4Addr::LOCALHOST.into();
        };
        let hit = draw.below(10) < inside;
        match network {
            IpNet::V4(network) => {
                let host = draw.next() as u32 & network.hostmask().to_bits();
                let bits = if hit {
                    network.addr().to_bits() | host
                } else {
                    0x0800_0000 | draw.next() as u32 & 0x7fff_ffff
                };
                std::net::IpAddr::V4(Ipv4Addr::from_bits(bits))
            }
            IpNet::V6(network) => {
                let random = u128::from(draw.next()) << 64 | u128::from(draw.next());
                let host = random & network.hostmask().to_bits();
                let bits = if hit {
                    network.addr().to_bits() | host
                } else {
                    0x2a00_0000_0000_0000_u128 << 64 | random >> 8
                };
                std::net::IpAddr::V6(Ipv6Addr::from_bits(bits))
            }
        }
    };
    let known: Vec<_> = (0..1024).map(|_| one()).collect();
    // The smaller of three draws: the first addresses come far more often than the last.
    (0..4096)
        .filter_map(|_| {
            let rank = (0..3).map(|_| draw.below(1024)).min().unwrap_or(0);
            known.get(rank as usize).copied()
        })
        .collect()
}
