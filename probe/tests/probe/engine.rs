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
fn image() -> &'static str {
    static MADE: OnceLock<()> = OnceLock::new();
    MADE.get_or_init(|| {
        let root = tempfile::tempdir().unwrap();
        let bin = root.path().join("bin");
        std::fs::create_dir_all(&bin).unwrap();
        let busybox = ["/bin/busybox", "/usr/bin/busybox"]
            .into_iter()
            .find(|path| std::path::Path::new(path).exists());
        std::fs::copy(busybox.expect("busybox; install busybox-static"), bin.join("busybox")).unwrap();
        for applet in ["sh", "sleep", "cat", "stty", "ps", "seq", "echo"] {
            std::os::unix::fs::symlink("busybox", bin.join(applet)).unwrap();
        }
        let tar = Command::new("tar").arg("-C").arg(root.path()).args(["-c", "."]).output().unwrap();
        let mut import = Command::new("docker")
            .args(["import", "-", IMAGE])
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

impl TestContainer {
    /// Runs a shell command in a new container.
    pub fn run(name: &str, command: &str) -> Self {
        let name = format!("scope-probe-test-{name}-{}", std::process::id());
        let id = docker(&[
            "run",
            "-d",
            "--name",
            &name,
            "--label",
            "made.by=scope-probe-test",
            image(),
            "/bin/sh",
            "-c",
            command,
        ]);
        Self { id }
    }

    pub fn node(&self) -> String {
        format!("{};<container>", self.id)
    }

    /// The engine's word for its state.
    pub fn state(&self) -> String {
        docker(&["inspect", "-f", "{{.State.Status}}", &self.id])
    }
}

impl Drop for TestContainer {
    fn drop(&mut self) {
        let removed = Command::new("docker").args(["rm", "-f", &self.id]).output();
        drop(removed);
    }
}
