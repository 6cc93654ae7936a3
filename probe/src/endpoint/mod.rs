//! Who talks to whom: endpoints and their edges, from the best source this kernel offers.
//!
//! [`EndpointTracker`] keeps the table of connections up to date on threads of its own (network namespaces are entered there, never on a
//! thread of the runtime) and turns it into a report on request, without waiting for anything.

mod tracker;

pub use tracker::{Context, EndpointTracker, Options, Status, Tier};
