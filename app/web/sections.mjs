// WebAssembly binaries, section by section: what binaryen's interface leaves out.
export const CUSTOM = 0, EXPORTS = 7, START = 8, ELEMENTS = 9, DATA = 11, DATA_COUNT = 12;

/** An unsigned number at `at`, and where the next thing is. */
const number = (bytes, at) => {
  let [value, shift, byte] = [0, 0, 128];
  for (; byte & 128; shift += 7) value |= ((byte = bytes[at++]) & 127) << shift;
  return [value >>> 0, at];
};

const encoded = (value) => {
  const bytes = [];
  for (; value > 127; value >>>= 7) bytes.push((value & 127) | 128);
  return [...bytes, value];
};

const sections = (bytes) => {
  const found = [];
  for (let from = 8; from < bytes.length; from = found.at(-1).end) {
    const [length, start] = number(bytes, from + 1);
    found.push({ id: bytes[from], from, start, end: start + length });
  }
  return found;
};

/** The binary without some of its sections. */
export const without = (bytes, dropped) =>
  Buffer.concat([bytes.subarray(0, 8), ...sections(bytes).filter(({ id }) => !dropped.includes(id)).map(({ from, end }) => bytes.subarray(from, end))]);

/** What memory is filled with at the start, in order: `{ at, bytes }`. */
export const data = (bytes) => {
  const section = sections(bytes).find(({ id }) => id === DATA);
  const segments = [];
  let [count, at] = number(bytes, section.start);
  for (; count > 0; count -= 1) {
    // Kind 0, a constant (opcode 0x41), an end (0x0b).
    if (bytes[at] !== 0 || bytes[at + 1] !== 0x41) throw new Error('sections.mjs: data at no fixed place');
    const [place, after] = number(bytes, at + 2);
    const [length, start] = number(bytes, after + 1);
    segments.push({ at: place, bytes: bytes.subarray(start, start + length) });
    at = start + length;
  }
  return segments;
};

/** A signed number. */
const signed = (value) => {
  const bytes = [];
  for (; value > 63; value >>>= 7) bytes.push((value & 127) | 128);
  return [...bytes, value];
};

/** The binary, which has no data, with those of these segments whose numbers are chosen; neighbours with nothing between them become one. */
export const withData = (bytes, segments, chosen) => {
  const joined = [];
  let before = null;
  const order = segments.map((_, number) => number).sort((a, b) => segments[a].at - segments[b].at);
  order.forEach((number, place) => {
    if (!chosen(number)) return;
    const { at, bytes } = segments[number];
    const last = joined.at(-1);
    const gap = last ? at - last.at - last.bytes.length : 0;
    // What is skipped for alignment. Of something else in between, which may have changed by then, no byte may be touched.
    if (before === place - 1 && gap < 8) last.bytes = Buffer.concat([last.bytes, Buffer.alloc(gap), bytes]);
    else joined.push({ at, bytes });
    before = place;
  });
  const parts = joined.map(({ at, bytes }) => Buffer.concat([Buffer.from([0, 0x41, ...signed(at), 0x0b, ...encoded(bytes.length)]), bytes]));
  const content = Buffer.concat([Buffer.from(encoded(parts.length)), ...parts]);
  return Buffer.concat([bytes, Buffer.from([DATA, ...encoded(content.length)]), content]);
};
