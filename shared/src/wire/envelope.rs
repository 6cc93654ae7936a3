//! Is this body a report's envelope? Checked by the server, which must not look into reports but must not pass rubbish on either.
//!
//! The body is inflated piece by piece and each piece goes through a scanner of its encoding, so that a bomb costs its compressed size and a
//! few kilobytes, never what it would inflate to. The scanners know that the body must be one map and how maps, arrays, strings and numbers
//! are written; they know no field. What follows the map is ignored, as the original does, but counts against the size.

use std::io::Read as _;

use thiserror::Error;

use super::gzip::inflater;
use super::json_scan::JsonScan;
use super::msgpack_scan::MsgpackScan;
use crate::frame::Encoding;
use crate::limits;

/// How much is inflated at a time.
const CHUNK: usize = 16 << 10;

/// Why a body is no report's envelope.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EnvelopeError {
    /// Larger than is accepted before inflation.
    #[error("the body is larger than {limit} bytes")]
    CompressedSize {
        /// The cap.
        limit: usize,
    },
    /// Larger than is accepted after inflation.
    #[error("the body inflates to more than {limit} bytes")]
    InflatedSize {
        /// The cap.
        limit: usize,
    },
    /// Not gzip, or damaged, or cut short.
    #[error("the body says it is gzip'd, but the gzip layer is broken: {0}")]
    Gzip(String),
    /// The body holds no byte.
    #[error("the body is empty")]
    Empty,
    /// Something else than a map.
    #[error("the body is {found}; a report is a map")]
    NotAMap {
        /// What it is.
        found: &'static str,
    },
    /// The map does not end.
    #[error("the body ends at byte {at}, inside the report")]
    Truncated {
        /// Its length.
        at: usize,
    },
    /// Not the encoding that was announced.
    #[error("byte {at}: {what}")]
    Malformed {
        /// Where, in the inflated body.
        at: usize,
        /// What is wrong.
        what: &'static str,
    },
    /// A cap of `limits` was hit.
    #[error("{what} exceeds the limit of {limit}")]
    Limit {
        /// What is too much.
        what: &'static str,
        /// The cap.
        limit: usize,
    },
}

impl EnvelopeError {
    /// Whether the body is too large rather than wrong (HTTP status 413 rather than 400).
    #[must_use]
    pub const fn is_size(&self) -> bool {
        matches!(self, Self::CompressedSize { .. } | Self::InflatedSize { .. } | Self::Limit { .. })
    }
}

/// Checks that a body is one well-formed map in its encoding, within the caps of `limits`. Returns its size after inflation.
///
/// # Errors
/// Says what is wrong and where, in words meant for whoever sent it.
pub fn check_envelope(body: &[u8], encoding: Encoding, gzip: bool) -> Result<usize, EnvelopeError> {
    if body.len() > limits::REPORT_COMPRESSED_BYTES {
        return Err(EnvelopeError::CompressedSize {
            limit: limits::REPORT_COMPRESSED_BYTES,
        });
    }
    match encoding {
        Encoding::Msgpack => check(body, gzip, MsgpackScan::default()),
        Encoding::Json => check(body, gzip, JsonScan::default()),
    }
}

/// A scanner that is fed a body piece by piece.
pub(super) trait Scan {
    /// Takes the next piece. After the map has ended the rest is ignored.
    fn feed(&mut self, piece: &[u8]) -> Result<(), EnvelopeError>;
    /// Whether the map has ended; if not, the error for a body that ends here.
    fn finish(self) -> Result<(), EnvelopeError>;
}

fn check(body: &[u8], gzip: bool, mut scan: impl Scan) -> Result<usize, EnvelopeError> {
    if !gzip {
        scan.feed(body)?;
        scan.finish()?;
        return Ok(body.len());
    }
    let mut inflater = inflater(body);
    let mut chunk = vec![0; CHUNK];
    let mut total = 0_usize;
    loop {
        let count = inflater.read(&mut chunk).map_err(|error| EnvelopeError::Gzip(error.to_string()))?;
        if count == 0 {
            break;
        }
        total = total.saturating_add(count);
        if total > limits::REPORT_INFLATED_BYTES {
            return Err(EnvelopeError::InflatedSize {
                limit: limits::REPORT_INFLATED_BYTES,
            });
        }
        scan.feed(chunk.get(..count).unwrap_or_default())?;
    }
    scan.finish()?;
    Ok(total)
}

/// How deep and how much has been seen, against the caps.
#[derive(Default)]
pub(super) struct Tally {
    values: usize,
}

impl Tally {
    pub(super) fn spend(&mut self, count: usize) -> Result<(), EnvelopeError> {
        self.values = self.values.saturating_add(count);
        if self.values > limits::REPORT_VALUES {
            return Err(EnvelopeError::Limit {
                what: "the number of values",
                limit: limits::REPORT_VALUES,
            });
        }
        Ok(())
    }
}

/// The error for a nesting that is too deep.
pub(super) const fn too_deep() -> EnvelopeError {
    EnvelopeError::Limit {
        what: "the nesting of maps and arrays",
        limit: limits::REPORT_DEPTH,
    }
}

/// The error for a string that is too long.
pub(super) const fn too_long() -> EnvelopeError {
    EnvelopeError::Limit {
        what: "the length of a string in bytes",
        limit: limits::REPORT_STRING_BYTES,
    }
}
