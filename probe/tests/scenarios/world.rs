//! A small world of network namespaces, links, translation and processes, gone again when it is dropped.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

static WORLDS: AtomicU32 = AtomicU32::new(0);

/// Namespaces and the processes in them.
pub struct World {
    prefix: String,
    namespaces: Vec<String>,
    links: u32,
}

/// A running process of the load generator.
pub struct Running {
    child: Child,
    lines: BufReader<ChildStdout>,
    /// Its process id.
    pub pid: u32,
    /// Its network namespace.
    pub netns: u32,
}

/// What keeps the scenarios from running here, if anything.
pub fn missing() -> Option<String> {
    if !nix::unistd::geteuid().is_root() {
        return Some("root (network namespaces are made)".to_owned());
    }
    ["ip", "iptables", "ip6tables", "sh"]
        .into_iter()
        .find(|tool| !run_quietly(tool, &["--help"]))
        .map(|tool| format!("the command {tool} (packages iproute2 and iptables)"))
}

fn run_quietly(tool: &str, arguments: &[&str]) -> bool {
    Command::new(tool)
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok()
}

impl World {
    pub fn new() -> Self {
        let number = WORLDS.fetch_add(1, Ordering::Relaxed);
        Self {
            prefix: format!("sc{}x{number}", std::process::id()),
            namespaces: Vec::new(),
            links: 0,
        }
    }

    /// Makes a namespace with its loopback up.
    pub fn namespace(&mut self, name: &str) -> String {
        let full = format!("{}{name}", self.prefix);
        command("ip", &["netns", "add", &full]);
        self.namespaces.push(full.clone());
        command("ip", &["-n", &full, "link", "set", "lo", "up"]);
        full
    }

    /// Connects two namespaces by a pair of interfaces with these addresses (`10.0.0.1/24`, several separated by blanks).
    pub fn link(&mut self, left: &str, left_addresses: &str, right: &str, right_addresses: &str) {
        let (a, b) = (format!("va{}", self.links), format!("vb{}", self.links));
        self.links += 1;
        command(
            "ip",
            &["-n", left, "link", "add", &a, "type", "veth", "peer", "name", &b, "netns", right],
        );
        for (namespace, interface, addresses) in [(left, &a, left_addresses), (right, &b, right_addresses)] {
            for address in addresses.split_whitespace() {
                self.address(namespace, interface, address);
            }
            command("ip", &["-n", namespace, "link", "set", interface, "up"]);
        }
    }

    fn address(&self, namespace: &str, interface: &str, address: &str) {
        // Without "nodad" an IPv6 address cannot be used for its first second.
        let nodad: &[&str] = if address.contains(':') { &["nodad"] } else { &[] };
        command(
            "ip",
            &[&["-n", namespace, "address", "add", address, "dev", interface], nodad].concat(),
        );
    }

    /// A bridge in `host`, as a container engine makes one, forwarding switched on.
    pub fn bridge(&mut self, host: &str, addresses: &str) {
        command("ip", &["-n", host, "link", "add", "br0", "type", "bridge"]);
        for address in addresses.split_whitespace() {
            self.address(host, "br0", address);
        }
        command("ip", &["-n", host, "link", "set", "br0", "up"]);
        let forward = "echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding";
        self.run_in(host, &["sh", "-c", forward]);
    }

    /// A namespace on the host's bridge, with a default route through it.
    pub fn container(&mut self, host: &str, name: &str, addresses: &str, gateways: &str) -> String {
        let container = self.namespace(name);
        let (outside, inside) = (format!("ve{}", self.links), "eth0");
        self.links += 1;
        command(
            "ip",
            &[
                "-n", host, "link", "add", &outside, "type", "veth", "peer", "name", inside, "netns", &container,
            ],
        );
        command("ip", &["-n", host, "link", "set", &outside, "master", "br0", "up"]);
        // As engines do, so that a container reaches its own published port.
        command(
            "ip",
            &["-n", host, "link", "set", &outside, "type", "bridge_slave", "hairpin", "on"],
        );
        for address in addresses.split_whitespace() {
            self.address(&container, inside, address);
        }
        command("ip", &["-n", &container, "link", "set", inside, "up"]);
        for gateway in gateways.split_whitespace() {
            let family = if gateway.contains(':') { "-6" } else { "-4" };
            command("ip", &[family, "-n", &container, "route", "add", "default", "via", gateway]);
        }
        container
    }

    /// Runs a command in a namespace to its end.
    pub fn run_in(&self, namespace: &str, arguments: &[&str]) {
        command("ip", &[&["netns", "exec", namespace], arguments].concat());
    }

    /// Starts the load generator in a namespace.
    pub fn start(&self, namespace: &str, arguments: &[&str]) -> Running {
        let program = env!("CARGO_BIN_EXE_scope-traffic");
        let mut child = Command::new("ip")
            .args(["netns", "exec", namespace])
            .arg(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("ip netns exec");
        let lines = BufReader::new(child.stdout.take().expect("piped"));
        let pid = child.id();
        Running {
            child,
            lines,
            pid,
            netns: 0,
        }
    }

    /// Starts a server and waits until it listens.
    pub fn serve(&self, namespace: &str, protocol: &str, address: &str) -> Running {
        let mut server = self.start(namespace, &["serve", protocol, address]);
        server.wait_for("ready");
        server
    }

    /// Starts a client that holds `count` connections, and waits until it has them.
    pub fn hold(&self, namespace: &str, protocol: &str, address: &str, count: usize) -> Running {
        let mut client = self.start(namespace, &["connect", protocol, address, &count.to_string(), "stay", "1"]);
        client.wait_for("done");
        client
    }

    /// A process that does nothing, so that the namespace has one (a host always has).
    pub fn inhabit(&self, namespace: &str) -> Running {
        let mut idle = self.start(namespace, &["processes", "0"]);
        idle.wait_for("ready");
        idle
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for namespace in &self.namespaces {
            run_quietly("ip", &["netns", "del", namespace]);
        }
    }
}

impl Running {
    /// Reads output until a line that starts with `word`; `each` sees every line.
    pub fn wait_for_each(&mut self, word: &str, mut each: impl FnMut(&str)) -> String {
        loop {
            let mut line = String::new();
            let count = self.lines.read_line(&mut line).expect("the load generator's output");
            assert!(count > 0, "the load generator ended before it said '{word}'");
            if self.netns == 0 {
                // Only now has `ip netns exec` become the load generator, in its namespace.
                self.netns = netns_of(self.pid);
            }
            each(line.trim_end());
            if line.starts_with(word) {
                return line.trim_end().to_owned();
            }
        }
    }

    pub fn wait_for(&mut self, word: &str) -> String {
        self.wait_for_each(word, |_| {})
    }

    /// Ends it and waits for that.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        drop(self.child.stdin.take());
        drop(self.child.wait());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

fn netns_of(pid: u32) -> u32 {
    let link = std::fs::read_link(format!("/proc/{pid}/ns/net")).expect("the process' namespace");
    let text = link.to_string_lossy();
    text.trim_start_matches("net:[").trim_end_matches(']').parse().expect("an inode")
}

fn command(tool: &str, arguments: &[&str]) {
    let output = Command::new(tool).args(arguments).output().expect(tool);
    assert!(
        output.status.success(),
        "{tool} {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}
