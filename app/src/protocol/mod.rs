//! What the page and its worker say to each other: postcard-encoded enums in transferred buffers.
//!
//! Both sides come from one build, so there is no version and no compatibility to keep. Types here are flat and finished for display: the page
//! sorts, searches and merges nothing. They must not use `serde` attributes that skip or flatten, which postcard cannot read back.

use serde::{Deserialize, Serialize};

/// From the page to its worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ToWorker {
    /// First message: where the server is, e.g. `http://127.0.0.1:4040/`; `None` when the page only shows dropped files.
    Connect {
        /// Base address, ending in `/`.
        server: Option<String>,
    },
}

/// From the worker to the page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ToPage {
    /// The worker listens; nothing sent before this arrives.
    Ready,
    /// The worker failed; the text says how.
    Failed(String),
}
