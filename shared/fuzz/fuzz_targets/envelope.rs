//! Any bytes, as an envelope: never panics, and lets nothing through that the decoder finds to be cut short.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scope_shared::frame::Encoding;
use scope_shared::wire::{DecodeError, check_envelope, decode_report};

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, body)) = bytes.split_first() else { return };
    let encoding = if choice & 1 == 0 { Encoding::Msgpack } else { Encoding::Json };
    let gzip = choice & 2 != 0;
    if check_envelope(body, encoding, gzip).is_ok() {
        assert!(!matches!(decode_report(body, encoding, gzip), Err(DecodeError::Truncated { .. } | DecodeError::Gzip(_))));
    }
});
