//! Sessions of people who logged in: a signed cookie, so that a server that restarts knows them again, and a list of those that ended.
//!
//! The cookie says role, name and expiry in clear and proves them with an HMAC under the session key; there is nothing in it to steal but
//! itself. Logging out ends every socket of the session and remembers it until it would have expired.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac as _};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use tokio_util::sync::CancellationToken;

use super::identity::Role;

/// How long a login lasts: a working day and a night.
pub(super) const LIFETIME_SECONDS: i64 = 24 * 3600;
/// Sessions with open sockets or ended early that are remembered; over that, the ones that expire first are forgotten.
const REMEMBERED: usize = 10_000;
/// Longer cookies are not ours.
const COOKIE_BYTES: usize = 2048;

/// What a cookie says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Session {
    /// Drawn at login.
    pub(super) id: u64,
    pub(super) who: String,
    pub(super) operator: bool,
    /// Seconds since the epoch.
    pub(super) expires: i64,
}

impl Session {
    pub(super) fn new(who: String, role: Role, now: i64) -> Self {
        Self {
            id: rand::random(),
            who,
            operator: role == Role::Operator,
            expires: now + LIFETIME_SECONDS,
        }
    }

    pub(super) const fn role(&self) -> Role {
        if self.operator { Role::Operator } else { Role::Viewer }
    }

    /// The cookie's value.
    pub(super) fn seal(&self, key: &[u8]) -> String {
        let claims = URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default());
        let proof = mac(key, &claims)
            .map(|mac| mac.finalize().into_bytes().to_vec())
            .unwrap_or_default();
        format!("{claims}.{}", URL_SAFE_NO_PAD.encode(proof))
    }

    /// The session of a cookie that this key sealed and that has not expired.
    pub(super) fn open(cookie: &str, key: &[u8], now: i64) -> Option<Self> {
        if cookie.len() > COOKIE_BYTES {
            return None;
        }
        let (claims, proof) = cookie.split_once('.')?;
        mac(key, claims)?.verify_slice(&URL_SAFE_NO_PAD.decode(proof).ok()?).ok()?;
        let session: Self = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
        (session.expires > now).then_some(session)
    }
}

fn mac(key: &[u8], claims: &str) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(b"scope session 1\0");
    mac.update(claims.as_bytes());
    Some(mac)
}

/// Sessions that this process has to do with.
#[derive(Default)]
pub(super) struct Sessions {
    known: Mutex<BTreeMap<(i64, u64), CancellationToken>>,
}

impl Sessions {
    /// The token that ends with the session; `None` if it has ended.
    pub(super) fn alive(&self, session: &Session, now: i64) -> Option<CancellationToken> {
        let mut known = self.known.lock();
        // Expired ones are at the front.
        while known.first_key_value().is_some_and(|((expires, _), _)| *expires <= now) || known.len() >= REMEMBERED {
            if let Some((_, token)) = known.pop_first() {
                token.cancel();
            }
        }
        let token = known.entry((session.expires, session.id)).or_default();
        (!token.is_cancelled()).then(|| token.clone())
    }

    /// Ends a session: its sockets close, and its cookie is worth nothing from now on.
    pub(super) fn end(&self, session: &Session) {
        self.known.lock().entry((session.expires, session.id)).or_default().cancel();
    }

    /// Ends the sockets of sessions that have expired.
    pub(super) fn expire(&self, now: i64) {
        let mut known = self.known.lock();
        while known.first_key_value().is_some_and(|((expires, _), _)| *expires <= now) {
            if let Some((_, token)) = known.pop_first() {
                token.cancel();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_session_opens_with_its_key_until_it_expires() {
        let session = Session::new("a@example.com".to_owned(), Role::Operator, 100);
        let cookie = session.seal(b"key");
        assert_eq!(Session::open(&cookie, b"key", 101), Some(session.clone()));
        assert_eq!(Session::open(&cookie, b"other", 101), None);
        assert_eq!(Session::open(&cookie, b"key", 100 + LIFETIME_SECONDS), None);
    }

    #[test]
    fn a_changed_cookie_is_worth_nothing() {
        let viewer = Session::new("v".to_owned(), Role::Viewer, 0).seal(b"key");
        let operator = Session::new("o".to_owned(), Role::Operator, 0).seal(b"not the key");
        let (claims, _) = operator.split_once('.').expect("two parts");
        let (_, proof) = viewer.split_once('.').expect("two parts");
        assert_eq!(Session::open(&format!("{claims}.{proof}"), b"key", 1), None);
        assert_eq!(Session::open("", b"key", 1), None);
        assert_eq!(Session::open("a.b", b"key", 1), None);
    }

    #[test]
    fn logging_out_ends_the_sessions_sockets_and_its_cookie() {
        let (sessions, session) = (Sessions::default(), Session::new("v".to_owned(), Role::Viewer, 0));
        let socket = sessions.alive(&session, 1).expect("alive");
        sessions.end(&session);
        assert!(socket.is_cancelled());
        assert!(sessions.alive(&session, 2).is_none());
    }
}
