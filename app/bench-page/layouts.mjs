// Lays out the graphs of a folder with Graphviz dot (as WebAssembly) and dagre, each in a time box, and writes what they drew beside them.
//
//   cargo bench -p scope-app --bench layout -- --export DIR     writes graph-NAME.json
//   node layouts.mjs DIR [seconds] [part of NAME]...            writes dot-NAME.json and dagre-NAME.json: {ms, positions, lines} or {ms, gaveUp}
//   cargo bench -p scope-app --bench layout -- --measure DIR    prints one table for all
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Worker, isMainThread, parentPort, workerData } from "node:worker_threads";

const [dir, seconds = "60", ...parts] = process.argv.slice(2);

const PIECES = 13;

/** Cuts a B-spline given as cubic chain into points, as many a piece as `quality::PIECES`: odd, or symmetric curves cross in a corner of both. */
function flatten(chain) {
  const line = [chain[0]];
  for (let i = 0; i + 3 < chain.length; i += 3) {
    const [a, b, c, d] = chain.slice(i, i + 4);
    for (let k = 1; k <= PIECES; k++) {
      const t = k / PIECES, s = 1 - t;
      line.push([0, 1].map((x) => s * s * s * a[x] + 3 * s * s * t * b[x] + 3 * s * t * t * c[x] + t * t * t * d[x]));
    }
  }
  return line;
}

async function dot({ nodes, edges }) {
  const { instance } = await import("@viz-js/viz");
  const viz = await instance();
  const text = `digraph { graph [nodesep=${120 / 72}, ranksep=${140 / 72}]; node [shape=box, fixedsize=true, width=${100 / 72}, height=${100 / 72}, label=""]; edge [arrowhead=none, tailport=c, headport=c];\n` +
    Array.from({ length: nodes }, (_, i) => `n${i};`).join("\n") + edges.map(([a, b], i) => `n${a} -> n${b} [id="${i}"];`).join("\n") + "}";
  const start = process.cpuUsage();
  const result = viz.renderJSON(text);
  const used = process.cpuUsage(start);
  const numbers = (value) => value.replace(/^[es],/, "").split(/[ ,]/).map(Number);
  const byId = new Map(result.objects.map((o) => [o.name, numbers(o.pos)]));
  const lines = new Array(edges.length).fill(null).map(() => []);
  for (const edge of result.edges ?? []) {
    const points = edge.pos.split(" ").map((p) => p.replace(/^[es],/, "").split(",").map(Number)).map(([x, y]) => [x, -y]);
    lines[Number(edge.id)] = flatten(points);
  }
  const positions = Array.from({ length: nodes }, (_, i) => byId.get(`n${i}`)).map(([x, y]) => [x, -y]);
  return { ms: (used.user + used.system) / 1000, positions, lines };
}

async function dagre({ nodes, edges }) {
  const { default: lib } = await import("@dagrejs/dagre");
  const graph = new lib.graphlib.Graph({ multigraph: true }).setGraph({ nodesep: 120, ranksep: 140 }).setDefaultEdgeLabel(() => ({}));
  for (let i = 0; i < nodes; i++) graph.setNode(String(i), { width: 100, height: 100 });
  edges.forEach(([a, b], i) => graph.setEdge(String(a), String(b), {}, String(i)));
  const start = process.cpuUsage();
  lib.layout(graph);
  const used = process.cpuUsage(start);
  const positions = Array.from({ length: nodes }, (_, i) => { const n = graph.node(String(i)); return [n.x, n.y]; });
  const lines = edges.map(([a, b], i) => [positions[a], ...graph.edge(String(a), String(b), String(i)).points.slice(1, -1).map((p) => [p.x, p.y]), positions[b]]);
  return { ms: (used.user + used.system) / 1000, positions, lines };
}

if (!isMainThread) {
  parentPort.postMessage(await { dot, dagre }[workerData.engine](workerData.graph));
} else {
  const graphs = readdirSync(dir).filter((f) => /^graph-.*\.json$/.test(f) && (!parts.length || parts.some((part) => f.includes(part)))).map((file) => ({ file, graph: JSON.parse(readFileSync(join(dir, file), "utf8")) }));
  graphs.sort((a, b) => a.graph.nodes - b.graph.nodes);
  for (const engine of ["dot", "dagre"]) {
    // Who gave up on one graph is not asked for larger ones.
    let most = Infinity;
    for (const { file, graph } of graphs) {
      if (graph.nodes > most) continue;
      const worker = new Worker(new URL(import.meta.url), { workerData: { engine, graph } });
      const result = await new Promise((resolve) => {
        const timer = setTimeout(() => resolve({ gaveUp: true, ms: 1000 * seconds, positions: [], lines: [] }), 1000 * seconds);
        worker.on("message", (m) => { clearTimeout(timer); resolve(m); });
        worker.on("error", (e) => { clearTimeout(timer); resolve({ gaveUp: true, error: String(e), ms: 0, positions: [], lines: [] }); });
      });
      await worker.terminate();
      writeFileSync(join(dir, file.replace("graph", engine)), JSON.stringify(result));
      console.log(engine, file, result.gaveUp ? `gave up after ${seconds} s ${result.error ?? ""}` : `${result.ms.toFixed(0)} ms`);
      if (result.gaveUp) most = graph.nodes;
    }
  }
}
