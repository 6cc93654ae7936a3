// The worker's first script: runs the program that the page has compiled, in an instance of its own.
// The first message is that program; whatever comes before it listens is kept and handed on in order.
import { rest } from './rest.js';
import init from './page.js';

// Heard beside whatever handler the program puts up.
addEventListener('message', ({ data }) => {
  if (data?.rest instanceof WebAssembly.Module) rest.install(data.rest);
});

let kept = [];
onmessage = async ({ data }) => {
  if (!(data instanceof WebAssembly.Module)) {
    kept.push(data);
    return;
  }
  try {
    // Puts its own handler in place of this one.
    await init({ module_or_path: data });
  } catch (error) {
    // An error in a promise would never reach the page.
    setTimeout(() => { throw error; });
    return;
  }
  for (const message of kept) dispatchEvent(new MessageEvent('message', { data: message }));
  kept = null;
};
