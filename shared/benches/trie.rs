//! Is an address in one of the networks: ours beside a linear scan, sorted ranges and published crates.
#![allow(missing_docs)]

mod cpu_time;
mod lookups;
mod support;

use std::hint::black_box;

use cpu_time::CpuTime;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use lookups::{Compressed, Linear, Lookup, Pop, PrefixTrie, RangeMap, Ranges, Table};
use scope_shared::trie::NetworkTrie;

const SIZES: [usize; 6] = [1, 10, 100, 500, 1000, 5000];

fn bench_all<L: Lookup>(criterion: &mut Criterion<CpuTime>, name: &str) {
    for (family, networks_of) in [
        ("v4", support::networks_v4 as fn(usize) -> Vec<ipnet::IpNet>),
        ("v6", support::networks_v6),
    ] {
        for count in SIZES {
            let networks = networks_of(count);
            let set = L::build(&networks);
            for (case, inside) in [("hit", 10), ("miss", 0), ("mixed", 6)] {
                let addresses = support::addresses(&networks, inside);
                let mut group = criterion.benchmark_group(format!("lookup/{family}/{case}/{count}"));
                group.throughput(Throughput::Elements(addresses.len() as u64));
                if family == "v4" {
                    let addresses = lookups::v4(&addresses);
                    group.bench_function(name, |bench| {
                        bench.iter(|| black_box(addresses.iter().filter(|address| set.has_v4(**address)).count()))
                    });
                } else {
                    let addresses = lookups::v6(&addresses);
                    group.bench_function(name, |bench| {
                        bench.iter(|| black_box(addresses.iter().filter(|address| set.has_v6(**address)).count()))
                    });
                }
                group.finish();
            }
            let mut group = criterion.benchmark_group(format!("build/{family}"));
            group.bench_with_input(BenchmarkId::new(name, count), &networks, |bench, networks| {
                bench.iter_with_large_drop(|| L::build(networks))
            });
            group.finish();
        }
    }
}

fn all(criterion: &mut Criterion<CpuTime>) {
    bench_all::<NetworkTrie>(criterion, "scope");
    bench_all::<Linear>(criterion, "linear");
    bench_all::<Ranges>(criterion, "ranges");
    bench_all::<PrefixTrie>(criterion, "prefix-trie");
    bench_all::<Table>(criterion, "ip_network_table");
    bench_all::<Pop>(criterion, "poptrie");
    bench_all::<Compressed>(criterion, "iptrie");
    bench_all::<RangeMap>(criterion, "rangemap");
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(CpuTime);
    targets = all
}
criterion_main!(benches);
