//! Files below `/proc`, cgroup paths and the tracepoint's description.
//!
//! Seeds: `cargo +nightly fuzz run proc probe/tests/kernel_parsers/fixtures`
#![no_main]

use libfuzzer_sys::fuzz_target;
use scope_probe::cgroup::Membership;
use scope_probe::ebpf::{Layout, parse_format};
use scope_probe::proc;
use scope_probe::sockets::{Protocol, parse_table};

fuzz_target!(|bytes: &[u8]| {
    let _ = proc::stat(bytes);
    let _ = proc::cmdline(bytes);
    let _ = proc::soft_open_files(bytes);
    let _ = proc::machine_jiffies(bytes);
    parse_table(Protocol::Tcp, bytes, |_| {});
    let text = String::from_utf8_lossy(bytes);
    let _ = Membership::parse(&text);
    let _ = Layout::from_format(&parse_format(&text));
});
