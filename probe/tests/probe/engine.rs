//! Containers for tests, through the engine's own command.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

const IMAGE: &str = "scope-probe-test:latest";

/// Runs `docker` and returns what it prints.
pub fn docker(arguments: &[&str]) -> String {
    let output = Command::new("docker")
        .args(arguments)
        .output()
        .expect("the docker command; `cargo xtask test` installs it");
    assert!(
        output.status.success(),
        "docker {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// An image with nothing but busybox, made once.
pub fn image() -> &'static str {
    static MADE: OnceLock<()> = OnceLock::new();
    MADE.get_or_init(|| {
        let root = tempfile::tempdir().unwrap();
        let bin = root.path().join("bin");
        std::fs::create_dir_all(&bin).unwrap();
        let busybox = ["/bin/busybox", "/usr/bin/busybox"]
            .into_iter()
            .find(|path| std::path::Path::new(path).exists());
        std::fs::copy(busybox.expect("busybox; install busybox-static"), bin.join("busybox")).unwrap();
        for applet in ["sh", "sleep", "cat", "stty", "ps", "seq", "echo", "nc", "ls", "mkdir"] {
            std::os::unix::fs::symlink("busybox", bin.join(applet)).unwrap();
        }
        let tar = Command::new("tar").arg("-C").arg(root.path()).args(["-c", "."]).output().unwrap();
        let mut import = Command::new("docker")
            // As the image of a Kubernetes sandbox it must have something to run.
            .args(["import", "--change", "CMD [\"/bin/sleep\", \"100000\"]", "-", IMAGE])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        import.stdin.take().unwrap().write_all(&tar.stdout).unwrap();
        assert!(import.wait().unwrap().success());
    });
    IMAGE
}

/// A container that is removed when the test is over.
pub struct TestContainer {
    pub id: String,
}

/// A network of the engine's, removed when the test is over; drop it after the containers in it.
pub struct TestNetwork {
    pub name: String,
}

impl TestNetwork {
    pub fn create(name: &str) -> Self {
        let name = format!("scope-probe-test-{name}-{}", std::process::id());
        docker(&["network", "create", &name]);
        Self { name }
    }
}

impl Drop for TestNetwork {
    fn drop(&mut self) {
        drop(Command::new("docker").args(["network", "rm", &self.name]).output());
    }
}

impl TestContainer {
    /// Runs a shell command in a new container.
    pub fn run(name: &str, command: &str) -> Self {
        Self::run_with(name, &[], command)
    }

    /// Runs a shell command in a new container that is made with these options.
    pub fn run_with(name: &str, options: &[&str], command: &str) -> Self {
        let name = format!("scope-probe-test-{name}-{}", std::process::id());
        let fixed = ["run", "-d", "--name", &name, "--label", "made.by=scope-probe-test"];
        let program = [image(), "/bin/sh", "-c", command];
        let id = docker(&[&fixed[..], options, &program].concat());
        Self { id }
    }

    /// What the engine says of it, by a template.
    pub fn inspect(&self, template: &str) -> String {
        docker(&["inspect", "-f", template, &self.id])
    }

    /// Its address in a network.
    pub fn address_in(&self, network: &TestNetwork) -> String {
        self.inspect(&format!("{{{{(index .NetworkSettings.Networks \"{}\").IPAddress}}}}", network.name))
    }

    pub fn node(&self) -> String {
        format!("{};<container>", self.id)
    }

    /// The engine's word for its state.
    pub fn state(&self) -> String {
        self.inspect("{{.State.Status}}")
    }
}

impl Drop for TestContainer {
    fn drop(&mut self) {
        let removed = Command::new("docker").args(["rm", "-f", &self.id]).output();
        drop(removed);
    }
}
