// How long a start takes on loopback: node startup.mjs [STARTS]
// A real server (SCOPE_BIN, by default the release build) holds the recorded reports; each start is a navigation of a headless Chromium. Times
// run from the navigation, on the page's own clock: until the page's frame is there, until the map has drawn its first frame with nodes, and
// until a key pressed then has changed what is shown. "Cold" is a new profile, "warm" the same address once more.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { launch } from "./browser.mjs";

const STARTS = Number(process.argv[2] ?? 15);
const PORT = Number(process.env.PORT ?? 4302);
const root = new URL("../../", import.meta.url).pathname;
const binary = process.env.SCOPE_BIN ?? join(root, "target/release/scope");

const ask = (request) => new Promise((resolve, reject) => {
  const socket = connect(PORT, "127.0.0.1", () => socket.write(request));
  socket.once("data", (data) => { resolve(data.toString("latin1").split(" ")[1]); socket.destroy(); });
  socket.once("error", reject);
});

async function serve() {
  const home = mkdtempSync(join(tmpdir(), "scope-startup-"));
  const server = spawn(binary, ["server", "--listen", `127.0.0.1:${PORT}`, "--window", "60m"], { env: { ...process.env, HOME: home, XDG_STATE_HOME: home, XDG_DATA_HOME: home, XDG_CONFIG_HOME: home }, stdio: "ignore" });
  server.once("error", (error) => { throw error; });
  for (let tries = 0; ; tries += 1) {
    try {
      await ask("GET /api HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n");
      break;
    } catch (error) {
      if (tries === 100 || server.exitCode !== null) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  const folder = join(root, "tests/data/recorded");
  for (const file of readdirSync(folder).filter((name) => name.endsWith(".headers.txt")).sort()) {
    const head = readFileSync(join(folder, file), "latin1").trimEnd().split(/\r?\n/).map((line) => line.startsWith("Host:") ? `Host: 127.0.0.1:${PORT}` : line);
    const body = readFileSync(join(folder, file.replace(".headers.txt", ".msgpack.gz")));
    const status = await ask(Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`, "latin1"), body]));
    if (status !== "200") throw new Error(`${file} was answered with ${status}`);
  }
  return { stop: () => { server.kill(); rmSync(home, { recursive: true, force: true }); } };
}

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
const server = await serve();
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
