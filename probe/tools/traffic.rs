//! Makes connections and processes, for the scenario tests and the benchmarks. Not part of the product.
//!
//! ```text
//! scope-traffic serve tcp|udp ADDRESS          accept (or echo) until standard input ends
//! scope-traffic connect tcp|udp ADDRESS COUNT HOLD_MILLIS|stay PARALLEL
//! scope-traffic pool ADDRESS COUNT             COUNT connections to itself, held until standard input ends
//! scope-traffic processes COUNT                COUNT sleeping children, until standard input ends
//! scope-traffic member ADDRESS PEER COUNT CHILDREN   serve, COUNT connections to PEER, CHILDREN sleeping children; for ever
//! ```
//! Prints `ready …`, one `open LOCAL` a connection, `closed N` every so often, and `done` at the end.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Small stacks: there may be thousands of threads.
const STACK: usize = 64 << 10;
/// How often progress is told, in connections.
const PROGRESS: usize = 100;

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["serve", "tcp", address] => serve_tcp(address),
        ["serve", "udp", address] => serve_udp(address),
        ["connect", protocol, address, count, hold, parallel] => connect(protocol, parse(address)?, parse(count)?, hold, parse(parallel)?),
        ["pool", address, count] => pool(address, parse(count)?),
        ["processes", count] => processes(parse(count)?),
        ["member", address, peer, count, children] => member(address, parse(peer)?, parse(count)?, parse(children)?),
        _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "see the top of traffic.rs")),
    }
}

fn parse<T: std::str::FromStr>(text: &str) -> io::Result<T> {
    text.parse()
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, format!("cannot read '{text}'")))
}

fn say(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}

fn until_input_ends() -> io::Result<()> {
    io::copy(&mut io::stdin().lock(), &mut io::sink()).map(drop)
}

fn in_thread(work: impl FnOnce() + Send + 'static) -> io::Result<std::thread::JoinHandle<()>> {
    std::thread::Builder::new().stack_size(STACK).spawn(work)
}

/// Reads until the peer closes, then closes: as servers do.
fn finish(mut stream: TcpStream) {
    drop(io::copy(&mut Read::by_ref(&mut stream), &mut io::sink()));
}

fn serve_tcp(address: &str) -> io::Result<()> {
    let listener = TcpListener::bind(address)?;
    say(&format!("ready {}", listener.local_addr()?))?;
    in_thread(move || {
        for stream in listener.incoming().flatten() {
            if in_thread(move || finish(stream)).is_err() {
                return;
            }
        }
    })?;
    until_input_ends()
}

fn serve_udp(address: &str) -> io::Result<()> {
    let socket = UdpSocket::bind(address)?;
    say(&format!("ready {}", socket.local_addr()?))?;
    in_thread(move || {
        let mut buffer = [0; 512];
        while let Ok((count, peer)) = socket.recv_from(&mut buffer) {
            drop(socket.send_to(buffer.get(..count).unwrap_or_default(), peer));
        }
    })?;
    until_input_ends()
}

fn connect(protocol: &str, address: SocketAddr, count: usize, hold: &str, parallel: usize) -> io::Result<()> {
    let hold = match hold {
        "stay" => None,
        millis => Some(Duration::from_millis(parse(millis)?)),
    };
    let (next, closed) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let kept = Arc::new(Mutex::new(Vec::new()));
    let udp = protocol == "udp";
    let threads: Vec<_> = (0..parallel)
        .map(|_| {
            let (next, closed, kept) = (Arc::clone(&next), Arc::clone(&closed), Arc::clone(&kept));
            in_thread(move || {
                while next.fetch_add(1, Ordering::Relaxed) < count {
                    if let Err(error) = one(udp, address, hold, &kept) {
                        eprintln!("{address}: {error}");
                    }
                    let closed = closed.fetch_add(1, Ordering::Relaxed) + 1;
                    if hold.is_some() && closed.is_multiple_of(PROGRESS) {
                        drop(say(&format!("closed {closed}")));
                    }
                }
            })
        })
        .collect::<Result<_, _>>()?;
    for thread in threads {
        drop(thread.join());
    }
    say("done")?;
    until_input_ends()
}

enum Held {
    Tcp(#[allow(dead_code)] TcpStream),
    Udp(#[allow(dead_code)] UdpSocket),
}

fn one(udp: bool, address: SocketAddr, hold: Option<Duration>, kept: &Mutex<Vec<Held>>) -> io::Result<()> {
    let held = if udp {
        let socket = UdpSocket::bind(if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" })?;
        socket.connect(address)?;
        socket.send(b"hello")?;
        socket.set_read_timeout(Some(Duration::from_secs(5)))?;
        socket.recv(&mut [0; 16])?;
        say(&format!("open {}", socket.local_addr()?))?;
        Held::Udp(socket)
    } else {
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(5))?;
        stream.write_all(b"hello")?;
        say(&format!("open {}", stream.local_addr()?))?;
        Held::Tcp(stream)
    };
    match hold {
        Some(hold) => std::thread::sleep(hold),
        None => kept.lock().map_err(|_| io::Error::other("a thread failed"))?.push(held),
    }
    Ok(())
}

fn pool(address: &str, count: usize) -> io::Result<()> {
    let listener = TcpListener::bind(address)?;
    let to = listener.local_addr()?;
    let mut held = Vec::with_capacity(2 * count);
    for _ in 0..count {
        held.push(TcpStream::connect(to)?);
        held.push(listener.accept()?.0);
    }
    say(&format!("ready {to}"))?;
    until_input_ends()?;
    drop(held);
    Ok(())
}

/// Children that each wait for the end of their standard input, which comes when we end, however that happens.
fn sleepers(count: usize) -> io::Result<Vec<std::process::Child>> {
    (0..count)
        .map(|_| Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn())
        .collect()
}

/// One of many that are connected in a ring: its peer may start later than itself. Holds what it accepts without a thread for each.
fn member(address: &str, peer: SocketAddr, count: usize, children: usize) -> io::Result<()> {
    let listener = TcpListener::bind(address)?;
    let _children = sleepers(children)?;
    in_thread(move || {
        let mut held = Vec::with_capacity(count);
        while held.len() < count {
            match TcpStream::connect_timeout(&peer, Duration::from_secs(1)) {
                Ok(stream) => held.push(stream),
                Err(_) => std::thread::sleep(Duration::from_millis(200)),
            }
        }
        drop(say("ready"));
        loop {
            std::thread::park();
        }
    })?;
    let mut accepted = Vec::with_capacity(count);
    for stream in listener.incoming().flatten() {
        // More than the peer's are short visits.
        if accepted.len() < count {
            accepted.push(stream);
        }
    }
    Ok(())
}

fn processes(count: usize) -> io::Result<()> {
    let children = sleepers(count)?;
    say("ready")?;
    until_input_ends()?;
    for mut child in children {
        drop(child.stdin.take());
        child.wait()?;
    }
    Ok(())
}
