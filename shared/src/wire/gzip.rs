//! gzip, with a cap on what comes out.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::error::DecodeError;
use super::gzip_reader;

/// What is reserved at once on a sender's word about its size; anything larger grows as it proves itself.
const TRUSTED_RESERVE: usize = 16 << 20;

/// Inflates a gzip body of at most `cap` bytes. A body that would be longer is an error, found without inflating more than the cap.
pub fn gunzip(body: &[u8], cap: usize) -> Result<Vec<u8>, DecodeError> {
    let mut inflated = Vec::with_capacity(claimed_size(body).min(cap).min(TRUSTED_RESERVE).saturating_add(1));
    gzip_reader::read(body, cap, &mut inflated)?;
    Ok(inflated)
}

/// Inflates as it is read. `envelope` reads no more than its cap.
#[expect(clippy::disallowed_types, reason = "the one caller stops at a cap")]
pub(super) fn inflater(body: &[u8]) -> impl std::io::Read {
    flate2::read::MultiGzDecoder::new(body)
}

/// Compresses a body. `level` is 0 (store) to 9 (smallest); 1 costs about a seventh of 6 and is a tenth larger.
#[must_use]
pub fn gzip(body: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = deflater(body.len() / 4 + 64, level);
    // Writing to a vector cannot fail; if it ever did, the stream would be cut short and the reader would say so.
    if encoder.write_all(body).is_err() {
        return Vec::new();
    }
    encoder.finish().unwrap_or_default()
}

/// Where a gzip stream is made; `room` bytes are set aside for it at once.
pub(super) fn deflater(room: usize, level: u32) -> GzEncoder<Vec<u8>> {
    GzEncoder::new(Vec::with_capacity(room), Compression::new(level.min(9)))
}

/// The size that the last four bytes of a gzip stream claim (modulo 4 GiB; a hint, not a promise).
fn claimed_size(body: &[u8]) -> usize {
    body.last_chunk::<4>()
        .map_or(0, |trailer| usize::try_from(u32::from_le_bytes(*trailer)).unwrap_or(usize::MAX))
}
