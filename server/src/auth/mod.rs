//! Who may do what: tokens, sessions, host and origin checks, and the gate that every request passes.
//!
//! On loopback nobody is asked (but hosts and origins are checked: a browser is a way in). Beyond it, or when asked to, everyone presents
//! a token, a session's cookie, or the name a trusted proxy or an OpenID provider gave them. No handler decides access by itself; the one
//! table is in `access`.

mod access;
mod args;
mod client;
mod gate;
mod identity;
mod login;
mod oidc;
mod origin;
mod secrets;
mod session;
mod slowdown;

use std::sync::Arc;

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use parking_lot::RwLock;
use tokio::time::Instant;

pub use args::{AuthArgs, OidcArgs};
pub(crate) use client::Client;
pub(crate) use gate::gate;
pub use identity::{Identity, Role, Via};
pub(crate) use login::{login_page, post_login, post_logout, session as session_route};
pub(crate) use oidc::{callback as oidc_callback, start as oidc_start};
pub use secrets::Tokens;
pub(crate) use secrets::{prepare, state_directory};
use session::{Session, Sessions};
use slowdown::Slowdown;

use crate::intake::text;
use crate::refusal::Refusal;

/// The state behind the gate.
pub(crate) struct Auth {
    args: AuthArgs,
    /// Whether everyone is let in as [`Role::Anyone`].
    open: bool,
    origins: origin::Origins,
    secrets: RwLock<Arc<secrets::Secrets>>,
    tokens: RwLock<Option<Tokens>>,
    sessions: Sessions,
    /// People's logins and programs' tokens are slowed apart, so that a misconfigured probe does not lock a person out.
    logins: Slowdown,
    bearers: Slowdown,
    oidc: Option<oidc::Provider>,
}

impl Auth {
    /// Makes or reads the secrets if this server asks for any.
    ///
    /// # Errors
    /// When secrets cannot be read or stored.
    pub(crate) fn new(args: &AuthArgs, loopback: bool, hostname: &str) -> anyhow::Result<Self> {
        let asks = args.require_token || args.tokens_dir.is_some() || args.proxy_user_header.is_some() || args.oidc.issuer.is_some();
        let open = args.no_auth || (loopback && !asks);
        anyhow::ensure!(
            !open || args.allowed_hosts.iter().all(|name| name != "*"),
            "--allowed-host=* would let any web site in while no token is asked for; name the hosts, or use --require-token"
        );
        let (secrets, tokens) = if open {
            (secrets::Secrets::unknowable(), None)
        } else {
            let (secrets, tokens) = secrets::Secrets::load(args)?;
            (secrets, Some(tokens))
        };
        let now = Instant::now();
        Ok(Self {
            open,
            origins: origin::Origins::new(loopback, hostname, &args.allowed_hosts, &args.allowed_origins),
            secrets: RwLock::new(Arc::new(secrets)),
            tokens: RwLock::new(tokens),
            sessions: Sessions::default(),
            logins: Slowdown::new(now),
            bearers: Slowdown::new(now),
            oidc: oidc::Provider::new(&args.oidc)?,
            args: args.clone(),
        })
    }

    /// Whether the state directory may be written to.
    pub(crate) const fn keeps_state(&self) -> bool {
        !self.open && self.args.tokens_dir.is_none()
    }

    /// Whether nobody is asked for anything.
    pub(crate) const fn is_open(&self) -> bool {
        self.open
    }

    /// The tokens, for links and for the probe of a launch; `None` when nobody is asked.
    pub(crate) fn tokens(&self) -> Option<Tokens> {
        self.tokens.read().clone()
    }

    /// Whether pages show arguments and environments to this role.
    pub(crate) const fn shows_arguments(&self, role: Role) -> bool {
        role.may_operate() || self.args.show_arguments
    }

    /// Reads the tokens again. Whoever logged in with a changed one is logged out.
    ///
    /// # Errors
    /// When they cannot be read; the old ones stay in force.
    pub(crate) fn reload(&self) -> anyhow::Result<()> {
        if self.open {
            return Ok(());
        }
        let (secrets, tokens) = secrets::Secrets::load(&self.args)?;
        *self.secrets.write() = Arc::new(secrets);
        *self.tokens.write() = Some(tokens);
        Ok(())
    }

    /// Ends the sockets of sessions that have expired; to be called now and then.
    pub(crate) fn expire(&self) {
        self.sessions.expire(identity::wall_seconds());
    }

    /// Who this request comes from; `None` if it says nothing of that.
    fn identify(&self, headers: &HeaderMap, client: &Client) -> Result<Option<Identity>, Refusal> {
        if self.open {
            return Ok(Some(Identity::new(Role::Anyone, "anyone", Via::Nothing)));
        }
        if let Some(token) = presented(headers) {
            return self.identify_token(&token, client).map(Some);
        }
        if let Some(session) = self.session(headers)
            && let Some(ended) = self.sessions.alive(&session, identity::wall_seconds())
        {
            let mut identity = Identity::new(session.role(), session.who, Via::Cookie);
            identity.ended = ended;
            return Ok(Some(identity));
        }
        Ok(self.identify_proxied(headers, client))
    }

    fn identify_token(&self, token: &str, client: &Client) -> Result<Identity, Refusal> {
        let now = Instant::now();
        if let Some(wait) = self.bearers.wait(client.address, now) {
            return Err(Refusal::too_many(
                "too many wrong tokens came from this address",
                wait.as_secs() + 1,
            ));
        }
        let role = self.secrets.read().role_of(token);
        let Some(role) = role else {
            self.bearers.failed(client.address, token, now);
            return Err(Refusal::new(
                axum::http::StatusCode::UNAUTHORIZED,
                "this token is not one of this server's",
            ));
        };
        self.bearers.succeeded(client.address);
        Ok(Identity::new(role, format!("{} token", role.name()), Via::Token))
    }

    fn identify_proxied(&self, headers: &HeaderMap, client: &Client) -> Option<Identity> {
        let header = self.args.proxy_user_header.as_deref().filter(|_| client.proxied)?;
        let user = text(headers, header).map(str::trim).filter(|user| !user.is_empty())?;
        let role = identity::role_of(&[user.to_owned()], &self.args.operators, &self.args.viewers)?;
        Some(Identity::new(role, user, Via::Proxy))
    }

    fn session(&self, headers: &HeaderMap) -> Option<Session> {
        let key = Arc::clone(&self.secrets.read());
        let name = self.cookie_name();
        headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(key, _)| *key == name)
            .find_map(|(_, value)| Session::open(value, &key.session_key, identity::wall_seconds()))
    }

    /// Cookies are shared by all ports of a host, so two servers on one host need two names.
    fn cookie_name(&self) -> String {
        let key = Arc::clone(&self.secrets.read());
        let mark = key
            .session_key
            .iter()
            .take(4)
            .fold(0_u32, |mark, byte| mark << 8 | u32::from(*byte));
        // One-way enough: 32 of 256 bits of a digest, of which the key is the whole.
        format!("scope_session_{:04x}", mark >> 16)
    }
}

/// The token that a request presents: as a bearer, as Scope's probes do, as a basic password, or as a WebSocket's sub-protocol (the only
/// header that a page can set on one).
fn presented(headers: &HeaderMap) -> Option<String> {
    let from_header = text(headers, header::AUTHORIZATION.as_str()).and_then(|value| {
        let (scheme, rest) = value.trim().split_once(' ')?;
        let rest = rest.trim();
        match scheme.to_ascii_lowercase().as_str() {
            "bearer" => Some(rest.to_owned()),
            "scope-probe" => rest.strip_prefix("token=").map(str::to_owned),
            "basic" => {
                let decoded = String::from_utf8(STANDARD.decode(rest).ok()?).ok()?;
                decoded.split_once(':').map(|(_, password)| password.to_owned())
            }
            _ => None,
        }
    });
    let from_protocol = || {
        text(headers, header::SEC_WEBSOCKET_PROTOCOL.as_str())?
            .split(',')
            .find_map(|protocol| protocol.trim().strip_prefix("bearer.").map(str::to_owned))
    };
    from_header.or_else(from_protocol).filter(|token| !token.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_taken_from_each_place_that_clients_can_put_it() {
        for (name, value, token) in [
            ("authorization", "Bearer abc", Some("abc")),
            ("authorization", "Scope-Probe token=abc", Some("abc")),
            ("authorization", "Scope-Probe token=", None),
            ("authorization", "Basic YWRtaW46YWJj", Some("abc")),
            ("authorization", "Digest abc", None),
            ("sec-websocket-protocol", "scope, bearer.abc", Some("abc")),
            ("sec-websocket-protocol", "scope", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().expect("value"));
            assert_eq!(presented(&headers).as_deref(), token, "{value}");
        }
    }
}
