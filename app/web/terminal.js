// What the page knows of a terminal before the first one opens: where the rest is.

/** See `terminal-box.mjs`, which comes with the first terminal. */
export class TerminalBox {
  static async open(...wishes) {
    const { TerminalBox: Box } = await import(new URL('terminal-box.mjs', document.baseURI).href);
    return Box.open(...wishes);
  }
}
