//! Reads JSON. Strict about grammar, tolerant about types where the original is: a bare number or literal reads as a string.

use super::error::{DecodeError, Result};
use super::json_text::plain_length;
use super::reader::{Budget, Reader, limit};
use super::value::Number;
use crate::limits;
use crate::report::Value;
use crate::time::Timestamp;
use smol_str::SmolStr;

/// Borrows from the input; strings with escapes are unfolded into `scratch`.
pub(super) struct JsonReader<'a> {
    input: &'a str,
    at: usize,
    /// Where the quotes of the key read last begin.
    last: usize,
    budget: Budget,
    scratch: String,
    /// The time read last, and its text: what a node says was mostly learnt at one time.
    time: (&'a str, Timestamp),
}

/// Inside a map or array: whether an entry has been read, so that a comma is due.
pub(super) struct Inside {
    started: bool,
    /// An empty array read as a map.
    empty: bool,
}

impl<'a> JsonReader<'a> {
    /// Fails if the input is not UTF-8, which JSON must be.
    pub(super) fn new(input: &'a [u8]) -> Result<Self> {
        let input = std::str::from_utf8(input).map_err(|error| DecodeError::Malformed {
            at: error.valid_up_to(),
            what: "JSON must be UTF-8",
        })?;
        Ok(Self {
            input,
            at: 0,
            last: 0,
            budget: Budget::default(),
            scratch: String::new(),
            time: ("", Timestamp::ZERO),
        })
    }

    #[inline]
    fn rest(&self) -> &'a [u8] {
        self.input.as_bytes().get(self.at..).unwrap_or_default()
    }

    #[cold]
    fn malformed(&self, what: &'static str) -> Box<DecodeError> {
        if self.at >= self.input.len() {
            return Box::new(DecodeError::Truncated { at: self.at });
        }
        Box::new(DecodeError::Malformed { at: self.at, what })
    }

    #[cold]
    fn wrong(&self, expected: &'static str) -> Box<DecodeError> {
        let found = match self.rest().first() {
            None => return Box::new(DecodeError::Truncated { at: self.at }),
            Some(b'{') => "a map",
            Some(b'[') => "an array",
            Some(b'"') => "a string",
            Some(b't' | b'f') => "true or false",
            Some(b'n') => "null",
            Some(b'-' | b'0'..=b'9') => "a number",
            Some(_) => "something that is no JSON",
        };
        Box::new(DecodeError::Type {
            at: self.at,
            expected,
            found,
        })
    }

    /// The next byte that is no white space, not taken.
    #[inline]
    fn peek(&mut self) -> Option<u8> {
        loop {
            let byte = *self.input.as_bytes().get(self.at)?;
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(byte);
            }
            self.at += 1;
        }
    }

    #[inline]
    fn expect(&mut self, byte: u8, what: &'static str) -> Result<()> {
        if self.peek() == Some(byte) {
            self.at += 1;
            Ok(())
        } else {
            Err(self.malformed(what))
        }
    }

    fn literal(&mut self, word: &'static str) -> Result<()> {
        if self.rest().starts_with(word.as_bytes()) {
            self.at += word.len();
            Ok(())
        } else {
            Err(self.malformed("expected true, false or null"))
        }
    }

    fn enter(&mut self) -> Result<Option<Inside>> {
        self.at += 1;
        self.budget.enter()?;
        Ok(Some(Inside {
            started: false,
            empty: false,
        }))
    }

    /// Whether another entry follows before `close`.
    #[inline]
    fn step(&mut self, inside: &mut Inside, close: u8) -> Result<bool> {
        let next = self.peek();
        if next == Some(close) {
            self.at += 1;
            self.budget.leave();
            return Ok(false);
        }
        if inside.started {
            if next != Some(b',') {
                return Err(self.malformed("expected a comma or the end of the map or array"));
            }
            self.at += 1;
            // A comma must be followed by an entry; the entry's own reader finds anything else.
        }
        inside.started = true;
        self.budget.spend(1)?;
        Ok(true)
    }

    /// A string without escapes of which the opening quote has been read, at `from`, and where its closing quote is.
    #[inline]
    fn plain(&self, from: usize) -> Option<(&'a str, usize)> {
        let length = plain_length(self.input.as_bytes().get(from..)?);
        let end = from + length;
        let plain = self.input.as_bytes().get(end) == Some(&b'"') && length <= limits::REPORT_STRING_BYTES;
        Some((self.input.get(from..end).filter(|_| plain)?, end))
    }

    /// The time in quotes of which the opening one is just before `from`, and what is behind the closing one.
    #[inline]
    fn time_at(&mut self, from: usize) -> Option<(Timestamp, usize)> {
        let (text, time) = self.time;
        let rest = self.input.as_bytes().get(from..)?;
        if !text.is_empty() && rest.starts_with(text.as_bytes()) && rest.get(text.len()) == Some(&b'"') {
            return Some((time, from + text.len() + 1));
        }
        let (text, end) = self.plain(from)?;
        self.time = (text, Timestamp::parse(text)?);
        Some((self.time.1, end + 1))
    }

    /// What is behind `text` at a place, if it is there.
    #[inline]
    fn after(&self, at: usize, text: &[u8]) -> Option<usize> {
        self.input.as_bytes().get(at..)?.starts_with(text).then_some(at + text.len())
    }

    /// The string whose opening quote is next.
    #[inline]
    fn quoted(&mut self) -> Result<&str> {
        let start = self.at + 1;
        let length = plain_length(self.input.as_bytes().get(start..).unwrap_or_default());
        let end = start + length;
        match self.input.as_bytes().get(end) {
            Some(b'"') if length <= limits::REPORT_STRING_BYTES => {
                self.at = end + 1;
                Ok(self.input.get(start..end).unwrap_or_default())
            }
            Some(b'"') => Err(limit("the length of a string in bytes", limits::REPORT_STRING_BYTES)),
            Some(b'\\') => self.escaped(start, end),
            _ => {
                self.at = end;
                Err(self.malformed("a control character inside a string"))
            }
        }
    }

    /// A string with escapes: plain up to `end`, where the first one is.
    fn escaped(&mut self, start: usize, end: usize) -> Result<&str> {
        self.scratch.clear();
        self.scratch.push_str(self.input.get(start..end).unwrap_or_default());
        self.at = end;
        loop {
            match self.rest().first() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(&self.scratch);
                }
                Some(b'\\') => {
                    self.at += 1;
                    let character = self.escape()?;
                    self.scratch.push(character);
                }
                _ => return Err(self.malformed("a control character inside a string")),
            }
            let length = plain_length(self.rest());
            self.scratch.push_str(self.input.get(self.at..self.at + length).unwrap_or_default());
            self.at += length;
            if self.scratch.len() > limits::REPORT_STRING_BYTES {
                return Err(limit("the length of a string in bytes", limits::REPORT_STRING_BYTES));
            }
        }
    }

    /// What an escape stands for; the backslash has been taken. Half a surrogate pair reads as the replacement character.
    fn escape(&mut self) -> Result<char> {
        let byte = *self.rest().first().ok_or_else(|| self.malformed(""))?;
        self.at += 1;
        Ok(match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'n' => '\n',
            b't' => '\t',
            b'r' => '\r',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'u' => {
                let unit = self.unit()?;
                if !(0xd800..0xdc00).contains(&unit) {
                    return Ok(char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER));
                }
                let after_high = self.at;
                if self.rest().starts_with(b"\\u") {
                    self.at += 2;
                    let low = self.unit()?;
                    if (0xdc00..0xe000).contains(&low) {
                        let point = 0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
                        return Ok(char::from_u32(point).unwrap_or(char::REPLACEMENT_CHARACTER));
                    }
                    self.at = after_high;
                }
                char::REPLACEMENT_CHARACTER
            }
            _ => {
                self.at -= 1;
                return Err(self.malformed("an unknown escape in a string"));
            }
        })
    }

    fn unit(&mut self) -> Result<u32> {
        let Some(digits) = self.rest().first_chunk::<4>() else {
            self.at = self.input.len();
            return Err(self.malformed(""));
        };
        let mut unit = 0;
        for digit in digits {
            let Some(digit) = char::from(*digit).to_digit(16) else {
                return Err(self.malformed("four hexadecimal digits are expected after \\u"));
            };
            unit = unit << 4 | digit;
        }
        self.at += 4;
        Ok(unit)
    }

    /// The text of the number that is next, checked against JSON's grammar.
    fn number_text(&mut self, expected: &'static str) -> Result<&'a str> {
        let rest = self.rest();
        let digits = |from: usize| rest.iter().skip(from).take_while(|byte| byte.is_ascii_digit()).count();
        let mut length = usize::from(rest.first() == Some(&b'-'));
        let whole = digits(length);
        if whole == 0 || (whole > 1 && rest.get(length) == Some(&b'0')) {
            return Err(self.wrong(expected));
        }
        length += whole;
        if rest.get(length) == Some(&b'.') {
            let fraction = digits(length + 1);
            length += 1 + fraction;
            if fraction == 0 {
                self.at += length;
                return Err(self.malformed("digits are expected after the decimal point"));
            }
        }
        if matches!(rest.get(length), Some(b'e' | b'E')) {
            length += 1 + usize::from(matches!(rest.get(length + 1), Some(b'+' | b'-')));
            let exponent = digits(length);
            length += exponent;
            if exponent == 0 {
                self.at += length;
                return Err(self.malformed("digits are expected in the exponent"));
            }
        }
        let text = self.input.get(self.at..self.at + length).unwrap_or_default();
        self.at += length;
        Ok(text)
    }

    fn number(&mut self, expected: &'static str) -> Result<Number> {
        if self.null()? {
            return Ok(Number::Uint(0));
        }
        let text = self.number_text(expected)?;
        if let Ok(value) = text.parse::<u64>() {
            return Ok(Number::Uint(value));
        }
        if let Ok(value) = text.parse::<i64>() {
            return Ok(Number::Int(value));
        }
        text.parse()
            .map(Number::Float)
            .map_err(|_| self.malformed("this number cannot be read"))
    }
}

impl<'a> Reader for JsonReader<'a> {
    type Cursor = Inside;
    type Mark = (usize, Budget);
    const GUESSES_FIELDS: bool = true;

    #[inline]
    fn map(&mut self) -> Result<Option<Inside>> {
        match self.peek() {
            Some(b'{') => self.enter(),
            Some(b'n') => self.literal("null").map(|()| None),
            Some(b'[') => {
                let at = self.at;
                self.at += 1;
                if self.peek() == Some(b']') {
                    self.at += 1;
                    self.budget.enter()?;
                    return Ok(Some(Inside {
                        started: false,
                        empty: true,
                    }));
                }
                self.at = at;
                Err(self.wrong("a map"))
            }
            _ => Err(self.wrong("a map")),
        }
    }

    #[inline]
    fn key<T>(&mut self, inside: &mut Inside, read: impl FnOnce(&str) -> T) -> Result<Option<T>> {
        if inside.empty {
            self.budget.leave();
            return Ok(None);
        }
        if !self.step(inside, b'}')? {
            return Ok(None);
        }
        if self.peek() != Some(b'"') {
            return Err(self.malformed("expected a key in quotes"));
        }
        self.last = self.at;
        let key = read(self.quoted()?);
        self.expect(b':', "expected a colon after the key")?;
        self.budget.spend(1)?;
        Ok(Some(key))
    }

    #[inline]
    fn field<F>(&mut self, inside: &mut Inside, known: impl FnOnce(&[u8]) -> F) -> Result<Option<F>> {
        self.key(inside, |key| known(key.as_bytes()))
    }

    fn last_key(&self) -> SmolStr {
        // Read once more: unknown keys are rare, and keeping the text of every key would cost every report.
        let mut again = Self {
            input: self.input,
            at: self.last,
            last: 0,
            budget: Budget::default(),
            scratch: String::new(),
            time: ("", Timestamp::ZERO),
        };
        again.quoted().map(SmolStr::new).unwrap_or_default()
    }

    fn array(&mut self) -> Result<Option<Inside>> {
        match self.peek() {
            Some(b'[') => self.enter(),
            Some(b'n') => self.literal("null").map(|()| None),
            _ => Err(self.wrong("an array")),
        }
    }

    #[inline]
    fn item(&mut self, inside: &mut Inside) -> Result<bool> {
        self.step(inside, b']')
    }

    #[inline]
    fn promised(&self, _inside: &Inside) -> usize {
        0
    }

    #[inline]
    fn string<T>(&mut self, read: impl FnOnce(&str) -> T) -> Result<T> {
        match self.peek() {
            Some(b'"') => self.quoted().map(read),
            Some(b'n') => self.literal("null").map(|()| read("")),
            Some(b't') => self.literal("true").map(|()| read("true")),
            Some(b'f') => self.literal("false").map(|()| read("false")),
            _ => self.number_text("a string").map(read),
        }
    }

    fn time(&mut self) -> Result<Timestamp> {
        match self.peek() {
            Some(b'n') => self.literal("null").map(|()| Timestamp::ZERO),
            Some(b'"') => {
                let at = self.at;
                if let Some((time, end)) = self.time_at(at + 1) {
                    self.at = end;
                    return Ok(time);
                }
                let time = Timestamp::parse(self.quoted()?);
                time.ok_or_else(|| {
                    Box::new(DecodeError::Malformed {
                        at,
                        what: "this is not a time in RFC 3339",
                    })
                })
            }
            _ => Err(self.wrong("a time")),
        }
    }

    fn int(&mut self) -> Result<i64> {
        self.number("an integer")?
            .int()
            .ok_or_else(|| self.malformed("the number before this is no 64-bit integer"))
    }

    fn uint(&mut self) -> Result<u64> {
        self.number("an integer")?
            .uint()
            .ok_or_else(|| self.malformed("the number before this is no unsigned 64-bit integer"))
    }

    fn float(&mut self) -> Result<f64> {
        if self.null()? {
            return Ok(0.0);
        }
        let text = self.number_text("a number")?;
        text.parse().map_err(|_| self.malformed("this number cannot be read"))
    }

    fn boolean(&mut self) -> Result<bool> {
        match self.peek() {
            Some(b't') => self.literal("true").map(|()| true),
            Some(b'f') => self.literal("false").map(|()| false),
            Some(b'n') => self.literal("null").map(|()| false),
            _ => Err(self.wrong("true or false")),
        }
    }

    #[inline]
    fn null(&mut self) -> Result<bool> {
        if self.peek() == Some(b'n') {
            self.literal("null").map(|()| true)
        } else {
            Ok(false)
        }
    }

    fn value(&mut self) -> Result<Value> {
        Ok(match self.peek() {
            Some(b'{') => {
                let mut entries = Vec::new();
                if let Some(mut inside) = self.map()? {
                    while let Some(key) = self.key(&mut inside, |key| key.into())? {
                        entries.push((key, self.value()?));
                    }
                }
                Value::Map(entries)
            }
            Some(b'[') => {
                let mut items = Vec::new();
                if let Some(mut inside) = self.array()? {
                    while self.item(&mut inside)? {
                        items.push(self.value()?);
                    }
                }
                Value::Array(items)
            }
            Some(b'"') => Value::String(self.quoted()?.into()),
            Some(b't' | b'f') => Value::Bool(self.boolean()?),
            Some(b'n') => self.literal("null").map(|()| Value::Nil)?,
            _ => self.number("a value")?.into(),
        })
    }

    #[inline]
    fn usual_entry<T>(&mut self, read: impl FnOnce(Timestamp, &[u8]) -> Option<T>) -> Option<T> {
        let time = self.after(self.at, br#"{"timestamp":""#)?;
        let (time, end) = self.time_at(time)?;
        let (value, end) = self.plain(self.after(end, br#","value":""#)?)?;
        let end = self.after(end, br#""}"#)?;
        let entry = read(time, value.as_bytes())?;
        // What a map of two entries costs.
        self.budget.spend(4).ok()?;
        self.at = end;
        Some(entry)
    }

    #[inline]
    fn guessed_key(&mut self, inside: &mut Inside, guess: &str) -> bool {
        let mut at = self.at;
        if inside.empty || (inside.started && self.input.as_bytes().get(at) != Some(&b',')) {
            return false;
        }
        at += usize::from(inside.started);
        let rest = self.input.as_bytes().get(at..).unwrap_or_default();
        let Some((b'"', rest)) = rest.split_first() else {
            return false;
        };
        // Text that would be escaped is none that can be compared.
        let is_it = rest.starts_with(guess.as_bytes())
            && rest.get(guess.len()..).is_some_and(|rest| rest.starts_with(b"\":"))
            && plain_length(guess.as_bytes()) == guess.len();
        if is_it && self.budget.spend(2).is_ok() {
            self.last = at;
            inside.started = true;
            self.at = at + guess.len() + 3;
            return true;
        }
        false
    }

    fn mark(&self) -> Self::Mark {
        (self.at, self.budget)
    }

    fn reset(&mut self, (at, budget): Self::Mark) {
        self.at = at;
        self.budget = budget;
    }
}
