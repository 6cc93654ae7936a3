//! DNS answers, as packets and as messages.
//!
//! Seeds: `cargo +nightly fuzz run dns probe/tests/kernel_parsers/fixtures`
#![no_main]

use libfuzzer_sys::fuzz_target;
use scope_probe::dns;

fuzz_target!(|bytes: &[u8]| {
    let _ = dns::udp_payload(bytes).and_then(dns::parse_answer);
    let _ = dns::parse_answer(bytes);
});
