//! The outside world: a public-looking address that containers reach through the host, as they would reach the Internet, and behind which
//! there is nothing that this machine's kernel knows: no process, no socket. Its TCP is a stack of its own in this process, at the other end of
//! a tunnel interface; with a socket of this kernel the probe would rightly find out that the outside is a process of this machine.

use std::os::fd::AsRawFd as _;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::thread::JoinHandle;

use anyhow::{Context, Result, anyhow, bail};
use smoltcp::iface::{Config, Interface, SocketSet};
use smoltcp::phy::{Medium, TunTapInterface, wait};
use smoltcp::socket::tcp;
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr, Ipv4Address};

/// Set aside for documentation, so it is nobody's and routed nowhere.
pub const ADDRESS: &str = "203.0.113.10";
/// Where the outside world listens.
pub const PORT: u16 = 443;
const LINK: &str = "scope-out0";
const HERE: &str = "169.254.213.1";
/// Connections at once.
const SOCKETS: usize = 16;
/// Of each connection, each way.
const BUFFER: usize = 4096;
/// How often the thread looks whether it is to stop.
const LOOK: Duration = Duration::from_millis(100);

/// The outside, with a server that answers whatever it is sent. Taken down on drop.
pub struct Outside {
    stop: Arc<AtomicBool>,
    serving: Option<JoinHandle<()>>,
}

impl Outside {
    /// Builds it.
    pub fn start() -> Result<Self> {
        take_down();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let (opened, ready) = channel();
        // The stack's device cannot move from one thread to another, so it is made where it is used.
        let serving = std::thread::spawn(move || match open() {
            Ok((mut device, mut interface)) => {
                if opened.send(Ok(())).is_ok() {
                    serve(&mut device, &mut interface, &stopped);
                }
            }
            Err(error) => opened.send(Err(error)).unwrap_or_default(),
        });
        let outside = Self {
            stop,
            serving: Some(serving),
        };
        ready.recv().context("the outside ended at once")??;
        for step in [
            format!("address add {HERE}/30 dev {LINK}"),
            format!("link set {LINK} up"),
            format!("route add {ADDRESS}/32 dev {LINK}"),
        ] {
            ip(&step)?;
        }
        Ok(outside)
    }
}

fn open() -> Result<(TunTapInterface, Interface)> {
    let mut device = TunTapInterface::new(LINK, Medium::Ip).context("cannot make a tunnel interface (root, /dev/net/tun)")?;
    let mut interface = Interface::new(Config::new(HardwareAddress::Ip), &mut device, Instant::now());
    let (address, gateway): (Ipv4Address, Ipv4Address) = (ADDRESS.parse()?, HERE.parse()?);
    let mut added = Ok(());
    interface.update_ip_addrs(|addresses| {
        added = addresses.push(IpCidr::new(IpAddress::Ipv4(address), 32));
    });
    added.map_err(|_| anyhow!("no room for an address"))?;
    let routes = interface.routes_mut();
    routes.add_default_ipv4_route(gateway).map_err(|_| anyhow!("no room for a route"))?;
    Ok((device, interface))
}

/// Answers with what it is sent, until it is told to stop.
fn serve(device: &mut TunTapInterface, interface: &mut Interface, stop: &AtomicBool) {
    let mut sockets = SocketSet::new(Vec::new());
    let buffer = || tcp::SocketBuffer::new(vec![0; BUFFER]);
    let handles: Vec<_> = (0..SOCKETS).map(|_| sockets.add(tcp::Socket::new(buffer(), buffer()))).collect();
    while !stop.load(Ordering::Acquire) {
        interface.poll(Instant::now(), device, &mut sockets);
        for handle in &handles {
            answer(sockets.get_mut(*handle));
        }
        interface.poll(Instant::now(), device, &mut sockets);
        let pause = interface.poll_delay(Instant::now(), &sockets).unwrap_or(LOOK).min(LOOK);
        // A wait that was interrupted is only a shorter one.
        wait(device.as_raw_fd(), Some(pause)).unwrap_or_default();
    }
}

fn answer(socket: &mut tcp::Socket<'_>) {
    if !socket.is_open() {
        // The port is not zero and the socket is closed, so this cannot fail.
        socket.listen(PORT).unwrap_or_default();
    }
    if socket.can_recv() && socket.can_send() {
        let mut got = Vec::new();
        socket
            .recv(|bytes| {
                got.extend_from_slice(bytes);
                (bytes.len(), ())
            })
            .unwrap_or_default();
        // What does not fit is not repeated: nobody here sends more than a line.
        socket.send_slice(&got).unwrap_or_default();
    }
    if socket.may_send() && !socket.may_recv() && socket.state() == tcp::State::CloseWait {
        socket.close();
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(serving) = self.serving.take() {
            // A crash there has been told already.
            serving.join().unwrap_or_default();
        }
        take_down();
    }
}

/// Also removes what a killed run left; nothing there is fine.
fn take_down() {
    ip(&format!("link delete {LINK}")).unwrap_or_default();
}

fn ip(step: &str) -> Result<()> {
    let output = Command::new("ip")
        .args(step.split_whitespace())
        .output()
        .context("cannot start ip")?;
    if !output.status.success() {
        bail!("ip {step}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn the_outside_answers_without_a_socket_of_this_machine() -> Result<()> {
        let _outside = Outside::start()?;
        let mut stream = TcpStream::connect((ADDRESS, PORT))?;
        stream.set_read_timeout(Some(std::time::Duration::from_secs(10)))?;
        stream.write_all(b"hello")?;
        let mut answer = [0; 5];
        stream.read_exact(&mut answer)?;
        assert_eq!(&answer, b"hello");
        let sockets = std::fs::read_to_string("/proc/net/tcp")?;
        // 203.0.113.10:443, as that table writes it.
        let ends = sockets.matches("0A7100CB:01BB").count();
        assert_eq!(ends, 1, "only the client's, as its peer: {sockets}");
        Ok(())
    }
}
