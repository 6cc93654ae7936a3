//! Reading, merging and writing reports, beside serde on the same bytes.
#![allow(missing_docs, clippy::unwrap_used)]

mod cpu_time;
mod serde_model;
mod support;

use cpu_time::CpuTime;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use scope_shared::delta;
use scope_shared::frame::Encoding;
use scope_shared::report::Report;
use scope_shared::wire::{check_envelope, decode_report, encode_json, encode_msgpack, encoding_of_file, gunzip, gzip};

fn reading(criterion: &mut Criterion<CpuTime>) {
    let report = support::host("host-1", 287);
    let (msgpack, json) = (encode_msgpack(&report), encode_json(&report));
    let compressed = gzip(&msgpack, 6);
    let mut group = criterion.benchmark_group("read");
    group.sample_size(40);
    for (name, bytes, encoding) in [("msgpack", &msgpack, Encoding::Msgpack), ("json", &json, Encoding::Json)] {
        let size = format!("{:.1}MB", bytes.len() as f64 / 1e6);
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(format!("{name}/{size}/scope"), |bench| {
            bench.iter_with_large_drop(|| decode_report(bytes, encoding, false))
        });
        group.bench_function(format!("{name}/{size}/serde"), |bench| {
            bench.iter_with_large_drop(|| serde_model::decode(bytes, encoding))
        });
        group.bench_function(format!("{name}/{size}/envelope"), |bench| {
            bench.iter(|| check_envelope(bytes, encoding, false))
        });
    }
    group.bench_function("gunzip", |bench| bench.iter_with_large_drop(|| gunzip(&compressed, usize::MAX)));
    group.bench_function("gunzip+msgpack/scope", |bench| {
        bench.iter_with_large_drop(|| decode_report(&compressed, Encoding::Msgpack, true))
    });
    group.bench_function("gunzip+msgpack/envelope", |bench| {
        bench.iter(|| check_envelope(&compressed, Encoding::Msgpack, true))
    });
    group.finish();

    let mut group = criterion.benchmark_group("read_recorded");
    for name in ["host-a-02.msgpack.gz", "render-report.json.gz", "k8s.json.gz"] {
        let (encoding, _) = encoding_of_file(name).unwrap();
        let bytes = gunzip(
            &std::fs::read(format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap(),
            usize::MAX,
        )
        .unwrap();
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(format!("{name}/scope"), |bench| {
            bench.iter_with_large_drop(|| decode_report(&bytes, encoding, false))
        });
        group.bench_function(format!("{name}/serde"), |bench| {
            bench.iter_with_large_drop(|| serde_model::decode(&bytes, encoding))
        });
    }
    group.finish();
}

fn writing(criterion: &mut Criterion<CpuTime>) {
    let report = support::host("host-1", 287);
    let mut group = criterion.benchmark_group("write");
    group.sample_size(40);
    group.bench_function("msgpack", |bench| bench.iter_with_large_drop(|| encode_msgpack(&report)));
    group.bench_function("json", |bench| bench.iter_with_large_drop(|| encode_json(&report)));
    group.finish();
}

fn merging(criterion: &mut Criterion<CpuTime>) {
    let hosts: Vec<Report> = (0..10).map(|index| support::host(&format!("host-{index}"), 100)).collect();
    let again = decode_report(&encode_msgpack(&hosts[0]), Encoding::Msgpack, false).unwrap();
    let (big, big_again) = (support::host("host-1", 287), support::host("host-1", 287));
    let mut group = criterion.benchmark_group("merge");
    group.sample_size(40);
    group.bench_function("ten hosts of 100 containers", |bench| {
        bench.iter_with_large_drop(|| Report::merge_all(&hosts))
    });
    group.bench_function("one host twice", |bench| {
        bench.iter_with_large_drop(|| Report::merge_all([&hosts[0], &again]))
    });
    group.bench_function("two reports of 4.9 MB of one host", |bench| {
        bench.iter_with_large_drop(|| Report::merge_all([&big, &big_again]))
    });
    group.finish();

    let base = &hosts[0];
    let now = changed(base);
    let delta = delta::diff(base, &now);
    let bytes = encode_msgpack(&delta);
    let mut group = criterion.benchmark_group("delta");
    group.bench_function("make", |bench| bench.iter_with_large_drop(|| delta::diff(base, &now)));
    group.bench_function("read", |bench| {
        bench.iter_with_large_drop(|| decode_report(&bytes, Encoding::Msgpack, false))
    });
    group.bench_function("apply", |bench| bench.iter_with_large_drop(|| delta::apply(base, &delta)));
    group.finish();
}

/// The host a second later: metrics of the busy tenth of its processes and containers.
fn changed(report: &Report) -> Report {
    let mut now = report.clone();
    for topology in now.topologies.iter_mut() {
        for node in topology.nodes.values_mut().step_by(10) {
            for (_, metric) in std::sync::Arc::make_mut(node).metrics.iter_mut() {
                for sample in &mut metric.samples {
                    sample.value += 1.0;
                }
            }
        }
    }
    now
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(CpuTime);
    targets = reading, writing, merging
}
criterion_main!(benches);
