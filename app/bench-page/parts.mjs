// Finds out which functions of the page's program can wait until a map is shown, and writes them to app/web/later.txt: cargo xtask parts
// Builds the page so that it notes every function that runs, and opens it on the recorded reports and on this machine's own (SCOPE_BIN, by
// default the release build), one map after another. To be run again when a test says that a map asked for the rest, or
// `cargo xtask sizes` that the first part has grown.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { digest } from "../web/split.mjs";
import { launch, serve } from "./browser.mjs";
import { replay, server } from "./recorded.mjs";

const [PORT, PAGE] = [4303, 4304];
const VIEWS = ["", "#/containers", "#/processes", "#/hosts"];
const SECONDS = 6; // of live deltas
const root = new URL("../../", import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), "scope-parts-"));

execFileSync("trunk", ["build", "--release", "--offline", "--dist", folder], { cwd: root, env: { ...process.env, SCOPE_WATCH: "1" }, stdio: "inherit" });
const names = JSON.parse(readFileSync(join(folder, "names.json"), "utf8"));
const scope = await server(PORT, ["--allow-origin", `http://127.0.0.1:${PAGE}`]);
await replay(PORT);
const probe = spawn(scope.binary, ["probe", `127.0.0.1:${PORT}`], { stdio: "ignore" });
const files = await serve(PAGE, folder);
const browser = await launch();
const ran = new Set();
const note = async (thread) => { for (const number of await thread.evaluate(() => [...globalThis.scopeSeen])) ran.add(digest(names[number])); };
try {
  for (const view of VIEWS) {
    const page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
    await page.goto(`http://127.0.0.1:${PAGE}/?server=http://127.0.0.1:${PORT}${view}`);
    await page.waitForFunction(() => document.querySelector("#map-text [data-id]"));
    // The worker may wait for the rest before it takes the next report; the page must move, and show what it is sent, without.
    for (const worker of page.workers()) await note(worker);
    await page.mouse.move(700, 450);
    await page.mouse.wheel(0, 300);
    await page.waitForTimeout(SECONDS * 1000);
    await note(page);
    await page.close();
  }
} finally {
  await browser.close();
  probe.kill();
  scope.stop();
  files.close();
  rmSync(folder, { recursive: true, force: true });
}
const later = [...new Set(names.map(digest))].filter((one) => !ran.has(one)).sort();
writeFileSync(join(root, "app/web/later.txt"), `# Functions that no map needed; made by cargo xtask parts, read by split.mjs.\n${later.join("\n")}\n`);
console.log(`${names.length} functions, of which ${later.length} names can wait`);
