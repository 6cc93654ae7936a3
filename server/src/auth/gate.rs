//! The gate: every request passes it before any handler, and every answer gets its headers from it.
//!
//! In order: the host must be ours, the origin must be ours or allowed, the caller must be somebody, and that somebody must have the role
//! the route asks for. What a browser sends by itself (cookies, a proxy's login) is believed only together with a checked origin.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::access::Access;
use super::identity::{Identity, Via};
use super::{Auth, Client, origin};
use crate::peer::Peer;
use crate::refusal::Refusal;
use crate::server::Shared;

/// Scripts, styles, workers and connections from this server only; WebAssembly may be compiled. Styles may be inline: the terminal
/// measures and colours its cells with them. Nobody may frame the page.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; object-src 'none'; \
     base-uri 'self'; form-action 'self'; frame-ancestors 'none'";

const SECURITY_HEADERS: [(HeaderName, &str); 5] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    // Not `no-referrer`: that makes browsers send `Origin: null` with the login form.
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// The middleware.
pub(crate) async fn gate(State(server): State<Shared>, mut request: Request, next: Next) -> Response {
    let auth = &server.auth;
    let checked = check(auth, &request);
    let foreign = checked.as_ref().ok().and_then(|passed| passed.foreign.clone());
    let mut response = match checked {
        Ok(passed) if request.method() == Method::OPTIONS && passed.foreign.is_some() => StatusCode::NO_CONTENT.into_response(),
        Ok(passed) => {
            request.extensions_mut().insert(passed.client);
            if let Some(identity) = passed.identity {
                request.extensions_mut().insert(identity);
            }
            next.run(request).await
        }
        Err(refusal) => {
            server.metrics.refused("access", refusal.status);
            tracing::debug!(path = request.uri().path(), %refusal, "refused at the gate");
            let challenge = refusal.status == StatusCode::UNAUTHORIZED;
            let mut response = refusal.into_response();
            if challenge {
                let value = HeaderValue::from_static("Bearer realm=\"scope\"");
                response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
            }
            response
        }
    };
    decorate(response.headers_mut(), foreign);
    response
}

struct Passed {
    client: Client,
    identity: Option<Identity>,
    /// The origin that needs to be told it is allowed.
    foreign: Option<HeaderValue>,
}

fn check(auth: &Auth, request: &Request) -> Result<Passed, Refusal> {
    let headers = request.headers();
    let peer = request.extensions().get::<Peer>().copied();
    let peer = peer.ok_or_else(|| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "the connection has no address"))?;
    let client = Client::of(&peer, headers, &auth.args.trusted_proxies);
    let host = origin::host(headers)?;
    auth.origins.check_host(host)?;
    let own = format!("{}://{host}", client.scheme());
    let access = Access::of(request.method(), request.uri().path());
    let acts = acts(request);
    let origin = headers.get(header::ORIGIN);
    let is_file = access == Access::Public && !request.uri().path().starts_with("/api/") && !acts;
    if let Some(origin) = origin.filter(|_| !is_file)
        && !origin.to_str().is_ok_and(|origin| auth.origins.is_allowed(origin, &own))
    {
        return Err(Refusal::forbidden(format!(
            "pages of this origin may not use this server; if they should, start it with --allow-origin ORIGIN. The origin was {origin:?}"
        )));
    }
    let foreign = origin.filter(|origin| origin.to_str().is_ok_and(|origin| auth.origins.is_foreign(origin, &own)));
    if request.method() == Method::OPTIONS && foreign.is_some() {
        // A preflight carries no credentials; the request that follows does.
        return Ok(Passed {
            client,
            identity: None,
            foreign: foreign.cloned(),
        });
    }
    let identity = match auth.identify(headers, &client) {
        Err(_) if access == Access::Public => None,
        outcome => outcome?,
    };
    admit(access, acts, origin.is_some(), headers, identity.as_ref())?;
    Ok(Passed {
        client,
        identity,
        foreign: foreign.cloned(),
    })
}

fn admit(access: Access, acts: bool, has_origin: bool, headers: &HeaderMap, identity: Option<&Identity>) -> Result<(), Refusal> {
    if access == Access::Public {
        return Ok(());
    }
    let Some(identity) = identity else {
        return Err(Refusal::new(
            StatusCode::UNAUTHORIZED,
            format!("this needs {}; log in, or send Authorization: Bearer TOKEN", access.needs()),
        ));
    };
    if !access.admits(identity.role) {
        return Err(Refusal::forbidden(format!(
            "this needs {}; yours lets you {}",
            access.needs(),
            identity.role.name()
        )));
    }
    // Browsers name the origin with every WebSocket and every request that is not GET or HEAD. Without one, only a program can be
    // asking, and a program has no cookie.
    let by_itself = matches!(identity.via, Via::Cookie | Via::Proxy);
    let cross_site = headers
        .get("sec-fetch-site")
        .is_some_and(|site| site != "same-origin" && site != "none");
    if acts && !has_origin && (by_itself || cross_site) {
        return Err(Refusal::forbidden(
            "this request names no origin; browsers name it, and programs send Authorization: Bearer TOKEN",
        ));
    }
    Ok(())
}

/// Whether the request changes something or opens a WebSocket.
fn acts(request: &Request) -> bool {
    let safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    !safe || request.headers().contains_key(header::UPGRADE)
}

fn decorate(headers: &mut HeaderMap, foreign: Option<HeaderValue>) {
    for (name, value) in SECURITY_HEADERS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if let Some(origin) = foreign {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
        for (name, value) in [
            (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, DELETE"),
            (header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type"),
            (header::ACCESS_CONTROL_MAX_AGE, "600"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
}
