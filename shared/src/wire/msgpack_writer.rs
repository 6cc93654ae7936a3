//! Writes msgpack in the old raw dialect: strings and times alike as raw, never the newer str8 and bin types.

use std::io::Write as _;

use flate2::write::GzEncoder;

use super::gzip::deflater;
use super::time::binary;
use super::writer::Writer;
use crate::time::Timestamp;

/// What is gathered before it is compressed, about: a report is never whole in memory then.
const PIECE: usize = 64 << 10;

#[derive(Default)]
pub(super) struct MsgpackWriter {
    pub(super) out: Vec<u8>,
    /// Where what was written goes, piece by piece, if it is to be compressed.
    gzip: Option<GzEncoder<Vec<u8>>>,
}

impl MsgpackWriter {
    /// Compresses what is written, at a level as of [`super::gzip`].
    pub(super) fn compressing(level: u32) -> Self {
        Self {
            out: Vec::with_capacity(PIECE + PIECE / 8),
            gzip: Some(deflater(PIECE, level)),
        }
    }

    /// The gzip stream; nothing if the writer does not compress.
    pub(super) fn compressed(mut self) -> Vec<u8> {
        self.flush();
        self.gzip.and_then(|gzip| gzip.finish().ok()).unwrap_or_default()
    }

    fn flush(&mut self) {
        if let Some(gzip) = &mut self.gzip {
            // Writing to a vector cannot fail; if it ever did, the stream would be cut short and the reader would say so.
            drop(gzip.write_all(&self.out));
            self.out.clear();
        }
    }

    fn raw(&mut self, bytes: &[u8]) {
        self.length(bytes.len(), 0xa0, 31, 0xda);
        self.out.extend_from_slice(bytes);
    }

    /// The head of a string, array or map: the short form up to `short`, else `long` with 16 bits or the byte after it with 32.
    fn length(&mut self, length: usize, fixed: u8, short: usize, long: u8) {
        if length <= short {
            self.out.push(fixed | length as u8);
        } else if let Ok(length) = u16::try_from(length) {
            self.out.push(long);
            self.out.extend_from_slice(&length.to_be_bytes());
        } else {
            self.out.push(long + 1);
            self.out.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
        }
    }
}

impl Writer for MsgpackWriter {
    fn map(&mut self, entries: usize) {
        self.length(entries, 0x80, 15, 0xde);
    }

    fn key(&mut self, key: &str) {
        if self.gzip.is_some() && self.out.len() >= PIECE {
            self.flush();
        }
        self.raw(key.as_bytes());
    }

    fn end_map(&mut self) {}

    fn array(&mut self, items: usize) {
        self.length(items, 0x90, 15, 0xdc);
    }

    fn item(&mut self) {}

    fn end_array(&mut self) {}

    fn string(&mut self, text: &str) {
        self.raw(text.as_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.raw(bytes);
    }

    fn time(&mut self, time: Timestamp) {
        self.raw(&binary(time));
    }

    fn int(&mut self, value: i64) {
        if let Ok(value) = u64::try_from(value) {
            self.uint(value);
        } else if value >= -32 {
            self.out.push((value as i8).cast_unsigned());
        } else if let Ok(value) = i8::try_from(value) {
            self.out.extend_from_slice(&[0xd0, value.cast_unsigned()]);
        } else if let Ok(value) = i16::try_from(value) {
            self.out.push(0xd1);
            self.out.extend_from_slice(&value.to_be_bytes());
        } else if let Ok(value) = i32::try_from(value) {
            self.out.push(0xd2);
            self.out.extend_from_slice(&value.to_be_bytes());
        } else {
            self.out.push(0xd3);
            self.out.extend_from_slice(&value.to_be_bytes());
        }
    }

    fn uint(&mut self, value: u64) {
        if value < 0x80 {
            self.out.push(value as u8);
        } else if let Ok(value) = u8::try_from(value) {
            self.out.extend_from_slice(&[0xcc, value]);
        } else if let Ok(value) = u16::try_from(value) {
            self.out.push(0xcd);
            self.out.extend_from_slice(&value.to_be_bytes());
        } else if let Ok(value) = u32::try_from(value) {
            self.out.push(0xce);
            self.out.extend_from_slice(&value.to_be_bytes());
        } else {
            self.out.push(0xcf);
            self.out.extend_from_slice(&value.to_be_bytes());
        }
    }

    fn float(&mut self, value: f64) {
        self.out.push(0xcb);
        self.out.extend_from_slice(&value.to_be_bytes());
    }

    fn boolean(&mut self, value: bool) {
        self.out.push(if value { 0xc3 } else { 0xc2 });
    }

    fn null(&mut self) {
        self.out.push(0xc0);
    }
}
