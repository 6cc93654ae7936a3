//! Published ports, masquerading, services: connections whose ends are not what they seem.

use super::host::Host;
use super::world::World;
use super::{BRIDGE, bridged, edge, edges_from, expect_edges, has_edge, in_every_tier};

const OUTSIDE: &[&str] = &["10.9.0.0/24"];

/// A host with a bridge and two containers, and another host reached by a link: (host, a, b, other).
fn host_and_neighbour(world: &mut World) -> (String, String, String, String) {
    let (host, a, b) = bridged(world);
    let other = world.namespace("o");
    world.link(&host, "10.9.0.1/24", &other, "10.9.0.2/24");
    (host, a, b, other)
}

fn publish(world: &World, host: &str, port: u16, to: &str) {
    let (port, to) = (port.to_string(), to.to_owned());
    for chain in ["PREROUTING", "OUTPUT"] {
        world.run_in(
            host,
            &[
                "iptables",
                "-t",
                "nat",
                "-A",
                chain,
                "-p",
                "tcp",
                "-d",
                "10.9.0.1",
                "--dport",
                &port,
                "-j",
                "DNAT",
                "--to-destination",
                &to,
            ],
        );
    }
}

fn masquerade(world: &World, host: &str) {
    world.run_in(
        host,
        &[
            "iptables",
            "-t",
            "nat",
            "-A",
            "POSTROUTING",
            "-s",
            "172.18.0.0/16",
            "-j",
            "MASQUERADE",
        ],
    );
}

#[test]
fn a_published_port_reached_from_another_host() {
    in_every_tier(|tier, world| {
        let (outer, _, b, other) = host_and_neighbour(world);
        publish(world, &outer, 8080, "172.18.0.3:80");
        let server = world.serve(&b, "tcp", "0.0.0.0:80");
        let (router, place) = (world.inhabit(&outer), world.inhabit(&other));
        let mut host = Host::new("h1", tier, &[server.netns, router.netns], BRIDGE, OUTSIDE);
        let mut neighbour = Host::new("h2", tier, &[place.netns], &[], OUTSIDE);
        let client = world.hold(&other, "tcp", "10.9.0.1:8080", 1);
        let view = expect_edges(
            &mut [&mut host, &mut neighbour],
            &[edge("h2", &client, "h1", &server)],
            "published port",
        );
        let (to, from) = edge("h2", &client, "h1", &server);
        assert!(!has_edge(&view, &from, &to), "drawn backwards");
        let report = host.report();
        let endpoints = &report.topology(scope_shared::report::Kind::Endpoint).nodes;
        let copy = endpoints.get(";10.9.0.1;8080").and_then(|node| node.latest("copy_of"));
        assert_eq!(copy, Some("h1;172.18.0.3;80"), "the published address is a copy of the real one");
    });
}

#[test]
fn a_published_port_reached_from_a_container_beside_it() {
    in_every_tier(|tier, world| {
        let (outer, a, b, _) = host_and_neighbour(world);
        publish(world, &outer, 8080, "172.18.0.3:80");
        masquerade(world, &outer);
        let server = world.serve(&b, "tcp", "0.0.0.0:80");
        let (router, place) = (world.inhabit(&outer), world.inhabit(&a));
        let mut host = Host::new("h1", tier, &[server.netns, router.netns, place.netns], BRIDGE, OUTSIDE);
        let client = world.hold(&a, "tcp", "10.9.0.1:8080", 1);
        let local = world.hold(&outer, "tcp", "10.9.0.1:8080", 1);
        let edges = [edge("h1", &client, "h1", &server), edge("h1", &local, "h1", &server)];
        expect_edges(&mut [&mut host], &edges, "both ends translated");
    });
}

#[test]
fn a_masqueraded_client() {
    in_every_tier(|tier, world| {
        let (outer, a, _, other) = host_and_neighbour(world);
        masquerade(world, &outer);
        let server = world.serve(&other, "tcp", "0.0.0.0:443");
        let (router, place) = (world.inhabit(&outer), world.inhabit(&a));
        let mut host = Host::new("h1", tier, &[router.netns, place.netns], BRIDGE, OUTSIDE);
        let mut neighbour = Host::new("h2", tier, &[server.netns], &[], OUTSIDE);
        let client = world.hold(&a, "tcp", "10.9.0.2:443", 1);
        let view = expect_edges(
            &mut [&mut host, &mut neighbour],
            &[edge("h1", &client, "h2", &server)],
            "masqueraded",
        );
        assert!(
            !has_edge(&view, "in-theinternet", &format!("h2;{}", server.pid)),
            "also drawn from the Internet"
        );
    });
}

#[test]
fn many_clients_behind_one_address() {
    in_every_tier(|tier, world| {
        let (outer, a, b, other) = host_and_neighbour(world);
        masquerade(world, &outer);
        let server = world.serve(&other, "tcp", "0.0.0.0:443");
        let (router, pa, pb) = (world.inhabit(&outer), world.inhabit(&a), world.inhabit(&b));
        let mut host = Host::new("h1", tier, &[router.netns, pa.netns, pb.netns], BRIDGE, OUTSIDE);
        let mut neighbour = Host::new("h2", tier, &[server.netns], &[], OUTSIDE);
        let clients: Vec<_> = [&a, &a, &a, &b, &b, &b]
            .into_iter()
            .map(|namespace| world.hold(namespace, "tcp", "10.9.0.2:443", 40))
            .collect();
        let edges: Vec<_> = clients.iter().map(|client| edge("h1", client, "h2", &server)).collect();
        expect_edges(&mut [&mut host, &mut neighbour], &edges, "many clients");
    });
}

#[test]
fn a_service_with_two_backends_joins_the_one_that_answered() {
    in_every_tier(|tier, world| {
        let (outer, a, b, other) = host_and_neighbour(world);
        // As kube-proxy writes it: a virtual address, and each backend every second time.
        for (mode, to) in [
            (
                &["-m", "statistic", "--mode", "nth", "--every", "2", "--packet", "0"][..],
                "172.18.0.3:8080",
            ),
            (&[], "10.9.0.2:8080"),
        ] {
            let rule = [
                "iptables",
                "-t",
                "nat",
                "-A",
                "PREROUTING",
                "-p",
                "tcp",
                "-d",
                "10.96.0.10",
                "--dport",
                "80",
            ];
            world.run_in(&outer, &[&rule[..], mode, &["-j", "DNAT", "--to-destination", to]].concat());
        }
        masquerade(world, &outer);
        let near = world.serve(&b, "tcp", "0.0.0.0:8080");
        let far = world.serve(&other, "tcp", "0.0.0.0:8080");
        let (router, place) = (world.inhabit(&outer), world.inhabit(&a));
        let mut host = Host::new("h1", tier, &[near.netns, router.netns, place.netns], BRIDGE, OUTSIDE);
        let mut neighbour = Host::new("h2", tier, &[far.netns], &[], OUTSIDE);
        let clients = [world.hold(&a, "tcp", "10.96.0.10:80", 1), world.hold(&a, "tcp", "10.96.0.10:80", 1)];
        let edges = [edge("h1", &clients[0], "h1", &near), edge("h1", &clients[1], "h2", &far)];
        let view = expect_edges(&mut [&mut host, &mut neighbour], &edges, "a service");
        for client in &clients {
            let targets = edges_from(&view, &format!("h1;{}", client.pid));
            assert_eq!(targets.len(), 1, "one connection, one edge: {targets:?}");
        }
    });
}
