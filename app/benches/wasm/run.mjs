// Times reading, merging, rendering and laying out in WebAssembly. Build first:
//   cargo build --release --lib --target wasm32-unknown-unknown --manifest-path app/benches/wasm/Cargo.toml --target-dir target
//   cargo build --release --bin native --manifest-path app/benches/wasm/Cargo.toml --target-dir target
// then: node app/benches/wasm/run.mjs [target/wasm32-unknown-unknown/release/scope_app_wasm_bench.wasm [layout|deltas]]; the last word leaves out
// the rest
import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";

const path = process.argv[2] ?? "target/wasm32-unknown-unknown/release/scope_app_wasm_bench.wasm";
const nativePath = new URL("../../../target/release/native", import.meta.url).pathname;
const { instance } = await WebAssembly.instantiate(await readFile(path), {});
const { memory, run, fill, real_report, prepare_view, prepare_reading, prepare_delta, prepare_layout } = instance.exports;

const real = await readFile(new URL("../../tests/golden/render-report/report.json.gz", import.meta.url));
const at = real_report(real.length);
new Uint8Array(memory.buffer, at, real.length).set(real);

// CPU time, the best of several runs of at least 20 ms each: other work on the machine only ever makes a run slower. Before them it runs for
// a while, until the engine has compiled for speed what it first compiled in haste.
function best(ready = () => {}, repeats = 5) {
  let rounds = 1;
  const time = () => {
    ready(rounds);
    const start = process.cpuUsage();
    run(rounds);
    const { user, system } = process.cpuUsage(start);
    return (user + system) / 1000;
  };
  while (time() < 20) rounds *= 2;
  for (let spent = 0; spent < 300; ) spent += time();
  return Math.min(...Array.from({ length: repeats }, time)) / rounds;
}

if (process.argv[3] === "deltas") {
  await deltas();
  process.exit();
}

const layouts = {};
for (const nodes of [50, 200, 1000, 3000, 10000]) {
  const times = [0, 1].map((more) => {
    prepare_layout(nodes, more);
    return Number(best().toFixed(3));
  });
  layouts[nodes] = { "from nothing": times[0], "one node more or less": times[1] };
}
console.log("\nlayout of service graphs, ms");
console.table(layouts);
if (process.argv[3] === "layout") process.exit();

const works = [
  "processes",
  "processes-by-name",
  "containers",
  "containers-by-hostname",
  "containers-by-image",
  "hosts",
  "list of views with statistics",
  "details of a container, cold",
];
for (const [large, title] of [
  [0, "real report"],
  [1, "10 x 100 x 20"],
]) {
  const rows = {};
  works.forEach((name, work) => {
    prepare_view(large, work);
    rows[name] = { ms: Number(best(fill).toFixed(3)) };
  });
  console.log(`\n${title}, ms from nothing`);
  console.table(rows);
}

prepare_reading();
console.log(`\nten hosts' full reports: inflate, decode and merge: ${best().toFixed(1)} ms`);

await deltas();

// One host's delta among so many hosts, here and natively in turns, so that whatever else the machine does is the same for both: of either the
// best of several runs of as many deltas, after as many to warm up.
async function deltas() {
  const native = spawn(nativePath, { stdio: ["pipe", "pipe", "inherit"] });
  const answers = createInterface({ input: native.stdout })[Symbol.asyncIterator]();
  const ask = async (line) => {
    native.stdin.write(`${line}\n`);
    return Number((await answers.next()).value);
  };
  const here = (rounds) => {
    const start = process.cpuUsage();
    run(rounds);
    const { user, system } = process.cpuUsage(start);
    return (user + system) / 1000;
  };
  const rounds = 60;
  const rows = {};
  for (const hosts of [1, 10, 100]) {
    for (const [work, name] of [
      [99, "read and merged"],
      [2, "containers"],
      [0, "processes"],
      [5, "hosts"],
    ]) {
      prepare_delta(hosts, work);
      await ask(`prepare ${hosts} ${work}`);
      const times = { native: [], wasm: [] };
      for (let turn = 0; turn < 8; turn++) {
        const taken = { native: await ask(`run ${rounds}`), wasm: here(rounds) };
        if (turn > 0) for (const who in taken) times[who].push(taken[who] / rounds);
      }
      const [n, w] = [Math.min(...times.native), Math.min(...times.wasm)];
      rows[`${name}, ${hosts} hosts`] = { "native, ms": n.toFixed(2), "WebAssembly, ms": w.toFixed(2), times: (w / n).toFixed(2) };
    }
  }
  native.stdin.end();
  console.log("\none host's delta");
  console.table(rows);
}
