// Sections of WebAssembly binaries, by number.
export const CUSTOM = 0, EXPORTS = 7, START = 8, ELEMENTS = 9, DATA = 11, DATA_COUNT = 12;

/** The binary without some of its sections. */
export const without = (bytes, sections) => {
  const kept = [bytes.subarray(0, 8)];
  for (let at = 8; at < bytes.length; ) {
    const from = at;
    const id = bytes[at++];
    let length = 0;
    for (let shift = 0, byte = 128; byte & 128; shift += 7) length |= ((byte = bytes[at++]) & 127) << shift;
    at += length;
    if (!sections.includes(id)) kept.push(bytes.subarray(from, at));
  }
  return Buffer.concat(kept);
};
