// Starts the page: its worker at once, then the one WebAssembly program that page and worker both run, compiled as it arrives.
// A file of its own because the Content-Security-Policy admits no inline script.
// Whatever goes wrong before the page can speak for itself is said here; a network that changes while files load is tried again.
import { fetchRest } from './rest.js';

const PAUSES = [300, 1000, 3000];

// `finish.mjs` writes the name of the style sheet here that the map does without; null where `index.html` has them all.
const MORE_STYLE = null;

if (MORE_STYLE !== null) document.head.append(Object.assign(document.createElement('link'), { rel: 'stylesheet', href: MORE_STYLE }));

const explain = (message) => {
  const text = document.getElementById('boot-text');
  const boot = document.getElementById('boot');
  if (!text || !boot) return;
  text.textContent = message;
  boot.classList.add('boot-failed');
  const again = document.createElement('button');
  again.textContent = 'Reload';
  again.addEventListener('click', () => location.reload());
  boot.append(again);
};

const compile = async () => {
  const answer = await fetch('./page_bg.wasm', { credentials: 'same-origin' });
  if (!answer.ok) throw new Error(`page_bg.wasm was answered with ${answer.status}`);
  // A plain file server may not know the type, and streams want it exact.
  return answer.headers.get('content-type') === 'application/wasm' ? WebAssembly.compileStreaming(answer) : WebAssembly.compile(await answer.arrayBuffer());
};

const bringRest = async (worker) => {
  for (const pause of [0, ...PAUSES]) {
    await new Promise((resolve) => setTimeout(resolve, pause));
    try {
      const program = await fetchRest();
      if (program !== null) worker.postMessage({ rest: program });
      return;
    } catch (error) {
      console.warn(error);
    }
  }
};

const start = async (attempt) => {
  // Each attempt has a worker of its own: one whose script did not load is of no use. The page's program takes it from here.
  globalThis.scopeWorker?.terminate();
  const worker = new Worker('./worker.js', { type: 'module' });
  let failed = false;
  worker.onerror = () => { failed = true; };
  globalThis.scopeWorker = worker;
  // A browser remembers that a module failed to load; another query is another module.
  const [{ default: init }, program] = await Promise.all([import(attempt === 0 ? './page.js' : `./page.js?again=${attempt}`), compile()]);
  if (failed) throw new Error('worker.js or what it needs did not load');
  worker.postMessage(program);
  await init({ module_or_path: program });
  void bringRest(worker);
};

if (typeof WebAssembly !== 'object') {
  explain('This browser has no WebAssembly, which Scope is made of.');
} else {
  for (let attempt = 0; ; attempt += 1) {
    try {
      await start(attempt);
      break;
    } catch (error) {
      console.error(error);
      // Once the page's own code runs, a second start would make a second page.
      const mounted = document.querySelector('.app, .alone') !== null;
      if (mounted || attempt >= PAUSES.length) {
        if (!mounted) explain(`Scope could not start: ${error?.message ?? error}. Its files are incomplete, the server sends them with a wrong type, or the network is gone.`);
        break;
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSES[attempt]));
    }
  }
}
