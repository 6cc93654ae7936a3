//! Links: the whole view state as a short, readable fragment of the address, and the original's `#!/state/…` links read as well.
//!
//! Pure. A link holds only what differs from the defaults; what it leaves out *is* the default, so that going back from a table to the map
//! really goes back. Nodes are named by `@…` where they have a name that outlives them (see `session::stable`), else by id.

mod legacy;
mod short;
pub mod subset;

pub use short::{terminal, write};

use crate::protocol::ViewState;

/// What a fragment turned out to be.
#[derive(Clone, Debug, PartialEq)]
pub enum Link {
    /// No state: show what was shown last, or the defaults.
    Empty,
    /// A state.
    State(Box<ViewState>),
    /// A window that shows one terminal and nothing else.
    Terminal(crate::protocol::PipeRef),
    /// Something that looks like a link and cannot be read: show the defaults and say so.
    Unreadable,
}

/// Reads the fragment of an address, with or without its `#`.
#[must_use]
pub fn read(fragment: &str) -> Link {
    let fragment = fragment.strip_prefix('#').unwrap_or(fragment);
    if let Some(rest) = fragment.strip_prefix('!') {
        return legacy::read(rest);
    }
    short::read(fragment)
}

#[cfg(test)]
mod tests;
