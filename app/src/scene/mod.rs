//! The map as data and rules: what is shown, where, how near, what the pointer hits and what moves.
//!
//! Everything here is pure Rust and tested natively; only `gl` talks to the browser. Time is passed in, in milliseconds.

pub mod data;
#[cfg(target_arch = "wasm32")]
pub mod gl;
pub mod theme;

pub use data::{Matches, MetricLayer, MetricValue, NodeMatch, Pin, Point, Routes, SceneData, SceneEdge, SceneNode, Shape};
pub use theme::{Palette, Rgba, Theme};
