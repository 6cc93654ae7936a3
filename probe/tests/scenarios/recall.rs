//! How many of ten thousand connections are seen.

use std::collections::HashSet;
use std::net::SocketAddr;

use scope_probe::endpoint::Tier;

use super::host::Host;
use super::{BRIDGE, address, bridged, in_every_tier};

const CONNECTIONS: usize = 10_000;

#[test]
fn ninety_nine_of_a_hundred_connections_of_100_ms_are_seen_with_both_processes() {
    in_every_tier(|tier, world| {
        if tier != Tier::Ebpf {
            return;
        }
        let (_, a, b) = bridged(world);
        let server = world.serve(&b, "tcp", "0.0.0.0:80");
        let place = world.inhabit(&a);
        let mut host = Host::new("h1", tier, &[server.netns, place.netns], BRIDGE, &[]);
        let mut client = world.start(&a, &["connect", "tcp", "172.18.0.3:80", &CONNECTIONS.to_string(), "100", "200"]);
        let mut made: HashSet<SocketAddr> = HashSet::new();
        let mut seen: HashSet<SocketAddr> = HashSet::new();
        let (known, to) = (host.known(), address("172.18.0.3:80"));
        let (client_pid, server_pid) = (client.pid, server.pid);
        let mut look = |host: &mut Host| {
            host.drain();
            let known = known.lock();
            let both = known.table.iter().filter(|(key, connection)| {
                let server = known.listeners.find(server.netns, key.protocol, key.server);
                let serves = connection.server.pid == server_pid || server.is_some_and(|listener| listener.pid == server_pid);
                key.server == to && connection.client.pid == client_pid && serves
            });
            seen.extend(both.map(|(key, _)| key.client));
        };
        client.wait_for_each("done", |line| match line.split_once(' ') {
            Some(("open", local)) => {
                made.insert(address(local));
            }
            Some(("closed", _)) => look(&mut host),
            _ => {}
        });
        host.tick();
        look(&mut host);
        let found = made.intersection(&seen).count();
        let recall = found as f64 / made.len() as f64;
        println!(
            "recall: {found} of {} different client ports, {:.2} % ({CONNECTIONS} connections of 100 ms)",
            made.len(),
            recall * 100.0
        );
        println!("events lost: {}", host.known().lock().status.lost_events);
        assert!(made.len() >= CONNECTIONS * 9 / 10, "only {} connections were made", made.len());
        assert!(recall >= 0.99, "recall {recall}");
    });
}
