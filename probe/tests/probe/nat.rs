//! Address translation as a container engine sets it up: real containers and networks, the whole probe, and the edges that the page draws.
//!
//! The connections are there before the probe, which is the harder case: there is no event to learn from.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use scope_app::feed::Feed;
use scope_app::view::{Engine, Options, View};
use scope_shared::report::Report;

use crate::Probe;
use crate::engine::{TestContainer, TestNetwork, docker};
use crate::server::FakeServer;

/// Set aside for documentation: nobody's.
const HERE: &str = "198.51.100.1";
const THERE: &str = "198.51.100.2";
const PORT: u16 = 8080;
const SERVE: &str = "exec nc -ll -p 8080 -e cat";
/// Where uncontained processes are drawn on the map of containers.
const UNCONTAINED: &str = "pseudo:uncontained:testhost";

fn ip(step: &str) -> bool {
    let output = Command::new("ip")
        .args(step.split_whitespace())
        .output()
        .expect("ip; install iproute2");
    output.status.success()
}

/// A machine beyond the host: a network namespace at the other end of a cable, with a server and a client of the published port.
struct Outside {
    namespace: String,
    programs: Vec<Child>,
}

impl Outside {
    fn start() -> Self {
        let namespace = format!("scope-nat-{}", std::process::id());
        let cable = format!("sn{}", std::process::id());
        for step in [
            format!("netns add {namespace}"),
            format!("link add {cable} type veth peer name uplink netns {namespace}"),
            format!("address add {HERE}/30 dev {cable}"),
            format!("link set {cable} up"),
            format!("-n {namespace} address add {THERE}/30 dev uplink"),
            format!("-n {namespace} link set lo up"),
            format!("-n {namespace} link set uplink up"),
        ] {
            assert!(ip(&step), "ip {step}");
        }
        Self {
            namespace,
            programs: Vec::new(),
        }
    }

    /// Runs the load generator there.
    fn run(&mut self, arguments: &[&str]) {
        let program = Command::new("ip")
            .args(["netns", "exec", &self.namespace, env!("CARGO_BIN_EXE_scope-traffic")])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("the load generator");
        self.programs.push(program);
    }

    fn pid(&self, program: usize) -> u32 {
        self.programs[program].id()
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        for program in &mut self.programs {
            drop(program.kill());
            drop(program.wait());
        }
        // The cable goes with the namespace.
        ip(&format!("netns delete {}", self.namespace));
    }
}

fn map(report: &Report, topology: &str) -> Arc<View> {
    let mut feed = Feed::new();
    feed.add_report("probe", report.clone());
    Engine::new(feed).nodes(topology, &Options::none()).expect("a view")
}

fn has_edge(view: &View, from: &str, to: &str) -> bool {
    view.get(from).is_some_and(|node| node.adjacency.iter().any(|target| target == to))
}

/// Keeps one connection open to an address, trying until it is accepted.
fn talk(to: &str, port: u16) -> String {
    format!("while :; do sleep 100000 | nc {to} {port}; sleep 1; done")
}

#[tokio::test(flavor = "multi_thread")]
async fn translated_connections_of_real_containers_join_their_real_ends_in_every_tier() {
    let networks = [TestNetwork::create("left"), TestNetwork::create("right")];
    let [left, right] = &networks;
    let server = TestContainer::run_with("nat-server", &["--network", &left.name, "-p", "8080"], SERVE);
    docker(&["network", "connect", &right.name, &server.id]);
    let published: u16 = server
        .inspect("{{(index (index .NetworkSettings.Ports \"8080/tcp\") 0).HostPort}}")
        .parse()
        .unwrap();
    let mut outside = Outside::start();
    outside.run(&["serve", "tcp", &format!("{THERE}:443")]);
    outside.run(&["connect", "tcp", &format!("{HERE}:{published}"), "3", "stay", "1"]);
    let (far_server, far_client) = (outside.pid(0), outside.pid(1));
    let neighbour = TestContainer::run_with("nat-left", &["--network", &left.name], &talk(&server.address_in(left), PORT));
    let other = TestContainer::run_with("nat-right", &["--network", &right.name], &talk(&server.address_in(right), PORT));
    let through_host = TestContainer::run_with("nat-hairpin", &["--network", &left.name], &talk(HERE, published));
    let masqueraded = TestContainer::run_with("nat-out", &["--network", &left.name], &talk(THERE, 443));
    let shared = format!("container:{}", server.id);
    let beside = TestContainer::run_with("nat-beside", &["--network", &shared], &talk("127.0.0.1", PORT));

    for tier in ["ebpf", "diag", "proc"] {
        let fake = FakeServer::start(true).await;
        let probe = Probe::start(&fake, |args| {
            args.collect.tier = tier.to_owned();
            args.collect.ebpf = true;
            args.collect.conntrack = true;
            args.collect.docker = true;
        });
        let container_edges = [
            ("in the same network", neighbour.node(), server.node()),
            ("in another network", other.node(), server.node()),
            // From its own network the engine leads a published port through a process of the host.
            ("through the published port and back", through_host.node(), UNCONTAINED.to_owned()),
            ("in the same network namespace", beside.node(), server.node()),
            ("masqueraded", masqueraded.node(), UNCONTAINED.to_owned()),
            ("published to the outside", UNCONTAINED.to_owned(), server.node()),
        ];
        let process = |pid: u32| format!("testhost;{pid}");
        let report = fake
            .state(|report| {
                let containers = map(report, "containers");
                container_edges.iter().all(|(_, from, to)| has_edge(&containers, from, to))
            })
            .await;
        let host = &report.topology(scope_shared::report::Kind::Host).nodes["testhost;<host>"];
        assert_eq!(
            host.latest("scope_connection_tier"),
            Some(tier),
            "{:?}",
            host.latest("scope_connection_tier_reason")
        );
        let containers = map(&report, "containers");
        for (what, from, to) in &container_edges {
            assert!(!has_edge(&containers, to, from), "{what}, tier {tier}: drawn backwards");
        }
        let processes = map(&report, "processes");
        let from_far = processes.get(&process(far_client)).map(|node| node.adjacency.len());
        assert_eq!(
            from_far,
            Some(1),
            "three connections to one published port are one edge, tier {tier}"
        );
        assert!(
            processes
                .nodes
                .iter()
                .any(|node| node.adjacency.iter().any(|target| *target == process(far_server))),
            "the masqueraded client leads to the far server's own process, tier {tier}"
        );
        probe.end().await;
    }
}
