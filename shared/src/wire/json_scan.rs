//! The structure of JSON, piece by piece: brackets, strings, numbers, UTF-8, no content.

use super::envelope::{EnvelopeError, Scan, Tally, too_deep, too_long};
use super::json_text::plain_length;
use super::utf8::Utf8;
use crate::limits;

/// What is expected next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Step {
    /// A value.
    #[default]
    Value,
    /// A value or the end of the array just begun.
    FirstItem,
    /// A key.
    Key,
    /// A key or the end of the map just begun.
    FirstKey,
    /// The colon after a key.
    Colon,
    /// A comma or the end of the map or array.
    Comma,
    /// More of a string; whether it is a key.
    Text { key: bool },
    /// The character after a backslash.
    Escape { key: bool },
    /// `left` hexadecimal digits.
    Hex { key: bool, left: u8 },
    /// More of `true`, `false` or `null`.
    Word(&'static [u8]),
    /// More of a number.
    Number(Number),
    /// The map has ended.
    Done,
}

/// Where in a number: which characters may follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Number {
    Minus,
    Zero,
    Whole,
    Point,
    Fraction,
    Exponent,
    Sign,
    Power,
}

#[derive(Default)]
pub(super) struct JsonScan {
    step: Step,
    /// Which of the open brackets are maps, innermost last.
    open: Vec<bool>,
    at: usize,
    /// Bytes of the string being read.
    length: usize,
    utf8: Utf8,
    tally: Tally,
    begun: bool,
}

impl Scan for JsonScan {
    fn feed(&mut self, piece: &[u8]) -> Result<(), EnvelopeError> {
        let mut rest = piece;
        while let Some(byte) = rest.first() {
            let taken = match self.step {
                Step::Done => return Ok(()),
                Step::Text { key } => self.text(key, rest)?,
                _ => self.byte(*byte)?,
            };
            self.at += taken;
            rest = rest.get(taken..).unwrap_or_default();
        }
        Ok(())
    }

    fn finish(self) -> Result<(), EnvelopeError> {
        match self.step {
            Step::Done => Ok(()),
            _ if !self.begun => Err(EnvelopeError::Empty),
            _ => Err(EnvelopeError::Truncated { at: self.at }),
        }
    }
}

impl JsonScan {
    fn malformed<T>(&self, what: &'static str) -> Result<T, EnvelopeError> {
        Err(EnvelopeError::Malformed { at: self.at, what })
    }

    /// More of a string: as much of it as is there. Returns how many bytes were taken.
    fn text(&mut self, key: bool, rest: &[u8]) -> Result<usize, EnvelopeError> {
        let plain = plain_length(rest);
        let (text, after) = rest.split_at_checked(plain).unwrap_or((rest, &[]));
        if !self.utf8.feed(text) {
            return self.malformed("a string is not UTF-8");
        }
        self.length += plain;
        if self.length > limits::REPORT_STRING_BYTES {
            return Err(too_long());
        }
        let Some(special) = after.first() else { return Ok(plain) };
        if !self.utf8.is_complete() {
            return self.malformed("a string is not UTF-8");
        }
        match special {
            b'"' => self.step = if key { Step::Colon } else { Step::Comma },
            b'\\' => self.step = Step::Escape { key },
            _ => return self.malformed("a control character inside a string"),
        }
        Ok(plain + 1)
    }

    /// Any other byte. Returns how many bytes were taken: none when the byte ends a number and belongs to what follows.
    fn byte(&mut self, byte: u8) -> Result<usize, EnvelopeError> {
        match self.step {
            Step::Escape { key } => match byte {
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.step = Step::Text { key },
                b'u' => self.step = Step::Hex { key, left: 4 },
                _ => return self.malformed("an unknown escape in a string"),
            },
            Step::Hex { key, left } => {
                if !byte.is_ascii_hexdigit() {
                    return self.malformed("four hexadecimal digits are expected after \\u");
                }
                self.step = if left > 1 {
                    Step::Hex { key, left: left - 1 }
                } else {
                    Step::Text { key }
                };
            }
            Step::Word(word) => match word.split_first() {
                Some((expected, more)) if *expected == byte => {
                    self.step = if more.is_empty() { Step::Comma } else { Step::Word(more) };
                }
                _ => return self.malformed("expected true, false or null"),
            },
            Step::Number(number) => match number.then(byte) {
                Some(next) => self.step = Step::Number(next),
                None if number.may_end() => {
                    self.step = Step::Comma;
                    return Ok(0);
                }
                None => return self.malformed("a broken number"),
            },
            _ if matches!(byte, b' ' | b'\n' | b'\r' | b'\t') => {}
            _ => self.structure(byte)?,
        }
        Ok(1)
    }

    /// A byte between values.
    fn structure(&mut self, byte: u8) -> Result<(), EnvelopeError> {
        self.begun = true;
        match (self.step, byte) {
            (Step::FirstKey, b'}') | (Step::FirstItem, b']') => self.close(),
            (Step::FirstKey | Step::Key, b'"') => self.string(true)?,
            (Step::FirstKey | Step::Key, _) => return self.malformed("expected a key in quotes"),
            (Step::Colon, b':') => self.step = Step::Value,
            (Step::Colon, _) => return self.malformed("expected a colon after the key"),
            (Step::Comma, b',') => self.step = if self.open.last() == Some(&true) { Step::Key } else { Step::Value },
            (Step::Comma, b'}') if self.open.last() == Some(&true) => self.close(),
            (Step::Comma, b']') if self.open.last() == Some(&false) => self.close(),
            (Step::Comma, _) => return self.malformed("expected a comma or the end of the map or array"),
            _ => self.value(byte)?,
        }
        Ok(())
    }

    /// The first byte of a value.
    fn value(&mut self, byte: u8) -> Result<(), EnvelopeError> {
        if self.open.is_empty() && byte != b'{' {
            return Err(EnvelopeError::NotAMap { found: type_name(byte) });
        }
        match byte {
            b'{' => self.begin(true)?,
            b'[' => self.begin(false)?,
            b'"' => return self.string(false),
            b't' => self.step = Step::Word(b"rue"),
            b'f' => self.step = Step::Word(b"alse"),
            b'n' => self.step = Step::Word(b"ull"),
            b'-' => self.step = Step::Number(Number::Minus),
            b'0' => self.step = Step::Number(Number::Zero),
            b'1'..=b'9' => self.step = Step::Number(Number::Whole),
            _ => return self.malformed("expected a value"),
        }
        self.tally.spend(1)
    }

    fn string(&mut self, key: bool) -> Result<(), EnvelopeError> {
        self.length = 0;
        self.step = Step::Text { key };
        self.tally.spend(1)
    }

    fn begin(&mut self, map: bool) -> Result<(), EnvelopeError> {
        if self.open.len() >= limits::REPORT_DEPTH {
            return Err(too_deep());
        }
        self.open.push(map);
        self.step = if map { Step::FirstKey } else { Step::FirstItem };
        Ok(())
    }

    fn close(&mut self) {
        self.open.pop();
        self.step = if self.open.is_empty() { Step::Done } else { Step::Comma };
    }
}

impl Number {
    /// Where the number is after another character of it; `None` if the character cannot belong to it.
    fn then(self, byte: u8) -> Option<Self> {
        match (self, byte) {
            (Self::Minus, b'0') => Some(Self::Zero),
            (Self::Minus, b'1'..=b'9') | (Self::Whole, b'0'..=b'9') => Some(Self::Whole),
            (Self::Zero | Self::Whole, b'.') => Some(Self::Point),
            (Self::Point | Self::Fraction, b'0'..=b'9') => Some(Self::Fraction),
            (Self::Zero | Self::Whole | Self::Fraction, b'e' | b'E') => Some(Self::Exponent),
            (Self::Exponent, b'+' | b'-') => Some(Self::Sign),
            (Self::Exponent | Self::Sign | Self::Power, b'0'..=b'9') => Some(Self::Power),
            _ => None,
        }
    }

    fn may_end(self) -> bool {
        matches!(self, Self::Zero | Self::Whole | Self::Fraction | Self::Power)
    }
}

fn type_name(byte: u8) -> &'static str {
    match byte {
        b'[' => "an array",
        b'"' => "a string",
        b't' | b'f' => "true or false",
        b'n' => "null",
        b'-' | b'0'..=b'9' => "a number",
        _ => "no JSON",
    }
}
