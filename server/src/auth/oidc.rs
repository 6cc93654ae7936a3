//! Login through an OpenID Connect provider: authorization code with PKCE, state bound to the browser, nonce bound to the answer.
//!
//! The provider says who somebody is; `--operators` and `--viewers` say what that lets them do. What waits for an answer is bounded and
//! forgotten after ten minutes. The provider is looked up at each login, so one that is down at the start is no reason not to start.
//! Of what a provider says about somebody only what they cannot choose themselves counts: see [`names`].

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context as _;
use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openidconnect::core::{CoreAuthenticationFlow, CoreClient, CoreProviderMetadata};
use openidconnect::{
    AuthorizationCode, ClientId, ClientSecret, CsrfToken, IssuerUrl, Nonce, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope,
    TokenResponse as _,
};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::args::OidcArgs;
use super::identity::{Role, role_of, wall_seconds};
use super::session::Session;
use super::{Client, login};
use crate::audit::Event;
use crate::refusal::Refusal;
use crate::server::Shared;

/// Logins under way: people who went to the provider and are not back yet.
const WAITING: usize = 1000;
const WAIT: Duration = Duration::from_secs(600);
/// One request to the provider.
const PROVIDER_TIMEOUT: Duration = Duration::from_secs(10);
const STATE_COOKIE: &str = "scope_oidc";

/// The provider's part of the server.
pub(super) struct Provider {
    args: OidcArgs,
    waiting: Mutex<BTreeMap<String, Waiting>>,
}

struct Waiting {
    nonce: Nonce,
    verifier: PkceCodeVerifier,
    since: Instant,
}

impl Provider {
    /// The provider that the flags name, if they name one.
    ///
    /// # Errors
    /// When its address is no URL, or one on whose way anybody could say who somebody is.
    pub(super) fn new(args: &OidcArgs) -> anyhow::Result<Option<Self>> {
        let Some(issuer) = &args.issuer else { return Ok(None) };
        let url = url::Url::parse(issuer).context("--oidc-issuer is not a URL")?;
        let here = match url.host() {
            Some(url::Host::Domain(name)) => name == "localhost",
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        anyhow::ensure!(url.scheme() == "https" || here, "--oidc-issuer must be an https:// address");
        Ok(Some(Self {
            args: args.clone(),
            waiting: Mutex::default(),
        }))
    }

    fn http() -> anyhow::Result<openidconnect::reqwest::Client> {
        // A redirect would let the provider's answers send this server anywhere.
        let client = openidconnect::reqwest::ClientBuilder::new()
            .redirect(openidconnect::reqwest::redirect::Policy::none())
            .timeout(PROVIDER_TIMEOUT)
            .build()?;
        Ok(client)
    }

    async fn metadata(&self, http: &openidconnect::reqwest::Client) -> anyhow::Result<CoreProviderMetadata> {
        let issuer = IssuerUrl::new(self.args.issuer.clone().unwrap_or_default()).context("--oidc-issuer is not a URL")?;
        CoreProviderMetadata::discover_async(issuer, http)
            .await
            .context("the OpenID provider cannot be reached or does not describe itself")
    }

    fn credentials(&self) -> anyhow::Result<(ClientId, Option<ClientSecret>, RedirectUrl)> {
        let id = ClientId::new(self.args.client_id.clone().unwrap_or_default());
        let secret = self.args.client_secret.clone().map(ClientSecret::new);
        let redirect = RedirectUrl::new(self.args.redirect.clone().unwrap_or_default()).context("--oidc-redirect is not a URL")?;
        Ok((id, secret, redirect))
    }

    /// Where to send the browser, and the state it must bring back.
    async fn start(&self, now: Instant) -> anyhow::Result<(String, String)> {
        let http = Self::http()?;
        let (id, secret, redirect) = self.credentials()?;
        let client = CoreClient::from_provider_metadata(self.metadata(&http).await?, id, secret).set_redirect_uri(redirect);
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let mut request = client
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random)
            .set_pkce_challenge(challenge);
        for scope in self.args.scopes.iter().filter(|scope| !scope.is_empty()) {
            request = request.add_scope(Scope::new(scope.clone()));
        }
        let (url, state, nonce) = request.url();
        let mut waiting = self.waiting.lock();
        waiting.retain(|_, login| now.saturating_duration_since(login.since) < WAIT);
        anyhow::ensure!(waiting.len() < WAITING, "too many logins are under way; try again in a minute");
        let login = Waiting {
            nonce,
            verifier,
            since: now,
        };
        waiting.insert(state.secret().clone(), login);
        Ok((url.to_string(), state.secret().clone()))
    }

    /// Who came back: every name the provider gives them.
    async fn finish(&self, code: String, state: &str, now: Instant) -> anyhow::Result<Vec<String>> {
        let login = self.waiting.lock().remove(state);
        let login = login
            .filter(|login| now.saturating_duration_since(login.since) < WAIT)
            .context("this login is not under way here; start again")?;
        let http = Self::http()?;
        let (id, secret, redirect) = self.credentials()?;
        let client = CoreClient::from_provider_metadata(self.metadata(&http).await?, id, secret).set_redirect_uri(redirect);
        let answer = client
            .exchange_code(AuthorizationCode::new(code))?
            .set_pkce_verifier(login.verifier)
            .request_async(&http)
            .await
            .context("the provider did not accept the code")?;
        let token = answer.id_token().context("the provider sent no ID token")?;
        let claims = token
            .claims(&client.id_token_verifier(), &login.nonce)
            .context("the provider's ID token cannot be believed")?;
        let email = claims.email().filter(|_| claims.email_verified() == Some(true));
        Ok(names(
            email.map(|email| email.as_str()),
            claims.preferred_username().map(|name| name.as_str()),
            claims.subject().as_str(),
            groups(&token.to_string()),
        ))
    }
}

/// The names that `--operators` and `--viewers` are compared with, the one to show first.
///
/// An e-mail address counts only if the provider has verified it, and nothing else may look like one: with many providers people choose
/// their user name themselves, and could choose a colleague's address.
fn names(email: Option<&str>, user: Option<&str>, subject: &str, groups: Vec<String>) -> Vec<String> {
    let others = user.map(str::to_owned).into_iter().chain([subject.to_owned()]).chain(groups);
    email
        .map(str::to_owned)
        .into_iter()
        .chain(others.filter(|name| !name.contains('@')))
        .collect()
}

/// The `groups` claim of a token whose signature has been checked; providers agree on its name, if not in any standard.
fn groups(token: &str) -> Vec<String> {
    let payload = token.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    let claims = payload.and_then(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes).ok());
    let groups = claims.as_ref().and_then(|claims| claims.get("groups")?.as_array());
    groups
        .into_iter()
        .flatten()
        .filter_map(|group| group.as_str().map(str::to_owned))
        .collect()
}

/// `GET /api/oidc/start`: to the provider.
pub(crate) async fn start(State(server): State<Shared>, Extension(client): Extension<Client>) -> Response {
    let Some(provider) = &server.auth.oidc else {
        return crate::refusal::not_found();
    };
    match provider.start(Instant::now()).await {
        Ok((url, state)) => {
            let secure = if client.tls { "; Secure" } else { "" };
            // Lax: the browser comes back from another site, which Strict would not let it take the cookie along to.
            let cookie = format!(
                "{STATE_COOKIE}={state}; Path={}/api/oidc; Max-Age=600; HttpOnly; SameSite=Lax{secure}",
                server.base_path
            );
            (StatusCode::SEE_OTHER, [(header::LOCATION, url), (header::SET_COOKIE, cookie)]).into_response()
        }
        Err(error) => failed(&server, &client, &error),
    }
}

/// `GET /api/oidc/callback`: back from the provider.
pub(crate) async fn callback(
    State(server): State<Shared>,
    Extension(client): Extension<Client>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let Some(provider) = &server.auth.oidc else {
        return crate::refusal::not_found();
    };
    let query = query.unwrap_or_default();
    let value = |name: &str| {
        url::form_urlencoded::parse(query.as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    };
    let state = value("state").unwrap_or_default();
    if state.is_empty() || state_cookie(&headers) != Some(state.as_str()) {
        return failed(
            &server,
            &client,
            &anyhow::anyhow!("this login was not started in this browser; start again"),
        );
    }
    let Some(code) = value("code") else {
        let said = value("error").unwrap_or_default();
        return failed(&server, &client, &anyhow::anyhow!("the provider sent no code ({said})"));
    };
    match provider.finish(code, &state, Instant::now()).await {
        Ok(names) => admit(&server, &client, &names),
        Err(error) => failed(&server, &client, &error),
    }
}

fn admit(server: &Shared, client: &Client, names: &[String]) -> Response {
    let who = names.first().cloned().unwrap_or_else(|| "unnamed".to_owned());
    let role = role_of(names, &server.auth.args.operators, &server.auth.args.viewers);
    let mut event = Event::new("login", &who, client.address);
    let Some(role) = role else {
        server.audit.note(event.result("not listed"));
        let refusal = Refusal::forbidden("you are known, but not listed among this server's operators or viewers (--operators, --viewers)");
        return login::form_page(server, &refusal);
    };
    if let Err(refusal) = server
        .audit
        .require(event.result(if role == Role::Operator { "operate" } else { "view" }))
    {
        return login::form_page(server, &refusal);
    }
    let mut response = login::to_page(server, client, &Session::new(who, role, wall_seconds()));
    let gone = format!(
        "{STATE_COOKIE}=; Path={}/api/oidc; Max-Age=0; HttpOnly; SameSite=Lax",
        server.base_path
    );
    if let Ok(value) = HeaderValue::from_str(&gone) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
}

fn failed(server: &Shared, client: &Client, error: &anyhow::Error) -> Response {
    tracing::warn!(address = %client.address, "an OpenID login failed: {error:#}");
    server.metrics.refused("login", StatusCode::UNAUTHORIZED);
    server
        .audit
        .note(Event::new("login", "unknown", client.address).result(&error.to_string()));
    login::form_page(server, &Refusal::new(StatusCode::UNAUTHORIZED, error.to_string()))
}

fn state_cookie(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(name, value)| (name == STATE_COOKIE).then_some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_verified_address_counts_as_one() {
        let groups = || vec!["staff".to_owned(), "ann@example.com".to_owned()];
        assert_eq!(names(None, Some("ann@example.com"), "sub-1", groups()), ["sub-1", "staff"]);
        assert_eq!(
            names(Some("ann@example.com"), Some("ann"), "sub-1", Vec::new()),
            ["ann@example.com", "ann", "sub-1"]
        );
    }

    #[test]
    fn a_provider_is_reached_over_tls_unless_it_is_on_this_machine() {
        let provider = |issuer: &str| {
            let args = OidcArgs {
                issuer: Some(issuer.to_owned()),
                ..OidcArgs::default()
            };
            Provider::new(&args).map(|provider| provider.is_some())
        };
        for issuer in [
            "https://id.example.com",
            "http://127.0.0.1:8080/realm",
            "http://localhost",
            "http://[::1]",
        ] {
            assert!(provider(issuer).is_ok_and(|made| made), "{issuer}");
        }
        for issuer in ["http://id.example.com", "http://localhost.example.com", "id.example.com", ""] {
            assert!(provider(issuer).is_err(), "{issuer}");
        }
    }
}
