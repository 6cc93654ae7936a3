//! The `scope` binary under test, started on a free port of this machine and stopped with the test.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::wait::until;

/// A server that was told to stop has this long.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// Where tests leave logs and pictures: `target/e2e`.
pub fn artefacts() -> Result<PathBuf> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .context("the tests have no workspace")?;
    let directory = workspace.join("target/e2e");
    std::fs::create_dir_all(&directory)?;
    Ok(directory)
}

/// A port nobody listens on now.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// The binary: `SCOPE_BIN`, else the one that was built beside the tests.
fn binary() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("SCOPE_BIN") {
        return Ok(path.into());
    }
    let tests = std::env::current_exe()?;
    let found = tests
        .ancestors()
        .map(|directory| directory.join("scope"))
        .find(|file| file.is_file());
    found.context("no `scope` binary: build it (`cargo build -p scope-server`) or set SCOPE_BIN")
}

/// A process that ends with its owner.
pub struct Process {
    child: Child,
    /// What it printed.
    pub log: PathBuf,
}

impl Process {
    /// Starts it with its output in `target/e2e/<name>.log`.
    pub fn start(mut command: Command, name: &str) -> Result<Self> {
        let log = artefacts()?.join(format!("{name}.log"));
        let file = File::create(&log)?;
        let child = command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file).spawn();
        Ok(Self {
            child: child.with_context(|| format!("cannot start {}", command.get_program().to_string_lossy()))?,
            log,
        })
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it printed so far.
    pub fn printed(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// An error with its last words, if it has ended.
    pub fn check_alive(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            Some(status) => bail!("ended early ({status}); it printed:\n{}", self.printed()),
            None => Ok(()),
        }
    }

    /// Ends it at once, as a crash would.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Files, sockets and pipes it has open.
    pub fn open_files(&self) -> Result<usize> {
        Ok(std::fs::read_dir(format!("/proc/{}/fd", self.id()))?.count())
    }

    /// Processes it has started and that have not ended.
    pub fn children(&self) -> Result<Vec<u32>> {
        let mut children = Vec::new();
        for task in std::fs::read_dir(format!("/proc/{}/task", self.id()))? {
            let text = std::fs::read_to_string(task?.path().join("children")).unwrap_or_default();
            children.extend(text.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
        }
        Ok(children)
    }

    /// Resident memory in bytes.
    pub fn memory(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
        Ok(kilobytes * 1024)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(None)) {
            return;
        }
        // Politely first: a probe has things to close.
        if Command::new("kill").args(["-TERM", &self.id().to_string()]).status().is_err() {
            self.kill().unwrap_or_default();
        }
        let begun = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) {
            if begun.elapsed() > STOP_LIMIT {
                self.kill().unwrap_or_default();
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// A running `scope launch` or `scope server`.
pub struct Scope {
    /// The process.
    pub process: Process,
    /// Where it listens, on loopback.
    pub port: u16,
    /// Its home: what it stores goes here.
    home: tempfile::TempDir,
}

impl Scope {
    /// `scope launch`: server and probe in one process.
    pub async fn launch(name: &str, arguments: &[&str]) -> Result<Self> {
        Self::start(name, "launch", free_port()?, arguments).await
    }

    /// `scope server`, without a probe.
    pub async fn server(name: &str, arguments: &[&str]) -> Result<Self> {
        Self::start(name, "server", free_port()?, arguments).await
    }

    /// `scope server` on a port of the caller's choice.
    pub async fn server_on(name: &str, port: u16, arguments: &[&str]) -> Result<Self> {
        Self::start(name, "server", port, arguments).await
    }

    async fn start(name: &str, verb: &str, port: u16, arguments: &[&str]) -> Result<Self> {
        let home = tempfile::tempdir()?;
        let mut command = Command::new(binary()?);
        command.arg(verb).args(["--listen", &format!("127.0.0.1:{port}")]).args(arguments);
        command
            .env("HOME", home.path())
            .env("XDG_STATE_HOME", home.path())
            .env("XDG_DATA_HOME", home.path())
            .env("XDG_CONFIG_HOME", home.path());
        let mut process = Process::start(command, name)?;
        let address = format!("127.0.0.1:{port}");
        until("the server listens", || {
            let alive = process.check_alive();
            let address = address.clone();
            async move {
                alive?;
                tokio::net::TcpStream::connect(address).await?;
                Ok(())
            }
        })
        .await?;
        Ok(Self { process, port, home })
    }

    /// `scope probe` that reports to this server.
    pub fn probe(&self, name: &str, arguments: &[&str]) -> Result<Process> {
        let mut command = Command::new(binary()?);
        command.arg("probe").arg(format!("127.0.0.1:{}", self.port)).args(arguments);
        command.env("HOME", self.home.path());
        Process::start(command, name)
    }

    /// Its address as a browser writes it, with a trailing slash.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    /// Where it stores things.
    pub fn home(&self) -> &Path {
        self.home.path()
    }
}
