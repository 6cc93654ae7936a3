//! Any bytes, as a report: the first byte chooses encoding and gzip. What is read must survive both encodings, merging and deltas.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scope_shared::delta;
use scope_shared::frame::Encoding;
use scope_shared::report::Report;
use scope_shared::time::Timestamp;
use scope_shared::wire::{decode_report, encode_json, encode_msgpack};

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, body)) = bytes.split_first() else { return };
    let encoding = if choice & 1 == 0 { Encoding::Msgpack } else { Encoding::Json };
    let Ok(report) = decode_report(body, encoding, choice & 2 != 0) else { return };
    let again = decode_report(&encode_msgpack(&report), Encoding::Msgpack, false).expect("what was written can be read");
    decode_report(&encode_json(&report), Encoding::Json, false).expect("what was written can be read");
    let mut merged = Report::merge_all([&report, &again]);
    merged.upgrade(Timestamp::ZERO);
    let _applied = delta::apply(&report, &delta::diff(&report, &merged));
});
