// Trunk's post-build hook: in release builds, runs npm's wasm-opt over the page and the worker.
// Without binaryen (an optional dependency) it leaves the modules as they are and says so: larger, not wrong.
import { spawnSync } from 'node:child_process';
import { existsSync, renameSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

if (process.env.TRUNK_PROFILE !== 'release') process.exit(0);

const here = dirname(fileURLToPath(import.meta.url));
const tool = join(here, 'node_modules', 'binaryen', 'bin', 'wasm-opt');
if (!existsSync(tool)) {
  console.warn('optimise.mjs: no wasm-opt (npm package binaryen); the page is left larger than it needs to be.');
  process.exit(0);
}

// The page is optimised for size, the worker for speed. The features are those rustc turns on for this target.
const features = ['--enable-bulk-memory', '--enable-nontrapping-float-to-int', '--enable-sign-ext', '--enable-mutable-globals', '--enable-reference-types', '--enable-multivalue'];
for (const [name, level] of [['page', '-Oz'], ['worker', '-O2']]) {
  const file = join(process.env.TRUNK_STAGING_DIR, `${name}_bg.wasm`);
  const before = statSync(file).size;
  const run = spawnSync(process.execPath, [tool, level, ...features, file, '-o', `${file}.tmp`], { stdio: ['ignore', 'inherit', 'inherit'] });
  if (run.status !== 0) {
    console.error(`optimise.mjs: wasm-opt failed on ${name}_bg.wasm.`);
    process.exit(1);
  }
  renameSync(`${file}.tmp`, file);
  console.log(`optimise.mjs: ${name}_bg.wasm ${before} -> ${statSync(file).size} bytes`);
}
