// Times the benchmarks of scope-shared in WebAssembly. Build first:
//   cargo build --release --target wasm32-unknown-unknown --manifest-path shared/benches/wasm/Cargo.toml --target-dir target
// then: node shared/benches/wasm/run.mjs [target/wasm32-unknown-unknown/release/scope_shared_wasm_bench.wasm]
import { readFile } from "node:fs/promises";

const path = process.argv[2] ?? "target/wasm32-unknown-unknown/release/scope_shared_wasm_bench.wasm";
const { instance } = await WebAssembly.instantiate(await readFile(path), {});
const { run, prepare_lookup, prepare_report } = instance.exports;

// CPU time, the best of several runs of at least 20 ms each: other work on the machine only ever makes a run slower.
function best(repeats) {
  let rounds = 1;
  const time = () => {
    const start = process.cpuUsage();
    run(rounds);
    const { user, system } = process.cpuUsage(start);
    return (user + system) / 1000;
  };
  while (time() < 20) rounds *= 2;
  return Math.min(...Array.from({ length: repeats }, time)) / rounds;
}

console.log("\nms, a host of 287 containers");
const works = ["read msgpack", "read msgpack, serde", "read JSON", "read JSON, serde", "gunzip", "merge two"];
const times = {};
works.forEach((name, work) => {
  prepare_report(work);
  times[name] = { ms: Number(best(12).toFixed(2)) };
});
console.table(times);

const contenders = ["scope", "linear", "ranges", "prefix-trie", "ip_network_table", "poptrie", "iptrie", "rangemap"];
const cases = [
  ["ns a look-up, six of ten inside", 6, 1e6 / 4096],
  ["ns a look-up, all inside", 10, 1e6 / 4096],
  ["ns a look-up, all outside", 0, 1e6 / 4096],
  ["µs a build", 11, 1e3],
];
for (const [title, inside, scale] of cases) {
  for (const family of [4, 6]) {
    console.log(`\n${title}, IPv${family}`);
    const rows = {};
    contenders.forEach((name, contender) => {
      rows[name] = {};
      for (const count of [1, 10, 100, 500, 1000, 5000]) {
        prepare_lookup(contender, family, count, inside);
        rows[name][count] = Number((best(3) * scale).toFixed(2));
      }
    });
    console.table(rows);
  }
}
