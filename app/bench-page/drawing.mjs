// Draws the same scene with the map, sigma.js and an SVG of the original's structure while panning and zooming, and prints a table:
//   cargo xtask bench map [nodes …]
// Frame times are those between animation frames; CPU time is the browser's own count for each of its processes.
import { launch, open, serve } from "./browser.mjs";

const PORT = Number(process.env.PORT ?? 4302);
const SIZES = process.argv.length > 2 ? process.argv.slice(2).map(Number) : [1000, 5000, 10000, 20000];
const PER_NODE = 2.5;
/**
 * Frames measured: few, so that all but the SVG come to the end of the path and have drawn the same pictures, even where frames take a second.
 * Milliseconds after which a contender is cut short; the table says after how many frames.
 */
const FRAMES = Number(process.env.FRAMES ?? 24), LIMIT = Number(process.env.LIMIT ?? 40_000);
/** The SVG needs seconds a frame above this. */
const SVG_MOST = 5000;

async function cpu(session) {
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  const of = (type) => processInfo.filter((p) => p.type === type).reduce((sum, p) => sum + p.cpuTime * 1000, 0);
  return { page: of("renderer"), gpu: of("GPU") };
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

const server = await serve(PORT);
console.log("| nodes | edges | painter | frames | first frame ms | frame ms, median | p95 | CPU a frame: page | GPU process | both |\n|---|---|---|---|---|---|---|---|---|---|");
for (const size of SIZES) {
  let scene = null, box = null;
  for (const kind of ["map", "sigma", "svg", "empty"]) {
    if (kind === "svg" && size > SVG_MOST) continue;
    // A browser of its own for each, so that no process has another's work on its account.
    const browser = await launch();
    const session = await browser.newBrowserCDPSession();
    const page = await open(browser, { port: PORT, page: kind === "map" ? "index.html" : "rivals.html" });
    if (kind === "map") {
      const layout = await page.evaluate(([n, m]) => window.map.prepare(n, m, 7), [size, PER_NODE]);
      scene = JSON.parse(await page.evaluate(() => window.map.prepared()));
      console.error(`${size} nodes laid out in ${layout.toFixed(1)} ms (WebAssembly)`);
      box = { left: Infinity, right: -Infinity, top: Infinity, bottom: -Infinity };
      for (const [x, y] of scene.nodes) Object.assign(box, { left: Math.min(box.left, x - 100), right: Math.max(box.right, x + 100), top: Math.min(box.top, y - 100), bottom: Math.max(box.bottom, y + 100) });
    }
    const start = await page.evaluate(first, { kind, scene: kind === "map" ? null : scene });
    await page.evaluate(drive, { kind, box, frames: 5, limit: LIMIT });
    const before = await cpu(session);
    const times = await page.evaluate(drive, { kind, box, frames: FRAMES, limit: LIMIT });
    const after = await cpu(session);
    const count = Math.max(times.length, 1), own = (after.page - before.page) / count, gpu = (after.gpu - before.gpu) / count;
    console.log(`| ${size} | ${scene.edges.length} | ${kind} | ${times.length} | ${kind === "empty" ? "" : start.toFixed(0)} | ${quantile(times, 0.5).toFixed(0)} | ${quantile(times, 0.95).toFixed(0)} | ${own.toFixed(1)} | ${gpu.toFixed(1)} | ${(own + gpu).toFixed(1)} |`);
    if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/bench-${kind}-${size}.png` });
    await browser.close();
  }
}
server.close();
