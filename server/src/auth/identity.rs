//! Who is asking, and what that lets them do.

use tokio_util::sync::CancellationToken;

/// What somebody may do. Probes, viewers and operators have secrets of their own; an operator may look as well, a probe may do neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Reports, and keeps the probe's ends of controls and pipes.
    Probe,
    /// Looks.
    Viewer,
    /// Looks and acts.
    Operator,
    /// Everything: the server asks nobody for anything.
    Anyone,
}

impl Role {
    /// Whether this role may look.
    #[must_use]
    pub const fn may_view(self) -> bool {
        matches!(self, Self::Viewer | Self::Operator | Self::Anyone)
    }

    /// Whether this role may act.
    #[must_use]
    pub const fn may_operate(self) -> bool {
        matches!(self, Self::Operator | Self::Anyone)
    }

    /// Whether this role may report.
    #[must_use]
    pub const fn may_report(self) -> bool {
        matches!(self, Self::Probe | Self::Anyone)
    }

    /// The word that pages and audit records use: what the role comes to.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Probe => "probe",
            Self::Viewer => "view",
            Self::Operator | Self::Anyone => "operate",
        }
    }
}

/// How somebody proved who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// Nobody was asked.
    Nothing,
    /// A token in a header.
    Token,
    /// A cookie of this server. Browsers send it by themselves, so it is worth nothing without a checked origin.
    Cookie,
    /// A trusted proxy's header. Like a cookie, a browser brings it about by itself.
    Proxy,
}

/// Who is asking; in the extensions of every request that passed the gate.
#[derive(Clone, Debug)]
pub struct Identity {
    /// What they may do.
    pub role: Role,
    /// Their name as far as it is known: an e-mail address, or what token they hold.
    pub who: String,
    /// How that is known.
    pub via: Via,
    /// Cancelled when they log out: their sockets end with it.
    pub ended: CancellationToken,
}

impl Identity {
    /// An identity that ends with nothing but its connection.
    #[must_use]
    pub fn new(role: Role, who: impl Into<String>, via: Via) -> Self {
        Self {
            role,
            who: who.into(),
            via,
            ended: CancellationToken::new(),
        }
    }
}

/// What a person named `names` (user name, e-mail, groups) may do by the two lists.
pub(super) fn role_of(names: &[String], operators: &[String], viewers: &[String]) -> Option<Role> {
    let listed = |list: &[String]| list.iter().any(|entry| entry == "*" || names.contains(entry));
    if listed(operators) {
        Some(Role::Operator)
    } else {
        listed(viewers).then_some(Role::Viewer)
    }
}

/// Seconds since the epoch by the machine's clock: sessions outlive the process, so they cannot go by the server's own.
pub(super) fn wall_seconds() -> i64 {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(now.as_secs()).unwrap_or(i64::MAX)
}
