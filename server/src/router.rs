//! The routes, in one place. Who may use them stands in `auth`.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};

use crate::server::Shared;
use crate::{api, auth, control, intake, ops, page, pipe, refusal, viewer};

/// The router of a server.
pub fn router(server: Shared) -> Router {
    Router::new()
        .route("/api", get(api::details))
        .route("/api/probes", get(api::probes))
        .route("/api/report", post(intake::post_report).layer(DefaultBodyLimit::disable()))
        .route("/api/viewer/ws", get(viewer::connect))
        .route("/api/control/ws", get(control::connect))
        .route("/api/control/{probe}/{node}/{control}", post(control::post_control))
        .route("/api/pipe/{id}", get(pipe::connect_ui).delete(pipe::close).post(pipe::close))
        .route("/api/pipe/{id}/probe", get(pipe::connect_probe))
        .route("/api/pipe/{id}/check", get(pipe::check))
        .route("/login", get(auth::login_page))
        .route("/api/login", post(auth::post_login))
        .route("/api/logout", post(auth::post_logout))
        .route("/api/session", get(auth::session_route))
        .route("/api/oidc/start", get(auth::oidc_start))
        .route("/api/oidc/callback", get(auth::oidc_callback))
        .route("/healthz", get(ops::healthz))
        .route("/readyz", get(ops::readyz))
        .route("/metrics", get(ops::metrics_page))
        // As the original: another method on a known path is as unknown as another path.
        .method_not_allowed_fallback(async || refusal::not_found())
        .fallback(page::serve)
        .layer(axum::middleware::from_fn_with_state(Shared::clone(&server), auth::gate))
        .with_state(server)
}
