//! A fleet that does not exist: simulated probes and viewers against a real `scope server`, and what that cost.
//!
//! Everything probes send is generated before the clock starts, and viewers read frames without looking into them, so that as little as
//! possible of the machine's time is the generator's own; what it does use is measured and printed beside the server's. Nothing here may
//! decode a report or ask the server for anything that a probe or a page does not ask for.

pub mod cell;
pub mod journal;
pub mod library;
pub mod probe;
pub mod server;
pub mod soak;
pub mod streams;
pub mod table;
pub mod viewer;

pub use library::{Library, Way};
