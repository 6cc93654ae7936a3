//! The codec: reports to and from bytes, and the check of an envelope that looks into nothing.
//!
//! A report travels as a map in JSON or in msgpack's old raw dialect, gzip'd or not. Reading is tolerant of what other programs send
//! (unknown keys are kept, missing ones keep their defaults, `null` is the zero value) and strict about size: every length is checked
//! against `limits` before anything is allocated for it. Nothing here panics on any input.
//!
//! The report model sits behind the feature `report`; [`check_envelope`] and the gzip helpers are all the server needs and gets.

mod envelope;
mod error;
mod gzip;
mod gzip_reader;
mod json_scan;
mod json_text;
mod msgpack_scan;
mod utf8;

#[cfg(feature = "report")]
mod decode;
#[cfg(feature = "report")]
mod decode_node;
#[cfg(feature = "report")]
mod decode_parts;
#[cfg(feature = "report")]
mod encode;
#[cfg(feature = "report")]
mod json_reader;
#[cfg(feature = "report")]
mod json_writer;
#[cfg(feature = "report")]
mod msgpack_reader;
#[cfg(feature = "report")]
mod msgpack_writer;
#[cfg(feature = "report")]
mod reader;
#[cfg(feature = "report")]
mod strings;
#[cfg(feature = "report")]
mod time;
#[cfg(feature = "report")]
mod value;
#[cfg(feature = "report")]
mod writer;

pub use envelope::{EnvelopeError, check_envelope};
pub use error::DecodeError;
pub use gzip::{gunzip, gzip};

#[cfg(feature = "report")]
pub use decode::decode_report;
#[cfg(feature = "report")]
pub use encode::{encode_json, encode_msgpack, encode_msgpack_gzip};

use crate::frame::Encoding;

/// Encoding and gzip of a report file, by its name: `.json` or `.msgpack`, each optionally followed by `.gz`.
#[must_use]
pub fn encoding_of_file(name: &str) -> Option<(Encoding, bool)> {
    let (stem, gzip) = name.strip_suffix(".gz").map_or((name, false), |stem| (stem, true));
    if stem.ends_with(".json") {
        Some((Encoding::Json, gzip))
    } else if stem.ends_with(".msgpack") {
        Some((Encoding::Msgpack, gzip))
    } else {
        None
    }
}
