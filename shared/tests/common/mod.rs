//! The recorded and generated reports that several tests read.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;

use scope_shared::report::Report;
use scope_shared::wire::{decode_report, encoding_of_file};

/// Reports as probes sent them, gzip'd: see the table in `tests/data/README.md`.
pub const RECORDED: [&str; 10] = [
    "fixture.json.gz",
    "k8s.json.gz",
    "render-report.json.gz",
    "shortlived.json.gz",
    "swarmecs.json.gz",
    "host-a-02.msgpack.gz",
    "host-a-03.msgpack.gz",
    "host-a-04.msgpack.gz",
    "host-b-02.msgpack.gz",
    "host-b-03.msgpack.gz",
];

/// The bytes of a file in `tests/data`.
pub fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)).expect("test data is there")
}

/// A file in `tests/data`, read as its name says.
pub fn report(name: &str) -> Report {
    let (encoding, gzip) = encoding_of_file(name).expect("a report file's name");
    decode_report(&bytes(name), encoding, gzip).unwrap_or_else(|error| panic!("{name}: {error}"))
}
