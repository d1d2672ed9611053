// Writes a WebM file (Matroska, VP8) from pictures that the browser encoded as WebP: a lossy WebP is one VP8 key frame.
// Element ids: https://www.matroska.org/technical/elements.html

const text = new TextEncoder();

// `frames`: Uint8Array each, one VP8 key frame; they are shown for `seconds` in all. Returns a Blob that can be sought.
export function webm(frames, width, height, seconds) {
  const frameMs = (1000 * seconds) / frames.length;
  const info = element("1549a966", [
    uint("2ad7b1", 1_000_000),
    element("4489", float64(1000 * seconds)),
    element("4d80", text.encode("continue-watching")),
    element("5741", text.encode("continue-watching")),
  ]);
  const video = element("e0", [uint("b0", width), uint("ba", height)]);
  const track = element("ae", [uint("d7", 1), uint("73c5", 1), uint("83", 1), element("86", text.encode("V_VP8")), video]);
  const tracks = element("1654ae6b", [track]);
  const clusters = frames.map((frame, index) => {
    const block = element("a3", [new Uint8Array([0x81, 0, 0, 0x80]), frame]);
    return element("1f43b675", [uint("e7", Math.round(index * frameMs)), block]);
  });
  // Cues name positions, and stand before what they name: sizes are written with eight bytes, so they do not move it.
  const cues = (base) => {
    let at = base;
    return element(
      "1c53bb6b",
      clusters.map((cluster, index) => {
        const place = element("b7", [uint("f7", 1), uint("f1", at)]);
        at += size(cluster);
        return element("bb", [uint("b3", Math.round(index * frameMs)), place]);
      }),
    );
  };
  const before = size(info) + size(tracks);
  const body = [info, tracks, cues(before + size(cues(0))), ...clusters];
  const head = element("1a45dfa3", [
    uint("4286", 1), uint("42f7", 1), uint("42f2", 4), uint("42f3", 8), element("4282", text.encode("webm")), uint("4287", 2),
    uint("4285", 2),
  ]);
  return new Blob([head, element("18538067", body)].flat(Infinity), { type: "video/webm" });
}

// The VP8 key frame in a lossy WebP file, or null where it holds something else.
export function vp8Frame(webp) {
  const view = new DataView(webp.buffer, webp.byteOffset, webp.byteLength);
  const name = (at) => String.fromCharCode(webp[at], webp[at + 1], webp[at + 2], webp[at + 3]);
  if (webp.length < 20 || name(0) !== "RIFF" || name(8) !== "WEBP") return null;
  for (let at = 12; at + 8 <= webp.length; ) {
    const length = view.getUint32(at + 4, true);
    if (name(at) === "VP8 ") return webp.subarray(at + 8, at + 8 + length);
    at += 8 + length + (length & 1);
  }
  return null;
}

function element(id, parts) {
  const content = Array.isArray(parts) ? parts.flat(Infinity) : [parts];
  const head = new Uint8Array(id.length / 2 + 8);
  for (let i = 0; i < id.length; i += 2) head[i / 2] = parseInt(id.slice(i, i + 2), 16);
  const view = new DataView(head.buffer);
  const length = size(content);
  view.setUint32(id.length / 2, 0x01000000 + Math.floor(length / 2 ** 32));
  view.setUint32(id.length / 2 + 4, length % 2 ** 32);
  return [head, ...content];
}

function uint(id, value) {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value));
  return element(id, bytes);
}

function float64(value) {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, value);
  return bytes;
}

function size(parts) {
  return parts.flat(Infinity).reduce((sum, part) => sum + part.length, 0);
}
