//! Numbers as both encodings have them, before a field says what it wants.

use crate::report::Value;

/// A number of the wire.
#[derive(Clone, Copy)]
pub(super) enum Number {
    /// Not negative.
    Uint(u64),
    /// Any sign; encoders use it for negative numbers.
    Int(i64),
    /// With a fraction or an exponent.
    Float(f64),
}

impl Number {
    /// As a signed integer, if it is one.
    pub(super) fn int(self) -> Option<i64> {
        match self {
            Self::Uint(value) => i64::try_from(value).ok(),
            Self::Int(value) => Some(value),
            Self::Float(_) => None,
        }
    }

    /// As an unsigned integer, if it is one.
    pub(super) fn uint(self) -> Option<u64> {
        match self {
            Self::Uint(value) => Some(value),
            Self::Int(value) => u64::try_from(value).ok(),
            Self::Float(_) => None,
        }
    }

    /// As a float; integers beyond 2^53 lose their last digits.
    pub(super) fn float(self) -> f64 {
        match self {
            Self::Uint(value) => value as f64,
            Self::Int(value) => value as f64,
            Self::Float(value) => value,
        }
    }
}

impl From<Number> for Value {
    fn from(number: Number) -> Self {
        match number {
            Number::Uint(value) => Self::Uint(value),
            Number::Int(value) => Self::Int(value),
            Number::Float(value) => Self::Float(value),
        }
    }
}
