//! The Docker engine, through its command line: images made on the spot (there is no registry to pull from) and containers that go away
//! with the test.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

/// Everything the tests create has this label, so that leftovers of a killed run are found.
pub const LABEL: &str = "scope.end-to-end-test=1";

/// Runs `docker` and returns what it printed.
pub fn docker(arguments: &[&str]) -> Result<String> {
    let output = Command::new("docker")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .context("cannot start docker")?;
    if !output.status.success() {
        bail!("docker {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// One fact about a container, image or network, by template.
pub fn inspect(name: &str, template: &str) -> Result<String> {
    docker(&["inspect", "--format", template, name])
}

/// Whether a container runs, is paused, has exited …: the engine's own word.
pub fn state(name: &str) -> Result<String> {
    inspect(name, "{{.State.Status}}")
}

/// Removes a container whatever it does; fine if there is none.
pub fn remove(name: &str) {
    docker(&["rm", "--force", "--volumes", name]).unwrap_or_default();
}

/// Removes what an earlier run left behind.
pub fn remove_leftovers() -> Result<()> {
    let filter = format!("label={LABEL}");
    for container in docker(&["ps", "--all", "--quiet", "--filter", &filter])?.lines() {
        remove(container);
    }
    for network in docker(&["network", "ls", "--quiet", "--filter", &filter])?.lines() {
        docker(&["network", "rm", network])?;
    }
    Ok(())
}

/// Makes an image of a static busybox with a shell, under `name`. Images of different names are different images.
pub fn make_image(name: &str) -> Result<()> {
    let root = tempfile::tempdir()?;
    lay_out(root.path())?;
    let mut tar = Command::new("tar")
        .arg("-C")
        .arg(root.path())
        .args(["-c", "."])
        .stdout(Stdio::piped())
        .spawn()?;
    let archive = tar.stdout.take().context("tar has no output")?;
    let change = format!("LABEL {} image={name}", LABEL);
    let import = Command::new("docker")
        .args(["import", "--change", &change, "-", name])
        .stdin(archive)
        .output()?;
    ensure!(tar.wait()?.success(), "tar failed");
    ensure!(
        import.status.success(),
        "docker import: {}",
        String::from_utf8_lossy(&import.stderr)
    );
    Ok(())
}

fn lay_out(root: &Path) -> Result<()> {
    for directory in ["bin", "etc", "tmp", "proc", "sys", "dev", "root"] {
        std::fs::create_dir(root.join(directory))?;
    }
    std::fs::write(root.join("etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n")?;
    let busybox = ["/bin/busybox", "/usr/bin/busybox"]
        .into_iter()
        .find(|path| Path::new(path).is_file());
    std::fs::copy(busybox.context("busybox-static is not installed")?, root.join("bin/busybox"))?;
    let applets = Command::new("busybox").arg("--list").output()?;
    for applet in String::from_utf8_lossy(&applets.stdout)
        .lines()
        .filter(|applet| *applet != "busybox")
    {
        symlink("busybox", root.join("bin").join(applet))?;
    }
    Ok(())
}
