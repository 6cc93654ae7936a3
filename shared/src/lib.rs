//! What both ends of Scope's wire agree on.
//!
//! Report model, codec, merge, delta, network trie, frames, control and pipe messages. This crate does no I/O, reads no clock, draws no
//! random number, holds no `unsafe`, and compiles natively and for wasm32.
//!
//! Everything that can look inside a report sits behind the feature `report`, which the server does not ask for: a relay handles bytes.
#![forbid(unsafe_code)]

#[cfg(feature = "report")]
pub mod censor;
pub mod control;
#[cfg(feature = "report")]
pub mod delta;
pub mod frame;
#[cfg(feature = "report")]
mod hash;
pub mod headers;
#[cfg(feature = "report")]
pub mod ids;
pub mod limits;
#[cfg(feature = "report")]
mod merge;
#[cfg(feature = "report")]
pub mod report;
#[cfg(feature = "report")]
pub mod same;
pub mod sort;
pub mod text;
pub mod time;
pub mod trie;
#[cfg(feature = "report")]
mod upgrade;
#[cfg(feature = "report")]
pub mod window;
pub mod wire;
