//! What the server promises when its peers, the network or its own process misbehave: each test says what, and does it to the real binary.
//!
//! Nothing here is measured by the clock: tests wait for what must happen, under limits that only a broken server reaches.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail their test this way"
)]

mod bounded;
mod half_open;
mod limits;
mod loss;
mod operations;
#[cfg(feature = "probe")]
mod restart;
mod scope;
mod slow_peers;
