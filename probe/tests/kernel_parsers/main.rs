//! Parsers of what the kernel and the network say: fixtures captured from a running system, and the same bytes damaged in many ways.
#![allow(clippy::expect_used, missing_docs)]

use std::net::{IpAddr, SocketAddr};

use scope_probe::cgroup::{Membership, Runtime};
use scope_probe::conntrack::Flow;
use scope_probe::ebpf::{Btf, Event, EventKind, Layout, assemble, parse_format};
use scope_probe::sockets::{Protocol, Socket, State, parse_table};
use scope_probe::{cgroup, conntrack, dns, endpoint, netlink, proc, runtimes, sockets};

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("fixtures/", $name)).as_slice()
    };
}

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn diag_sockets(bytes: &[u8]) -> Vec<Socket> {
    netlink::messages(bytes)
        .filter_map(|message| sockets::parse_message(Protocol::Tcp, message.payload))
        .collect()
}

fn flows(bytes: &[u8]) -> Vec<Flow> {
    netlink::messages(bytes)
        .filter_map(|message| conntrack::parse_message(message.kind, message.payload))
        .collect()
}

fn table(bytes: &[u8]) -> Vec<Socket> {
    let mut sockets = Vec::new();
    parse_table(Protocol::Tcp, bytes, |socket| sockets.push(socket));
    sockets
}

#[test]
fn a_dump_of_sock_diag_has_listeners_peers_and_counters() {
    let sockets = diag_sockets(fixture!("sock_diag_tcp.bin"));
    assert!(
        sockets
            .iter()
            .any(|socket| socket.state == State::Listening && socket.local == address("127.0.0.1:38059"))
    );
    let client = sockets
        .iter()
        .find(|socket| socket.local == address("10.99.0.1:47604"))
        .expect("the client");
    assert_eq!((client.state, client.remote), (State::Connected, address("10.99.0.1:8080")));
    let traffic = client.traffic.expect("counters");
    assert!(traffic.sent >= 5 && traffic.rtt_micros > 0, "{traffic:?}");
    assert!(
        sockets.iter().any(|socket| socket.local == address("[fd99::1]:46612")),
        "IPv6 in the same pass"
    );
}

#[test]
fn proc_net_says_the_same_as_sock_diag() {
    let mut from_proc = table(fixture!("proc_net_tcp"));
    from_proc.extend(table(fixture!("proc_net_tcp6")));
    let mut from_diag = diag_sockets(fixture!("sock_diag_tcp.bin"));
    for socket in &mut from_diag {
        socket.traffic = None;
    }
    let key = |socket: &Socket| (socket.inode, socket.local);
    from_proc.sort_by_key(key);
    from_diag.sort_by_key(key);
    assert_eq!(from_proc, from_diag);
}

#[test]
fn conntrack_tells_both_tuples_of_a_translated_flow() {
    let flow = flows(fixture!("conntrack.bin"))
        .into_iter()
        .find(Flow::destination_translated)
        .expect("a translated flow");
    assert_eq!(flow.original.destination, address("10.99.0.1:8080"));
    assert_eq!(flow.reply.source, address("127.0.0.1:38059"));
    assert!(flow.established && !flow.ended && !flow.source_translated());
}

#[test]
fn addresses_of_interfaces_are_read_for_both_families() {
    let found: Vec<IpAddr> = netlink::messages(fixture!("addresses.bin"))
        .filter_map(|message| endpoint::interface_address(message.payload))
        .collect();
    for wanted in ["127.0.0.1", "10.99.0.1", "::1", "fd99::1"] {
        assert!(found.contains(&wanted.parse().expect("an address")), "{wanted} in {found:?}");
    }
}

#[test]
fn files_of_a_process() {
    let stat = proc::stat(fixture!("stat_1")).expect("a stat line");
    assert_eq!(
        (stat.comm, stat.ppid),
        (b"a (b) c".as_slice(), 0),
        "names may hold blanks and brackets"
    );
    assert!(stat.threads > 0 && stat.rss_pages > 0);
    assert_eq!(stat.rss_limit, u64::MAX);
    assert!(proc::soft_open_files(fixture!("limits")).is_some_and(|limit| limit > 0));
    let (name, line) = proc::cmdline(fixture!("cmdline")).expect("a command line");
    assert_eq!((name.as_str(), line.as_str()), ("nginx: worker process", "nginx: worker process  "));
    assert!(proc::machine_jiffies(fixture!("stat_machine")).is_some_and(|(total, cpus)| total > 0 && cpus > 0));
    assert!(proc::started(fixture!("stat_machine")).is_some_and(|started| started > 0));
    let loadavg = b"2.13 2.05 1.92 3/512 32765\n";
    assert_eq!((proc::existing(loadavg), proc::last_pid(loadavg)), (Some(512), Some(32_765)));
    assert_eq!(proc::link_inode(b"net:[4026531840]", b"net"), Some(4_026_531_840));
    assert_eq!(proc::link_inode(b"pipe:[1]", b"socket"), None);
}

#[test]
fn counters_of_a_namespace() {
    let activity = sockets::tcp_activity(fixture!("net_snmp")).expect("TCP's counters");
    assert_eq!((activity.opened, activity.open, activity.segments), (80_682, 2, 17_410_575));
    assert_eq!(sockets::udp_sockets(fixture!("net_sockstat")), Some(2));
    assert_eq!(sockets::udp_sockets(fixture!("net_sockstat6")), Some(3));
    assert_eq!(sockets::tcp_activity(fixture!("net_sockstat")), None);
    assert_eq!(sockets::udp_sockets(fixture!("net_snmp")), None);
}

#[test]
fn files_of_a_control_group() {
    let stat = "usage_usec 1520\nuser_usec 1000\nsystem_usec 520\n";
    assert_eq!(cgroup::keyed(stat, "usage_usec"), Some(1520));
    assert_eq!(cgroup::keyed(stat, "usage"), None, "a key is not the beginning of another");
    let pressure = "some avg10=1.25 avg60=0.50 avg300=0.10 total=7\nfull avg10=0.75 avg60=0.00 avg300=0.00 total=3\n";
    assert_eq!(cgroup::some_avg10(pressure), Some(1.25));
    assert_eq!(cgroup::some_avg10("some avg10=nan"), None);
}

const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const NESTED: &str = "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210";

#[test]
fn containers_of_every_runtime_and_driver() {
    let uid = "12345678-90ab-cdef-1234-567890abcdef";
    let flat = uid.replace('-', "_");
    for (line, runtime, pod) in [
        (format!("0::/system.slice/docker-{ID}.scope"), Runtime::Docker, false),
        (
            format!("12:memory:/docker/{ID}\n1:name=systemd:/docker/{ID}"),
            Runtime::Docker,
            false,
        ),
        (format!("0::/docker/{ID}"), Runtime::Docker, false),
        (format!("0::/../{ID}"), Runtime::Unknown, false),
        (format!("0::/machine.slice/libpod-{ID}.scope/container"), Runtime::Podman, false),
        (format!("0::/libpod_parent/libpod-{ID}"), Runtime::Podman, false),
        (
            format!("0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{flat}.slice/cri-containerd-{ID}.scope"),
            Runtime::Containerd,
            true,
        ),
        (format!("4:memory:/kubepods/besteffort/pod{uid}/{ID}"), Runtime::Unknown, true),
        (
            format!("0::/system.slice/containerd.service/kubepods-pod{flat}.slice:cri-containerd:{ID}"),
            Runtime::Containerd,
            true,
        ),
        (
            format!("0::/kubepods.slice/kubepods-pod{flat}.slice/crio-{ID}.scope"),
            Runtime::Crio,
            true,
        ),
        (format!("9:cpu:/ecs/0a1b2c3d/{ID}"), Runtime::Unknown, false),
    ] {
        let membership = Membership::parse(&line);
        let container = membership.container().unwrap_or_else(|| panic!("no container in {line}"));
        assert_eq!((container.id.as_str(), container.runtime), (ID, runtime), "{line}");
        assert_eq!(container.pod_uid.as_deref(), pod.then_some(uid), "{line}");
    }
}

#[test]
fn a_container_of_a_pod_is_named_by_its_cgroup_and_its_runtimes_file() {
    let text = String::from_utf8_lossy(fixture!("cgroup_pod")).into_owned();
    let membership = Membership::parse(&text);
    let container = membership.container().expect("a container");
    assert_eq!(container.id, "a1e216f516ad61088b5e6f991292ca0368855ef6fd0de6b7881c4acd0c84724c");
    assert_eq!(container.pod_uid.as_deref(), Some("0f1e2d3c-1111-2222-3333-444455556666"));
    let config = runtimes::parse(fixture!("oci_config.json")).expect("a configuration");
    assert_eq!(config.container_name(), Some("web"));
    assert_eq!(config.image(), Some(("library/scope-probe-test", "latest")));
    assert!(!config.is_sandbox());
}

#[test]
fn monitors_and_plain_services_are_no_containers_and_nested_ones_come_outermost_first() {
    for line in [
        format!("0::/machine.slice/libpod-conmon-{ID}.scope"),
        format!("0::/kubepods.slice/crio-conmon-{ID}.scope"),
        "0::/system.slice/ssh.service".to_owned(),
        "0::/".to_owned(),
        "nonsense".to_owned(),
    ] {
        assert!(Membership::parse(&line).container().is_none(), "{line}");
    }
    let nested = Membership::parse(&format!("0::/docker/{ID}/docker/{NESTED}"));
    let ids: Vec<&str> = nested.containers.iter().map(|container| container.id.as_str()).collect();
    assert_eq!(ids, [ID, NESTED]);
    assert_eq!(nested.container().map(|container| container.id.as_str()), Some(ID));
}

#[test]
fn an_answer_counts_for_the_name_that_was_asked_for() {
    let answer = dns::udp_payload(fixture!("dns_ipv4.bin"))
        .and_then(dns::parse_answer)
        .expect("an answer");
    assert_eq!(answer.name, "www.example.com");
    assert_eq!(answer.addresses, ["203.0.113.80".parse::<IpAddr>().expect("an address")]);
}

#[test]
fn the_tracepoints_fields_are_found_and_the_program_is_the_same_every_time() {
    let text = String::from_utf8_lossy(fixture!("inet_sock_set_state_format")).into_owned();
    let layout = Layout::from_format(&parse_format(&text)).expect("the layout");
    let program = assemble(&layout, None, &[3, 4, 5]);
    assert_eq!(program, assemble(&layout, None, &[3, 4, 5]));
    assert_eq!(program.last().map(|word| word & 0xff), Some(0x95), "ends with exit");
    assert!(Layout::from_format(&parse_format(&text.replace("skaddr", "other"))).is_none());
    // Every jump stays inside.
    for (at, word) in program.iter().enumerate() {
        if matches!(word & 0xff, 0x05 | 0x15 | 0x55) {
            let to = at as i64 + 1 + i64::from((word >> 16) as u16 as i16);
            assert!((0..program.len() as i64).contains(&to), "the jump at {at} leaves the program");
        }
    }
}

#[test]
fn events_of_another_shape_are_refused() {
    assert_eq!(Event::parse(&[0; 72]), None);
    assert_eq!(Event::parse(&[1; 10]), None);
    let mut event = [0_u8; 72];
    event[0] = 1;
    event[16] = 2;
    assert_eq!(Event::parse(&event).map(|event| event.kind), Some(EventKind::Accepted));
}

/// Parsing is what counts, not what came of it.
fn read<T>(_parsed: T) {}

/// Every parser on these bytes. None may panic, whatever they are.
fn read_as_everything(bytes: &[u8]) {
    for message in netlink::messages(bytes).take(1000) {
        read(sockets::parse_message(Protocol::Tcp, message.payload));
        read(conntrack::parse_message(message.kind, message.payload));
        read(endpoint::interface_address(message.payload));
    }
    read(sockets::parse_message(Protocol::Udp, bytes));
    read(conntrack::parse_message(0x100, bytes));
    read(table(bytes));
    read(proc::stat(bytes));
    read(proc::cmdline(bytes));
    read(proc::soft_open_files(bytes));
    read(proc::machine_jiffies(bytes));
    read((proc::started(bytes), proc::existing(bytes), proc::last_pid(bytes)));
    read(sockets::tcp_activity(bytes));
    read(sockets::udp_sockets(bytes));
    read(dns::udp_payload(bytes).and_then(dns::parse_answer));
    read(dns::parse_answer(bytes));
    read(Event::parse(bytes));
    read(Btf::new(bytes.to_vec()).and_then(|btf| btf.netns_path()));
    let text = String::from_utf8_lossy(bytes);
    read(Membership::parse(&text));
    read((cgroup::keyed(&text, "usage_usec"), cgroup::some_avg10(&text)));
    read(Layout::from_format(&parse_format(&text)));
    read(runtimes::parse(bytes).map(|config| config.image().is_some()));
}

#[test]
fn damaged_bytes_are_survived() {
    let seeds: [&[u8]; 15] = [
        fixture!("sock_diag_tcp.bin"),
        fixture!("conntrack.bin"),
        fixture!("addresses.bin"),
        fixture!("proc_net_tcp"),
        fixture!("proc_net_tcp6"),
        fixture!("net_snmp"),
        fixture!("net_sockstat6"),
        fixture!("stat_1"),
        fixture!("limits"),
        fixture!("stat_machine"),
        fixture!("cmdline"),
        fixture!("dns_ipv4.bin"),
        fixture!("inet_sock_set_state_format"),
        fixture!("cgroup_pod"),
        fixture!("oci_config.json"),
    ];
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move |below: usize| {
        // xorshift: the same damage in every run.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below.max(1) as u64) as usize
    };
    for seed in seeds {
        for length in 0..seed.len().min(400) {
            read_as_everything(&seed[..length]);
        }
        for _ in 0..600 {
            let mut bytes = seed.to_vec();
            for _ in 0..=random(8) {
                let at = random(bytes.len());
                match random(4) {
                    0 => bytes[at] ^= 1 << random(8),
                    1 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][random(5)],
                    2 => bytes.truncate(at.max(1)),
                    _ => bytes.insert(at, random(256) as u8),
                }
            }
            read_as_everything(&bytes);
        }
    }
}
