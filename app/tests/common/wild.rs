//! Reports as no probe would send them: every kind of node, with the few keys that views act on and values that collide, contradict each
//! other, do not parse or are missing. A function of a seed.
#![allow(dead_code, reason = "each test binary uses its part")]

use scope_shared::report::{
    Column, Control, DnsRecord, Kind, Latest, MetadataTemplate, Metric, MetricTemplate, Node, Report, Sample, SmolStr, StringSet,
    TableTemplate, Topology, Value,
};
use scope_shared::time::Timestamp;

/// SplitMix64.
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }

    fn of<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.below(list.len())]
    }
}

const ADDRESSES: [&str; 9] = [
    "10.0.0.1",
    "10.0.0.2",
    "010.0.0.2",
    "8.8.8.8",
    "127.0.0.1",
    "::1",
    "fd00::1",
    "::ffff:10.0.0.1",
    "none",
];
const NAMES: [&str; 8] = [
    "a",
    "b",
    "h1",
    "h1.example.com",
    "",
    "in-theinternet",
    "é<&>",
    "c0ffee0123456789c0ffee0123456789",
];
const VALUES: [&str; 28] = [
    "",
    "a",
    "b",
    "1",
    "2",
    "-1",
    "99999999999999999999",
    "running",
    "exited",
    "deleted",
    "Failed",
    "org/web:1",
    "quay.io/org/web:2",
    "<none>",
    "k8s.gcr.io/pause:3",
    "weaveworks/scope",
    "system",
    "kube-system",
    "h1;<host>",
    "h1",
    ";10.0.0.1;80",
    "10.0.0.1",
    "a;b",
    "stop;start",
    "true",
    "2024-01-01T00:00:00Z",
    "é",
    "1.5",
];
const KEYS: [&str; 44] = [
    "name",
    "pid",
    "cmdline",
    "host_node_id",
    "host_name",
    "control_probe_id",
    "active_controls",
    "does_not_make_connections",
    "copy_of",
    "conn_count",
    "docker_container_id",
    "docker_container_name",
    "docker_container_hostname",
    "docker_container_state",
    "docker_container_command",
    "docker_is_in_host_network",
    "docker_image_id",
    "docker_image_name",
    "docker_label_works.weave.role",
    "docker_label_io.kubernetes.pod.namespace",
    "docker_label_com.docker.stack.namespace",
    "docker_env_MARATHON_APP_ID",
    "docker_image_label_works.weave.role",
    "kubernetes_name",
    "kubernetes_namespace",
    "kubernetes_ip",
    "kubernetes_state",
    "kubernetes_is_in_host_network",
    "kubernetes_volume_claim",
    "kubernetes_volume_name",
    "kubernetes_storage_class_name",
    "kuberneets_snapshot_data",
    "stack_namespace",
    "service_name",
    "ecs_task_family",
    "weave_peer_nick_name",
    "host_scope_version",
    "count_container",
    "count_pod",
    "count_process",
    "is_connected",
    "No stack",
    "p_row___column",
    "p_row",
];
const SETS: [(&str, &[&str]); 5] = [
    (
        "local_networks",
        &[
            "10.0.0.0/8",
            "10.0.0.5/24",
            "0.0.0.0/0",
            "fd00::/8",
            "::/0",
            "bad/33",
            "::ffff:10.0.0.0/104",
        ],
    ),
    (
        "docker_container_ips_with_scopes",
        &[";10.0.0.1", ";10.0.0.2", "h1;10.0.0.1", ";127.0.0.1", ";fd00::1", "bad"],
    ),
    (
        "docker_container_ports",
        &[
            "10.0.0.1:80->80/tcp",
            "10.0.0.2:80->80/tcp, 8.8.8.8:53->53/udp",
            "80/tcp",
            "[fd00::1]:80->80/tcp",
        ],
    ),
    ("docker_container_networks", &["bridge", ""]),
    ("snooped_dns_names", &["a.amazonaws.com", "b"]),
];

fn id(draw: &mut Draw, kind: Kind) -> SmolStr {
    if draw.one_in(25) {
        return draw.of(&VALUES).into();
    }
    let name = draw.of(&NAMES);
    match kind {
        Kind::Endpoint => format!(
            "{};{};{}",
            draw.of(&["", "h1"]),
            draw.of(&ADDRESSES),
            draw.of(&["80", "1234", "53", ""])
        ),
        Kind::Process => format!("{};{}", draw.of(&["h1", "h2", ""]), draw.of(&["1", "2", "3"])),
        Kind::Overlay => format!("#{}{name}", draw.of(&["", "docker_peer_"])),
        Kind::EcsService => format!("{};{name}", draw.of(&["cluster", "my"])),
        kind => format!("{name};<{}>", kind.defaults().id_tag),
    }
    .into()
}

fn node(draw: &mut Draw, kind: Kind) -> Node {
    let own = id(draw, kind);
    let mut node = Node::new(own, kind.name());
    if draw.one_in(20) {
        node.topology = draw.of(&["", "pseudo", "group:process:name", "pod", "nonsense"]).into();
    }
    for _ in 0..draw.below(9) {
        let (key, value) = (draw.of(&KEYS), draw.of(&VALUES));
        let timestamp = Timestamp::from_unix(1_700_000_000 + draw.below(4) as i64, 0);
        node.latest.insert(
            key,
            Latest {
                timestamp,
                value: value.into(),
            },
        );
    }
    // What makes things meet.
    if matches!(kind, Kind::Endpoint | Kind::Process | Kind::Container) && !draw.one_in(3) {
        let at = Timestamp::from_unix(1_700_000_000, 0);
        node.set_latest("host_node_id", at, "h1;<host>");
        node.set_latest("pid", at, draw.of(&["1", "2", "3"]));
        node.set_latest("docker_container_id", at, draw.of(&["a", "b"]));
        node.add_parent("host", "h1;<host>");
    }
    for (key, members) in SETS {
        if draw.one_in(3) {
            node.sets
                .insert(key, (0..draw.below(4)).map(|_| draw.of(members)).collect::<StringSet>());
        }
    }
    if matches!(kind, Kind::Endpoint | Kind::Overlay) || draw.one_in(10) {
        node.adjacency = (0..draw.below(4)).map(|_| id(draw, kind)).collect();
    }
    for _ in 0..draw.below(3) {
        let parent = Kind::ALL[draw.below(Kind::ALL.len())];
        let ids = (0..draw.below(3)).map(|_| id(draw, parent)).collect::<StringSet>();
        node.parents.insert(parent.name(), ids);
    }
    if draw.one_in(3) {
        let samples = (0..draw.below(3) as i64).map(|at| Sample {
            date: Timestamp::from_unix(1_700_000_000 + at, 0),
            value: [0.29, -1.239, 1e300, f64::MAX][at as usize],
        });
        let metric = Metric {
            samples: samples.collect(),
            min: 0.0,
            max: 1e19,
        };
        node.metrics.insert(draw.of(&["docker_cpu_total_usage", "m"]), metric);
    }
    if draw.one_in(8) {
        node.extra.push("unheard".into(), Value::Array(vec![Value::Int(1), Value::Nil]));
    }
    node
}

fn topology(draw: &mut Draw, kind: Kind, nodes: usize) -> Topology {
    let mut topology = Topology::fresh(kind);
    for _ in 0..draw.below(nodes + 1) {
        topology.add(node(draw, kind));
    }
    if draw.one_in(2) {
        let id = SmolStr::new(draw.of(&["name", "local_networks", "container", "kubernetes_name"]));
        let template = MetadataTemplate {
            id: id.clone(),
            label: "row".into(),
            priority: draw.below(3) as f64,
            ..Default::default()
        };
        topology.metadata_templates.insert(id, template);
        let metric = MetricTemplate {
            id: "m".into(),
            ..Default::default()
        };
        topology.metric_templates.insert("m".into(), metric);
        let table = TableTemplate {
            id: "p_".into(),
            prefix: draw.of(&["p_", "", "docker_"]).into(),
            kind: draw.of(&["", "multicolumn-table", "property-list"]).into(),
            columns: Some(vec![Column {
                id: "column".into(),
                ..Default::default()
            }]),
            fixed_rows: Some([("name".into(), "row".into())].into()),
            ..Default::default()
        };
        topology.table_templates.insert("p_".into(), table);
        let control = Control {
            id: "stop".into(),
            probe_id: draw.of(&["", "other"]).into(),
            ..Default::default()
        };
        topology.controls.insert("stop".into(), control);
    }
    topology
}

/// A report, made at second `second`.
pub fn report(seed: u64, second: i64) -> Report {
    let mut draw = Draw(seed);
    let mut report = Report {
        ts: Timestamp::from_unix(1_700_000_000 + second, 0),
        id: format!("{seed}").into(),
        ..Report::default()
    };
    for kind in Kind::ALL {
        let nodes = if kind == Kind::Endpoint { 16 } else { 5 };
        *report.topology_mut(kind) = topology(&mut draw, kind, nodes);
    }
    if draw.one_in(2) {
        report.others.insert("Sheep".into(), topology(&mut draw, Kind::Pod, 4));
    }
    for _ in 0..draw.below(4) {
        let mut names = || {
            (0..draw.below(3))
                .map(|_| draw.of(&["a.amazonaws.com", "ec2-1.amazonaws.com", "b"]))
                .collect()
        };
        let record = DnsRecord {
            forward: names(),
            reverse: names(),
        };
        report.dns.insert(draw.of(&ADDRESSES).into(), record);
    }
    report
}
