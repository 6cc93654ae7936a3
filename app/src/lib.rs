//! Scope's app: frames in, pixels out. Everything but `platform`, `scene/gl` and `ui` is pure Rust and tested natively.

pub mod detail;
pub mod feed;
pub mod format;
pub mod generate;
pub mod layout;
pub mod letters;
pub mod link;
pub mod model;
#[cfg(target_arch = "wasm32")]
pub mod platform;
pub mod protocol;
pub mod scene;
pub mod search;
pub mod session;
#[cfg(target_arch = "wasm32")]
pub mod ui;
pub mod view;
