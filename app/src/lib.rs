//! Scope's app: frames in, pixels out. Everything but `platform`, `scene/gl` and `ui` is pure Rust and tested natively.

pub mod model;
