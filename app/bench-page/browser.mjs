// A server for this folder (or another) on loopback and a headless Chromium, for the scripts beside this one.
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { extname, join, normalize } from "node:path";
import { chromium } from "playwright-core";

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm", ".json": "application/json", ".css": "text/css", ".svg": "image/svg+xml" };

export async function serve(port, root = new URL(".", import.meta.url).pathname) {
  const server = createServer(async (request, response) => {
    const path = normalize(new URL(request.url, "http://x").pathname).replace(/\/$/, "/index.html");
    try {
      const body = await readFile(join(root, path));
      response.writeHead(200, { "content-type": TYPES[extname(path)] ?? "application/octet-stream", "cache-control": "no-store" });
      response.end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  return server;
}

export function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--headless", "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--force-color-profile=srgb"],
  });
}

/** Opens the map page and waits until it can be driven. */
export async function open(browser, { port, width = 1400, height = 900, ratio = 1, flat = false, page: name = "index.html" }) {
  const context = await browser.newContext({ viewport: { width, height }, deviceScaleFactor: ratio, reducedMotion: "reduce" });
  const page = await context.newPage();
  page.on("console", (message) => process.env.LOG && console.log("  page:", message.text()));
  page.on("pageerror", (error) => console.error("  page error:", error.message));
  await page.goto(`http://127.0.0.1:${port}/${name}${flat ? "?flat" : ""}`);
  await page.waitForFunction(() => document.body.dataset.ready === "1");
  return page;
}

/** Waits until the map has painted its last word. */
export async function settle(page) {
  await page.waitForFunction(() => !window.map.is_moving());
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
}
