// Trunk's post-build hook, in release builds: makes the program smaller with npm's wasm-opt, joins the style sheets into one, then puts a hash of
// each file's content into its name, so that a browser may keep it for good.
// Without binaryen (an optional dependency) the program stays as it is: larger, not wrong.
import { createHash } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

if (process.env.TRUNK_PROFILE !== 'release') process.exit(0);

const here = dirname(fileURLToPath(import.meta.url));
const staged = (name) => join(process.env.TRUNK_STAGING_DIR, name);
const read = (name) => readFileSync(staged(name), 'utf8');
const write = (name, text) => writeFileSync(staged(name), text);

const PROGRAM = 'page_bg.wasm';
// The features are those that rustc turns on for this target.
const FEATURES = ['bulk-memory', 'nontrapping-float-to-int', 'sign-ext', 'mutable-globals', 'reference-types', 'multivalue'].map((name) => `--enable-${name}`);

const optimise = () => {
  const tool = join(here, 'node_modules', 'binaryen', 'bin', 'wasm-opt');
  if (!existsSync(tool)) {
    console.warn('finish.mjs: no wasm-opt (npm package binaryen); the page is left larger than it needs to be.');
    return;
  }
  const file = staged(PROGRAM);
  const before = statSync(file).size;
  const run = spawnSync(process.execPath, [tool, '-Oz', ...FEATURES, file, '-o', `${file}.tmp`], { stdio: ['ignore', 'inherit', 'inherit'] });
  if (run.status !== 0) {
    console.error(`finish.mjs: wasm-opt failed on ${PROGRAM}.`);
    process.exit(1);
  }
  renameSync(`${file}.tmp`, file);
  console.log(`finish.mjs: ${PROGRAM} ${before} -> ${statSync(file).size} bytes`);
};

// Browsers open six connections to a server that does not speak HTTP/2: six style sheets would hold up everything else.
const STYLE = 'style.css';

const joinStyles = () => {
  let all = '';
  let index = read('index.html');
  // Trunk has minified the page already: attributes come in any order, with and without quotes.
  for (const [link] of index.matchAll(/<link\b[^>]*\brel="?stylesheet\b[^>]*>/g)) {
    const name = link.match(/([\w-]+\.css)/)[1];
    index = index.replace(link, all === '' ? `<link rel=stylesheet href=${STYLE}>` : '');
    all += read(name);
    rmSync(staged(name));
  }
  // What only Trunk needed.
  index = index.replace(/<link\b[^>]*\brel="?rust\b[^>]*>/, '');
  write(STYLE, all);
  write('index.html', index);
};

// A file comes before those that name it; `index.html` names the rest and keeps its own.
const ORDER = [PROGRAM, 'page.js', 'worker.js', 'boot.js', STYLE];

const fingerprint = () => {
  for (const [at, name] of ORDER.entries()) {
    const hash = createHash('sha256').update(readFileSync(staged(name))).digest('hex').slice(0, 16);
    const named = name.replace(/^[a-z]+/, (stem) => `${stem}-${hash}`);
    renameSync(staged(name), staged(named));
    for (const other of [...ORDER.slice(at + 1), 'index.html']) write(other, read(other).replaceAll(name, named));
  }
};

optimise();
joinStyles();
fingerprint();
