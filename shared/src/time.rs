//! An instant as reports carry it: seconds and nanoseconds since the first of January of the year 1, UTC, and the zone it was written in.
//!
//! The text form is RFC 3339; the binary one lives in the codec. This module knows no clock (callers pass the time in).

use std::cmp::Ordering;
use std::fmt;

mod text;

#[cfg(feature = "report")]
pub(crate) use text::push_text;

/// Seconds from 0001-01-01T00:00:00Z to 1970-01-01T00:00:00Z.
pub const UNIX_EPOCH_SECONDS: i64 = 62_135_596_800;

/// An instant with the zone it was written in. Ordering and [`Timestamp::same_instant`] ignore the zone; `==` does not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Timestamp {
    /// Seconds since 0001-01-01T00:00:00Z. Zero (with zero nanoseconds) is "no time".
    pub seconds: i64,
    /// Nanoseconds within the second, below 1,000,000,000.
    pub nanos: u32,
    /// Offset from UTC in minutes; `None` is UTC written as `Z`.
    pub zone: Option<i16>,
}

impl Timestamp {
    /// "No time": 0001-01-01T00:00:00Z.
    pub const ZERO: Self = Self {
        seconds: 0,
        nanos: 0,
        zone: None,
    };

    /// From seconds and nanoseconds since the Unix epoch, in UTC.
    #[must_use]
    pub const fn from_unix(seconds: i64, nanos: u32) -> Self {
        Self {
            seconds: seconds.saturating_add(UNIX_EPOCH_SECONDS),
            nanos,
            zone: None,
        }
    }

    /// From nanoseconds since the Unix epoch, in UTC.
    #[must_use]
    pub const fn from_unix_nanos(nanos: i64) -> Self {
        Self::from_unix(nanos.div_euclid(1_000_000_000), nanos.rem_euclid(1_000_000_000) as u32)
    }

    /// From milliseconds since the Unix epoch, in UTC.
    #[must_use]
    pub const fn from_unix_millis(millis: i64) -> Self {
        Self::from_unix(millis.div_euclid(1000), (millis.rem_euclid(1000) * 1_000_000) as u32)
    }

    /// Milliseconds since the Unix epoch (negative before it).
    #[must_use]
    pub const fn unix_millis(self) -> i64 {
        (self.seconds.saturating_sub(UNIX_EPOCH_SECONDS))
            .saturating_mul(1000)
            .saturating_add((self.nanos / 1_000_000) as i64)
    }

    /// Whether this is "no time".
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.seconds == 0 && self.nanos == 0
    }

    /// Whether both are the same instant, whatever zone each was written in.
    #[must_use]
    pub fn same_instant(self, other: Self) -> bool {
        self.seconds == other.seconds && self.nanos == other.nanos
    }

    /// Order of the instants, ignoring zones. (No `Ord`: it would disagree with `==`.)
    #[must_use]
    pub fn cmp_instant(self, other: Self) -> Ordering {
        (self.seconds, self.nanos).cmp(&(other.seconds, other.nanos))
    }

    /// Whether this instant is strictly before the other.
    #[must_use]
    pub fn is_before(self, other: Self) -> bool {
        self.cmp_instant(other) == Ordering::Less
    }

    /// Reads RFC 3339, e.g. `2016-12-25T07:37:00.123456789Z` or `2016-12-25T07:37:00+01:00`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        text::parse_text(text)
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 with as many digits of the second as needed.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = Vec::with_capacity(36);
        text::push_text(&mut out, *self);
        formatter.write_str(&String::from_utf8_lossy(&out))
    }
}
