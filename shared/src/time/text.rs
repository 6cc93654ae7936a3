//! Times as text: RFC 3339, the calendar included. Strict on reading, shortest on writing.

use super::Timestamp;

const DAY: i64 = 86_400;
/// Days from 0001-01-01 to the first of March of the year 0, from which leap years are counted most easily.
const DAYS_TO_MARCH_0: i64 = 306;

/// Reads RFC 3339: `2016-12-25T07:37:00.123456789Z`, `…+01:00`. Digits beyond nanoseconds are cut off.
pub(super) fn parse_text(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let (head, mut rest) = bytes.split_at_checked(19)?;
    let number = |from: usize, to: usize| digits(head.get(from..to)?);
    let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if separators.iter().any(|&(at, byte)| head.get(at) != Some(&byte)) {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    if !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let mut nanos = 0;
    if let Some((b'.', fraction)) = rest.split_first() {
        let length = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (fraction, after) = fraction.split_at_checked(length)?;
        let kept = fraction.get(..length.min(9))?;
        nanos = digits(kept).filter(|_| length > 0)? * 10_i64.pow(9 - u32::try_from(kept.len()).ok()?);
        rest = after;
    }
    let zone = match rest {
        b"Z" => None,
        [sign @ (b'+' | b'-'), zone @ ..] => {
            let [h1, h2, b':', m1, m2] = zone else { return None };
            let (hours, minutes) = (digits(&[*h1, *h2])?, digits(&[*m1, *m2])?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let offset = i16::try_from(hours * 60 + minutes).ok()?;
            // An offset of zero is UTC, which is written `Z`.
            Some(if *sign == b'-' { -offset } else { offset }).filter(|offset| *offset != 0)
        }
        _ => return None,
    };
    let local = days_before(year, month, day) * DAY + hour * 3600 + minute * 60 + second;
    Some(Timestamp {
        seconds: local - i64::from(zone.unwrap_or(0)) * 60,
        nanos: u32::try_from(nanos).ok()?,
        zone,
    })
}

/// Writes RFC 3339 with as many digits of the second as needed. A year that has no four digits is written as the zero time.
pub(crate) fn push_text(out: &mut Vec<u8>, time: Timestamp) {
    // An offset of a day or more cannot be written; the instant is the same in UTC.
    let zone = time.zone.map_or(0, i64::from);
    let zone = if zone.abs() < 24 * 60 { zone } else { 0 };
    let local = time.seconds.saturating_add(zone * 60);
    let (days, of_day) = (local.div_euclid(DAY), local.rem_euclid(DAY));
    let Some((year, month, day)) = date(days) else {
        out.extend_from_slice(b"0001-01-01T00:00:00Z");
        return;
    };
    push_digits(out, year, 4);
    out.push(b'-');
    push_digits(out, month, 2);
    out.push(b'-');
    push_digits(out, day, 2);
    out.push(b'T');
    push_digits(out, of_day / 3600, 2);
    out.push(b':');
    push_digits(out, of_day / 60 % 60, 2);
    out.push(b':');
    push_digits(out, of_day % 60, 2);
    if time.nanos > 0 {
        out.push(b'.');
        let (mut nanos, mut width) = (i64::from(time.nanos.min(999_999_999)), 9);
        while nanos % 10 == 0 {
            nanos /= 10;
            width -= 1;
        }
        push_digits(out, nanos, width);
    }
    if zone == 0 {
        out.push(b'Z');
    } else {
        out.push(if zone < 0 { b'-' } else { b'+' });
        push_digits(out, zone.abs() / 60, 2);
        out.push(b':');
        push_digits(out, zone.abs() % 60, 2);
    }
}

fn digits(bytes: &[u8]) -> Option<i64> {
    bytes.iter().try_fold(0, |value: i64, byte| {
        byte.is_ascii_digit().then(|| value * 10 + i64::from(byte - b'0'))
    })
}

fn push_digits(out: &mut Vec<u8>, mut value: i64, width: usize) {
    let start = out.len();
    out.resize(start + width, b'0');
    for digit in out.iter_mut().skip(start).rev() {
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
    }
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 0001-01-01 to a date.
fn days_before(year: i64, month: i64, day: i64) -> i64 {
    // Years begin in March, so that the leap day is the last of its year.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - DAYS_TO_MARCH_0
}

/// The date `days` after 0001-01-01, if its year has at most four digits.
fn date(days: i64) -> Option<(i64, i64, i64)> {
    let days = days.checked_add(DAYS_TO_MARCH_0)?;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era.checked_mul(400)? + i64::from(month <= 2);
    (0..=9999).contains(&year).then_some((year, month, day))
}
