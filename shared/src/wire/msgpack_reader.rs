//! Reads msgpack: the old raw dialect that Scope's probes write, and whatever newer encoders make of the same values.

use std::borrow::Cow;

use super::error::{DecodeError, Result};
use super::reader::{Budget, Reader, limit};
use super::time::parse_binary;
use super::value::Number;
use crate::limits;
use crate::report::Value;
use crate::same::same;
use crate::time::Timestamp;
use smol_str::SmolStr;

/// Borrows from the input; `rest` is what has not been read.
pub(super) struct MsgpackReader<'a> {
    rest: &'a [u8],
    total: usize,
    /// The key read last.
    last: &'a [u8],
    budget: Budget,
}

impl<'a> MsgpackReader<'a> {
    pub(super) fn new(input: &'a [u8]) -> Self {
        Self {
            rest: input,
            total: input.len(),
            last: &[],
            budget: Budget::default(),
        }
    }

    fn at(&self) -> usize {
        self.total - self.rest.len()
    }

    #[cold]
    fn truncated(&self) -> Box<DecodeError> {
        Box::new(DecodeError::Truncated { at: self.total })
    }

    /// The error for a value of another type; called with its first byte already taken.
    #[cold]
    fn wrong(&self, expected: &'static str, byte: u8) -> Box<DecodeError> {
        Box::new(DecodeError::Type {
            at: self.at().saturating_sub(1),
            expected,
            found: type_name(byte),
        })
    }

    #[cold]
    fn malformed(&self, what: &'static str) -> Box<DecodeError> {
        Box::new(DecodeError::Malformed { at: self.at(), what })
    }

    #[inline]
    fn byte(&mut self) -> Result<u8> {
        match self.rest.split_first() {
            Some((byte, rest)) => {
                self.rest = rest;
                Ok(*byte)
            }
            None => Err(self.truncated()),
        }
    }

    #[inline]
    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        match self.rest.split_at_checked(count) {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(taken)
            }
            None => Err(self.truncated()),
        }
    }

    /// A big-endian unsigned integer of `N` bytes.
    #[inline]
    fn fixed<const N: usize>(&mut self) -> Result<[u8; N]> {
        match self.rest.split_first_chunk::<N>() {
            Some((chunk, rest)) => {
                self.rest = rest;
                Ok(*chunk)
            }
            None => Err(self.truncated()),
        }
    }

    fn length16(&mut self) -> Result<usize> {
        Ok(usize::from(u16::from_be_bytes(self.fixed()?)))
    }

    fn length32(&mut self) -> Result<usize> {
        usize::try_from(u32::from_be_bytes(self.fixed()?)).map_err(|_| self.truncated())
    }

    /// The bytes of a string whose first byte has been taken; `None` if it is no string.
    fn raw_after(&mut self, byte: u8) -> Result<Option<&'a [u8]>> {
        let length = match byte {
            0xa0..=0xbf => usize::from(byte & 0x1f),
            0xd9 | 0xc4 => usize::from(self.byte()?),
            0xda | 0xc5 => self.length16()?,
            0xdb | 0xc6 => self.length32()?,
            0xc0 => 0,
            _ => return Ok(None),
        };
        if length > limits::REPORT_STRING_BYTES {
            return Err(limit("the length of a string in bytes", limits::REPORT_STRING_BYTES));
        }
        self.take(length).map(Some)
    }

    /// A string; the short ones, which nearly all are, without further ado.
    #[inline]
    fn raw(&mut self) -> Result<&'a [u8]> {
        if let Some((head @ 0xa0..=0xbf, rest)) = self.rest.split_first()
            && let Some((raw, rest)) = rest.split_at_checked(usize::from(head & 0x1f))
        {
            self.rest = rest;
            return Ok(raw);
        }
        self.long_raw()
    }

    #[inline(never)]
    fn long_raw(&mut self) -> Result<&'a [u8]> {
        let byte = self.byte()?;
        match self.raw_after(byte)? {
            Some(raw) => Ok(raw),
            None => Err(self.wrong("a string", byte)),
        }
    }

    #[inline(never)]
    fn long_map(&mut self) -> Result<Option<usize>> {
        let byte = self.byte()?;
        match self.map_length(byte)? {
            Some(length) => self.enter(length, 2).map(Some),
            None if byte == 0x90 => self.enter(0, 2).map(Some),
            None => Err(self.wrong("a map", byte)),
        }
    }

    #[inline(never)]
    fn long_array(&mut self) -> Result<Option<usize>> {
        let byte = self.byte()?;
        match self.array_length(byte)? {
            Some(length) => self.enter(length, 1).map(Some),
            None => Err(self.wrong("an array", byte)),
        }
    }

    /// The length of a map whose first byte has been taken.
    fn map_length(&mut self, byte: u8) -> Result<Option<usize>> {
        Ok(Some(match byte {
            0x80..=0x8f => usize::from(byte & 0x0f),
            0xde => self.length16()?,
            0xdf => self.length32()?,
            _ => return Ok(None),
        }))
    }

    /// The length of an array whose first byte has been taken.
    fn array_length(&mut self, byte: u8) -> Result<Option<usize>> {
        Ok(Some(match byte {
            0x90..=0x9f => usize::from(byte & 0x0f),
            0xdc => self.length16()?,
            0xdd => self.length32()?,
            _ => return Ok(None),
        }))
    }

    /// Enters a map or array of `length` entries of at least `width` bytes: what cannot fit is refused before anything is allocated.
    #[inline]
    fn enter(&mut self, length: usize, width: usize) -> Result<usize> {
        if length.saturating_mul(width) > self.rest.len() {
            return Err(self.truncated());
        }
        self.budget.spend(length.saturating_mul(width))?;
        self.budget.enter()?;
        Ok(length)
    }

    #[inline]
    fn step(&mut self, left: &mut usize) -> bool {
        if *left == 0 {
            self.budget.leave();
            return false;
        }
        *left -= 1;
        true
    }

    /// The number whose first byte has been taken; `None` if it is no number.
    fn number_after(&mut self, byte: u8) -> Result<Option<Number>> {
        Ok(Some(match byte {
            0x00..=0x7f => Number::Uint(u64::from(byte)),
            0xe0..=0xff => Number::Int(i64::from(byte.cast_signed())),
            0xcc => Number::Uint(u64::from(self.byte()?)),
            0xcd => Number::Uint(u64::from(u16::from_be_bytes(self.fixed()?))),
            0xce => Number::Uint(u64::from(u32::from_be_bytes(self.fixed()?))),
            0xcf => Number::Uint(u64::from_be_bytes(self.fixed()?)),
            0xd0 => Number::Int(i64::from(self.byte()?.cast_signed())),
            0xd1 => Number::Int(i64::from(i16::from_be_bytes(self.fixed()?))),
            0xd2 => Number::Int(i64::from(i32::from_be_bytes(self.fixed()?))),
            0xd3 => Number::Int(i64::from_be_bytes(self.fixed()?)),
            0xca => Number::Float(f64::from(f32::from_be_bytes(self.fixed()?))),
            0xcb => Number::Float(f64::from_be_bytes(self.fixed()?)),
            0xc0 => Number::Uint(0),
            _ => return Ok(None),
        }))
    }

    fn number(&mut self, expected: &'static str) -> Result<Number> {
        let byte = self.byte()?;
        match self.number_after(byte)? {
            Some(number) => Ok(number),
            None => Err(self.wrong(expected, byte)),
        }
    }
}

impl<'a> Reader for MsgpackReader<'a> {
    type Cursor = usize;
    type Mark = (&'a [u8], Budget);
    const GUESSES_FIELDS: bool = false;

    #[inline]
    fn map(&mut self) -> Result<Option<usize>> {
        match self.rest.split_first() {
            Some((0xc0, rest)) => {
                self.rest = rest;
                Ok(None)
            }
            Some((head @ 0x80..=0x8f, rest)) => {
                self.rest = rest;
                self.enter(usize::from(head & 0x0f), 2).map(Some)
            }
            _ => self.long_map(),
        }
    }

    #[inline]
    fn key<T>(&mut self, left: &mut usize, read: impl FnOnce(&str) -> T) -> Result<Option<T>> {
        if self.step(left) { self.string(read).map(Some) } else { Ok(None) }
    }

    #[inline]
    fn field<F>(&mut self, left: &mut usize, known: impl FnOnce(&[u8]) -> F) -> Result<Option<F>> {
        if !self.step(left) {
            return Ok(None);
        }
        self.last = self.raw()?;
        Ok(Some(known(self.last)))
    }

    fn last_key(&self) -> SmolStr {
        text(self.last).as_ref().into()
    }

    #[inline]
    fn array(&mut self) -> Result<Option<usize>> {
        match self.rest.split_first() {
            Some((0xc0, rest)) => {
                self.rest = rest;
                Ok(None)
            }
            Some((head @ 0x90..=0x9f, rest)) => {
                self.rest = rest;
                self.enter(usize::from(head & 0x0f), 1).map(Some)
            }
            _ => self.long_array(),
        }
    }

    #[inline]
    fn item(&mut self, left: &mut usize) -> Result<bool> {
        Ok(self.step(left))
    }

    #[inline]
    fn promised(&self, left: &usize) -> usize {
        *left
    }

    #[inline]
    fn string<T>(&mut self, read: impl FnOnce(&str) -> T) -> Result<T> {
        let raw = self.raw()?;
        Ok(match std::str::from_utf8(raw) {
            Ok(text) => read(text),
            Err(_) => read(&text(raw)),
        })
    }

    #[inline]
    fn time(&mut self) -> Result<Timestamp> {
        let byte = self.byte()?;
        if byte == 0xc0 {
            return Ok(Timestamp::ZERO);
        }
        match self.raw_after(byte)? {
            Some(raw) => parse_binary(raw).ok_or_else(|| self.malformed("this is not a time")),
            None => Err(self.wrong("a time", byte)),
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

    #[inline]
    fn float(&mut self) -> Result<f64> {
        if let Some((0xcb, rest)) = self.rest.split_first()
            && let Some((value, rest)) = rest.split_first_chunk()
        {
            self.rest = rest;
            return Ok(f64::from_be_bytes(*value));
        }
        self.number("a number").map(Number::float)
    }

    fn boolean(&mut self) -> Result<bool> {
        let byte = self.byte()?;
        match byte {
            0xc2 | 0x00 | 0xc0 => Ok(false),
            0xc3 | 0x01 => Ok(true),
            _ => Err(self.wrong("true or false", byte)),
        }
    }

    #[inline]
    fn null(&mut self) -> Result<bool> {
        match self.rest.split_first() {
            Some((0xc0, rest)) => {
                self.rest = rest;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    fn value(&mut self) -> Result<Value> {
        let byte = self.byte()?;
        match byte {
            0xc0 => return Ok(Value::Nil),
            0xc2 | 0xc3 => return Ok(Value::Bool(byte == 0xc3)),
            0xc1 | 0xc7..=0xc9 | 0xd4..=0xd8 => return Err(self.wrong("a value of JSON's types", byte)),
            _ => {}
        }
        if let Some(number) = self.number_after(byte)? {
            return Ok(number.into());
        }
        if let Some(raw) = self.raw_after(byte)? {
            return Ok(match std::str::from_utf8(raw) {
                Ok(text) => Value::String(text.into()),
                Err(_) => Value::Bytes(raw.to_vec()),
            });
        }
        if let Some(length) = self.array_length(byte)? {
            let mut left = self.enter(length, 1)?;
            let mut items = Vec::new();
            while self.item(&mut left)? {
                items.push(self.value()?);
            }
            return Ok(Value::Array(items));
        }
        let Some(length) = self.map_length(byte)? else {
            return Err(self.wrong("a value", byte));
        };
        let mut left = self.enter(length, 2)?;
        let mut entries = Vec::new();
        while let Some(key) = self.key(&mut left, |key| key.into())? {
            entries.push((key, self.value()?));
        }
        Ok(Value::Map(entries))
    }

    #[inline]
    fn usual_entry<T>(&mut self, read: impl FnOnce(Timestamp, &[u8]) -> Option<T>) -> Option<T> {
        const HEAD: &[u8; 12] = b"\x82\xa9timestamp\xaf";
        const MIDDLE: &[u8; 6] = b"\xa5value";
        let (head, rest) = self.rest.split_first_chunk::<12>()?;
        let (time, rest) = rest.split_first_chunk::<15>()?;
        let (middle, rest) = rest.split_first_chunk::<6>()?;
        if !same(head, HEAD) || !same(middle, MIDDLE) {
            return None;
        }
        let (value, rest) = usual_raw(rest)?;
        let entry = read(parse_binary(time)?, value)?;
        self.rest = rest;
        // What a map of two entries costs.
        self.budget.spend(4).ok()?;
        Some(entry)
    }

    #[inline]
    fn usual_string<T>(&mut self, read: impl FnOnce(&[u8]) -> Option<T>) -> Option<T> {
        let (raw, rest) = usual_raw(self.rest)?;
        let read = read(raw)?;
        self.rest = rest;
        Some(read)
    }

    #[inline]
    fn usual_sample(&mut self) -> Option<(Timestamp, f64)> {
        const HEAD: &[u8; 7] = b"\x82\xa4date\xaf";
        const MIDDLE: &[u8; 7] = b"\xa5value\xcb";
        let (head, rest) = self.rest.split_first_chunk::<7>()?;
        let (time, rest) = rest.split_first_chunk::<15>()?;
        let (middle, rest) = rest.split_first_chunk::<7>()?;
        let (value, rest) = rest.split_first_chunk::<8>()?;
        if head != HEAD || middle != MIDDLE {
            return None;
        }
        let time = parse_binary(time)?;
        self.rest = rest;
        self.budget.spend(4).ok()?;
        Some((time, f64::from_be_bytes(*value)))
    }

    #[inline]
    fn guessed_key(&mut self, left: &mut usize, guess: &str) -> bool {
        let Some((head, rest)) = self.rest.split_first() else {
            return false;
        };
        if *left == 0 || guess.len() > 31 || usize::from(*head) != 0xa0 | guess.len() {
            return false;
        }
        match rest.split_at_checked(guess.len()) {
            Some((key, rest)) if same(key, guess.as_bytes()) => {
                *left -= 1;
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    fn mark(&self) -> Self::Mark {
        (self.rest, self.budget)
    }

    fn reset(&mut self, (rest, budget): Self::Mark) {
        self.rest = rest;
        self.budget = budget;
    }
}

/// The string at the beginning of `rest`, and what follows it, if it is one of the two forms that the dialect writes for up to 64 kB.
#[inline]
fn usual_raw(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    const { assert!(limits::REPORT_STRING_BYTES >= u16::MAX as usize) }
    let (head, rest) = rest.split_first()?;
    match head {
        0xa0..=0xbf => rest.split_at_checked(usize::from(head & 0x1f)),
        0xda => {
            let (length, rest) = rest.split_first_chunk::<2>()?;
            rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
        }
        _ => None,
    }
}

/// Bytes as text. What is not UTF-8 is replaced, as it is when the original prints it.
fn text(raw: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(raw)
}

fn type_name(byte: u8) -> &'static str {
    match byte {
        0x00..=0x7f | 0xcc..=0xd3 | 0xe0..=0xff => "an integer",
        0x80..=0x8f | 0xde | 0xdf => "a map",
        0x90..=0x9f | 0xdc | 0xdd => "an array",
        0xa0..=0xbf | 0xc4..=0xc6 | 0xd9..=0xdb => "a string",
        0xc0 => "null",
        0xc1 => "a reserved byte",
        0xc2 | 0xc3 => "true or false",
        0xca | 0xcb => "a float",
        0xc7..=0xc9 | 0xd4..=0xd8 => "an extension type",
    }
}
