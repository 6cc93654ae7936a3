//! Search: the original's grammar over the fields of node summaries, with its defects mended.
//!
//! Pure: a query is parsed once and asked of one summary at a time. What is void (incomplete) is no query at all, rather than one that nothing
//! matches; `>=`, `<=` and `!=` work; a prefix is compared stripped, like the label it is compared with.

mod fields;
mod grammar;
mod names;
mod suggest;

pub use fields::{Asked, FieldMatch, Found, find, holds};
pub use grammar::{Operator, Query, Text, parse, strip};
pub use names::{Name, Names};
pub use suggest::{examples, suggest};

#[cfg(test)]
mod tests;
