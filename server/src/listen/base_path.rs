//! Serving under a sub-path: a reverse proxy may pass the prefix on or take it off; both arrive at the same routes.

use axum::body::Body;
use axum::http::uri::{PathAndQuery, Uri};
use axum::http::{Request, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// Takes the prefix off. The bare prefix is redirected to the one with a slash, against which the page's relative links are right.
pub(super) fn strip(base: &str, mut request: Request<Body>) -> Result<Request<Body>, Box<Response>> {
    if base.is_empty() {
        return Ok(request);
    }
    let path = request.uri().path();
    if path == base {
        return Err(Box::new(
            (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, format!("{base}/"))]).into_response(),
        ));
    }
    let Some(rest) = path.strip_prefix(base).filter(|rest| rest.starts_with('/')) else {
        return Ok(request);
    };
    let target = request
        .uri()
        .query()
        .map_or_else(|| rest.to_owned(), |query| format!("{rest}?{query}"));
    if let Ok(target) = PathAndQuery::try_from(target) {
        *request.uri_mut() = Uri::from(target);
    }
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(base: &str, uri: &str) -> Result<String, StatusCode> {
        let request = Request::builder().uri(uri).body(Body::empty()).expect("request");
        strip(base, request)
            .map(|request| request.uri().to_string())
            .map_err(|response| response.status())
    }

    #[test]
    fn a_prefix_is_taken_off_whether_or_not_the_proxy_did() {
        assert_eq!(path("", "/api?x=1").as_deref(), Ok("/api?x=1"));
        assert_eq!(path("/scope", "/scope/api/pipe/a%2Fb?x=1").as_deref(), Ok("/api/pipe/a%2Fb?x=1"));
        assert_eq!(path("/scope", "/api").as_deref(), Ok("/api"));
        assert_eq!(path("/scope", "/scopes/api").as_deref(), Ok("/scopes/api"));
        assert_eq!(path("/scope", "/scope"), Err(StatusCode::PERMANENT_REDIRECT));
    }
}
