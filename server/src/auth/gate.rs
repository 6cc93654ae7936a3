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
    let arrived = arrive(&server.auth, &request);
    // Known before anything else, so that a page that is allowed here can read why it is refused.
    let foreign = arrived.as_ref().ok().and_then(|arrival| arrival.foreign.clone());
    let mut response = match arrived.and_then(|arrival| enter(&server.auth, &request, arrival)) {
        // A preflight carries no credentials; the request that follows does.
        Ok(_) if request.method() == Method::OPTIONS && foreign.is_some() => StatusCode::NO_CONTENT.into_response(),
        Ok((client, identity)) => {
            request.extensions_mut().insert(client);
            if let Some(identity) = identity {
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

/// A request from a place that may ask here at all.
struct Arrival {
    client: Client,
    access: Access,
    /// The origin that needs to be told it is allowed.
    foreign: Option<HeaderValue>,
}

/// Checks where a request comes from and what it is addressed to.
fn arrive(auth: &Auth, request: &Request) -> Result<Arrival, Refusal> {
    let headers = request.headers();
    let peer = request.extensions().get::<Peer>().copied();
    let peer = peer.ok_or_else(|| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "the connection has no address"))?;
    let client = Client::of(&peer, headers, &auth.args.trusted_proxies);
    let host = origin::host(headers)?;
    auth.origins.check_host(host)?;
    let own = format!("{}://{host}", client.scheme());
    let access = Access::of(request.method(), request.uri().path());
    let origin = headers.get(header::ORIGIN);
    let is_file = access == Access::Public && !request.uri().path().starts_with("/api/") && !acts(request);
    if let Some(origin) = origin.filter(|_| !is_file)
        && !origin.to_str().is_ok_and(|origin| auth.origins.is_allowed(origin, &own))
    {
        return Err(Refusal::forbidden(format!(
            "pages of this origin may not use this server; if they should, start it with --allow-origin ORIGIN. The origin was {origin:?}"
        )));
    }
    let foreign = origin.filter(|origin| origin.to_str().is_ok_and(|origin| auth.origins.is_foreign(origin, &own)));
    Ok(Arrival {
        client,
        access,
        foreign: foreign.cloned(),
    })
}

/// Checks who asks, and whether they may. A preflight of an allowed origin asks for nothing yet.
fn enter(auth: &Auth, request: &Request, arrival: Arrival) -> Result<(Client, Option<Identity>), Refusal> {
    let Arrival { client, access, foreign } = arrival;
    if request.method() == Method::OPTIONS && foreign.is_some() {
        return Ok((client, None));
    }
    let headers = request.headers();
    let identity = match auth.identify(headers, &client) {
        Err(_) if access == Access::Public => None,
        outcome => outcome?,
    };
    admit(
        access,
        acts(request),
        headers.contains_key(header::ORIGIN),
        headers,
        identity.as_ref(),
    )?;
    Ok((client, identity))
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
