//! Who talks to whom: endpoints and their edges, from the best source this kernel offers.
//!
//! [`EndpointTracker`] keeps the table of connections up to date on threads of its own (network namespaces are entered there, never on a
//! thread of the runtime) and turns it into a report on request, without waiting for anything.

mod listeners;
mod namespaces;
mod nat;
mod owners;
mod pace;
mod report;
mod sensors;
mod table;
mod thin;
mod tiers;
mod tracker;

pub use listeners::Listeners;
pub use namespaces::interface_address;
pub use nat::{Nat, RealEnds};
pub use report::{Brief, Sources};
pub use sensors::{Known, Sensors};
pub use table::{Connection, Half, Key, LINGER, Millis, Side, Sighting, Swept, Table};
pub use thin::{Edge, thin};
pub use tiers::diag_works;
pub use tracker::{Context, EndpointTracker, Options, Status, Tier};
