//! Numbers, sizes, durations and dates as people read them. Pure: the present is passed in.

use scope_shared::time::Timestamp;

/// A metric's value in its format (`filesize`, `integer`, `percent` or empty), value and unit together, e.g. `1.5KB`, `12.4%`.
#[must_use]
pub fn metric(value: f64, format: &str) -> String {
    match format {
        "filesize" => filesize(value),
        "integer" => {
            let rounded = value.round();
            if (0.0..1100.0).contains(&rounded) {
                format!("{rounded}")
            } else {
                si(rounded)
            }
        }
        "percent" => format!("{}%", number(value)),
        _ => number(value),
    }
}

/// Two decimals below 1100, an SI prefix with up to six significant digits above.
#[must_use]
pub fn number(value: f64) -> String {
    if (0.0..1100.0).contains(&value) {
        format!("{value:.2}")
    } else {
        si(value)
    }
}

fn si(value: f64) -> String {
    const STEPS: [(f64, &str); 5] = [(1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")];
    let (scaled, unit) = STEPS
        .iter()
        .find(|(step, _)| value.abs() >= *step)
        .map_or((value, ""), |(step, unit)| (value / step, *unit));
    let whole = scaled.abs().max(1.0).log10().floor() as usize + 1;
    let text = format!("{scaled:.*}", 6usize.saturating_sub(whole));
    let text = if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        &text
    };
    format!("{text}{unit}")
}

fn filesize(value: f64) -> String {
    const UNITS: [&str; 6] = ["B", "KB", "MB", "GB", "TB", "PB"];
    let mut scaled = value;
    let mut unit = 0;
    while scaled.abs() >= 1024.0 && unit + 1 < UNITS.len() {
        scaled /= 1024.0;
        unit += 1;
    }
    let text = if unit == 0 {
        format!("{scaled:.0}")
    } else {
        format!("{scaled:.1}")
    };
    format!("{}{}", text.trim_end_matches(".0"), UNITS.get(unit).unwrap_or(&""))
}

/// Seconds as the largest whole unit: `8 minutes`, `1 day`; less than one is `now`.
#[must_use]
pub fn duration(seconds: f64) -> String {
    const UNITS: [(f64, &str); 6] = [
        (31_536_000.0, "year"),
        (2_592_000.0, "month"),
        (86_400.0, "day"),
        (3_600.0, "hour"),
        (60.0, "minute"),
        (1.0, "second"),
    ];
    let found = UNITS.iter().find(|(length, _)| seconds >= *length);
    found.map_or_else(
        || "now".into(),
        |(length, unit)| {
            let count = (seconds / length).floor();
            format!("{count} {unit}{}", if count == 1.0 { "" } else { "s" })
        },
    )
}

/// A date relative to the present, both in milliseconds since the Unix epoch: `3 minutes ago`, `in 2 hours`.
#[must_use]
pub fn relative(then_millis: f64, now_millis: f64) -> String {
    let seconds = (now_millis - then_millis) / 1000.0;
    match seconds {
        s if s.abs() < 5.0 => "just now".into(),
        s if s > 0.0 => format!("{} ago", duration(s)),
        s => format!("in {}", duration(-s)),
    }
}

/// Milliseconds since the Unix epoch of an RFC 3339 date.
#[must_use]
pub fn parse_date(text: &str) -> Option<f64> {
    Timestamp::parse(text).map(|stamp| stamp.unix_millis() as f64)
}

/// A value of a `dataType` as people read it: `duration` in words, `datetime` relative to now, everything else as it is.
#[must_use]
pub fn data(value: &str, data_type: &str, now_millis: f64) -> String {
    match data_type {
        "duration" => value.parse::<f64>().map_or_else(|_| value.into(), duration),
        "datetime" => parse_date(value).map_or_else(|| value.into(), |then| relative(then, now_millis)),
        _ => value.into(),
    }
}

/// IPv4 octets padded to three digits, so that text order is address order.
#[must_use]
pub fn ip_key(value: &str) -> String {
    value.split('.').map(|octet| format!("{octet:0>3}")).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::{data, duration, ip_key, metric, relative};

    #[test]
    fn metric_values_read_as_the_original_wrote_them() {
        for (value, format, text) in [
            (0.0, "", "0.00"),
            (2104.0, "", "2.104k"),
            (21_100.0, "", "21.1k"),
            (2_120_001.0, "", "2.12M"),
            (11.0, "integer", "11"),
            (5.05, "percent", "5.05%"),
            (1536.0, "filesize", "1.5KB"),
            (10_485_760.0, "filesize", "10MB"),
            (0.0, "filesize", "0B"),
        ] {
            assert_eq!(metric(value, format), text, "{value} as {format:?}");
        }
    }

    #[test]
    fn durations_take_the_largest_whole_unit_and_ordinary_plurals() {
        assert_eq!(duration(8.62 * 60.0), "8 minutes");
        assert_eq!(duration(14.99 * 3600.0), "14 hours");
        assert_eq!(duration(21.0), "21 seconds");
        assert_eq!(duration(86_400.0), "1 day");
        assert_eq!(duration(0.4), "now");
    }

    #[test]
    fn dates_are_relative_to_the_present_given() {
        assert_eq!(relative(0.0, 180_000.0), "3 minutes ago");
        assert_eq!(relative(7_200_000.0, 0.0), "in 2 hours");
        assert_eq!(data("1970-01-01T00:00:00Z", "datetime", 60_000.0), "1 minute ago");
        assert_eq!(super::parse_date("2026-08-01T12:00:00.5+02:00"), Some(1_785_578_400_500.0));
        assert_eq!(data("no date", "datetime", 0.0), "no date");
    }

    #[test]
    fn addresses_sort_as_numbers() {
        assert_eq!(ip_key("10.44.0.6"), "010.044.000.006");
    }
}
