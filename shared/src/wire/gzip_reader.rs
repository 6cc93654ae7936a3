//! The gzip container around a deflate stream (RFC 1952), read into memory with a cap; every checksum and size is checked.
//!
//! A container of our own because of the page: the usual readers bring tables for the checksum, eight kilobytes that no compressor shrinks.
//! This one makes its table when first asked. The stream inside is the library's.

use std::io::Read as _;
use std::sync::OnceLock;

use flate2::bufread::DeflateDecoder;

use super::error::DecodeError;

/// Flags of a member's header: what follows its ten bytes.
const HAS_CHECKSUM: u8 = 1 << 1;
const HAS_EXTRA: u8 = 1 << 2;
const HAS_NAME: u8 = 1 << 3;
const HAS_COMMENT: u8 = 1 << 4;

/// Appends what all members of `body` hold to `out`, at most `cap` bytes.
pub(super) fn read(mut body: &[u8], cap: usize, out: &mut Vec<u8>) -> Result<(), DecodeError> {
    loop {
        body = after_header(body).ok_or_else(|| broken("this is no gzip header"))?;
        let from = out.len();
        let mut inflating = DeflateDecoder::new(body);
        let left = u64::try_from(cap.saturating_sub(from)).unwrap_or(u64::MAX);
        inflating
            .by_ref()
            .take(left.saturating_add(1))
            .read_to_end(out)
            .map_err(|error| broken(&error.to_string()))?;
        if out.len() > cap {
            return Err(DecodeError::Limit {
                what: "the inflated body's size in bytes",
                limit: cap,
            });
        }
        let (trailer, rest) = inflating
            .into_inner()
            .split_first_chunk::<8>()
            .ok_or_else(|| broken("the checksum is cut off"))?;
        let [c0, c1, c2, c3, s0, s1, s2, s3] = *trailer;
        let member = out.get(from..).unwrap_or_default();
        // The size is kept modulo 4 GiB.
        if u32::from_le_bytes([s0, s1, s2, s3]) != member.len() as u32 || u32::from_le_bytes([c0, c1, c2, c3]) != crc32(member) {
            return Err(broken("the checksum does not match"));
        }
        if rest.is_empty() {
            return Ok(());
        }
        body = rest;
    }
}

fn broken(why: &str) -> DecodeError {
    DecodeError::Gzip(why.to_owned())
}

/// What comes after a member's header; `None` if this is none.
fn after_header(body: &[u8]) -> Option<&[u8]> {
    let (fixed, mut rest) = body.split_first_chunk::<10>()?;
    let [0x1f, 0x8b, 8, flags, ..] = *fixed else { return None };
    if flags & HAS_EXTRA != 0 {
        let (length, after) = rest.split_first_chunk::<2>()?;
        rest = after.get(usize::from(u16::from_le_bytes(*length))..)?;
    }
    for text in [HAS_NAME, HAS_COMMENT] {
        if flags & text != 0 {
            let end = rest.iter().position(|byte| *byte == 0)?;
            rest = rest.get(end + 1..)?;
        }
    }
    if flags & HAS_CHECKSUM != 0 { rest.get(2..) } else { Some(rest) }
}

/// `TABLES[k][b]`: what byte `b` does to a checksum `k` bytes later.
static TABLES: OnceLock<Box<[[u32; 256]; 8]>> = OnceLock::new();

fn tables() -> Box<[[u32; 256]; 8]> {
    let mut tables = Box::new([[0_u32; 256]; 8]);
    for byte in 0..256 {
        let mut sum = byte as u32;
        for _ in 0..8 {
            sum = if sum & 1 == 1 { 0xedb8_8320 ^ (sum >> 1) } else { sum >> 1 };
        }
        tables[0][byte] = sum;
    }
    for later in 1..8 {
        for byte in 0..256 {
            let sum = tables[later - 1][byte];
            tables[later][byte] = tables[0][(sum & 255) as usize] ^ (sum >> 8);
        }
    }
    tables
}

/// The checksum of gzip: CRC-32 of ISO 3309, eight bytes a step.
fn crc32(bytes: &[u8]) -> u32 {
    let t = TABLES.get_or_init(tables);
    let mut sum = u32::MAX;
    let (eights, rest) = bytes.as_chunks::<8>();
    for [a, b, c, d, e, f, g, h] in eights {
        let [a, b, c, d] = (u32::from_le_bytes([*a, *b, *c, *d]) ^ sum).to_le_bytes();
        sum = t[7][usize::from(a)] ^ t[6][usize::from(b)] ^ t[5][usize::from(c)] ^ t[4][usize::from(d)];
        sum ^= t[3][usize::from(*e)] ^ t[2][usize::from(*f)] ^ t[1][usize::from(*g)] ^ t[0][usize::from(*h)];
    }
    for byte in rest {
        sum = t[0][usize::from(*byte ^ sum.to_le_bytes()[0])] ^ (sum >> 8);
    }
    !sum
}

#[cfg(test)]
mod tests {
    use flate2::{Compression, Crc, GzBuilder};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn checksums_are_those_of_the_library(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut theirs = Crc::new();
            theirs.update(&bytes);
            prop_assert_eq!(crc32(&bytes), theirs.sum());
        }
    }

    fn member(text: &[u8]) -> Vec<u8> {
        let builder = GzBuilder::new().extra(vec![1, 2, 3]).filename("a name").comment("a comment");
        let mut encoder = builder.write(Vec::new(), Compression::fast());
        std::io::Write::write_all(&mut encoder, text).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn members_with_every_optional_field_are_read_one_after_the_other() {
        let mut out = Vec::new();
        read(&[member(b"one "), member(b""), member(b"two")].concat(), 7, &mut out).unwrap();
        assert_eq!(out, b"one two");
    }

    #[test]
    fn no_byte_can_change_unnoticed_but_the_headers_notes() {
        let good = member(b"text text text");
        let after_notes = good.len() - after_header(&good).unwrap().len();
        for at in after_notes..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x10;
            let mut out = Vec::new();
            assert!(read(&bad, 100, &mut out).is_err() || out == b"text text text", "byte {at}");
        }
        for end in 0..good.len() {
            assert!(read(&good[..end], 100, &mut Vec::new()).is_err(), "cut at {end}");
        }
        assert!(read(&[good.as_slice(), b"more"].concat(), 100, &mut Vec::new()).is_err());
        assert!(matches!(
            read(&good, 13, &mut Vec::new()),
            Err(DecodeError::Limit { limit: 13, .. })
        ));
    }
}
