// How fast the whole page answers with a large cluster loaded: what is typed in the search, a click on a column's header, a scrolled table.
// It opens report files in the built page (`dist/`), without any server.
//
//   cargo xtask page
//   cargo run --release -p scope-app --example cluster -- target/cluster 100 100 4    # 10,000 containers on 100 hosts
//   (cd app/bench-page && npm install && node page.mjs ../../dist ../../target/cluster)
//
// Measured in the page, from the event to the first frame after the page shows the answer, each many times. Frames here come from software
// rendering on a shared machine; what the page's own thread did meanwhile is printed beside it.
import { readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { launch, serve } from "./browser.mjs";

const [dist, reports, rounds = "15"] = process.argv.slice(2);
if (!dist || !reports) throw new Error("node page.mjs DIST REPORTS [ROUNDS]");
const port = 4877;
const server = await serve(port, `${resolve(dist)}/`);
const browser = await launch();
const context = await browser.newContext({ viewport: { width: 1400, height: 900 }, reducedMotion: "reduce" });
const page = await context.newPage();
page.on("pageerror", (error) => console.error("page error:", error.message));
await page.goto(`http://127.0.0.1:${port}/?server=none#/containers/table`);
await page.waitForSelector(".empty input[type=file]", { state: "attached", timeout: 120_000 });
const files = readdirSync(reports).map((name) => join(resolve(reports), name));
const before = Date.now();
await page.setInputFiles(".empty input[type=file]", files);
const count = async () => Number((await page.textContent("[data-testid=counts]")).split(" ")[0]);
await page.waitForFunction((files) => document.querySelector("footer")?.textContent.includes(`${files} probe`), files.length, { timeout: 120_000 });
const loaded = ((Date.now() - before) / 1000).toFixed(1);
for (let last = -1, same = 0; same < 5; ) {
  await page.waitForTimeout(1000);
  const now = await count();
  same = now === last ? same + 1 : 0;
  last = now;
}
console.log(`${files.length} reports, ${await count()} rows; loaded after ${loaded} s`);

// `act` does something; the answer is there when `shown` holds. Times are of the page's clock, in milliseconds.
await page.evaluate(() => {
  window.measure = async (act, shown) => {
    let busy = 0;
    const tasks = new PerformanceObserver((list) => list.getEntries().forEach((entry) => { busy = Math.max(busy, entry.duration); }));
    tasks.observe({ type: "longtask" });
    const start = performance.now();
    act();
    const acted = performance.now() - start;
    // How many frames the browser drew without the answer: what a person sees of a wait.
    let frames = 0;
    const answered = await new Promise((done) => {
      const look = () => (shown() ? done(performance.now()) : requestAnimationFrame(() => { frames += 1; look(); }));
      look();
    });
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    const painted = performance.now();
    tasks.disconnect();
    return { acted, answered: answered - start, painted: painted - start, busy, frames };
  };
  window.typed = (text) => {
    const box = document.querySelector("#search");
    box.focus();
    box.value = text;
    box.dispatchEvent(new InputEvent("input", { bubbles: true }));
  };
  window.total = () => Number(document.querySelector(".table-view table").getAttribute("aria-rowcount")) - 1;
});

const quantile = (values, share) => values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))];
const report = (name, runs) => {
  const of = (key) => runs.map((run) => run[key]);
  const row = [quantile(of("painted"), 0.5), quantile(of("painted"), 0.95), quantile(of("answered"), 0.5), quantile(of("acted"), 0.5), Math.max(...of("busy")), quantile(of("frames"), 0.5)];
  console.log(`| ${name} | ${row.map((value) => value.toFixed(1)).join(" | ")} |`);
};
console.log("| | to the paint, p50 | p95 | answer in the page, p50 | event handler, p50 | longest task | frames, p50 |\n|---|---|---|---|---|---|---|");

const all = await count();
for (const [name, query] of [["a letter that most rows match", "c"], ["a word that few rows match", "-1-99"], ["an expression", "c.*(1|2)7"], ["a comparison", "cpu > 90%"]]) {
  const runs = [];
  for (let round = 0; round < Number(rounds); round += 1) {
    runs.push(await page.evaluate(async (query) => {
      const before = document.querySelector("[data-view=containers] .found")?.innerText;
      const run = await window.measure(() => window.typed(query), () => document.querySelector("[data-view=containers] .found") !== null && before === undefined);
      return run;
    }, query));
    await page.evaluate((all) => window.measure(() => window.typed(""), () => window.total() === all && !document.querySelector("[data-view=containers] .found")), all);
  }
  report(`search: ${name}`, runs);
}
for (const column of ["label", "docker_memory_usage", "docker_cpu_total_usage"]) {
  const runs = [];
  for (let round = 0; round < Number(rounds); round += 1) {
    runs.push(await page.evaluate((column) => {
      const head = document.querySelector(`th[data-column=${column}]`);
      const order = () => document.querySelector(`th[data-column=${column}]`).getAttribute("aria-sort");
      const was = order();
      return window.measure(() => head.querySelector("button").click(), () => order() !== was);
    }, column));
  }
  report(`sort by ${column}`, runs);
}
const scroll = await page.evaluate(async () => {
  const view = document.querySelector(".table-view");
  const times = [];
  let [blank, last] = [0, performance.now()];
  for (let frame = 0; frame < 120; frame += 1) {
    view.scrollTop += 320;
    await new Promise(requestAnimationFrame);
    const now = performance.now();
    times.push(now - last);
    last = now;
    const box = view.getBoundingClientRect();
    const at = document.elementFromPoint(box.left + 60, box.top + box.height / 2);
    if (!at?.closest("tr.node")) blank += 1;
  }
  return { times, blank };
});
console.log(`\nscrolling ten rows a frame: ${quantile(scroll.times, 0.5).toFixed(1)} ms a frame (p95 ${quantile(scroll.times, 0.95).toFixed(1)}), ${scroll.blank} of ${scroll.times.length} frames without rows in the middle`);
await browser.close();
server.close();
