// What one viewer's worker costs: the real session in WebAssembly, on the streams of `cargo xtask fleet`. Build and record first:
//   cargo build --release --target wasm32-unknown-unknown --manifest-path app/benches/worker/Cargo.toml --target-dir target
//   for n in 10 50 100; do cargo xtask fleet --stream $n 15 target/stream-$n; done
// then: node app/benches/worker/run.mjs target/stream-10 target/stream-50 target/stream-100
import { readFileSync } from 'node:fs';

const file = process.env.WORKER ?? 'target/wasm32-unknown-unknown/release/scope_worker_bench.wasm';
const module = new WebAssembly.Module(readFileSync(file));
// What only a browser has is linked and never called.
const imports = {};
for (const { module: from, name } of WebAssembly.Module.imports(module)) {
  imports[from] ??= {};
  imports[from][name] = () => { throw new Error(`${name} needs a browser`); };
}

const views = ['containers', 'hosts', 'processes'];
// A first layout of thousands of containers takes long: VIEWS=hosts leaves it out.
const wanted = (process.env.VIEWS ?? views.join()).split(',').map((name) => views.indexOf(name));

// CPU of the whole process, the compiler's and collector's threads included.
const cpu = () => { const { user, system } = process.cpuUsage(); return (user + system) / 1000; };

function* frames(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.length;) {
    const millis = view.getUint32(at, true);
    const length = view.getUint32(at + 4, true);
    yield { millis, body: bytes.subarray(at + 8, at + 8 + length) };
    at += 8 + length;
  }
}

function play(stream, view, { hidden = false } = {}) {
  const worker = new WebAssembly.Instance(module, imports).exports;
  worker.start(view);
  const put = ({ millis, body }) => {
    const at = worker.room(body.length);
    new Uint8Array(worker.memory.buffer, at, body.length).set(body);
    worker.frame(millis);
  };
  const all = [...frames(stream)];
  const live = all.findIndex(({ millis }, index) => index > 0 && millis > 0);
  const started = cpu();
  all.slice(0, live).forEach(put);
  worker.render(0);
  const first = cpu() - started;
  if (hidden) worker.hide(1, 0);
  const begun = cpu();
  let due = Infinity;
  let busyUntil = 0; // by the stream's clock
  let gather = worker.gather(0);
  let renders = 0;
  let longest = 0;
  let toPage = 0;
  let second = 0;
  const render = (now) => {
    const before = performance.now();
    toPage += worker.render(now);
    const took = performance.now() - before;
    longest = Math.max(longest, took);
    gather = worker.gather(took);
    busyUntil = now + took;
    renders += 1;
    due = Infinity;
  };
  for (const frame of all.slice(live)) {
    if (frame.millis >= due) render(due);
    if (frame.millis >= (second + 1) * 1000) worker.tick((second += 1) * 1000);
    put(frame);
    due = Math.min(due, Math.max(frame.millis, busyUntil) + gather);
  }
  const seconds = second + 1;
  return {
    'first picture, CPU ms': Math.round(first),
    'CPU ms a second': Math.round((cpu() - begun) / seconds),
    'renderings a second': Number((renders / seconds).toFixed(1)),
    'longest, ms (wall)': Math.round(longest),
    'to the page, kB/s': Math.round(toPage / seconds / 1000),
    'memory, MB': Math.round(worker.memory.buffer.byteLength / 1e6),
    'put by, kB': Math.round(worker.waiting() / 1000),
  };
}

for (const path of process.argv.slice(2)) {
  const stream = readFileSync(path);
  const rows = {};
  for (const view of wanted) rows[views[view]] = play(stream, view);
  rows['hidden, and a server that goes on sending'] = play(stream, wanted[0], { hidden: true });
  console.log(`\n${path}`);
  console.table(rows);
}
