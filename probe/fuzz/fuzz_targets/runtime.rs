//! Container runtimes' configuration files (OCI), and the names of images in them.
//!
//! Seeds: `cargo +nightly fuzz run runtime probe/tests/kernel_parsers/fixtures`
#![no_main]

use libfuzzer_sys::fuzz_target;
use scope_probe::{docker, runtimes};

fuzz_target!(|bytes: &[u8]| {
    if let Some(config) = runtimes::parse(bytes) {
        let _ = (config.container_name(), config.image(), config.is_sandbox());
    }
    let _ = docker::image_name_and_tag(&String::from_utf8_lossy(bytes));
});
