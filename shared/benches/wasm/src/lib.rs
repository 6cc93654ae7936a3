//! What `run.mjs` times: a case is prepared once and then run as often as asked. Numbers stand for names, as WebAssembly has no strings.
#![allow(missing_docs)]

#[path = "../../lookups/mod.rs"]
mod lookups;
#[path = "../../serde_model/mod.rs"]
mod serde_model;
#[path = "../../support/mod.rs"]
mod support;

use std::cell::RefCell;
use std::hint::black_box;

use lookups::{Compressed, Linear, Lookup, Pop, PrefixTrie, RangeMap, Ranges, Table};
use scope_shared::frame::Encoding;
use scope_shared::report::Report;
use scope_shared::trie::NetworkTrie;
use scope_shared::wire::{decode_report, encode_json, encode_msgpack, gunzip, gzip};

type Case = Box<dyn Fn() -> usize>;

thread_local! {
    static CASE: RefCell<Case> = RefCell::new(Box::new(|| 0));
}

fn keep(case: Case) {
    CASE.with(|slot| *slot.borrow_mut() = case);
}

/// Runs the prepared case `rounds` times.
#[unsafe(no_mangle)]
pub extern "C" fn run(rounds: u32) -> usize {
    CASE.with(|case| (0..rounds).map(|_| black_box(case.borrow()())).sum())
}

/// Prepares 4,096 look-ups in `count` networks of a family (4 or 6), `inside` of ten of them inside; or, with `inside` above ten, a build.
#[unsafe(no_mangle)]
pub extern "C" fn prepare_lookup(contender: u32, family: u32, count: u32, inside: u32) {
    let prepare = match contender {
        0 => lookup::<NetworkTrie>,
        1 => lookup::<Linear>,
        2 => lookup::<Ranges>,
        3 => lookup::<PrefixTrie>,
        4 => lookup::<Table>,
        5 => lookup::<Pop>,
        6 => lookup::<Compressed>,
        _ => lookup::<RangeMap>,
    };
    prepare(family, count, inside);
}

fn lookup<L: Lookup + 'static>(family: u32, count: u32, inside: u32) {
    let count = count as usize;
    let networks = if family == 4 { support::networks_v4(count) } else { support::networks_v6(count) };
    if inside > 10 {
        keep(Box::new(move || {
            let set = L::build(&networks);
            usize::from(set.has_v4(std::net::Ipv4Addr::LOCALHOST))
        }));
        return;
    }
    let (set, addresses) = (L::build(&networks), support::addresses(&networks, u64::from(inside)));
    if family == 4 {
        let addresses = lookups::v4(&addresses);
        keep(Box::new(move || addresses.iter().filter(|address| set.has_v4(**address)).count()));
    } else {
        let addresses = lookups::v6(&addresses);
        keep(Box::new(move || addresses.iter().filter(|address| set.has_v6(**address)).count()));
    }
}

/// Prepares work on the report of a host of 287 containers.
#[unsafe(no_mangle)]
pub extern "C" fn prepare_report(work: u32) {
    let report = support::host("host-1", 287);
    let (msgpack, json) = (encode_msgpack(&report), encode_json(&report));
    keep(match work {
        0 => Box::new(move || usize::from(decode_report(&msgpack, Encoding::Msgpack, false).is_ok())),
        1 => Box::new(move || usize::from(serde_model::decode(&msgpack, Encoding::Msgpack).is_some())),
        2 => Box::new(move || usize::from(decode_report(&json, Encoding::Json, false).is_ok())),
        3 => Box::new(move || usize::from(serde_model::decode(&json, Encoding::Json).is_some())),
        4 => {
            let compressed = gzip(&msgpack, 6);
            Box::new(move || gunzip(&compressed, usize::MAX - 1).map_or(0, |bytes| bytes.len()))
        }
        _ => {
            let again = support::host("host-1", 287);
            Box::new(move || Report::merge_all([&report, &again]).topologies.len())
        }
    });
}
