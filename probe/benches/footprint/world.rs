//! The world that the probe looks at: real containers on a bridge of their own, each with its share of processes, and of connections to its
//! neighbour. Everything is removed again when it is dropped.

use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

const IMAGE: &str = "scope-footprint:latest";
const NETWORK: &str = "scope-footprint";
const SUBNET: &str = "10.231.0.0/16";
const PORT: u16 = 7000;

/// How much of everything.
pub struct Size {
    pub containers: usize,
    pub processes: usize,
    pub sockets: usize,
    /// Connections a second that come and go.
    pub churn: usize,
}

/// The containers.
pub struct World {
    names: Vec<String>,
    churn: Option<Child>,
}

impl World {
    pub fn start(size: &Size) -> Self {
        make_image();
        drop(
            Command::new("docker")
                .args(["network", "rm", NETWORK])
                .stderr(Stdio::null())
                .output(),
        );
        docker(&["network", "create", "--subnet", SUBNET, NETWORK]);
        let mut world = Self {
            names: Vec::new(),
            churn: None,
        };
        // Each connection is two sockets, one in each of two containers.
        let (processes, connections) = (size.processes / size.containers - 1, size.sockets / size.containers / 2);
        for number in 0..size.containers {
            let name = format!("scope-footprint-{number}");
            drop(Command::new("docker").args(["rm", "-f", &name]).output());
            let neighbour = format!("{}:{PORT}", address((number + 1) % size.containers));
            let run = [
                "run",
                "-d",
                "--name",
                &name,
                "--network",
                NETWORK,
                "--ip",
                &address(number),
                IMAGE,
                "/bin/scope-traffic",
                "member",
            ];
            let work = [format!("0.0.0.0:{PORT}"), neighbour, connections.to_string(), processes.to_string()];
            docker(&run.into_iter().chain(work.iter().map(String::as_str)).collect::<Vec<_>>());
            world.names.push(name);
        }
        for name in &world.names {
            while !docker(&["logs", name]).contains("ready") {
                std::thread::sleep(std::time::Duration::from_millis(200));
            }
        }
        if size.churn > 0 {
            let every = format!("{}", 1000 / size.churn.min(1000));
            let target = format!("{}:{PORT}", address(0));
            let mut command = Command::new(env!("CARGO_BIN_EXE_scope-traffic"));
            command.args(["connect", "tcp", &target, "1000000000", &every, "1"]);
            world.churn = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().ok();
        }
        world
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(churn) = &mut self.churn {
            drop(churn.kill());
            drop(churn.wait());
        }
        for names in self.names.chunks(20) {
            drop(Command::new("docker").args(["rm", "-f"]).args(names).output());
        }
        drop(Command::new("docker").args(["network", "rm", NETWORK]).output());
    }
}

/// One line on what there is to see now, as the kernel counts it.
pub fn describe() -> String {
    let processes = std::fs::read_dir("/proc")
        .expect("/proc")
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().bytes().all(|byte| byte.is_ascii_digit()))
        .count();
    let containers = Command::new("docker")
        .args(["ps", "-q"])
        .output()
        .map_or(0, |output| output.stdout.split(|byte| *byte == b'\n').count() - 1);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    format!(
        "{processes} processes, {containers} containers, load {}",
        load.split(' ').next().unwrap_or_default()
    )
}

fn address(number: usize) -> String {
    format!("10.231.{}.{}", 1 + number / 200, 10 + number % 200)
}

fn docker(arguments: &[&str]) -> String {
    let output = Command::new("docker").args(arguments).output().expect("docker");
    assert!(
        output.status.success(),
        "docker {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The load generator, the libraries it is linked with, and busybox for `cat`.
fn make_image() {
    let root = tempfile::tempdir().expect("a directory");
    let copy = |from: &str, to: &str| {
        let to = root.path().join(to.trim_start_matches('/'));
        std::fs::create_dir_all(to.parent().expect("a parent")).expect("a directory");
        std::fs::copy(from, to).expect(from);
    };
    let traffic = env!("CARGO_BIN_EXE_scope-traffic");
    copy(traffic, "/bin/scope-traffic");
    let busybox = ["/bin/busybox", "/usr/bin/busybox"]
        .into_iter()
        .find(|path| Path::new(path).exists());
    copy(busybox.expect("busybox; install busybox-static"), "/bin/cat");
    let linked = Command::new("ldd").arg(traffic).output().expect("ldd");
    for library in String::from_utf8_lossy(&linked.stdout)
        .split_whitespace()
        .filter(|word| word.starts_with('/'))
    {
        copy(library, library);
    }
    let tar = Command::new("tar")
        .arg("-C")
        .arg(root.path())
        .args(["-c", "."])
        .output()
        .expect("tar");
    let mut import = Command::new("docker")
        .args(["import", "-", IMAGE])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("docker");
    import.stdin.take().expect("piped").write_all(&tar.stdout).expect("an image");
    assert!(import.wait().expect("docker").success(), "docker import");
}
