//! The structure of msgpack, piece by piece: lengths and types, no content.

use super::envelope::{EnvelopeError, Scan, Tally, too_deep, too_long};
use crate::limits;

/// Where the scanner is inside a value.
#[derive(Clone, Copy, Default)]
enum Step {
    /// The first byte of a value is next.
    #[default]
    Head,
    /// `left` bytes of a length follow; then comes what the length is for.
    Length { what: Sized, left: u8, length: usize },
    /// `left` bytes of a string or number follow.
    Skip { left: usize },
    /// The map has ended.
    Done,
}

/// What a length is for.
#[derive(Clone, Copy)]
enum Sized {
    Raw,
    Map,
    Array,
}

/// What the values of an open map or array are.
#[derive(Clone, Copy)]
struct Open {
    /// Values still to come, keys included.
    left: usize,
    /// Whether keys alternate with values; a key is due when `left` is even.
    map: bool,
}

#[derive(Default)]
pub(super) struct MsgpackScan {
    step: Step,
    open: Vec<Open>,
    at: usize,
    tally: Tally,
}

impl Scan for MsgpackScan {
    fn feed(&mut self, piece: &[u8]) -> Result<(), EnvelopeError> {
        let mut rest = piece;
        loop {
            match self.step {
                Step::Done => return Ok(()),
                Step::Skip { left } => {
                    let count = left.min(rest.len());
                    rest = self.take(rest, count);
                    if count < left {
                        self.step = Step::Skip { left: left - count };
                        return Ok(());
                    }
                    self.ended();
                }
                Step::Head => {
                    let Some(head) = rest.first() else { return Ok(()) };
                    self.head(*head)?;
                    rest = self.take(rest, 1);
                }
                Step::Length { what, left, length } => {
                    let Some(byte) = rest.first() else { return Ok(()) };
                    let length = length << 8 | usize::from(*byte);
                    if left > 1 {
                        self.step = Step::Length {
                            what,
                            left: left - 1,
                            length,
                        };
                    } else {
                        self.sized(what, length)?;
                    }
                    rest = self.take(rest, 1);
                }
            }
        }
    }

    fn finish(self) -> Result<(), EnvelopeError> {
        match self.step {
            Step::Done => Ok(()),
            _ if self.at == 0 => Err(EnvelopeError::Empty),
            _ => Err(EnvelopeError::Truncated { at: self.at }),
        }
    }
}

impl MsgpackScan {
    fn take<'p>(&mut self, piece: &'p [u8], count: usize) -> &'p [u8] {
        self.at += count;
        piece.get(count..).unwrap_or_default()
    }

    /// The first byte of a value.
    fn head(&mut self, head: u8) -> Result<(), EnvelopeError> {
        let raw = matches!(head, 0xa0..=0xbf | 0xc4..=0xc6 | 0xd9..=0xdb);
        match self.open.last() {
            None if !matches!(head, 0x80..=0x8f | 0xde | 0xdf) => return Err(EnvelopeError::NotAMap { found: type_name(head) }),
            Some(open) if open.map && open.left.is_multiple_of(2) && !raw && head != 0xc0 => {
                return Err(EnvelopeError::Malformed {
                    at: self.at,
                    what: "a map's key must be a string",
                });
            }
            _ => {}
        }
        let length = |what, left| Ok(Step::Length { what, left, length: 0 });
        let step = match head {
            0x00..=0x7f | 0xe0..=0xff | 0xc0 | 0xc2 | 0xc3 => Ok(Step::Skip { left: 0 }),
            0xcc | 0xd0 => Ok(Step::Skip { left: 1 }),
            0xcd | 0xd1 => Ok(Step::Skip { left: 2 }),
            0xce | 0xd2 | 0xca => Ok(Step::Skip { left: 4 }),
            0xcf | 0xd3 | 0xcb => Ok(Step::Skip { left: 8 }),
            0xa0..=0xbf => Ok(Step::Skip {
                left: usize::from(head & 0x1f),
            }),
            0x80..=0x8f => return self.sized(Sized::Map, usize::from(head & 0x0f)),
            0x90..=0x9f => return self.sized(Sized::Array, usize::from(head & 0x0f)),
            0xd9 | 0xc4 => length(Sized::Raw, 1),
            0xda | 0xc5 => length(Sized::Raw, 2),
            0xdb | 0xc6 => length(Sized::Raw, 4),
            0xdc => length(Sized::Array, 2),
            0xdd => length(Sized::Array, 4),
            0xde => length(Sized::Map, 2),
            0xdf => length(Sized::Map, 4),
            0xc1 => Err("a byte that msgpack does not use"),
            0xc7..=0xc9 | 0xd4..=0xd8 => Err("an extension type, which no report has"),
        };
        self.step = step.map_err(|what| EnvelopeError::Malformed { at: self.at, what })?;
        Ok(())
    }

    /// A length is known.
    fn sized(&mut self, what: Sized, length: usize) -> Result<(), EnvelopeError> {
        let (left, map) = match what {
            Sized::Raw if length > limits::REPORT_STRING_BYTES => return Err(too_long()),
            Sized::Raw => {
                self.step = Step::Skip { left: length };
                return Ok(());
            }
            Sized::Map => (length.saturating_mul(2), true),
            Sized::Array => (length, false),
        };
        if self.open.len() >= limits::REPORT_DEPTH {
            return Err(too_deep());
        }
        self.tally.spend(left)?;
        self.open.push(Open { left, map });
        self.step = Step::Head;
        if left == 0 {
            self.open.pop();
            self.ended();
        }
        Ok(())
    }

    /// A value has ended, and with it perhaps the maps and arrays it was the last of.
    fn ended(&mut self) {
        self.step = Step::Head;
        loop {
            let Some(open) = self.open.last_mut() else {
                self.step = Step::Done;
                return;
            };
            open.left = open.left.saturating_sub(1);
            if open.left > 0 {
                return;
            }
            self.open.pop();
        }
    }
}

fn type_name(head: u8) -> &'static str {
    match head {
        0x90..=0x9f | 0xdc | 0xdd => "an array",
        0xa0..=0xbf | 0xc4..=0xc6 | 0xd9..=0xdb => "a string",
        0xc0 => "null",
        0xc2 | 0xc3 => "true or false",
        0x00..=0x7f | 0xca..=0xd3 | 0xe0..=0xff => "a number",
        _ => "no msgpack",
    }
}
