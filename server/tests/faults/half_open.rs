//! Connections whose other end has vanished: a machine that lost power, a cable that was pulled.
//!
//! Promised: nothing of such a peer stays for longer than a minute and a half. A viewer is dropped when it answers no pings for 45 s, a
//! report that stopped coming after 30 s, a kept connection without a request after 15 s.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;

use nix::sched::{CloneFlags, setns};

use crate::scope::{Scope, upgrade};

/// A namespace at the end of a cable; both gone when dropped.
struct Away {
    name: String,
    link: String,
}

fn ip(step: &str) {
    let output = Command::new("ip")
        .args(step.split_whitespace())
        .output()
        .expect("the command ip (package iproute2)");
    assert!(output.status.success(), "ip {step}: {}", String::from_utf8_lossy(&output.stderr));
}

impl Away {
    fn new() -> Self {
        let number = std::process::id();
        let away = Self {
            name: format!("scope-away-{number}"),
            link: format!("sa{number}"),
        };
        let (name, link) = (&away.name, &away.link);
        ip(&format!("netns add {name}"));
        ip(&format!("link add {link} type veth peer name away netns {name}"));
        ip(&format!("addr add 169.254.77.1/30 dev {link}"));
        ip(&format!("link set {link} up"));
        ip(&format!("-n {name} addr add 169.254.77.2/30 dev away"));
        ip(&format!("-n {name} link set away up"));
        away
    }

    /// Connections made from there; the sockets stay there whoever uses them.
    fn connect(&self, address: SocketAddr, count: usize) -> Vec<TcpStream> {
        let path = format!("/run/netns/{}", self.name);
        let there = std::thread::spawn(move || {
            let namespace = std::fs::File::open(path).expect("namespace");
            setns(namespace, CloneFlags::CLONE_NEWNET).expect("entered");
            (0..count).map(|_| TcpStream::connect(address).expect("connection")).collect()
        });
        there.join().expect("connections")
    }
}

impl Drop for Away {
    fn drop(&mut self) {
        Command::new("ip")
            .args(["link", "delete", &self.link])
            .status()
            .map(|_| ())
            .unwrap_or_default();
        Command::new("ip")
            .args(["netns", "delete", &self.name])
            .status()
            .map(|_| ())
            .unwrap_or_default();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn peers_that_vanished_leave_nothing_behind() {
    if !nix::unistd::geteuid().is_root() {
        println!("NOT RUN: this test needs root (a network namespace is made)");
        return;
    }
    let away = Away::new();
    let address = TcpListener::bind("169.254.77.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("address");
    let scope = Scope::start_on(Some(address), &["--no-auth"]);
    let mut peers = away.connect(address, 3);
    let [viewer, uploading, idle] = peers.as_mut_slice() else {
        panic!("three connections")
    };
    viewer.write_all(upgrade(address).as_bytes()).expect("sent");
    let mut head = [0; 12];
    viewer.read_exact(&mut head).expect("an answer");
    assert_eq!(&head, b"HTTP/1.1 101");
    let head = format!("POST /api/report HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{{");
    uploading.write_all(head.as_bytes()).expect("sent");
    idle.write_all(format!("GET /healthz HTTP/1.1\r\nHost: {address}\r\n\r\n").as_bytes())
        .expect("sent");
    let mut answer = [0; 15];
    idle.read_exact(&mut answer).expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
    scope.until_metric("scope_viewers", |viewers| viewers == 1.0).await;
    // One of the four is the one that asks.
    scope.until_metric("scope_connections", |connections| connections == 4.0).await;
    // The cable is pulled: no end of any connection is told anything.
    ip(&format!("-n {} link set away down", away.name));
    scope.until_metric("scope_viewers", |viewers| viewers == 0.0).await;
    scope.until_metric("scope_connections", |connections| connections == 1.0).await;
}
