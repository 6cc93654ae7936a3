//! What the probe may do on request. Decided once, at the probe, from its own flags: nobody's request can widen it.

use clap::ValueEnum as _;

/// One kind of thing that a control does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, clap::ValueEnum)]
pub enum Allow {
    /// Start, stop, restart, pause and unpause containers; scale, restart and cordon in Kubernetes and ECS.
    Lifecycle,
    /// Remove containers, delete pods and volume snapshots.
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

impl Allow {
    /// What is allowed when nothing is said: everything but the host's shell.
    pub const DEFAULT: [Self; 6] = [Self::Lifecycle, Self::Remove, Self::Exec, Self::Attach, Self::Logs, Self::Plugins];
}

/// What may be done on this machine when a server asks.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Probe: controls")]
pub struct ControlArgs {
    /// Execute nothing, whoever asks: no control connection, no controls in reports.
    #[arg(long, alias = "probe.no-controls", env = "SCOPE_PROBE_NO_CONTROLS")]
    pub no_controls: bool,
    /// Kinds of controls to carry out; all but host-shell if not given.
    #[arg(long, env = "SCOPE_PROBE_ALLOW", value_delimiter = ',', value_enum, value_name = "KINDS")]
    pub allow: Vec<Allow>,
    /// The command that starts a guard (see [`crate::guard`]); empty for none. Not a flag: the program knows its own.
    #[arg(skip)]
    pub guard: Vec<std::ffi::OsString>,
}

impl ControlArgs {
    /// The policy these flags make.
    #[must_use]
    pub fn policy(&self) -> Policy {
        match (self.no_controls, self.allow.as_slice()) {
            (true, _) => Policy::nothing(),
            (false, []) => Policy::of(&Allow::DEFAULT),
            (false, kinds) => Policy::of(kinds),
        }
    }
}

/// The set of allowed kinds. Immutable once made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    bits: u8,
}

impl Policy {
    /// Allows nothing.
    #[must_use]
    pub const fn nothing() -> Self {
        Self { bits: 0 }
    }

    /// Allows exactly these kinds.
    #[must_use]
    pub fn of(kinds: &[Allow]) -> Self {
        Self {
            bits: kinds.iter().fold(0, |bits, kind| bits | 1 << *kind as u8),
        }
    }

    /// Whether this kind may be carried out.
    #[must_use]
    pub const fn allows(self, kind: Allow) -> bool {
        self.bits & (1 << kind as u8) != 0
    }

    /// The kinds it allows, by the names that the flags give them; `none` if it allows nothing.
    #[must_use]
    pub fn names(self) -> String {
        let names: Vec<String> = Allow::value_variants()
            .iter()
            .filter(|kind| self.allows(**kind))
            .filter_map(|kind| Some(kind.to_possible_value()?.get_name().to_owned()))
            .collect();
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    }

    /// Whether anything may be carried out at all.
    #[must_use]
    pub const fn allows_something(self) -> bool {
        self.bits != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_shell_is_off_unless_named() {
        let default = ControlArgs {
            no_controls: false,
            allow: vec![],
            guard: vec![],
        }
        .policy();
        assert!(default.allows(Allow::Exec) && !default.allows(Allow::HostShell));
        let named = ControlArgs {
            no_controls: false,
            allow: vec![Allow::HostShell],
            guard: vec![],
        }
        .policy();
        assert!(named.allows(Allow::HostShell) && !named.allows(Allow::Exec));
    }

    #[test]
    fn no_controls_beats_every_allow() {
        let policy = ControlArgs {
            no_controls: true,
            allow: vec![Allow::HostShell, Allow::Logs],
            guard: vec![],
        }
        .policy();
        assert!(!policy.allows_something());
    }
}
