//! What a pull reader offers: the one vocabulary in which report structures are decoded, whatever the encoding.
//!
//! `null` reads as the zero value of whatever is asked for, because that is how the original's probes leave things out.

use smol_str::SmolStr;

use super::error::{DecodeError, Result};
use crate::limits;
use crate::report::Value;
use crate::time::Timestamp;

/// Reads values one after the other. After an error the reader must not be used further.
pub(super) trait Reader {
    /// Where one is inside a map or array.
    type Cursor;
    /// A place to come back to.
    type Mark;
    /// Whether comparing with a guess is cheaper than looking a field's name up.
    const GUESSES_FIELDS: bool;

    /// Enters a map; `None` is `null`. (An empty array also reads as an empty map: the original takes structures in that form.)
    fn map(&mut self) -> Result<Option<Self::Cursor>>;
    /// The next key, or `None` and the map is left.
    fn key<T>(&mut self, cursor: &mut Self::Cursor, read: impl FnOnce(&str) -> T) -> Result<Option<T>>;
    /// The next key of a structure, as what `known` makes of it, or `None` and the map is left.
    fn field<F>(&mut self, cursor: &mut Self::Cursor, known: impl FnOnce(&[u8]) -> F) -> Result<Option<F>>;
    /// The key that [`Reader::field`] read last, if no value has been read since.
    fn last_key(&self) -> SmolStr;
    /// Enters an array; `None` is `null`.
    fn array(&mut self) -> Result<Option<Self::Cursor>>;
    /// Whether there is another item; if not, the array is left.
    fn item(&mut self, cursor: &mut Self::Cursor) -> Result<bool>;
    /// How many entries the encoding promises; 0 if it does not say. Never more than the rest of the input could hold.
    fn promised(&self, cursor: &Self::Cursor) -> usize;

    /// A string; `null` is the empty one.
    fn string<T>(&mut self, read: impl FnOnce(&str) -> T) -> Result<T>;
    /// A time; `null` is the zero time.
    fn time(&mut self) -> Result<Timestamp>;
    /// A signed integer.
    fn int(&mut self) -> Result<i64>;
    /// An unsigned integer.
    fn uint(&mut self) -> Result<u64>;
    /// A number.
    fn float(&mut self) -> Result<f64>;
    /// True or false.
    fn boolean(&mut self) -> Result<bool>;
    /// Takes a `null` if one is next.
    fn null(&mut self) -> Result<bool>;
    /// Any value.
    fn value(&mut self) -> Result<Value>;

    /// Takes an entry of `latest`, a time and a string, if it is written exactly as encoders of this format do; else takes nothing.
    /// Nearly every value of a report is one of these. Also takes nothing if `read` returns `None`.
    fn usual_entry<T>(&mut self, _read: impl FnOnce(Timestamp, &[u8]) -> Option<T>) -> Option<T> {
        None
    }
    /// Takes the next string if it is written as encoders of this format do and `read` takes its bytes (which may be no UTF-8).
    fn usual_string<T>(&mut self, _read: impl FnOnce(&[u8]) -> Option<T>) -> Option<T> {
        None
    }
    /// Takes a sample, a time and a float, under the same condition.
    fn usual_sample(&mut self) -> Option<(Timestamp, f64)> {
        None
    }
    /// Takes the next key if it is this one; else takes nothing.
    fn guessed_key(&mut self, _cursor: &mut Self::Cursor, _guess: &str) -> bool {
        false
    }

    /// Remembers this place.
    fn mark(&self) -> Self::Mark;
    /// Comes back to a remembered place.
    fn reset(&mut self, mark: Self::Mark);
}

/// How deep and how much has been read, against the caps.
#[derive(Clone, Copy, Default)]
pub(super) struct Budget {
    depth: usize,
    values: usize,
}

impl Budget {
    /// One map or array further in.
    #[inline]
    pub(super) fn enter(&mut self) -> Result<()> {
        self.depth += 1;
        if self.depth > limits::REPORT_DEPTH {
            Err(limit("the nesting of maps and arrays", limits::REPORT_DEPTH))
        } else {
            Ok(())
        }
    }

    /// One map or array out.
    #[inline]
    pub(super) fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    /// `count` values more.
    #[inline]
    pub(super) fn spend(&mut self, count: usize) -> Result<()> {
        self.values = self.values.saturating_add(count);
        if self.values > limits::REPORT_VALUES {
            Err(limit("the number of values", limits::REPORT_VALUES))
        } else {
            Ok(())
        }
    }
}

#[cold]
pub(super) fn limit(what: &'static str, limit: usize) -> Box<DecodeError> {
    Box::new(DecodeError::Limit { what, limit })
}
