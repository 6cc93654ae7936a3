//! Scope's server: relays reports as bytes, proxies controls and terminals, serves the page; and the `scope` command.
//!
//! It is to reports what the forwarding unit of a conference is to video: it keeps each probe's newest full report and newest delta, and
//! sends every viewer what it lacks. It never decodes a report (`scope-shared`'s report model is not even linked without the probe), has
//! no queue without a bound, and trusts neither probes nor viewers.
#![forbid(unsafe_code)]

mod api;
mod audit;
mod auth;
pub mod cli;
mod clock;
pub mod config;
mod control;
mod intake;
mod listen;
mod ops;
mod page;
mod peer;
mod pipe;
mod refusal;
pub mod relay;
mod router;
mod run;
mod server;
mod viewer;

pub use audit::AuditArgs;
pub use auth::{AuthArgs, Identity, OidcArgs, Role, Tokens, Via};
pub use clock::Clock;
pub use control::{Kind, Policy, PolicyArgs};
pub use listen::TlsArgs;
pub use page::Page;
pub use peer::Peer;
pub use refusal::Refusal;
pub use router::{route_table, router};
pub use run::{Bound, bind};
pub use server::{Server, Shared, VERSION};
