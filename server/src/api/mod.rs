//! The read API that a relay can answer: what this server is, and which probes report to it.
//!
//! Scope's topology routes are not here: rendering is the page's (and `scope-view`'s) work, and a relay that could answer them would have
//! to decode reports.

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::refusal;
use crate::server::{Shared, VERSION};

/// `GET /api`: what a probe asks first, to learn the server's id.
pub(crate) async fn details(State(server): State<Shared>) -> Response {
    refusal::json(
        StatusCode::OK,
        &json!({
            "id": server.id,
            "version": VERSION,
            "hostname": server.hostname,
            "plugins": [],
            "capabilities": {"historic_reports": false, "deltas": true},
        }),
    )
}

/// `GET /api/probes`: the probes with a state, from their headers; with `?sparse`, only whether there is any.
pub(crate) async fn probes(State(server): State<Shared>, RawQuery(query): RawQuery) -> Response {
    let probes = server.relay.probes();
    let sparse = query.is_some_and(|query| query.split('&').any(|pair| pair.split('=').next() == Some("sparse")));
    if sparse {
        return refusal::json(StatusCode::OK, &!probes.is_empty());
    }
    let now = Instant::now();
    let list: Vec<Value> = probes
        .iter()
        .map(|probe| {
            json!({
                "id": &*probe.id,
                "hostname": probe.meta.hostname,
                "version": probe.meta.version,
                "labels": probe.meta.labels,
                "lastSeen": server.clock.rfc3339(probe.last_seen),
                "silentMillis": u64::try_from(now.saturating_duration_since(probe.last_seen).as_millis()).unwrap_or(u64::MAX),
                "heldBytes": probe.held,
                "deltas": probe.sequenced,
            })
        })
        .collect();
    refusal::json(StatusCode::OK, &list)
}
