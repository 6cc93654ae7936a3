//! Which role each route asks for: the one table, by method and path.

use axum::http::Method;

use super::identity::Role;

/// What a route asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Nothing: static files, health, logging in.
    Public,
    /// Any role: what probes and pages ask first.
    Known,
    /// To look.
    View,
    /// To act.
    Operate,
    /// To report.
    Report,
    /// Either end of a pipe.
    Either,
}

impl Access {
    /// What this request asks for. A path that is not in the table is no route; what the page's files are is public.
    pub(super) fn of(method: &Method, path: &str) -> Self {
        let mut parts = path.trim_start_matches('/').split('/');
        let first = parts.next().unwrap_or_default();
        match (first, parts.next(), parts.next(), parts.next()) {
            ("metrics", ..) => Self::View,
            ("api", None, ..) => Self::Known,
            ("api", Some("login" | "logout" | "session" | "oidc"), ..) => Self::Public,
            ("api", Some("report"), None, _) => Self::Report,
            ("api", Some("control"), Some("ws"), None) => Self::Report,
            ("api", Some("control"), ..) => Self::Operate,
            ("api", Some("pipe"), Some(_), Some("probe")) => Self::Report,
            ("api", Some("pipe"), Some(_), Some("check")) => Self::Either,
            ("api", Some("pipe"), Some(_), None) if method == Method::DELETE || method == Method::POST => Self::Either,
            ("api", Some("pipe"), ..) => Self::Operate,
            ("api", ..) => Self::View,
            _ => Self::Public,
        }
    }

    /// Whether a role is enough.
    pub(super) const fn admits(self, role: Role) -> bool {
        match self {
            Self::Public | Self::Known => true,
            Self::View => role.may_view(),
            Self::Operate => role.may_operate(),
            Self::Report => role.may_report(),
            Self::Either => role.may_operate() || role.may_report(),
        }
    }

    /// What is missing, in words.
    pub(super) const fn needs(self) -> &'static str {
        match self {
            Self::Public | Self::Known => "a token",
            Self::View => "a viewer's or an operator's token",
            Self::Operate => "an operator's token",
            Self::Report => "the probes' token",
            Self::Either => "an operator's or the probes' token",
        }
    }
}
