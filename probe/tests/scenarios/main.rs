//! Who talks to whom, on a real kernel: namespaces, bridges, translation and processes are made, and the edges of the process map are
//! compared, for every tier that works here. Needs root; says so instead of failing where that is missing.
#![allow(clippy::expect_used, missing_docs)]

mod host;
mod recall;
mod short;
mod translated;
mod world;

use std::net::SocketAddr;
use std::sync::Mutex;

use host::{Host, edges_from, expect_edges, has_edge, processes};
use scope_probe::endpoint::Tier;
use scope_probe::{ebpf, endpoint};
use world::{Running, World, missing};

/// One scenario at a time: they share the kernel's tables and two processors.
static ONE: Mutex<()> = Mutex::new(());

/// Tiers that this machine supports. Prints what keeps the others away.
pub fn tiers() -> Vec<Tier> {
    if let Some(what) = missing() {
        println!("NOT RUN: this test needs {what}");
        return Vec::new();
    }
    let mut tiers = vec![Tier::Proc];
    match endpoint::diag_works() {
        Ok(()) => tiers.push(Tier::Diag),
        Err(error) => println!("tier diag NOT RUN: {error}"),
    }
    match ebpf::Source::open() {
        Ok(_) => tiers.push(Tier::Ebpf),
        Err(error) => println!("tier ebpf NOT RUN: {error}"),
    }
    tiers
}

/// Runs a scenario in each tier, each in a world of its own.
pub fn in_every_tier(scenario: impl Fn(Tier, &mut World)) {
    let _one = ONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    for tier in tiers() {
        println!("tier {}", tier.name());
        scenario(tier, &mut World::new());
    }
}

pub fn edge(from_host: &str, from: &Running, to_host: &str, to: &Running) -> (String, String) {
    (format!("{from_host};{}", from.pid), format!("{to_host};{}", to.pid))
}

/// A host with a bridge and two containers on it: (host, containers).
fn bridged(world: &mut World) -> (String, String, String) {
    let host = world.namespace("h");
    world.bridge(&host, "172.18.0.1/16 fd00:18::1/64");
    let a = world.container(&host, "a", "172.18.0.2/16 fd00:18::2/64", "172.18.0.1 fd00:18::1");
    let b = world.container(&host, "b", "172.18.0.3/16 fd00:18::3/64", "172.18.0.1 fd00:18::1");
    (host, a, b)
}

const BRIDGE: &[&str] = &["172.18.0.0/16", "fd00:18::/64"];

#[test]
fn container_to_container() {
    in_every_tier(|tier, world| {
        let (_, a, b) = bridged(world);
        let server = world.serve(&b, "tcp", "0.0.0.0:80");
        let client_namespace = world.inhabit(&a);
        let mut host = Host::new("h1", tier, &[server.netns, client_namespace.netns], BRIDGE, &[]);
        let client = world.hold(&a, "tcp", "172.18.0.3:80", 1);
        let view = expect_edges(&mut [&mut host], &[edge("h1", &client, "h1", &server)], "container to container");
        assert!(
            !has_edge(&view, &format!("h1;{}", server.pid), &format!("h1;{}", client.pid)),
            "drawn backwards"
        );
        let report = host.report();
        let endpoints = &report.topology(scope_shared::report::Kind::Endpoint).nodes;
        assert!(
            endpoints.contains_key("h1;172.18.0.3;80"),
            "not scoped to the host: {:?}",
            endpoints.keys()
        );
    });
}

#[test]
fn ipv6_and_mapped_addresses() {
    in_every_tier(|tier, world| {
        let (_, a, b) = bridged(world);
        let six = world.serve(&b, "tcp", "[fd00:18::3]:81");
        let mapped = world.serve(&b, "tcp", "[::]:82");
        let place = world.inhabit(&a);
        let mut host = Host::new("h1", tier, &[six.netns, place.netns], BRIDGE, &[]);
        let over_six = world.hold(&a, "tcp", "[fd00:18::3]:81", 1);
        let over_four = world.hold(&a, "tcp", "172.18.0.3:82", 1);
        let from_mapped = world.hold(&a, "tcp", "[::ffff:172.18.0.3]:82", 1);
        let edges = [
            edge("h1", &over_six, "h1", &six),
            edge("h1", &over_four, "h1", &mapped),
            edge("h1", &from_mapped, "h1", &mapped),
        ];
        expect_edges(&mut [&mut host], &edges, "IPv6");
    });
}

#[test]
fn connected_udp() {
    in_every_tier(|tier, world| {
        let (_, a, b) = bridged(world);
        let server = world.serve(&b, "udp", "0.0.0.0:5300");
        let server6 = world.serve(&b, "udp", "[fd00:18::3]:5301");
        let place = world.inhabit(&a);
        let mut host = Host::new("h1", tier, &[server.netns, place.netns], BRIDGE, &[]);
        let client = world.hold(&a, "udp", "172.18.0.3:5300", 1);
        let client6 = world.hold(&a, "udp", "[fd00:18::3]:5301", 1);
        let edges = [edge("h1", &client, "h1", &server), edge("h1", &client6, "h1", &server6)];
        expect_edges(&mut [&mut host], &edges, "UDP");
    });
}

#[test]
fn across_hosts() {
    in_every_tier(|tier, world| {
        let (left, right) = (world.namespace("l"), world.namespace("r"));
        world.link(&left, "10.9.0.1/24 fd09::1/64", &right, "10.9.0.2/24 fd09::2/64");
        let server = world.serve(&right, "tcp", "[::]:7000");
        let place = world.inhabit(&left);
        let networks = ["10.9.0.0/24", "fd09::/64"];
        let mut one = Host::new("one", tier, &[place.netns], &[], &networks);
        let mut two = Host::new("two", tier, &[server.netns], &[], &networks);
        let four = world.hold(&left, "tcp", "10.9.0.2:7000", 1);
        let six = world.hold(&left, "tcp", "[fd09::2]:7000", 1);
        let edges = [edge("one", &four, "two", &server), edge("one", &six, "two", &server)];
        expect_edges(&mut [&mut one, &mut two], &edges, "across hosts");
    });
}

#[test]
fn within_one_namespace_and_not_with_the_same_port_of_another() {
    in_every_tier(|tier, world| {
        let (a, b) = (world.namespace("a"), world.namespace("b"));
        let servers = [world.serve(&a, "tcp", "127.0.0.1:9000"), world.serve(&b, "tcp", "127.0.0.1:9000")];
        let mut host = Host::new("h1", tier, &[servers[0].netns, servers[1].netns], &[], &[]);
        let clients = [
            world.hold(&a, "tcp", "127.0.0.1:9000", 1),
            world.hold(&b, "tcp", "127.0.0.1:9000", 1),
        ];
        let edges = [
            edge("h1", &clients[0], "h1", &servers[0]),
            edge("h1", &clients[1], "h1", &servers[1]),
        ];
        let view = expect_edges(&mut [&mut host], &edges, "same namespace");
        for (client, server) in [(&clients[0], &servers[1]), (&clients[1], &servers[0])] {
            let (from, to) = edge("h1", client, "h1", server);
            assert!(!has_edge(&view, &from, &to), "joined across namespaces");
        }
    });
}

#[test]
fn the_outside_world_in_both_directions() {
    in_every_tier(|tier, world| {
        let (here, outside) = (world.namespace("h"), world.namespace("w"));
        world.link(&here, "203.0.113.1/24", &outside, "203.0.113.80/24");
        let server = world.serve(&here, "tcp", "0.0.0.0:443");
        let far = world.serve(&outside, "tcp", "0.0.0.0:443");
        let mut host = Host::new("h1", tier, &[server.netns], &[], &["10.0.0.0/8"]);
        let client = world.hold(&here, "tcp", "203.0.113.80:443", 1);
        let visitor = world.hold(&outside, "tcp", "203.0.113.1:443", 1);
        let edges = [
            (format!("h1;{}", client.pid), "out-theinternet".to_owned()),
            ("in-theinternet".to_owned(), format!("h1;{}", server.pid)),
        ];
        expect_edges(&mut [&mut host], &edges, "the Internet");
        drop((far, visitor));
    });
}

#[test]
fn a_probe_started_after_the_connections_and_started_again() {
    in_every_tier(|tier, world| {
        let (_, a, b) = bridged(world);
        let server = world.serve(&b, "tcp", "0.0.0.0:80");
        let client = world.hold(&a, "tcp", "172.18.0.3:80", 3);
        let namespaces = [server.netns, client.netns];
        let edges = [edge("h1", &client, "h1", &server)];
        let mut late = Host::new("h1", tier, &namespaces, BRIDGE, &[]);
        expect_edges(&mut [&mut late], &edges, "started late");
        drop(late);
        let mut again = Host::new("h1", tier, &namespaces, BRIDGE, &[]);
        expect_edges(&mut [&mut again], &edges, "started again");
        // What ended while the tracker was there is not held for ever.
        let (from, _) = edge("h1", &client, "h1", &server);
        client.stop();
        again.tick();
        let known = again.known();
        let known = known.lock();
        let live = known.table.iter().filter(|(_, connection)| connection.closed.is_none()).count();
        assert_eq!(live, 0, "connections of {from} still count as open");
    });
}

#[test]
fn port_numbers_of_servers_do_not_matter_to_the_direction() {
    in_every_tier(|tier, world| {
        let (_, a, b) = bridged(world);
        // Above every ephemeral port: a guess by "the lower port listens" draws this backwards.
        let server = world.serve(&b, "tcp", "0.0.0.0:65000");
        let client = world.hold(&a, "tcp", "172.18.0.3:65000", 2);
        let mut host = Host::new("h1", tier, &[server.netns, client.netns], BRIDGE, &[]);
        let view = expect_edges(&mut [&mut host], &[edge("h1", &client, "h1", &server)], "a high port");
        assert!(edges_from(&view, &format!("h1;{}", server.pid)).is_empty(), "drawn backwards");
        drop(processes(&[&host]));
    });
}

pub fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}
