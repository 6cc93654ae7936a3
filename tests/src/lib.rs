//! What the end-to-end tests are written with: the `scope` binary as a process, a small world of containers, a browser, and the page as
//! a person with a screen reader would meet it.
//!
//! It must not reach into any crate of the product: whatever these tests know, they learnt from outside.

pub mod browser;
pub mod docker;
pub mod map;
pub mod outside;
pub mod page;
pub mod process;
pub mod recorded;
pub mod static_files;
pub mod terminal;
pub mod viewer;
pub mod wait;
pub mod world;

pub use anyhow::{Context, Result, bail, ensure};
