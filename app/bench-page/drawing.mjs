// Draws the same scene with the map, sigma.js and an SVG of the original's structure while panning and zooming, and prints a table:
//   cargo xtask bench map [nodes …]
// Frame times are those between animation frames; CPU time is the kernel's count for the threads of the page's process and of the GPU process.
import { readdirSync, readFileSync } from "node:fs";
import { loadavg } from "node:os";
import { launch, open, serve } from "./browser.mjs";

const PORT = Number(process.env.PORT ?? 4302);
const SIZES = process.argv.length > 2 ? process.argv.slice(2).map(Number) : [1000, 5000, 10000, 20000];
const PER_NODE = 2.5;
/** Frames of the path: every painter draws all of them, so that all have drawn the same pictures, however long that takes. */
const FRAMES = Number(process.env.FRAMES ?? 48);
/** Frames before, over the same path, which are not counted: the browser first runs any program slowly, and optimises what is called often. */
const WARM = Number(process.env.WARM ?? 48);
/** How often all painters take their turn, each time in a new browser; the table has medians. */
const ROUNDS = Number(process.env.ROUNDS ?? 3);
const KINDS = (process.env.PAINTERS ?? "map,sigma,svg,cleared").split(",");
/** The SVG needs seconds a frame: it has one turn, is stopped after so many milliseconds, and has none above so many nodes. */
const SVG_LIMIT = Number(process.env.SVG_LIMIT ?? 60_000), SVG_MOST = 5000;

/** Milliseconds of CPU that each thread of a process has had, by its number, with its name. */
function threads(pid) {
  const list = new Map();
  for (const id of readdirSync(`/proc/${pid}/task`)) {
    try {
      const name = readFileSync(`/proc/${pid}/task/${id}/comm`, "utf8").trim();
      list.set(id, { name, ms: Number(readFileSync(`/proc/${pid}/task/${id}/schedstat`, "utf8").split(" ")[0]) / 1e6 });
    } catch {
      // It has ended meanwhile.
    }
  }
  return list;
}

/** The processes that draw: of each kind a list of numbers. */
async function processes(session) {
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  const of = (type) => processInfo.filter((p) => p.type === type).map((p) => p.id);
  return { page: of("renderer"), gpu: of("GPU") };
}

const cpu = (pids) => Object.fromEntries(Object.entries(pids).map(([kind, list]) => [kind, list.map(threads)]));

/** Milliseconds between two counts, all of a kind and by the names of threads. */
function spent(before, after) {
  const names = {};
  let sum = 0;
  after.forEach((list, i) => list.forEach(({ name, ms }, id) => {
    const more = ms - (before[i].get(id)?.ms ?? 0);
    sum += more;
    names[name] = (names[name] ?? 0) + more;
  }));
  return { sum, names };
}

/** Waits until the processes do nothing, without asking the page: less than 4 ms in 100. */
async function quiet(pids) {
  for (let calm = 0; calm < 3; ) {
    const before = cpu(pids);
    await new Promise((done) => setTimeout(done, 100));
    const after = cpu(pids);
    calm = spent(before.page, after.page).sum + spent(before.gpu, after.gpu).sum < 4 ? calm + 1 : 0;
  }
}

/** Runs in the page: moves the camera each frame along one path, zooming from all to six times as near and back while panning. */
function drive({ kind, box, frames, limit }) {
  const fit = 0.94 * Math.min(innerWidth / (box.right - box.left), innerHeight / (box.bottom - box.top));
  const look = kind === "map" ? (x, y, z) => window.map.set_camera(x - innerWidth / 2 / z, y - innerHeight / 2 / z, z) : (x, y, z) => window.rivals[kind].camera(x, y, z);
  return new Promise((done) => {
    const times = [], begun = performance.now();
    let last = null;
    const frame = (now) => {
      if (last !== null) times.push(now - last);
      last = now;
      if (times.length >= frames || now - begun > limit) return done(times);
      const t = times.length / frames * 2 * Math.PI;
      const zoom = fit * 6 ** (0.5 - 0.5 * Math.cos(t));
      const x = (box.left + box.right) / 2 + (box.right - box.left) * 0.2 * Math.sin(t), y = (box.top + box.bottom) / 2 + (box.bottom - box.top) * 0.2 * Math.sin(2 * t);
      look(x, y, zoom);
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  });
}

/** Runs in the page: milliseconds from having the scene to its first frame being on the way. */
async function first({ kind, scene }) {
  const begun = performance.now();
  if (kind === "map") window.map.show_prepared();
  else window.rivals[kind].show(scene);
  await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
  return performance.now() - begun;
}

const quantile = (list, share) => list.toSorted((a, b) => a - b)[Math.min(list.length - 1, Math.floor(list.length * share))] ?? NaN;
const median = (list) => quantile(list, 0.5);

/** One painter's turn in a browser of its own, so that no process has another's work on its account. */
async function turn(kind, size, known) {
  const browser = await launch();
  const session = await browser.newBrowserCDPSession();
  const page = await open(browser, { port: PORT, page: kind === "map" ? "index.html" : "rivals.html" });
  if (kind === "map") {
    const spent = await page.evaluate(([n, m]) => Math.min(...Array.from({ length: 6 }, () => window.map.prepare(n, m, 7))), [size, PER_NODE]);
    console.error(`${size} nodes laid out in ${spent.toFixed(1)} ms, the best of six (the page's own WebAssembly)`);
  }
  known.scene ??= JSON.parse(await page.evaluate(() => window.map.prepared()));
  const box = known.scene.nodes.reduce(
    (box, [x, y]) => ({ left: Math.min(box.left, x - 100), right: Math.max(box.right, x + 100), top: Math.min(box.top, y - 100), bottom: Math.max(box.bottom, y + 100) }),
    { left: Infinity, right: -Infinity, top: Infinity, bottom: -Infinity },
  );
  const limit = kind === "svg" ? SVG_LIMIT : Infinity;
  const start = await page.evaluate(first, { kind, scene: kind === "map" ? null : known.scene });
  await page.evaluate(drive, { kind, box, frames: kind === "svg" ? 2 : WARM, limit });
  const pids = await processes(session);
  await quiet(pids);
  const before = cpu(pids);
  const times = await page.evaluate(drive, { kind, box, frames: FRAMES, limit });
  // What the last frames left to the GPU process belongs to them.
  await quiet(pids);
  const after = cpu(pids);
  if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/bench-${kind}-${size}.png` });
  await browser.close();
  const each = (kind) => {
    const { sum, names } = spent(before[kind], after[kind]);
    if (process.env.THREADS) console.error(kind, Object.entries(names).map(([name, ms]) => [name, (ms / times.length).toFixed(2)]).filter(([, ms]) => ms > 0.04).join(" "));
    return sum / times.length;
  };
  return { times, start, page: each("page"), gpu: each("gpu") };
}

const server = await serve(PORT);
console.log(`medians of ${ROUNDS} turns of ${FRAMES} frames; load ${loadavg()[0].toFixed(1)}`);
console.log("| nodes | edges | painter | frames | first frame ms | frame ms, median | p95 | CPU a frame: page (of all turns) | GPU process | both |\n|---|---|---|---|---|---|---|---|---|---|");
for (const size of SIZES) {
  const turns = new Map(KINDS.map((kind) => [kind, []])), known = {};
  for (let round = 0; round < ROUNDS; round++) {
    for (const kind of KINDS) {
      if (kind === "svg" && (size > SVG_MOST || round > 0)) continue;
      if (process.env.THREADS) console.error(`-- ${kind}`);
      turns.get(kind).push(await turn(kind, size, known));
    }
  }
  for (const [kind, list] of turns) {
    if (!list.length) continue;
    const times = list.flatMap((t) => t.times), of = (key) => list.map((t) => t[key]);
    const range = of("page").toSorted((a, b) => a - b).map((ms) => ms.toFixed(1)).join(" ");
    const both = median(list.map((t) => t.page + t.gpu));
    console.log(`| ${size} | ${known.scene.edges.length} | ${kind} | ${times.length} | ${kind === "cleared" ? "" : median(of("start")).toFixed(0)} | ${median(times).toFixed(0)} | ${quantile(times, 0.95).toFixed(0)} | ${median(of("page")).toFixed(1)} (${range}) | ${median(of("gpu")).toFixed(0)} | ${both.toFixed(0)} |`);
  }
}
server.close();
