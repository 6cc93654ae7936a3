//! Logging in and out: `POST /api/login`, `POST /api/logout`, `GET /api/session`, and a form for people at `/login`.
//!
//! `/login?token=…` is the link that the server prints: it exchanges the token for a cookie and leads to the page, so that the token does
//! not stay in the address bar. The form works without scripts and without the page.

use axum::Extension;
use axum::body::{Body, to_bytes};
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;

use super::identity::{Identity, Role, wall_seconds};
use super::session::{LIFETIME_SECONDS, Session};
use super::{Auth, Client};
use crate::audit::Event;
use crate::intake::text;
use crate::refusal::{self, Refusal};
use crate::server::Shared;

/// A login's body: a token and little else.
const BODY_BYTES: usize = 4 << 10;
const FORM: &str = include_str!("login.html");

#[derive(Deserialize)]
struct Login {
    token: String,
}

/// `POST /api/login`: JSON `{"token":…}` from the page, or the form.
pub(crate) async fn post_login(
    State(server): State<Shared>,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let form = text(&headers, header::CONTENT_TYPE.as_str()).is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    let Ok(body) = to_bytes(body, BODY_BYTES).await else {
        return Refusal::too_large("a login is a token and nothing else").into_response();
    };
    let token = if form {
        query_token(std::str::from_utf8(&body).ok())
    } else {
        serde_json::from_slice::<Login>(&body).ok().map(|login| login.token)
    };
    let outcome = log_in(&server, &client, token.as_deref().unwrap_or_default());
    match (outcome, form) {
        (Ok(session), true) => to_page(&server, &client, &session),
        (Ok(session), false) => {
            let identity = Identity::new(session.role(), session.who.clone(), super::Via::Cookie);
            with_cookie(
                &server,
                &client,
                Some(&session),
                refusal::json(StatusCode::OK, &describe(&server, Some(&identity))),
            )
        }
        (Err(refusal), true) => form_page(&server, &refusal),
        (Err(refusal), false) => refusal.into_response(),
    }
}

/// `GET /login`: the form, or with `?token=` the login itself.
pub(crate) async fn login_page(State(server): State<Shared>, Extension(client): Extension<Client>, RawQuery(query): RawQuery) -> Response {
    match query_token(query.as_deref()) {
        None => form_page(&server, &Refusal::new(StatusCode::OK, "")),
        Some(token) => match log_in(&server, &client, &token) {
            Ok(session) => to_page(&server, &client, &session),
            Err(refusal) => form_page(&server, &refusal),
        },
    }
}

/// `POST /api/logout`: ends the session and every socket of it.
pub(crate) async fn post_logout(State(server): State<Shared>, Extension(client): Extension<Client>, headers: HeaderMap) -> Response {
    if let Some(session) = server.auth.session(&headers) {
        server.auth.sessions.end(&session);
        // Nothing is refused for want of a record here: logging out takes rights away.
        server.audit.note(&Event::new("logout", &session.who, client.address));
    }
    with_cookie(&server, &client, None, StatusCode::NO_CONTENT.into_response())
}

/// `GET /api/session`: what this caller may do, and how to log in.
pub(crate) async fn session(State(server): State<Shared>, identity: Option<Extension<Identity>>) -> Response {
    refusal::json(StatusCode::OK, &describe(&server, identity.as_deref()))
}

fn describe(server: &Shared, identity: Option<&Identity>) -> serde_json::Value {
    let role = identity.map(|identity| identity.role);
    json!({
        "role": role.map_or("none", Role::name),
        "who": identity.map(|identity| identity.who.as_str()),
        "loginRequired": !server.auth.open,
        "openid": server.auth.oidc.is_some(),
        "showArguments": role.is_some_and(|role| server.auth.shows_arguments(role)),
        "refused": server.policy.refused(),
    })
}

fn log_in(server: &Shared, client: &Client, token: &str) -> Result<Session, Refusal> {
    let auth = &server.auth;
    if auth.open {
        return Err(Refusal::bad_request("this server asks nobody to log in"));
    }
    let now = Instant::now();
    let refuse = |refusal: Refusal| {
        server.metrics.refused("login", refusal.status);
        refusal
    };
    if let Some(wait) = auth.logins.wait(client.address, now) {
        let seconds = wait.as_secs() + 1;
        return Err(refuse(Refusal::too_many(
            format!("too many wrong tokens; try again in {seconds} s"),
            seconds,
        )));
    }
    let role = auth.secrets.read().role_of(token.trim()).filter(|role| role.may_view());
    let mut event = Event::new("login", role.map_or("unknown", Role::name), client.address);
    let Some(role) = role else {
        auth.logins.failed(client.address, token.trim(), now);
        server.audit.note(event.result("wrong token"));
        tracing::warn!(address = %client.address, "a login failed");
        return Err(refuse(Refusal::new(
            StatusCode::UNAUTHORIZED,
            "this is neither the viewers' nor the operators' token of this server",
        )));
    };
    server.audit.require(event.result("ok"))?;
    auth.logins.succeeded(client.address);
    Ok(Session::new(format!("{} token", role.name()), role, wall_seconds()))
}

/// Sends the browser to the page, logged in.
pub(super) fn to_page(server: &Shared, client: &Client, session: &Session) -> Response {
    let place = format!("{}/", server.base_path);
    let response = (
        StatusCode::SEE_OTHER,
        [(header::LOCATION, place), (header::CACHE_CONTROL, "no-store".to_owned())],
    )
        .into_response();
    with_cookie(server, client, Some(session), response)
}

pub(super) fn with_cookie(server: &Shared, client: &Client, session: Option<&Session>, mut response: Response) -> Response {
    let cookie = server.auth.cookie(session, &server.base_path, client.tls);
    if let Ok(value) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
}

/// The form, with what went wrong.
pub(super) fn form_page(server: &Shared, refusal: &Refusal) -> Response {
    let openid = if server.auth.oidc.is_some() {
        "<p><a href=\"api/oidc/start\">Log in with your organisation's account</a></p>"
    } else {
        ""
    };
    let page = FORM.replace("{message}", &escape(&refusal.reason)).replace("{openid}", openid);
    let mut response = (refusal.status, [(header::CACHE_CONTROL, "no-store")], Html(page)).into_response();
    if let Some(seconds) = refusal.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn query_token(query: Option<&str>) -> Option<String> {
    url::form_urlencoded::parse(query?.as_bytes())
        .find(|(key, _)| key == "token")
        .map(|(_, value)| value.into_owned())
}

impl Auth {
    /// The `Set-Cookie` of a session, or of its end.
    fn cookie(&self, session: Option<&Session>, base_path: &str, tls: bool) -> String {
        let key = self.secrets.read().session_key;
        let (value, age) = session.map_or((String::new(), 0), |session| (session.seal(&key), LIFETIME_SECONDS));
        let secure = if tls { "; Secure" } else { "" };
        format!(
            "{}={value}; Path={base_path}/; Max-Age={age}; HttpOnly; SameSite=Strict{secure}",
            self.cookie_name()
        )
    }
}
