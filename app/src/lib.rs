//! Scope's app: frames in, pixels out. Everything but `platform`, `scene/gl` and `ui` is pure Rust and tested natively.

pub mod detail;
pub mod feed;
pub mod layout;
pub mod model;
pub mod scene;
pub mod view;
