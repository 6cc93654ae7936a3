//! Netlink framing, sockets, tracked flows, interface addresses, ring records and type information.
//!
//! Seeds: `cargo +nightly fuzz run netlink probe/tests/kernel_parsers/fixtures`
#![no_main]

use libfuzzer_sys::fuzz_target;
use scope_probe::ebpf::{Btf, Event};
use scope_probe::sockets::Protocol;
use scope_probe::{conntrack, endpoint, netlink, sockets};

fuzz_target!(|bytes: &[u8]| {
    for message in netlink::messages(bytes) {
        let _ = sockets::parse_message(Protocol::Tcp, message.payload);
        let _ = conntrack::parse_message(message.kind, message.payload);
        let _ = endpoint::interface_address(message.payload);
    }
    let _ = sockets::parse_message(Protocol::Udp, bytes);
    let _ = conntrack::parse_message(0x100, bytes);
    let _ = Event::parse(bytes);
    let _ = Btf::new(bytes.to_vec()).and_then(|btf| btf.netns_path());
});
