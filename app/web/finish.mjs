// Trunk's post-build hook, in release builds: makes the program smaller with npm's wasm-opt, splits it into what a map needs and the rest,
// joins the style sheets into one, then puts a hash of each file's content into its name, so that a browser may keep it for good, and
// compressed files beside the plain ones, so that serving them costs no CPU time.
// Without binaryen (an optional dependency) the program stays as it is: larger, not wrong.
import { createHash } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { CUSTOM, without } from './sections.mjs';

if (process.env.TRUNK_PROFILE !== 'release') process.exit(0);

const here = dirname(fileURLToPath(import.meta.url));
const staged = (name) => join(process.env.TRUNK_STAGING_DIR, name);
const read = (name) => readFileSync(staged(name), 'utf8');
const write = (name, text) => writeFileSync(staged(name), text);

const PROGRAM = 'page_bg.wasm';
const REST = 'rest_bg.wasm';
// The features are those that rustc turns on for this target.
const FEATURES = ['bulk-memory', 'nontrapping-float-to-int', 'sign-ext', 'mutable-globals', 'reference-types', 'multivalue'].map((name) => `--enable-${name}`);

const binaryen = join(here, 'node_modules', 'binaryen');

/** Replaces what must be there once. */
const patch = (name, from, to) => {
  const text = read(name);
  if (text.split(from).length !== 2) throw new Error(`finish.mjs: ${name} does not have exactly one ${from}`);
  write(name, text.replace(from, to));
};

const optimise = () => {
  const file = staged(PROGRAM);
  const before = statSync(file).size;
  // With names, functions left apart that only one other calls, and data as it was linked: `split.mjs` goes by functions and objects.
  const tool = join(binaryen, 'bin', 'wasm-opt');
  const run = spawnSync(process.execPath, [tool, '-Oz', '-g', '--one-caller-inline-max-function-size', '40', '--skip-pass=memory-packing', ...FEATURES, file, '-o', `${file}.tmp`], { stdio: ['ignore', 'inherit', 'inherit'] });
  if (run.status !== 0) throw new Error(`finish.mjs: wasm-opt failed on ${PROGRAM}`);
  renameSync(`${file}.tmp`, file);
  console.log(`finish.mjs: ${PROGRAM} ${before} -> ${statSync(file).size} bytes, names included`);
};

const splitProgram = async () => {
  const { split, watch } = await import('./split.mjs');
  const whole = readFileSync(staged(PROGRAM));
  if (process.env.SCOPE_WATCH) {
    // For `app/bench-page/parts.mjs`, which finds out what a start needs.
    const { watched, names } = watch(whole);
    writeFileSync(staged(PROGRAM), watched);
    write('names.json', JSON.stringify(names));
    patch('page.js', '"./page_bg.js": import0,', '"./page_bg.js": import0, seen: { note: (number) => (globalThis.scopeSeen ??= new Set()).add(number) },');
    return;
  }
  const later = new Set(readFileSync(join(here, 'later.txt'), 'utf8').split('\n').filter((line) => /^[0-9a-f]{8}$/.test(line)));
  const { first, rest } = split(whole, later, shorten());
  writeFileSync(staged(PROGRAM), first);
  writeFileSync(staged(REST), rest);
  patch('rest.js', 'const REST = null;', `const REST = './${REST}';`);
  patch('page.js', '"./page_bg.js": import0,', '"./page_bg.js": import0, rest: globalThis.scopeRest,');
  patch('page.js', 'wasm = instance.exports;', 'globalThis.scopeRest.exports = wasm = instance.exports;');
  console.log(`finish.mjs: ${whole.length} -> ${first.length} bytes first, ${rest.length} later`);
};

const makeSmaller = async () => {
  if (existsSync(binaryen)) {
    optimise();
    await splitProgram();
    return;
  }
  console.warn('finish.mjs: no wasm-opt (npm package binaryen); the page is left larger than it needs to be.');
  writeFileSync(staged(PROGRAM), without(readFileSync(staged(PROGRAM)), [CUSTOM]));
};

// Browsers open six connections to a server that does not speak HTTP/2: six style sheets would hold up everything else. The map is drawn, and
// its frame, with those in FIRST; `boot.js` asks for the others.
const STYLE = 'style.css';
const MORE = 'more.css';
const FIRST = ['tokens.css', 'base.css', 'frame.css'];

const joinStyles = () => {
  const all = { [STYLE]: '', [MORE]: '' };
  let index = read('index.html');
  // Trunk has minified the page already: attributes come in any order, with and without quotes.
  for (const [link] of index.matchAll(/<link\b[^>]*\brel="?stylesheet\b[^>]*>/g)) {
    const name = link.match(/([\w-]+\.css)/)[1];
    const sheet = FIRST.includes(name) ? STYLE : MORE;
    index = index.replace(link, all[STYLE] === '' && sheet === STYLE ? `<link rel=stylesheet href=${STYLE}>` : '');
    all[sheet] += read(name);
    rmSync(staged(name));
  }
  // What only Trunk needed.
  index = index.replace(/<link\b[^>]*\brel="?rust\b[^>]*>/, '');
  for (const sheet of [STYLE, MORE]) write(sheet, all[sheet]);
  write('index.html', index);
  patch('boot.js', 'const MORE_STYLE = null;', `const MORE_STYLE = './${MORE}';`);
};

/** Shorter names for what the program and its script share, and no comments. */
const shorten = () => {
  const short = new Map();
  const text = read('page.js')
    .replace(/^ *\/\*\*[\s\S]*?\*\/\n/gm, '')
    .replace(/^ +/gm, '')
    .replace(/\b(?:__wbg_|__wbindgen_|__externref_|wasm_bindgen_)\w+/g, (name) => {
      if (!short.has(name)) short.set(name, `$${short.size.toString(36)}`);
      return short.get(name);
    });
  write('page.js', text);
  return short;
};

// A file comes before those that name it; `index.html` names the rest and keeps its own.
const ORDER = [PROGRAM, REST, 'rest.js', 'page.js', 'worker.js', MORE, 'boot.js', STYLE];

const fingerprint = () => {
  for (const [at, name] of ORDER.entries()) {
    if (!existsSync(staged(name))) continue; // not split
    const hash = createHash('sha256').update(readFileSync(staged(name))).digest('hex').slice(0, 16);
    const named = name.replace(/^[a-z]+/, (stem) => `${stem}-${hash}`);
    renameSync(staged(name), staged(named));
    for (const other of [...ORDER.slice(at + 1), 'index.html']) {
      if (!other.endsWith('.wasm')) write(other, read(other).replaceAll(name, named));
    }
  }
};

const brotli = (plain) => brotliCompressSync(plain, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: plain.length } });

const compress = () => {
  for (const entry of readdirSync(staged('.'), { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath ?? entry.path, entry.name);
    const plain = readFileSync(file);
    for (const [suffix, compressed] of [['.br', brotli(plain)], ['.gz', gzipSync(plain, { level: 9 })]]) {
      if (compressed.length < plain.length * 0.95) writeFileSync(file + suffix, compressed);
    }
  }
};

/** The server's program has these files in it, and Cargo does not look for new ones. */
const tellCargo = () => {
  try {
    utimesSync(join(here, '../../server/src/main.rs'), new Date(), new Date());
  } catch {
    // A read-only checkout.
  }
};

await makeSmaller();
joinStyles();
fingerprint();
compress();
tellCargo();
