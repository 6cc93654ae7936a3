//! A Docker engine for the tests: the machine's if one runs, else one started here and stopped again at the end.

use std::fs::File;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::apt;
use crate::shell::{command, output, scratch, tail, which};

/// An engine starts within seconds; the first start on a slow disk takes longer.
const START_LIMIT: Duration = Duration::from_secs(90);
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// A running engine. One that was started here stops when this is dropped.
pub struct Engine(Option<Child>);

/// Makes sure an engine answers.
pub fn ensure() -> Result<Engine> {
    apt::ensure(&apt::DOCKER)?;
    if answers() {
        return Ok(Engine(None));
    }
    if !apt::is_root()? {
        bail!("no Docker engine answers; start it (`systemctl start docker`) or run as root");
    }
    let log = scratch("dockerd.log")?;
    let file = File::create(&log)?;
    let dockerd = which("dockerd").context("dockerd is not installed")?;
    let mut start = Command::new(dockerd);
    start.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
    let mut child = start.spawn().context("cannot start dockerd")?;
    let begun = Instant::now();
    while !answers() {
        if let Some(status) = child.try_wait()? {
            bail!(
                "dockerd stopped at once ({status}); the end of {}:\n{}",
                log.display(),
                tail(&log, 20)
            );
        }
        if begun.elapsed() > START_LIMIT {
            child.kill()?;
            bail!("dockerd does not answer; the end of {}:\n{}", log.display(), tail(&log, 20));
        }
        std::thread::sleep(Duration::from_millis(300));
    }
    Ok(Engine(Some(child)))
}

fn answers() -> bool {
    let mut ask = command("docker");
    ask.args(["version", "--format", "{{.Server.Version}}"]);
    output(ask).is_ok()
}

impl Drop for Engine {
    fn drop(&mut self) {
        let Some(mut child) = self.0.take() else { return };
        let mut stop = command("kill");
        stop.args(["-TERM", &child.id().to_string()]);
        // Ended politely, the engine takes its containers and its firewall rules with it.
        output(stop).unwrap_or_default();
        let begun = Instant::now();
        while matches!(child.try_wait(), Ok(None)) {
            if begun.elapsed() > STOP_LIMIT {
                child.kill().unwrap_or_default();
                break;
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}
