//! Writes compact JSON as the original does: HTML characters escaped, floats always with a point or an exponent.

use std::fmt::Write as _;

use super::json_text::plain_length;
use super::writer::Writer;
use crate::time::{Timestamp, push_text};

#[derive(Default)]
pub(super) struct JsonWriter {
    pub(super) out: Vec<u8>,
    /// Whether the map or array being written has an entry already.
    started: bool,
}

impl JsonWriter {
    fn separate(&mut self) {
        if self.started {
            self.out.push(b',');
        }
        self.started = true;
    }

    fn display(&mut self, value: impl std::fmt::Display) {
        let mut text = String::new();
        // Formatting into a string does not fail.
        if write!(text, "{value}").is_ok() {
            self.out.extend_from_slice(text.as_bytes());
        }
    }

    fn open(&mut self, bracket: u8) {
        self.out.push(bracket);
        self.started = false;
    }

    fn close(&mut self, bracket: u8) {
        self.out.push(bracket);
        self.started = true;
    }

    fn quoted(&mut self, text: &str) {
        self.out.push(b'"');
        let mut bytes = text.as_bytes();
        while !bytes.is_empty() {
            let plain = plain_length(bytes).min(safe_length(bytes));
            let (head, tail) = bytes.split_at(plain);
            self.out.extend_from_slice(head);
            bytes = self.escape(tail);
        }
        self.out.push(b'"');
    }

    /// Writes the first character as an escape, if there is one, and returns what follows.
    fn escape<'t>(&mut self, bytes: &'t [u8]) -> &'t [u8] {
        const HEX: [u8; 16] = *b"0123456789abcdef";
        let Some((byte, rest)) = bytes.split_first() else { return bytes };
        let short = match byte {
            b'"' | b'\\' => *byte,
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0x08 => b'b',
            0x0c => b'f',
            // U+2028 or U+2029: valid JSON, but not valid in a script.
            0xe2 => {
                let last = if bytes.get(2) == Some(&0xa8) { b'8' } else { b'9' };
                self.out.extend_from_slice(b"\\u202");
                self.out.push(last);
                return bytes.get(3..).unwrap_or_default();
            }
            _ => {
                let (high, low) = (usize::from(byte >> 4), usize::from(byte & 0x0f));
                self.out.extend_from_slice(b"\\u00");
                self.out.extend([HEX[high], HEX[low]]);
                return rest;
            }
        };
        self.out.extend_from_slice(&[b'\\', short]);
        rest
    }
}

/// How many bytes come before the first `<`, `>`, `&`, U+2028 or U+2029.
fn safe_length(bytes: &[u8]) -> usize {
    let mut at = 0;
    loop {
        let Some(rest) = bytes.get(at..) else { return bytes.len() };
        let Some(next) = rest.iter().position(|byte| matches!(byte, b'<' | b'>' | b'&' | 0xe2)) else {
            return bytes.len();
        };
        at += next;
        if bytes.get(at) != Some(&0xe2) || matches!(bytes.get(at + 1..at + 3), Some([0x80, 0xa8 | 0xa9])) {
            return at;
        }
        at += 1;
    }
}

impl Writer for JsonWriter {
    fn map(&mut self, _entries: usize) {
        self.open(b'{');
    }

    fn key(&mut self, key: &str) {
        self.separate();
        self.quoted(key);
        self.out.push(b':');
    }

    fn end_map(&mut self) {
        self.close(b'}');
    }

    fn array(&mut self, _items: usize) {
        self.open(b'[');
    }

    fn item(&mut self) {
        self.separate();
    }

    fn end_array(&mut self) {
        self.close(b']');
    }

    fn string(&mut self, text: &str) {
        self.quoted(text);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.quoted(&String::from_utf8_lossy(bytes));
    }

    fn time(&mut self, time: Timestamp) {
        self.out.push(b'"');
        push_text(&mut self.out, time);
        self.out.push(b'"');
    }

    fn int(&mut self, value: i64) {
        self.display(value);
    }

    fn uint(&mut self, value: u64) {
        self.display(value);
    }

    fn float(&mut self, value: f64) {
        if !value.is_finite() {
            // JSON has no such number; `null` reads back as zero.
            self.null();
        } else if value == 0.0 || (1e-4..1e6).contains(&value.abs()) {
            // Debug writes the shortest digits that read back the same, and `.0` after a whole number.
            self.display(format_args!("{value:?}"));
        } else {
            let text = format!("{value:E}");
            let (digits, exponent) = text.split_once('E').unwrap_or((&text, "0"));
            let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |exponent| ('-', exponent));
            self.display(format_args!("{digits}E{sign}{exponent:0>2}"));
        }
    }

    fn boolean(&mut self, value: bool) {
        self.out.extend_from_slice(if value { b"true" } else { b"false" });
    }

    fn null(&mut self) {
        self.out.extend_from_slice(b"null");
    }
}
