// Splits the program in two: what runs until a map is shown, which a browser fetches first, and the rest, which arrives while people look.
//
// `later.txt` says which functions can wait: those that did not run when `app/bench-page/parts.mjs` last watched the page start. A function
// it does not know comes first, so code that changes makes the first part larger, never wrong. In the first part a function of the rest is a
// stub: it asks `rest.js` for the rest, should that not be here yet, and then calls it through a table that both parts share.
import { createHash } from 'node:crypto';
import binaryen from 'binaryen';
import { DATA, DATA_COUNT, ELEMENTS, EXPORTS, START, without } from './sections.mjs';

const NAME = String.raw`\$("(?:[^"\\]|\\.)*"|[^\s()]+)`;

/** What `later.txt` holds of a function: a digest of its name without what changes from build to build (crate hashes, numbers of closures). */
export const digest = (name) => createHash('sha256').update(name.replace(/\[[0-9a-f]{16}\]/g, '').replace(/#\d+/g, '')).digest('hex').slice(0, 8);

/** The program as binaryen reads it. */
export const read = (bytes) => binaryen.readBinary(bytes);

/** The functions of a module, in order: name, parameters, results, locals, body, and `module`, which is set for imported ones. */
export const functions = (module) => Array.from({ length: module.getNumFunctions() }, (_, at) => binaryen.getFunctionInfo(module.getFunctionByIndex(at)));

/** The binary, without names. */
export const write = (module) => {
  if (!module.validate()) throw new Error('split.mjs: a part is no valid program');
  binaryen.setDebugInfo(false);
  return module.emitBinary();
};

/** Each function's direct calls, and what is reachable from outside. binaryen's text is the one place that lists every kind of reference. */
const references = (module) => {
  const plain = (name) => (name.startsWith('"') ? name.slice(1, -1).replace(/\\(['"\\])/g, '$1') : name);
  const [begins, mentions, leaves] = [`^ \\(func ${NAME}`, `\\((?:call|ref\\.func|return_call) ${NAME}`, `^ \\((?:export .*\\(func|start) ${NAME}`];
  const [begin, mention, leave] = [new RegExp(begins), new RegExp(mentions, 'g'), new RegExp(leaves)];
  const calls = new Map();
  const roots = new Set();
  let current = roots;
  for (const line of module.emitText().split('\n')) {
    const name = line.match(begin)?.[1];
    if (name) calls.set(plain(name), (current = new Set()));
    else if (line.startsWith(' (')) current = roots;
    const root = line.match(leave)?.[1];
    if (root) roots.add(plain(root));
    for (const [, called] of line.matchAll(mention)) current.add(plain(called));
  }
  return { calls, roots };
};

/** `bytes` (with names) as `{ first, rest }`; `later` is the set of digests of `later.txt`. */
export const split = (bytes, later) => {
  const first = read(bytes);
  const rest = read(without(bytes, [EXPORTS, START, ELEMENTS, DATA_COUNT, DATA]));
  const all = functions(first);
  const own = all.filter((one) => one.module === '');
  const { calls, roots } = references(first);
  const missing = own.find(({ name }) => !calls.has(name));
  if (missing) throw new Error(`split.mjs: binaryen's text does not have ${missing.name}`);
  const segments = Array.from({ length: first.getNumElementSegments() }, (_, at) => binaryen.getElementSegmentInfo(first.getElementSegmentByIndex(at)));
  const taken = new Set(segments.flatMap((segment) => segment.data));

  // A function can wait if it is in the list, or if only functions that wait call it.
  const waits = (name) => calls.has(name) && later.has(digest(name));
  const kept = new Set();
  const open = [...roots, ...taken];
  while (open.length > 0) {
    const name = open.pop();
    if (kept.has(name) || waits(name)) continue;
    kept.add(name);
    open.push(...(calls.get(name) ?? []));
  }
  const moved = own.filter(({ name }) => !kept.has(name));
  const isMoved = new Set(moved.map(({ name }) => name));
  const called = new Set([...kept].flatMap((name) => [...(calls.get(name) ?? [])]));
  const needed = new Set(moved.flatMap(({ name }) => [...calls.get(name)].filter((target) => !isMoved.has(target))));

  // The rest takes from the first part what it shares with it: functions, memory, tables, globals.
  let exported = 0;
  const share = (name, offer, take) => {
    const short = (exported++).toString(36);
    offer(name, `.${short}`);
    take(name, 'first', `.${short}`);
  };
  for (const { name, params, results } of all.filter(({ name }) => !isMoved.has(name))) {
    rest.removeFunction(name);
    if (needed.has(name)) share(name, (...a) => first.addFunctionExport(...a), (...a) => rest.addFunctionImport(...a, params, results));
  }
  const slots = 'functions of the rest';
  first.addTable(slots, moved.length, moved.length);
  rest.addTable(slots, moved.length, moved.length);
  for (let at = 0; at < rest.getNumTables(); at += 1) {
    const { name } = binaryen.getTableInfo(rest.getTableByIndex(at));
    share(name, (...a) => first.addTableExport(...a), (...a) => rest.addTableImport(...a));
  }
  for (let at = 0; at < rest.getNumGlobals(); at += 1) {
    const { name, type, mutable } = binaryen.getGlobalInfo(rest.getGlobalByIndex(at));
    share(name, (...a) => first.addGlobalExport(...a), (...a) => rest.addGlobalImport(...a, type, mutable));
  }
  rest.addMemoryImport('0', 'first', 'memory');
  rest.addActiveElementSegment(slots, slots, moved.map(({ name }) => name), rest.i32.const(0));

  // Stubs. Whether the rest is here is a global that `rest.js` sets.
  first.addGlobal('rest is here', binaryen.i32, true, first.i32.const(0));
  first.addGlobalExport('rest is here', 'restIsHere');
  first.addFunctionImport('ask for the rest', 'rest', 'load', binaryen.none, binaryen.none);
  first.addFunction('have the rest', binaryen.none, binaryen.none, [], first.if(
    first.i32.eqz(first.global.get('rest is here', binaryen.i32)),
    first.call('ask for the rest', [], binaryen.none),
  ));
  moved.forEach(({ name, params, results }, slot) => {
    first.removeFunction(name);
    if (!called.has(name) && !taken.has(name) && !roots.has(name)) return;
    const operands = binaryen.expandType(params).map((type, at) => first.local.get(at, type));
    first.addFunction(name, params, results, [], first.block(null, [
      first.call('have the rest', [], binaryen.none),
      first.call_indirect(slots, first.i32.const(slot), operands, params, results),
    ], results));
  });
  return { first: write(first), rest: write(rest) };
};

/** `bytes` (with names) made to call `seen.note(n)` whenever its function number `n` begins, and the names by number. */
export const watch = (bytes) => {
  const module = read(bytes);
  const own = functions(module).filter((one) => one.module === '');
  module.addFunctionImport('note', 'seen', 'note', binaryen.i32, binaryen.none);
  own.forEach(({ name, params, results, vars, body }, number) => {
    const noted = module.block(null, [module.call('note', [module.i32.const(number)], binaryen.none), body], results);
    module.removeFunction(name);
    module.addFunction(name, params, results, vars, noted);
  });
  return { watched: write(module), names: own.map(({ name }) => name) };
};
