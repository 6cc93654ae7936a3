//! The routes, in one place. Who may use them stands in `auth`.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::Method;
use axum::routing::{MethodRouter, delete, get, post};

use crate::server::Shared;
use crate::{api, auth, control, intake, ops, page, pipe, refusal, viewer};

/// A method, a path, and the handler behind them.
type Route = (Method, &'static str, MethodRouter<Shared>);

/// All routes but the page's files. WebSockets are `GET`.
fn routes() -> Vec<Route> {
    vec![
        (Method::GET, "/api", get(api::details)),
        (Method::GET, "/api/probes", get(api::probes)),
        (
            Method::POST,
            "/api/report",
            post(intake::post_report).layer(DefaultBodyLimit::disable()),
        ),
        (Method::GET, "/api/viewer/ws", get(viewer::connect)),
        (Method::GET, "/api/control/ws", get(control::connect)),
        (Method::POST, "/api/control/{probe}/{node}/{control}", post(control::post_control)),
        (Method::GET, "/api/pipe/{id}", get(pipe::connect_ui)),
        (Method::DELETE, "/api/pipe/{id}", delete(pipe::close)),
        (Method::POST, "/api/pipe/{id}", post(pipe::close)),
        (Method::GET, "/api/pipe/{id}/probe", get(pipe::connect_probe)),
        (Method::GET, "/api/pipe/{id}/check", get(pipe::check)),
        (Method::GET, "/login", get(auth::login_page)),
        (Method::POST, "/api/login", post(auth::post_login)),
        (Method::POST, "/api/logout", post(auth::post_logout)),
        (Method::GET, "/api/session", get(auth::session_route)),
        (Method::GET, "/api/oidc/start", get(auth::oidc_start)),
        (Method::GET, "/api/oidc/callback", get(auth::oidc_callback)),
        (Method::GET, "/healthz", get(ops::healthz)),
        (Method::GET, "/readyz", get(ops::readyz)),
        (Method::GET, "/metrics", get(ops::metrics_page)),
    ]
}

/// Method and path of every route, for the test that each has its row in the table of who may use it.
#[must_use]
pub fn route_table() -> Vec<(Method, &'static str)> {
    routes().into_iter().map(|(method, path, _)| (method, path)).collect()
}

/// The router of a server.
pub fn router(server: Shared) -> Router {
    routes()
        .into_iter()
        .fold(Router::new(), |router, (_, path, handler)| router.route(path, handler))
        // As the original: another method on a known path is as unknown as another path.
        .method_not_allowed_fallback(async || refusal::not_found())
        .fallback(page::serve)
        .layer(axum::middleware::from_fn_with_state(Shared::clone(&server), auth::gate))
        .with_state(server)
}
