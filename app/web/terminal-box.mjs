// Loads xterm.js when the first terminal opens and wraps what the page needs of it. Everything comes from the page's own `vendor` folder.
const asset = (name) => new URL(`vendor/${name}`, document.baseURI).href;

let loading = null;
const load = () => {
  loading ??= (async () => {
    const style = document.createElement('link');
    style.rel = 'stylesheet';
    style.href = asset('xterm.css');
    // Measured without its style sheet, a terminal draws its rows over one another.
    const styled = new Promise((resolve, reject) => { style.onload = resolve; style.onerror = reject; });
    document.head.append(style);
    const [xterm, fit, search, links] = await Promise.all(['xterm.mjs', 'addon-fit.mjs', 'addon-search.mjs', 'addon-web-links.mjs'].map((name) => import(asset(name))));
    await styled;
    return { Terminal: xterm.Terminal, FitAddon: fit.FitAddon, SearchAddon: search.SearchAddon, WebLinksAddon: links.WebLinksAddon };
  })();
  loading.catch(() => { loading = null; });
  return loading;
};

/** A terminal in `host`. `onData` gets what is typed, `onSize` columns and rows whenever they change. */
export class TerminalBox {
  static async open(host, raw, resizable, onData, onSize) {
    const { Terminal, FitAddon, SearchAddon, WebLinksAddon } = await load();
    const box = new TerminalBox();
    box.terminal = new Terminal({
      convertEol: !raw,
      cursorBlink: !matchMedia('(prefers-reduced-motion: reduce)').matches,
      fontFamily: 'ui-monospace, "SFMono-Regular", Menlo, Consolas, "Liberation Mono", monospace',
      fontSize: 13,
      scrollback: 10000,
      theme: { background: '#101117', foreground: '#e6e7ee', selectionBackground: '#3d4a7a' },
    });
    box.fitAddon = new FitAddon();
    box.searchAddon = new SearchAddon();
    box.terminal.loadAddon(box.fitAddon);
    box.terminal.loadAddon(box.searchAddon);
    box.terminal.loadAddon(new WebLinksAddon((event, address) => window.open(address, '_blank', 'noopener,noreferrer')));
    box.terminal.open(host);
    box.terminal.onData(onData);
    box.terminal.onResize(({ cols, rows }) => onSize(cols, rows));
    // Copy with Ctrl+Shift+C; Ctrl+C belongs to the program.
    box.terminal.attachCustomKeyEventHandler((event) => {
      if (event.type === 'keydown' && event.ctrlKey && event.shiftKey && event.code === 'KeyC' && box.terminal.hasSelection()) {
        navigator.clipboard.writeText(box.terminal.getSelection());
        event.preventDefault();
        return false;
      }
      return true;
    });
    box.observer = new ResizeObserver(() => box.fit());
    box.observer.observe(host);
    box.fit();
    onSize(box.terminal.cols, box.terminal.rows);
    box.terminal.focus();
    return box;
  }

  fit() {
    try {
      this.fitAddon.fit();
    } catch {
      // Not laid out yet; the observer calls again.
    }
  }

  // `bytes` is a view of the module's memory and xterm.js reads it later: keep a copy.
  write(bytes) { this.terminal.write(bytes.slice()); }

  focus() { this.terminal.focus(); }

  find(text, backwards) {
    const options = { decorations: { matchOverviewRuler: '#ffcc00', activeMatchColorOverviewRuler: '#ff8800' } };
    return backwards ? this.searchAddon.findPrevious(text, options) : this.searchAddon.findNext(text, options);
  }

  dispose() {
    this.observer.disconnect();
    this.terminal.dispose();
  }
}
