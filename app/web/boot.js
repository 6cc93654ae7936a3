// Starts the page's WebAssembly module. A file of its own because the Content-Security-Policy admits no inline script.
// Whatever goes wrong before the page can speak for itself is said here.
const explain = (message) => {
  const text = document.getElementById('boot-text');
  if (text) text.textContent = message;
  document.getElementById('boot')?.classList.add('boot-failed');
};

try {
  if (typeof WebAssembly !== 'object') throw new Error('this browser has no WebAssembly');
  const { default: start } = await import('./page.js');
  await start({ module_or_path: './page_bg.wasm' });
} catch (error) {
  console.error(error);
  explain(`Scope could not start: ${error?.message ?? error}. Reload the page; if that does not help, its files are incomplete or the server sends them with a wrong type.`);
}
