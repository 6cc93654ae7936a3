//! The server under load: a `scope server` process on a free port of loopback, and what the kernel says that it uses.

use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// Ticks of `/proc/PID/stat` in a second: what Linux shows to programs on every architecture.
const TICKS: f64 = 100.0;
/// A server that does not listen by then will not.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running server; killed when dropped.
pub struct Server {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

/// What a process has used up to now.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// CPU time, user and system.
    pub cpu: Duration,
    /// Resident memory in bytes now.
    pub memory: u64,
    /// The most resident memory in bytes there ever was.
    pub peak: u64,
}

impl Server {
    /// Starts `binary server` with these further arguments; what it prints goes to `log`.
    ///
    /// # Errors
    /// When it does not start or does not listen.
    pub fn start(binary: &Path, arguments: &[&str], log: &Path) -> Result<Self> {
        let address = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        Self::start_on(binary, address, arguments, log)
    }

    /// The same on an address of the caller's choice.
    ///
    /// # Errors
    /// When it does not start or does not listen.
    pub fn start_on(binary: &Path, address: SocketAddr, arguments: &[&str], log: &Path) -> Result<Self> {
        let file = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        let child = Command::new(binary)
            .args(["server", "--listen", &address.to_string()])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .with_context(|| format!("cannot start {}", binary.display()))?;
        let mut server = Self { child, address };
        let begun = Instant::now();
        while std::net::TcpStream::connect(address).is_err() {
            if let Some(status) = server.child.try_wait()? {
                bail!("the server ended at once ({status}); see {}", log.display());
            }
            if begun.elapsed() > PATIENCE {
                bail!("the server does not listen; see {}", log.display());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    /// What it has used.
    ///
    /// # Errors
    /// When it is gone.
    pub fn usage(&self) -> Result<Usage> {
        usage(&self.child.id().to_string())
    }
}

impl Server {
    /// Ends it at once, as a crash would.
    ///
    /// # Errors
    /// When it has ended already.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Sends it a signal, e.g. `TERM`.
    ///
    /// # Errors
    /// When that cannot be done.
    pub fn signal(&self, name: &str) -> Result<()> {
        let status = Command::new("kill")
            .args([&format!("-{name}"), &self.child.id().to_string()])
            .status()?;
        anyhow::ensure!(status.success(), "kill -{name} failed");
        Ok(())
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    /// When that cannot be found out.
    pub fn ended(&mut self) -> Result<Option<std::process::ExitStatus>> {
        Ok(self.child.try_wait()?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself, which its user noticed by other means.
        self.child.kill().unwrap_or_default();
        self.child.wait().map(|_| ()).unwrap_or_default();
    }
}

/// What a process (`self` is this one) has used.
///
/// # Errors
/// When there is no such process.
pub fn usage(process: &str) -> Result<Usage> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name, in brackets, may hold anything.
    let (_, fields) = stat.rsplit_once(')').context("an odd /proc/PID/stat")?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let kilobytes = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key));
        line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<u64>().ok())
            .unwrap_or(0)
    };
    Ok(Usage {
        cpu: Duration::from_secs_f64((ticks(11) + ticks(12)) / TICKS),
        memory: kilobytes("VmRSS:") * 1024,
        peak: kilobytes("VmHWM:") * 1024,
    })
}
