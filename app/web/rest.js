// Brings the rest of the program, which is not needed to show a map (`split.mjs` says what that is). It is fetched as soon as the page has
// started; whoever needs it before it is here waits for it.
// `finish.mjs` writes its name here; null in builds that are not split.
const REST = null;

let first = null;
let early = null;
let installed = REST === null;

const install = (program) => {
  if (installed) return;
  if (first === null) {
    early = program;
    return;
  }
  new WebAssembly.Instance(program, { first });
  first.restIsHere.value = 1;
  installed = true;
};

const address = () => new URL(REST, import.meta.url);

/** What a stub calls: fetches and compiles on the spot. */
const load = () => {
  const request = new XMLHttpRequest();
  request.open('GET', address(), false);
  // A page may not ask for bytes in this way, but for text that holds them.
  request.overrideMimeType('text/plain; charset=x-user-defined');
  request.send();
  if (request.status !== 200) throw new Error(`${REST} was answered with ${request.status}`);
  rest.waited = true;
  install(new WebAssembly.Module(Uint8Array.from(request.response, (letter) => letter.charCodeAt(0))));
};

/** Fetches the rest in the background; null in builds that are not split. A failure is tried again by whoever needs it. */
export const fetchRest = async () => {
  if (REST === null) return null;
  const answer = await fetch(address(), { credentials: 'same-origin', priority: 'low' });
  if (!answer.ok) throw new Error(`${REST} was answered with ${answer.status}`);
  const program = await WebAssembly.compile(await answer.arrayBuffer());
  install(program);
  return program;
};

/** For the program's own script, which `finish.mjs` makes hand its exports over; `waited` says whether anything had to wait. */
export const rest = {
  load,
  install,
  waited: false,
  set exports(exports) {
    first = exports;
    if (early !== null) install(early);
  },
};
globalThis.scopeRest = rest;
