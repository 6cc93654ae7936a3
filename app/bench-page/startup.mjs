// How long a start takes on loopback: node startup.mjs [STARTS]
// A real server (SCOPE_BIN, by default the release build) holds the recorded reports; each start is a navigation of a headless Chromium. Times
// run from the navigation, on the page's own clock: until the page's frame is there, until the map has drawn its first frame with nodes, and
// until a key pressed then has changed what is shown. "Cold" is a new profile, "warm" the same address once more.
import { launch } from "./browser.mjs";
import { replay, server as serve } from "./recorded.mjs";

const STARTS = Number(process.argv[2] ?? 15);
const PORT = Number(process.env.PORT ?? 4302);

/** Runs in the page before its own scripts: notes when things are there. A frame has been drawn when the one after it begins. */
function watch() {
  window.times = {};
  const drawn = (name) => requestAnimationFrame(() => requestAnimationFrame(() => { window.times[name] ??= performance.now(); }));
  const wanted = { frame: ".app", map: "#map-text [data-id]", input: ".table-view tr.node" };
  new MutationObserver(() => {
    for (const [name, selector] of Object.entries(wanted)) {
      if (document.querySelector(selector)) {
        delete wanted[name];
        drawn(name);
      }
    }
  }).observe(document, { childList: true, subtree: true, attributes: true });
}

async function start(page, address) {
  await page.goto("about:blank");
  await page.goto(address, { waitUntil: "commit" });
  await page.waitForFunction(() => window.times.map, null, { polling: "raf" });
  await page.keyboard.press("t");
  await page.waitForFunction(() => window.times.input, null, { polling: "raf" });
  return page.evaluate(() => {
    const files = performance.getEntriesByType("resource").map((entry) => ({ name: entry.name.split("/").pop(), from: Math.round(entry.startTime), to: Math.round(entry.responseEnd), bytes: entry.encodedBodySize }));
    return { ...window.times, files };
  });
}

const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];
const server = await serve(PORT);
await replay(PORT);
const browser = await launch();
const runs = { cold: [], warm: [] };
try {
  for (let at = 0; at < STARTS; at += 1) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: "reduce" });
    const page = await context.newPage();
    await page.addInitScript(watch);
    const address = `http://127.0.0.1:${PORT}/#!/state/${encodeURIComponent(JSON.stringify({ topologyId: "containers" }))}`;
    runs.cold.push(await start(page, address));
    runs.warm.push(await start(page, address));
    await context.close();
  }
  if (process.env.FILES) for (const kind of ["cold", "warm"]) console.log(kind), console.table(runs[kind].at(-1).files);
  console.log(`${STARTS} starts each, ms from navigation: median (lowest to highest)`);
  for (const [kind, all] of Object.entries(runs)) {
    for (const [name, what] of [["frame", "the page's frame"], ["map", "the map's first frame"], ["input", "a key pressed then is handled"]]) {
      const values = all.map((run) => run[name]);
      console.log(`${kind}  ${what.padEnd(30)} ${median(values).toFixed(0).padStart(6)}  (${Math.min(...values).toFixed(0)} to ${Math.max(...values).toFixed(0)})`);
    }
  }
} finally {
  await browser.close();
  server.stop();
}
