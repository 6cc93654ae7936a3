//! Damaged and made-up bytes: nothing panics, and what the envelope check lets through is what the decoder can at least walk.
//!
//! The same ground as the fuzz targets in `fuzz/`, walked deterministically so that it is part of every test run.
#![allow(clippy::unwrap_used)]

mod common;

use proptest::prelude::*;
use scope_shared::frame::Encoding;
use scope_shared::report::Report;
use scope_shared::time::Timestamp;
use scope_shared::wire::{DecodeError, check_envelope, decode_report, encode_json, encode_msgpack, gunzip};

/// Reads the bytes in every way there is; whatever comes out must be usable.
fn survive(bytes: &[u8]) {
    for encoding in [Encoding::Msgpack, Encoding::Json] {
        let envelope = check_envelope(bytes, encoding, false);
        match decode_report(bytes, encoding, false) {
            Ok(report) => {
                let again = decode_report(&encode_msgpack(&report), Encoding::Msgpack, false).unwrap();
                decode_report(&encode_json(&again), Encoding::Json, false).unwrap();
                let mut merged = Report::merge_all([&report, &again]);
                merged.upgrade(Timestamp::ZERO);
                merged.drop_part_merged();
            }
            // The two scanners agree on what is cut short and what is not the encoding.
            Err(DecodeError::Truncated { .. }) => assert!(envelope.is_err()),
            Err(_) => {}
        }
    }
}

/// A generator of positions and bytes (xorshift).
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound.max(1) as u64) as usize
    }
}

#[test]
fn damaged_reports_never_panic() {
    let mut draw = Draw(0x5eed);
    // The smallest of each encoding: many damages in little time.
    for name in ["shortlived.json.gz", "fixture.json.gz"] {
        let report = common::report(name);
        for original in [encode_msgpack(&report), encode_json(&report)] {
            for _ in 0..400 {
                let mut bytes = original.clone();
                for _ in 0..=draw.below(4) {
                    let at = draw.below(bytes.len());
                    match draw.below(5) {
                        0 => bytes[at] ^= 1 << draw.below(8),
                        1 => bytes[at] = [0xc0, 0xc1, 0xdb, 0xdd, 0xdf, 0xcf, 0xcb, b'"', b'{', b'[', b'\\', 0xff][draw.below(12)],
                        2 => bytes.truncate(at.max(1)),
                        3 => {
                            let end = (at + draw.below(64)).min(bytes.len());
                            bytes.drain(at..end.max(at));
                        }
                        _ => {
                            let end = (at + draw.below(64)).min(bytes.len());
                            let piece = bytes[at..end].to_vec();
                            let to = draw.below(bytes.len());
                            bytes.splice(to..to, piece);
                        }
                    }
                    if bytes.is_empty() {
                        bytes.push(0x80);
                    }
                }
                survive(&bytes);
            }
        }
    }
}

#[test]
fn damaged_gzip_never_panics() {
    let mut draw = Draw(0x6217);
    let original = common::bytes("shortlived.json.gz");
    for _ in 0..2000 {
        let mut bytes = original.clone();
        let at = draw.below(bytes.len());
        bytes[at] ^= 1 << draw.below(8);
        // A flipped bit in the header's time or name is no damage; all else must be noticed by both.
        let inflated = gunzip(&bytes, 1 << 20);
        let envelope = check_envelope(&bytes, Encoding::Json, true);
        assert!(inflated.is_err() == envelope.is_err() || inflated.is_ok());
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        survive(&bytes);
        let _damaged = gunzip(&bytes, 1 << 16);
        let _refused = check_envelope(&bytes, Encoding::Msgpack, true);
    }

    #[test]
    fn arbitrary_json_like_text_never_panics(text in "[\\[\\]{}\",:\\\\u0-9eE+.a-f \\-]{0,120}") {
        survive(text.as_bytes());
        survive(format!("{{\"Container\":{text}}}").as_bytes());
    }

    #[test]
    fn json_that_serde_accepts_is_accepted_and_no_other(text in "\\{(\"[a-c]\":([0-9]{1,3}|true|null|\"x\"|\\[[0-9],?\\]|-?[0-9.]{1,4}),?){0,3}\\}") {
        let valid = serde_json::from_str::<serde_json::Value>(&text).is_ok();
        prop_assert_eq!(check_envelope(text.as_bytes(), Encoding::Json, false).is_ok(), valid, "{}", text);
        prop_assert_eq!(decode_report(text.as_bytes(), Encoding::Json, false).is_ok(), valid, "{}", text);
    }
}

/// What serde reads from a recorded report, and what we read: the same values at the same places.
#[test]
fn serde_agrees_on_every_value_of_recorded_reports() {
    for name in common::RECORDED {
        let report = common::report(name);
        let ours: serde_json::Value = serde_json::from_slice(&encode_json(&report)).unwrap();
        let bytes = gunzip(&common::bytes(name), usize::MAX).unwrap();
        if name.contains("json") {
            let theirs: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
            compare(name, &ours, &theirs);
        } else {
            let theirs = read_with_rmp(&bytes);
            compare(name, &ours, &theirs);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the oracle that the reader with caps is compared with")]
fn read_with_rmp(bytes: &[u8]) -> serde_json::Value {
    rmp_serde::from_slice::<Raw>(bytes).unwrap().0
}

/// Any value, raw strings (times) that are not UTF-8 included.
struct Raw(serde_json::Value);

impl<'de> serde::Deserialize<'de> for Raw {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor).map(Self)
    }
}

struct RawVisitor;

impl<'de> serde::de::Visitor<'de> for RawVisitor {
    type Value = serde_json::Value;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(serde_json::Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(value.into())
    }

    fn visit_bytes<E>(self, value: &[u8]) -> Result<Self::Value, E> {
        Ok(String::from_utf8_lossy(value).into())
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut all = Vec::new();
        while let Some(Raw(item)) = items.next_element()? {
            all.push(item);
        }
        Ok(all.into())
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut all = serde_json::Map::new();
        while let Some((key, Raw(value))) = entries.next_entry::<String, Raw>()? {
            all.insert(key, value);
        }
        Ok(all.into())
    }
}

fn topology<'v>(report: &'v serde_json::Value, key: &str) -> impl Iterator<Item = (&'v String, &'v serde_json::Value)> {
    report[key]["nodes"].as_object().into_iter().flatten()
}

fn compare(name: &str, ours: &serde_json::Value, theirs: &serde_json::Value) {
    // Ancient probes' addresses are passed over.
    for key in theirs.as_object().unwrap().keys().filter(|key| *key != "Address") {
        assert_eq!(topology(ours, key).count(), topology(theirs, key).count(), "{name} {key}");
        for (id, node) in topology(theirs, key) {
            let mine = &ours[key]["nodes"][id];
            for (latest, entry) in node["latest"].as_object().into_iter().flatten() {
                assert_eq!(mine["latest"][latest]["value"], entry["value"], "{name} {id} {latest}");
            }
            for (metric, value) in node["metrics"].as_object().into_iter().flatten() {
                let numbers = |metric: &serde_json::Value| -> Vec<f64> {
                    let samples = metric["samples"].as_array().into_iter().flatten().map(|sample| &sample["value"]);
                    samples
                        .chain([&metric["min"], &metric["max"]])
                        .filter_map(serde_json::Value::as_f64)
                        .collect()
                };
                // serde_json reads the last digit of a float inexactly, so close is equal here.
                let (ours, theirs) = (numbers(&mine["metrics"][metric]), numbers(value));
                let close = ours.iter().zip(&theirs).all(|(a, b)| (a - b).abs() <= a.abs() * 1e-14);
                assert!(close && ours.len() == theirs.len(), "{name} {id} {metric}: {ours:?} {theirs:?}");
            }
            for section in ["sets", "parents"] {
                for (set, members) in node[section].as_object().into_iter().flatten() {
                    let sorted = |list: &serde_json::Value| {
                        let mut list: Vec<String> = list.as_array().into_iter().flatten().map(ToString::to_string).collect();
                        list.sort();
                        list
                    };
                    assert_eq!(sorted(&mine[section][set]), sorted(members), "{name} {id} {set}");
                }
            }
        }
    }
}
