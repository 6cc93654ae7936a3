//! Connections that end before anybody could look twice.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use scope_probe::endpoint::Tier;

use super::host::Host;
use super::{BRIDGE, bridged, edge, expect_edges, in_every_tier};

/// What a tier promises of a connection shorter than the time between two sweeps.
fn promised(tier: Tier) -> &'static str {
    match tier {
        Tier::Ebpf => "both processes",
        Tier::Diag => "the edge and the process that serves",
        Tier::Proc => "nothing",
    }
}

#[test]
fn connections_of_1_10_and_100_milliseconds() {
    in_every_tier(|tier, world| {
        let (_, a, b) = bridged(world);
        for (port, millis) in [(8001, "1"), (8010, "10"), (8100, "100")] {
            let server = world.serve(&b, "tcp", &format!("0.0.0.0:{port}"));
            let place = world.inhabit(&a);
            let mut host = Host::new("h1", tier, &[server.netns, place.netns], BRIDGE, &[]);
            let mut client = world.start(&a, &["connect", "tcp", &format!("172.18.0.3:{port}"), "5", millis, "1"]);
            client.wait_for("done");
            println!("  {millis} ms: {} promises {}", tier.name(), promised(tier));
            match tier {
                Tier::Ebpf => {
                    let edges = [edge("h1", &client, "h1", &server)];
                    expect_edges(&mut [&mut host], &edges, "a short connection");
                }
                Tier::Diag => {
                    let to: (IpAddr, u16) = ("172.18.0.3".parse().expect("an address"), port);
                    let deadline = Instant::now() + Duration::from_secs(5);
                    while host.endpoint_edge(to).is_none() {
                        assert!(Instant::now() < deadline, "no edge for connections of {millis} ms");
                        host.tick();
                    }
                    let (_, pid) = host.endpoint_edge(to).expect("just seen");
                    assert_eq!(pid, Some(server.pid), "the process that serves");
                }
                Tier::Proc => host.tick(),
            }
        }
    });
}

#[test]
fn a_command_that_is_gone_still_has_a_name() {
    in_every_tier(|tier, world| {
        if tier != Tier::Ebpf {
            return;
        }
        let (_, a, b) = bridged(world);
        let server = world.serve(&b, "tcp", "0.0.0.0:80");
        let place = world.inhabit(&a);
        let mut host = Host::new("h1", tier, &[server.netns, place.netns], BRIDGE, &[]);
        let mut client = world.start(&a, &["connect", "tcp", "172.18.0.3:80", "1", "1", "1"]);
        client.wait_for("done");
        let id = format!("h1;{}", client.pid);
        client.stop();
        host.tick();
        let report = host.report();
        let process = report.topology(scope_shared::report::Kind::Process).nodes.get(id.as_str());
        assert_eq!(process.and_then(|process| process.latest("name")), Some("scope-traffic"), "{id}");
    });
}
