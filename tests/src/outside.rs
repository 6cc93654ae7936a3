//! The outside world: a network namespace with one public-looking address that containers can reach through the host, as they would reach
//! the Internet.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process::Process;

/// Set aside for documentation, so it is nobody's and routed nowhere.
pub const ADDRESS: &str = "203.0.113.10";
/// Where the outside world listens.
pub const PORT: u16 = 443;
const NAMESPACE: &str = "scope-outside";
const LINK: &str = "scope-out0";
const HERE: &str = "169.254.213.1/30";
const THERE: &str = "169.254.213.2/30";

/// The namespace, with a server that answers whatever it is sent. Taken down on drop.
pub struct Outside(Option<Process>);

impl Outside {
    /// Builds it.
    pub fn start() -> Result<Self> {
        take_down();
        let mut outside = Self(None);
        for step in [
            format!("netns add {NAMESPACE}"),
            format!("link add {LINK} type veth peer name uplink netns {NAMESPACE}"),
            format!("addr add {HERE} dev {LINK}"),
            format!("link set {LINK} up"),
            format!("-n {NAMESPACE} addr add {THERE} dev uplink"),
            format!("-n {NAMESPACE} addr add {ADDRESS}/32 dev lo"),
            format!("-n {NAMESPACE} link set lo up"),
            format!("-n {NAMESPACE} link set uplink up"),
            format!("-n {NAMESPACE} route add default via {}", HERE.trim_end_matches("/30")),
            format!("route add {ADDRESS}/32 via {}", THERE.trim_end_matches("/30")),
        ] {
            ip(&step)?;
        }
        let mut server = Command::new("ip");
        server.args([
            "netns",
            "exec",
            NAMESPACE,
            "busybox",
            "nc",
            "-ll",
            "-p",
            &PORT.to_string(),
            "-e",
            "cat",
        ]);
        outside.0 = Some(Process::start(server, "outside")?);
        Ok(outside)
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        self.0 = None;
        take_down();
    }
}

/// Also removes what a killed run left; nothing there is fine.
fn take_down() {
    ip(&format!("link delete {LINK}")).unwrap_or_default();
    ip(&format!("netns delete {NAMESPACE}")).unwrap_or_default();
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
