// Splits the program in two: what runs until a map is shown, which a browser fetches first, and the rest, which arrives while people look.
//
// `later.txt` says which functions can wait: those that did not run when `cargo xtask parts` last watched the page start. A function
// it does not know comes first, so code that changes makes the first part larger, never wrong. In the first part a function of the rest is a
// stub: it asks `rest.js` for the rest, should that not be here yet, and then calls it through a table that both parts share. What nothing
// in the first part refers to, functions and data (texts, tables of numbers), has no stub and is in the rest alone.
import { createHash } from 'node:crypto';
import binaryen from 'binaryen';
import { DATA, DATA_COUNT, ELEMENTS, EXPORTS, START, data, withData, without } from './sections.mjs';

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

/**
 * What is reachable from outside, and of each function what it calls and the numbers in it, any of which may be the place of some data or of
 * a function in the table. binaryen's text is the one place that lists every kind of reference.
 */
const references = (module) => {
  const plain = (name) => (name.startsWith('"') ? name.slice(1, -1).replace(/\\(['"\\])/g, '$1') : name);
  const [begins, mentions, leaves] = [`^ \\(func ${NAME}`, `\\((?:call|ref\\.func|return_call) ${NAME}`, `^ \\((?:export .*\\(func|start) ${NAME}`];
  const [begin, mention, leave] = [new RegExp(begins), new RegExp(mentions, 'g'), new RegExp(leaves)];
  const uses = new Map();
  const roots = { calls: new Set(), numbers: new Set() };
  let current = roots;
  for (const line of module.emitText().split('\n')) {
    const name = line.match(begin)?.[1];
    if (name) uses.set(plain(name), (current = { calls: new Set(), numbers: new Set() }));
    else if (line.startsWith(' (')) current = roots;
    const root = line.match(leave)?.[1];
    if (root) roots.calls.add(plain(root));
    for (const [, called] of line.matchAll(mention)) current.calls.add(plain(called));
    // Of data and of the table only the places stand here, which are no references.
    if (/^ \((?:data|elem) /.test(line)) continue;
    for (const [, value, offset] of line.matchAll(/\(i32\.const (-?\d+)\)| offset=(\d+)/g)) current.numbers.add(Number(value ?? offset));
    // Two in one: wasm-opt joins what is stored side by side.
    for (const [, pair] of line.matchAll(/\(i64\.const (-?\d+)\)/g)) {
      for (const half of [BigInt(pair), BigInt(pair) >> 32n]) current.numbers.add(Number(BigInt.asUintN(32, half)));
    }
  }
  return { uses, roots };
};

/**
 * How far beside an object, in bytes, an address may lie that stands for it: `table[code - 22]` begins its sum before it, a loop may begin and
 * end behind. Of all the references that the linker notes of the page (`--emit-relocs`) three lie before their object, 4 bytes before one of
 * 40, 48 of 624, 176 of 128; thirteen lie up to 12 bytes behind, of objects of 16 to 224. None is of a large object, so these count by what is in them.
 */
const FARTHEST = 256;
const isLarge = ({ bytes }) => bytes.length >= 1000;
const before = (object) => (isLarge(object) ? 0 : Math.min(2 * object.bytes.length, FARTHEST));
const BEHIND = 16;

/** Finds the objects in memory, linked one a segment, that a number may be the address of. */
const finder = (objects) => {
  const order = objects.map((_, at) => at).sort((a, b) => objects[a].at - objects[b].at);
  return (value) => {
    let [low, high] = [0, order.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const { at, bytes } = objects[order[middle]];
      if (at + bytes.length + BEHIND < value) low = middle + 1;
      else high = middle;
    }
    const found = [];
    for (; low < order.length && objects[order[low]].at - FARTHEST <= value; low += 1) {
      const object = objects[order[low]];
      const outside = isLarge(object) && value >= object.at + object.bytes.length;
      if (object.at - before(object) <= value && !outside) found.push(order[low]);
    }
    return found;
  };
};

/** What the first part needs: names of functions (those that wait included, which get stubs) and numbers of objects. */
const reachable = ({ uses, roots }, table, objects, waits) => {
  const find = finder(objects);
  const [functions, kept] = [new Set(), new Set()];
  const open = [...roots.calls];
  const number = (value) => {
    if (table.has(value)) open.push(table.get(value));
    for (const at of find(value)) {
      if (kept.has(at)) continue;
      kept.add(at);
      const { at: place, bytes } = objects[at];
      for (let word = (4 - (place & 3)) & 3; word + 4 <= bytes.length; word += 4) number(bytes.readUInt32LE(word));
    }
  };
  roots.numbers.forEach(number);
  while (open.length > 0) {
    const name = open.pop();
    if (functions.has(name)) continue;
    functions.add(name);
    if (waits(name) || !uses.has(name)) continue;
    open.push(...uses.get(name).calls);
    uses.get(name).numbers.forEach(number);
  }
  return { functions, kept };
};

/** Gives what the program takes from its script and offers to it the names of `short`. */
const rename = (module, short) => {
  for (const { name, base, module: from, params, results } of functions(module)) {
    if (from === '' || !short.has(base)) continue;
    module.removeFunction(name);
    module.addFunctionImport(name, from, short.get(base), params, results);
  }
  const exported = Array.from({ length: module.getNumExports() }, (_, at) => binaryen.getExportInfo(module.getExportByIndex(at)));
  for (const { name, kind, value } of exported) {
    if (!short.has(name)) continue;
    module.removeExport(name);
    if (kind === binaryen.ExternalTable) module.addTableExport(value, short.get(name));
    else module.addFunctionExport(value, short.get(name));
  }
};

/** `bytes` (with names) as `{ first, rest }`; `later` is the set of digests of `later.txt`, `short` shorter names for what the script shares. */
export const split = (bytes, later, short) => {
  const first = read(bytes);
  rename(first, short);
  const rest = read(without(bytes, [EXPORTS, START, ELEMENTS, DATA_COUNT, DATA]));
  const all = functions(first);
  const own = all.filter((one) => one.module === '');
  const found = references(first);
  const calls = (name) => found.uses.get(name).calls;
  const missing = own.find(({ name }) => !found.uses.has(name));
  if (missing) throw new Error(`split.mjs: binaryen's text does not have ${missing.name}`);
  // The table that pointers to functions go by.
  const [elements, ...others] = Array.from({ length: first.getNumElementSegments() }, (_, at) => binaryen.getElementSegmentInfo(first.getElementSegmentByIndex(at)));
  if (others.length > 0) throw new Error('split.mjs: more than one table of functions');
  const base = binaryen.getExpressionInfo(elements.offset).value;
  const table = new Map(elements.data.map((name, at) => [base + at, name]));
  const objects = data(bytes);

  // A function can wait if it is in the list, or if only functions that wait refer to it.
  const waits = (name) => found.uses.has(name) && later.has(digest(name));
  const { functions: needs, kept: objectsKept } = reachable(found, table, objects, waits);
  const moved = own.filter(({ name }) => !needs.has(name) || waits(name));
  const isMoved = new Set(moved.map(({ name }) => name));
  const needed = new Set(moved.flatMap(({ name }) => [...calls(name)].filter((target) => !isMoved.has(target))));

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
  const stubs = moved.filter(({ name }) => needs.has(name));
  first.addTable(slots, stubs.length, stubs.length);
  rest.addTable(slots, stubs.length, stubs.length);
  for (let at = 0; at < rest.getNumTables(); at += 1) {
    const { name } = binaryen.getTableInfo(rest.getTableByIndex(at));
    share(name, (...a) => first.addTableExport(...a), (...a) => rest.addTableImport(...a));
  }
  for (let at = 0; at < rest.getNumGlobals(); at += 1) {
    const { name, type, mutable } = binaryen.getGlobalInfo(rest.getGlobalByIndex(at));
    share(name, (...a) => first.addGlobalExport(...a), (...a) => rest.addGlobalImport(...a, type, mutable));
  }
  rest.addMemoryImport('0', 'first', 'memory');
  rest.addActiveElementSegment(slots, slots, stubs.map(({ name }) => name), rest.i32.const(0));

  // Stubs. Whether the rest is here is a global that `rest.js` sets.
  first.addGlobal('rest is here', binaryen.i32, true, first.i32.const(0));
  first.addGlobalExport('rest is here', 'restIsHere');
  first.addFunctionImport('ask for the rest', 'rest', 'load', binaryen.none, binaryen.none);
  first.addFunction('have the rest', binaryen.none, binaryen.none, [], first.if(
    first.i32.eqz(first.global.get('rest is here', binaryen.i32)),
    first.call('ask for the rest', [], binaryen.none),
  ));
  for (const { name } of moved) first.removeFunction(name);
  stubs.forEach(({ name, params, results }, slot) => {
    const operands = binaryen.expandType(params).map((type, at) => first.local.get(at, type));
    first.addFunction(name, params, results, [], first.block(null, [
      first.call('have the rest', [], binaryen.none),
      first.call_indirect(slots, first.i32.const(slot), operands, params, results),
    ], results));
  });

  // Pointers to functions of the rest lead there directly once it is here; to those without a stub nothing points before.
  const absent = elements.data.map((name) => isMoved.has(name) && !needs.has(name));
  first.removeElementSegment(elements.name);
  first.addActiveElementSegment(elements.table, elements.name, elements.data.map((name, at) => (absent[at] ? 'have the rest' : name)), first.i32.const(base));
  for (let at = 0; at < elements.data.length; at += 1) {
    const from = at;
    while (isMoved.has(elements.data[at])) at += 1;
    if (at > from) rest.addActiveElementSegment(elements.table, `from ${from}`, elements.data.slice(from, at), rest.i32.const(base + from));
  }
  return {
    first: withData(without(write(first), [DATA, DATA_COUNT]), objects, (number) => objectsKept.has(number)),
    rest: withData(write(rest), objects, (number) => !objectsKept.has(number)),
  };
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
