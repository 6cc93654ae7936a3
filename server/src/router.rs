//! The routes, in one place. Who may use them stands in `auth`.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};

use crate::server::Shared;
use crate::{api, intake, ops, page, refusal, viewer};

/// The router of a server.
#[must_use]
pub fn router(server: Shared) -> Router {
    Router::new()
        .route("/api", get(api::details))
        .route("/api/probes", get(api::probes))
        .route("/api/report", post(intake::post_report).layer(DefaultBodyLimit::disable()))
        .route("/api/viewer/ws", get(viewer::connect))
        .route("/healthz", get(ops::healthz))
        .route("/readyz", get(ops::readyz))
        .route("/metrics", get(ops::metrics_page))
        // As the original: another method on a known path is as unknown as another path.
        .method_not_allowed_fallback(async || refusal::not_found())
        .fallback(page::serve)
        .with_state(server)
}
