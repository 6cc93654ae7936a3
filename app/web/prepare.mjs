// Trunk's pre-build hook: puts the terminal emulator's modules where Trunk copies them from (`app/web/vendor`).
// Runs `npm ci` only when the lock file changed since the last time, so that an offline rebuild works.
import { createHash } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const vendor = join(here, 'vendor');
const stamp = join(vendor, '.lock-sha256');
const lock = createHash('sha256').update(readFileSync(join(here, 'package-lock.json'))).digest('hex');

const files = {
  '@xterm/xterm/lib/xterm.mjs': 'xterm.mjs',
  '@xterm/xterm/css/xterm.css': 'xterm.css',
  '@xterm/xterm/LICENSE': 'xterm.LICENSE',
  '@xterm/addon-fit/lib/addon-fit.mjs': 'addon-fit.mjs',
  '@xterm/addon-search/lib/addon-search.mjs': 'addon-search.mjs',
  '@xterm/addon-web-links/lib/addon-web-links.mjs': 'addon-web-links.mjs',
};

if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) process.exit(0);

const npm = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: here, stdio: ['ignore', 'inherit', 'inherit'] });
if (npm.status !== 0) {
  console.error(`prepare.mjs: \`npm ci\` in app/web failed (${npm.error?.message ?? `exit code ${npm.status}`}); the terminal (xterm.js) cannot be bundled without it. If the registry is not reachable, \`npm ping\` says so; with a mirror, set npm_config_registry.`);
  process.exit(1);
}
rmSync(vendor, { recursive: true, force: true });
mkdirSync(vendor, { recursive: true });
for (const [from, to] of Object.entries(files)) {
  // The source maps are not shipped: drop the comments that name them.
  const source = join(here, 'node_modules', from);
  if (to.endsWith('.mjs')) writeFileSync(join(vendor, to), readFileSync(source, 'utf8').replace(/\n\/\/# sourceMappingURL=.*\s*$/, '\n'));
  else cpSync(source, join(vendor, to));
}
writeFileSync(stamp, lock);
