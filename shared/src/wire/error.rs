//! Why bytes are not a report.

use thiserror::Error;

/// Why bytes could not be read as a report. Offsets count bytes of the inflated body.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// The gzip layer is broken or cut short.
    #[error("the gzip layer is broken: {0}")]
    Gzip(String),
    /// The body ends inside a value.
    #[error("the body ends at byte {at}, inside a value")]
    Truncated {
        /// Where.
        at: usize,
    },
    /// A value of another type than the field has.
    #[error("byte {at}: expected {expected}, found {found}")]
    Type {
        /// Where.
        at: usize,
        /// What the field holds.
        expected: &'static str,
        /// What was there.
        found: &'static str,
    },
    /// Not the encoding it says it is.
    #[error("byte {at}: {what}")]
    Malformed {
        /// Where.
        at: usize,
        /// What is wrong.
        what: &'static str,
    },
    /// A cap of `limits` was hit.
    #[error("{what} exceeds the limit of {limit}")]
    Limit {
        /// What is too large.
        what: &'static str,
        /// The cap, in the unit that `what` names.
        limit: usize,
    },
}

/// Results of the readers: the error is boxed because nearly every call succeeds and the result should fit into registers.
#[cfg(feature = "report")]
pub(super) type Result<T> = std::result::Result<T, Box<DecodeError>>;
