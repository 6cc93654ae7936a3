//! What works on this machine: one check for each source of information, with what to do where something does not.
//!
//! Checks open what the probe would open and close it again; they change nothing.

mod kernel;

use crate::config::Args;
use crate::cri;
use crate::docker;
use crate::endpoint::Tier;
use crate::publish;

/// Advice that is given once for all, where the whole check is not run as root.
const RUN_AS_ROOT: &str = "run as root; in a container add --privileged";

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// How a source does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Works.
    Works,
    /// Works, but less well than it could.
    Limited,
    /// Does not work.
    Fails,
    /// Not there, and nothing is wrong with that.
    Absent,
}

impl Verdict {
    /// One word for people.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Works => "ok",
            Self::Limited => "limited",
            Self::Fails => "missing",
            Self::Absent => "-",
        }
    }
}

/// The outcome of one check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What was looked at.
    pub source: &'static str,
    /// How it does.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// What is lost where it does not work; empty where nothing is.
    pub lost: &'static str,
    /// What to do; empty where nothing needs to be done.
    pub advice: &'static str,
}

impl Check {
    fn works(source: &'static str, found: impl Into<String>) -> Self {
        Self {
            source,
            verdict: Verdict::Works,
            found: found.into(),
            lost: "",
            advice: "",
        }
    }

    fn limited(source: &'static str, found: impl Into<String>, lost: &'static str, advice: &'static str) -> Self {
        Self {
            verdict: Verdict::Limited,
            lost,
            advice,
            ..Self::works(source, found)
        }
    }

    fn fails(source: &'static str, found: impl Into<String>, lost: &'static str, advice: &'static str) -> Self {
        Self {
            verdict: Verdict::Fails,
            ..Self::limited(source, found, lost, advice)
        }
    }

    /// As it is printed: a line, and what is lost and what to do below it.
    fn text(&self, is_root: bool) -> String {
        let mut text = format!("{:<8} {:<24} {}", self.verdict.word(), self.source, self.found);
        // Said once, at the end, where it is the answer to everything.
        let advice = if self.advice == RUN_AS_ROOT && !is_root { "" } else { self.advice };
        for (mark, line) in [("lost:", self.lost), ("to do:", advice)] {
            if !line.is_empty() {
                text.push_str(&format!("\n         {mark:<8} {line}"));
            }
        }
        text
    }
}

/// An error in words, without the system's number for it.
fn in_words(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

/// Prints, for each source of information, what works on this machine, what does not, and what to do about it.
///
/// # Errors
/// When the flags cannot work.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let (collect, is_root) = (&args.collect, is_root());
    let who = if is_root { "as root" } else { "without root's rights" };
    println!("What a probe sees on {} when it runs {who}:\n", collect.host_id());
    let mut checks = kernel::sources(&collect.proc_root, &collect.cgroup_root);
    if collect.docker {
        checks.push(engine(collect.docker_host.as_deref()).await);
    }
    if collect.runtimes && collect.cri {
        checks.push(runtime(&collect.cri_endpoint()).await);
    }
    for check in &checks {
        println!("{}", check.text(is_root));
    }
    for text in args.targets.iter().filter(|target| !target.is_empty()) {
        let target = publish::target::Target::parse(text)?;
        let check = match publish::reachable(&target, &args.connect).await {
            Ok(found) => Check::works("server", format!("{target}: {found}")),
            Err(error) => Check::fails(
                "server",
                format!("{target}: {}", without_number(&error.to_string())),
                "this host, on that server's page",
                "start the server there (scope server), or check name, port, token and what stands between",
            ),
        };
        println!("{}", check.text(is_root));
    }
    let tier = kernel::best_tier(&checks, Tier::from_flag(&collect.tier), collect.ebpf);
    println!("\nConnections are followed by {tier}.");
    println!(
        "Above {} % of a core a probe looks less often, and says so on its host (--max-cpu).",
        collect.max_cpu
    );
    if !is_root {
        println!(
            "Most of what is missing needs root: run the probe, and this check, with sudo; in a container with --privileged --pid=host --net=host."
        );
    }
    Ok(())
}

fn without_number(text: &str) -> &str {
    text.split(" (os error").next().unwrap_or(text)
}

async fn engine(address: Option<&str>) -> Check {
    let source = "containers: engine";
    let lost = "controls, logs and terminals of containers";
    match docker::look(address).await {
        Ok(found) => Check::works(source, found),
        Err(error) => {
            // Libraries on the way repeat one another; the cause is what helps.
            let cause = error.root_cause();
            let kind = cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
            let advice = if kind == Some(std::io::ErrorKind::PermissionDenied) {
                "run as root, or as a member of the group that owns the engine's socket (docker)"
            } else {
                "start Docker or Podman, or name its socket with --docker-host; it may also appear later"
            };
            let found = format!("not reached: {}", without_number(&cause.to_string()));
            Check::fails(source, found, lost, advice)
        }
    }
}

async fn runtime(endpoint: &cri::Endpoint) -> Check {
    let source = "containers: Kubernetes";
    match cri::look(endpoint).await {
        Ok(Some(found)) => Check::works(source, found),
        Ok(None) => Check {
            verdict: Verdict::Absent,
            ..Check::works(source, "no runtime's socket here; only nodes of a cluster have one")
        },
        Err(error) => Check::fails(
            source,
            without_number(&error.to_string()).to_owned(),
            "labels of pods' containers and what has stopped",
            "run as root, or name the runtime's socket with --cri-endpoint",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_root_can_mend_is_not_repeated_line_by_line() {
        let check = Check::fails("names", "Operation not permitted", "outside addresses have no names", RUN_AS_ROOT);
        assert_eq!(
            check.text(false),
            "missing  names                    Operation not permitted\n         lost:    outside addresses have no names"
        );
        assert!(check.text(true).ends_with("to do:   run as root; in a container add --privileged"));
    }

    #[test]
    fn errors_are_told_in_words() {
        assert_eq!(in_words(&std::io::Error::from_raw_os_error(1)), "Operation not permitted");
    }
}
