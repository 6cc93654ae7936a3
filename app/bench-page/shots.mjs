// Takes pictures of generated maps for people to look at: node shots.mjs DIR [filter]
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { launch, open, serve, settle } from "./browser.mjs";

const PORT = Number(process.env.PORT ?? 4301);
const [dir = "shots", filter = ""] = process.argv.slice(2);
const SHOP = "s3client_1>s3-eu-west-1 webclient_1>shop_web_1 hold_1>echo_1 reports_1>internet internet>shop_web_1 load_2>shop_web_1 load_1>shop_web_1 shop_web_1>shop_api_2 shop_web_1>shop_api_1 shop_web_1>world shop_worker_1>shop_db_1 shop_worker_1>shop_cache_1 shop_api_1>shop_cache_1 shop_api_1>shop_db_1 shop_api_2>shop_db_1 shop_api_2>shop_cache_1 extdb_1>world shop_cache_1>shop_batch_1 shop_cache_1>shop_cache_1 #hostnet_1 #sidecar_1 #crashloop_1 #hostport_client_1_with_a_long_name #isolated_1 #pidhost_1 #tty_1 #paused_1 #echo_2";
const shots = [
  ["shop-light", (m) => m.load_text(SHOP)],
  ["shop-dark", (m) => (m.theme("dark"), m.load_text(SHOP))],
  ["shop-contrast", (m) => (m.theme("contrast"), m.load_text(SHOP))],
  ["shop-selected", (m) => (m.load_text(SHOP), m.select(3))],
  ["shop-metrics", (m) => (m.load_text(SHOP), m.metrics(true))],
  ["shop-networks", (m) => (m.load_text(SHOP), m.networks(true, ""))],
  ["shop-network-one", (m) => (m.load_text(SHOP), m.networks(true, "net2"))],
  ["shop-search", (m) => (m.load_text(SHOP), m.search("shop"))],
  ["shop-flat", (m) => m.load_text(SHOP), { flat: true }],
  ["shop-sharp", (m) => m.load_text(SHOP), { ratio: 2 }],
  ["shop-phone", (m) => m.load_text(SHOP), { width: 390, height: 800, ratio: 2 }],
  ["n50-light", (m) => m.load(50, 7)],
  ["n200-light", (m) => m.load(200, 7)],
  ["n200-dark", (m) => (m.theme("dark"), m.load(200, 7))],
  ["n200-near", (m) => (m.load(200, 7), m.set_camera(1500, 500, 0.5))],
  ["n200-selected", (m) => (m.load(200, 7), m.select(196))],
  ["n1000-light", (m) => m.load(1000, 7)],
  ["n1000-near", (m) => (m.load(1000, 7), m.set_camera(9000, 1500, 0.12))],
  ["n1000-near-dark", (m) => (m.theme("dark"), m.load(1000, 7), m.set_camera(9000, 1500, 0.25))],
  ["n10000-light", (m) => m.load(10000, 7)],
];
mkdirSync(dir, { recursive: true });
const server = await serve(PORT);
const browser = await launch();
for (const [name, work, options = {}] of shots.filter(([name]) => name.includes(filter))) {
  const page = await open(browser, { port: PORT, ...options });
  await page.evaluate(`(${work.toString().replace("SHOP", "SHOP")})(window.map)`.replaceAll("SHOP", JSON.stringify(SHOP)));
  await settle(page);
  writeFileSync(join(dir, `${name}.png`), await page.screenshot());
  if (name === "shop-metrics") writeFileSync(join(dir, "shop-metrics.svg"), await page.evaluate(() => window.map.svg(false)));
  console.log(name, await page.evaluate(() => window.map.renderer()));
  await page.context().close();
}
await browser.close();
server.close();
