//! Files below `/proc`, paths and files of control groups, and the tracepoint's description.
//!
//! Seeds: `cargo +nightly fuzz run proc probe/tests/kernel_parsers/fixtures`
#![no_main]

use libfuzzer_sys::fuzz_target;
use scope_probe::cgroup::{Membership, keyed, some_avg10};
use scope_probe::ebpf::{Layout, parse_format};
use scope_probe::proc;
use scope_probe::sockets::{Protocol, parse_table, tcp_activity, udp_sockets};

fuzz_target!(|bytes: &[u8]| {
    let _ = proc::stat(bytes);
    let _ = proc::cmdline(bytes);
    let _ = proc::soft_open_files(bytes);
    let _ = proc::machine_jiffies(bytes);
    let _ = (proc::started(bytes), proc::existing(bytes), proc::last_pid(bytes));
    parse_table(Protocol::Tcp, bytes, |_| {});
    let _ = (tcp_activity(bytes), udp_sockets(bytes));
    let text = String::from_utf8_lossy(bytes);
    let _ = Membership::parse(&text);
    let _ = (keyed(&text, "usage_usec"), some_avg10(&text));
    let _ = Layout::from_format(&parse_format(&text));
});
