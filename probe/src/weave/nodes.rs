//! The overlay as nodes: one a peer, with the connections it opened as edges; this host's peer with everything known of it.

use std::collections::BTreeMap;

use scope_shared::report::{Column, Kind, MetadataTemplate, Node, Report, SmolStr, TableTemplate, Topology};
use scope_shared::time::Timestamp;
use smol_str::{ToSmolStr as _, format_smolstr};

use super::status::Status;

const CONNECTIONS: &str = "weave_connections_multicolumn_table_";

/// Adds nodes and templates.
pub fn add(report: &mut Report, status: &Status, host_id: &str, now: Timestamp) {
    templates(report);
    let overlay = report.topology_mut(Kind::Overlay);
    for peer in &status.router.peers {
        let mut node = Node::new(format_smolstr!("#{}", peer.name), Kind::Overlay.name());
        node.set_latest("weave_peer_name", now, peer.name.as_str());
        node.set_latest("weave_peer_nick_name", now, peer.nick_name.as_str());
        for connection in peer.connections.iter().filter(|connection| connection.outbound) {
            node.adjacency.insert(format_smolstr!("#{}", connection.name));
        }
        if peer.name == status.router.name {
            describe(&mut node, status, host_id, now);
        }
        overlay.add(node);
    }
}

/// What only this host's router knows of itself.
fn describe(node: &mut Node, status: &Status, host_id: &str, now: Timestamp) {
    let router = &status.router;
    let host = format_smolstr!("{host_id};<host>");
    node.add_parent(Kind::Host.name(), host.clone());
    let mut set = |key: &str, value: SmolStr| node.set_latest(key, now, value);
    set("host_node_id", host);
    set("weave_version", status.version.to_smolstr());
    set("weave_encryption", on_off(router.encryption));
    set("weave_peer_discovery", on_off(router.peer_discovery));
    set(
        "weave_protocol",
        if router.protocol_min_version == router.protocol_max_version {
            router.protocol_min_version.to_smolstr()
        } else {
            format_smolstr!("{}..{}", router.protocol_min_version, router.protocol_max_version)
        },
    );
    set("weave_target_count", router.targets.len().to_smolstr());
    set("weave_connection_count", router.connections.len().to_smolstr());
    set("weave_peer_count", router.peers.len().to_smolstr());
    if let Some(ipam) = &status.ipam {
        set("weave_ipam_status", ipam.status().into());
        set("weave_ipam_range", ipam.range.to_smolstr());
        set("weave_ipam_default_subnet", ipam.default_subnet.to_smolstr());
    }
    if let Some(dns) = &status.dns {
        set("weave_dns_domain", dns.domain.to_smolstr());
        set("weave_dns_upstream", dns.upstream.join(", ").into());
        set("weave_dns_ttl", dns.ttl.to_smolstr());
        set(
            "weave_dns_entry_count",
            dns.entries.iter().filter(|entry| entry.tombstone == 0).count().to_smolstr(),
        );
    }
    match &status.proxy {
        Some(proxy) => {
            set("weave_proxy_status", "running".into());
            set("weave_proxy_address", proxy.addresses.join(", ").into());
        }
        None => set("weave_proxy_status", "not running".into()),
    }
    match &status.plugin {
        Some(plugin) => {
            set("weave_plugin_status", "running".into());
            set("weave_plugin_driver", plugin.driver_name.to_smolstr());
        }
        None => set("weave_plugin_status", "not running".into()),
    }
    for connection in &router.connections {
        let arrow = if connection.outbound { "->" } else { "<-" };
        let row = |column: &str| format!("{CONNECTIONS}{}___weave_connection_{column}", connection.address);
        set(&row("connection"), format_smolstr!("{arrow} {}", connection.address));
        set(&row("state"), connection.state.to_smolstr());
        set(&row("info"), connection.info.to_smolstr());
    }
    for subnet in &router.trusted_subnets {
        node.add_to_set("weave_trusted_subnet_count", subnet.as_str());
    }
    if let Some(ipam) = status.ipam.as_ref().filter(|ipam| !ipam.default_subnet.is_empty()) {
        node.add_to_set("local_networks", ipam.default_subnet.as_str());
    }
}

fn on_off(on: bool) -> SmolStr {
    SmolStr::new_static(if on { "enabled" } else { "disabled" })
}

fn templates(report: &mut Report) {
    let overlay = report.topology_mut(Kind::Overlay);
    for (id, label, priority, from) in [
        ("weave_version", "Version", 1.0, "latest"),
        ("weave_protocol", "Protocol", 2.0, "latest"),
        ("weave_peer_name", "Name", 3.0, "latest"),
        ("weave_encryption", "Encryption", 4.0, "latest"),
        ("weave_peer_discovery", "Peer discovery", 5.0, "latest"),
        ("weave_target_count", "Targets", 6.0, "latest"),
        ("weave_peer_count", "Peers", 7.0, "latest"),
        ("weave_connection_count", "Connections", 8.0, "latest"),
        ("weave_trusted_subnet_count", "Trusted subnets", 9.0, "sets"),
    ] {
        row(overlay, id, label, priority, from);
    }
    for (id, label, rows) in [
        (
            "weave_ipam_table",
            "IPAM",
            &[
                ("weave_ipam_status", "Status"),
                ("weave_ipam_range", "Range"),
                ("weave_ipam_default_subnet", "Default subnet"),
            ][..],
        ),
        (
            "weave_dns_table",
            "DNS",
            &[
                ("weave_dns_domain", "Domain"),
                ("weave_dns_upstream", "Upstream"),
                ("weave_dns_ttl", "TTL"),
                ("weave_dns_entry_count", "Entries"),
            ][..],
        ),
        (
            "weave_proxy_table",
            "Proxy",
            &[("weave_proxy_status", "Status"), ("weave_proxy_address", "Address")][..],
        ),
        (
            "weave_plugin_table",
            "Plugin",
            &[("weave_plugin_status", "Status"), ("weave_plugin_driver", "Driver name")][..],
        ),
    ] {
        let rows: BTreeMap<SmolStr, SmolStr> = rows.iter().map(|(key, label)| (SmolStr::new(key), SmolStr::new(label))).collect();
        table(
            overlay,
            TableTemplate {
                id: id.into(),
                label: label.into(),
                kind: "property-list".into(),
                fixed_rows: Some(rows),
                ..TableTemplate::default()
            },
        );
    }
    let columns = [("connection", "Connections"), ("state", "State"), ("info", "Info")].map(|(id, label)| Column {
        id: format_smolstr!("weave_connection_{id}"),
        label: label.into(),
        data_type: SmolStr::default(),
    });
    table(
        overlay,
        TableTemplate {
            id: CONNECTIONS.into(),
            prefix: CONNECTIONS.into(),
            kind: "multicolumn-table".into(),
            columns: Some(columns.into()),
            ..TableTemplate::default()
        },
    );
    // Where the original's older probes put the connections; every probe of its declares it still, and its answers list it.
    const LEGACY: &str = "weave_connections_table_";
    table(
        overlay,
        TableTemplate {
            id: LEGACY.into(),
            label: "Connections".into(),
            prefix: LEGACY.into(),
            kind: "property-list".into(),
            ..TableTemplate::default()
        },
    );
    let containers = report.topology_mut(Kind::Container);
    row(containers, "weave_mac_address", "Weave MAC", 17.0, "latest");
    row(containers, "weave_dns_hostname", "Weave DNS Name", 18.0, "latest");
}

fn row(topology: &mut Topology, id: &'static str, label: &'static str, priority: f64, from: &'static str) {
    let template = MetadataTemplate {
        id: SmolStr::new_static(id),
        label: SmolStr::new_static(label),
        priority,
        from: SmolStr::new_static(from),
        ..MetadataTemplate::default()
    };
    topology.metadata_templates.insert(template.id.clone(), template);
}

fn table(topology: &mut Topology, template: TableTemplate) {
    topology.table_templates.insert(template.id.clone(), template);
}
