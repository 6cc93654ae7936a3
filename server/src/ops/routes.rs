//! `/healthz`, `/readyz` and `/metrics`.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::server::Shared;

/// Whether the process is alive: it answers, so it is.
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// Whether new connections should come here: not once the shutdown has begun.
pub(crate) async fn readyz(State(server): State<Shared>) -> (StatusCode, &'static str) {
    if server.shutdown.is_cancelled() {
        (StatusCode::SERVICE_UNAVAILABLE, "stopping\n")
    } else {
        (StatusCode::OK, "ready\n")
    }
}

/// Metrics for Prometheus.
pub(crate) async fn metrics_page(State(server): State<Shared>) -> Response {
    let page = server.metrics.render(&server);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], page).into_response()
}
