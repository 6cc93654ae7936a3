//! The map as data and rules: what is shown, where, how near, what the pointer hits and what moves.
//!
//! Everything here is pure Rust and tested natively; only `gl` talks to the browser. Time is passed in, in milliseconds.
//! The way of a picture: `data` comes in, `state` holds it with what is pointed at, `geometry` moves it, `lod` simplifies it, `draw` and `labels`
//! turn it into lists, `cull` and `ribbon` say what of them the GPU is given, `gl` or `svg` paint them, `pick` goes back from a place on the screen to a node.

pub mod camera;
pub mod colour;
pub mod cull;
pub mod data;
pub mod draw;
pub mod geometry;
#[cfg(target_arch = "wasm32")]
pub mod gl;
pub mod labels;
pub mod lod;
pub mod pick;
pub mod ribbon;
mod select;
pub mod shape;
pub mod state;
pub mod svg;
pub mod theme;

pub use camera::{Camera, Insets};
pub use data::{Matches, MetricLayer, MetricValue, NodeMatch, Pin, Point, Routes, SceneData, SceneEdge, SceneNode, Shape};
pub use state::{NetworkOverlay, Scene};
pub use theme::{Palette, Rgba, Theme};
