//! Kinds of controls, and which of them this server passes on.

use std::collections::BTreeSet;

/// What a control does, for policies. The same words as the probe's `--allow`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Kind {
    /// Start, stop, restart, pause and unpause; scale and cordon.
    Lifecycle,
    /// Remove containers, delete pods and snapshots.
    Remove,
    /// Run a shell in a container or pod.
    Exec,
    /// Attach to a container's main process.
    Attach,
    /// Read logs and descriptions.
    Logs,
    /// Controls that plugins offer.
    Plugins,
    /// A root shell on the host. Never allowed unless named.
    HostShell,
}

impl Kind {
    const ALL: [Self; 7] = [
        Self::Lifecycle,
        Self::Remove,
        Self::Exec,
        Self::Attach,
        Self::Logs,
        Self::Plugins,
        Self::HostShell,
    ];

    /// The kind of a control, by its id. What is not recognised counts as a plugin's: it is the probe that knows its own controls, and
    /// refuses what it does not know.
    #[must_use]
    pub fn of(control: &str) -> Self {
        let says = |words: &[&str]| words.iter().any(|word| control.contains(word));
        if control.contains('~') {
            Self::Plugins
        } else if control.starts_with("host_") {
            Self::HostShell
        } else if says(&["exec"]) {
            Self::Exec
        } else if says(&["attach"]) {
            Self::Attach
        } else if says(&["logs", "describe"]) {
            Self::Logs
        } else if says(&["remove", "delete"]) {
            Self::Remove
        } else if ["docker_", "kubernetes_", "ecs_", "swarm_"]
            .iter()
            .any(|prefix| control.starts_with(prefix))
        {
            Self::Lifecycle
        } else {
            Self::Plugins
        }
    }

    /// The word that flags, audit records and pages use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lifecycle => "lifecycle",
            Self::Remove => "remove",
            Self::Exec => "exec",
            Self::Attach => "attach",
            Self::Logs => "logs",
            Self::Plugins => "plugins",
            Self::HostShell => "host-shell",
        }
    }
}

/// Which kinds of controls the server passes on.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Controls")]
pub struct PolicyArgs {
    /// Pass no control on, whoever asks.
    #[arg(long, env = "SCOPE_NO_CONTROLS")]
    pub no_controls: bool,
    /// Kinds of controls to pass on; all but host-shell if not given. Probes have a list of their own.
    #[arg(long, env = "SCOPE_ALLOW", value_delimiter = ',', value_enum, value_name = "KINDS")]
    pub allow: Vec<Kind>,
}

impl PolicyArgs {
    /// The policy these flags make.
    #[must_use]
    pub fn policy(&self) -> Policy {
        Policy(match (self.no_controls, self.allow.as_slice()) {
            (true, _) => BTreeSet::new(),
            (false, []) => Kind::ALL.into_iter().filter(|kind| *kind != Kind::HostShell).collect(),
            (false, kinds) => kinds.iter().copied().collect(),
        })
    }
}

/// The kinds that are passed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy(BTreeSet<Kind>);

impl Policy {
    /// Exactly these kinds.
    pub fn of(kinds: impl IntoIterator<Item = Kind>) -> Self {
        Self(kinds.into_iter().collect())
    }

    /// Whether a control of this kind is passed on.
    #[must_use]
    pub fn allows(&self, kind: Kind) -> bool {
        self.0.contains(&kind)
    }

    /// The kinds refused, each with the reason that pages show.
    #[must_use]
    pub fn refused(&self) -> Vec<(String, String)> {
        let reason = if self.0.is_empty() {
            "this server was started with --no-controls"
        } else {
            "this server's --allow leaves it out"
        };
        Kind::ALL
            .into_iter()
            .filter(|kind| !self.allows(*kind))
            .map(|kind| (kind.name().to_owned(), reason.to_owned()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_control_of_the_original_has_its_kind() {
        for (control, kind) in [
            ("host_exec", Kind::HostShell),
            ("host_resize_exec_tty", Kind::HostShell),
            ("docker_exec_container", Kind::Exec),
            ("docker_resize_exec_tty", Kind::Exec),
            ("docker_attach_container", Kind::Attach),
            ("docker_stop_container", Kind::Lifecycle),
            ("docker_remove_container", Kind::Remove),
            ("kubernetes_get_logs", Kind::Logs),
            ("kubernetes_describe", Kind::Logs),
            ("kubernetes_delete_pod", Kind::Remove),
            ("kubernetes_cordon_node", Kind::Lifecycle),
            ("ecs_scale_up", Kind::Lifecycle),
            ("iowait~switchToIdle", Kind::Plugins),
            ("no_such_control", Kind::Plugins),
        ] {
            assert_eq!(Kind::of(control), kind, "{control}");
        }
    }

    #[test]
    fn the_hosts_shell_must_be_named_and_no_controls_beats_all() {
        let policy = PolicyArgs::default().policy();
        assert!(policy.allows(Kind::Exec) && !policy.allows(Kind::HostShell));
        let none = PolicyArgs {
            no_controls: true,
            allow: vec![Kind::HostShell],
        };
        assert_eq!(none.policy().refused().len(), Kind::ALL.len());
    }
}
