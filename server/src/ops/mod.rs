//! What operators look at: metrics, health, logs.

mod logging;
mod metrics;
mod refusals;
mod routes;

pub use logging::LogArgs;
pub(crate) use metrics::Metrics;
pub(crate) use refusals::Refusals;
pub(crate) use routes::{healthz, metrics_page, readyz};
