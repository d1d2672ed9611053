// Makes the video of a title here in the page: its scene in motion, the time in the title, the credits where they start.

import { paletteOf, scene } from "./art.js";
import { episodeLabel } from "./catalogue.js";
import { vp8Frame, webm } from "./webm.js";

export const SCALE = 60; // a minute of the title is a second of the video
// What of the scene's field is seen: `scale` pixels a unit, its left and top edge in units.
const WIDE = { width: 480, height: 270, scale: 480 / 166, left: -33, top: 30 };
const TALL = { width: 248, height: 506, scale: 506 / 150, left: 13, top: 0 };
const FRAMES = 96;
const QUALITY = 0.72;
const KEPT = 6;
const made = new Map(); // the last few, by title

// The address of the title's video, for a wide or a tall screen; `durationS` is its runtime in seconds. Rejects where
// the browser can't encode.
export function filmOf(show, title, durationS, wide) {
  const key = `${title.title_id} ${durationS} ${wide}`;
  const film = made.get(key) ?? render(show, title, durationS, wide ? WIDE : TALL).then((blob) => URL.createObjectURL(blob));
  made.delete(key);
  made.set(key, film);
  film.catch(() => made.delete(key));
  if (made.size > KEPT) {
    const [oldest, address] = made.entries().next().value;
    made.delete(oldest);
    address.then(URL.revokeObjectURL, () => {});
  }
  return film;
}

export function timecode(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60].map((n) => String(n).padStart(2, "0"));
  return h === "00" ? `${m}:${s}` : `${Number(h)}:${m}:${s}`;
}

async function render(show, title, durationS, view) {
  const canvas = document.createElement("canvas");
  canvas.width = view.width;
  canvas.height = view.height;
  const context = canvas.getContext("2d", { alpha: false });
  const encoded = [];
  for (let i = 0; i < FRAMES; i++) {
    draw(context, view, show, title, (i / FRAMES) * durationS, durationS);
    encoded.push(encode(canvas)); // the canvas is copied at the call, so all are encoded side by side
  }
  return webm(await Promise.all(encoded), view.width, view.height, durationS / SCALE);
}

async function encode(canvas) {
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/webp", QUALITY));
  const frame = blob && vp8Frame(new Uint8Array(await blob.arrayBuffer()));
  if (!frame) throw new Error("this browser can't encode the made-up video; Chrome, Edge and Firefox can");
  return frame;
}

function draw(context, view, show, title, atS, durationS) {
  const { width, height } = view;
  const [top, bottom, , , light] = paletteOf(show);
  const credits = title.credits_s && atS >= title.credits_s;
  context.save();
  context.scale(view.scale, view.scale);
  context.translate(-view.left, -view.top);
  for (const shape of scene(show, atS / durationS)) paint(context, shape, top, bottom);
  context.restore();
  context.fillStyle = credits ? "rgba(0,0,0,.82)" : "rgba(0,0,0,.12)";
  context.fillRect(0, 0, width, height);
  context.fillStyle = light;
  context.textAlign = "center";
  if (credits) {
    const roll = 40 * ((atS - title.credits_s) / Math.max(1, durationS - title.credits_s));
    context.font = "600 22px system-ui, sans-serif";
    context.fillText(show.name, width / 2, height / 2 - roll, width - 30);
    context.font = "15px system-ui, sans-serif";
    context.fillText("drawn and encoded by this page", width / 2, height / 2 + 40 - roll, width - 30);
  } else if (atS / durationS < 0.06) {
    context.font = "700 30px system-ui, sans-serif";
    context.fillText(show.name, width / 2, height / 2, width - 30);
    context.font = "16px system-ui, sans-serif";
    context.fillText(episodeLabel(title, show.kind), width / 2, height / 2 + 32);
  }
  if (view !== WIDE) return; // a phone's player shows the time itself
  context.textAlign = "right";
  context.font = "600 15px ui-monospace, monospace";
  context.fillText(timecode(atS), width - 14, 26);
}

function paint(context, shape, top, bottom) {
  context.globalAlpha = shape.opacity ?? 1;
  context.fillStyle = shape.fill;
  if (shape.kind === "sky") {
    const sky = context.createLinearGradient(0, 0, 0, 150);
    sky.addColorStop(0, top);
    sky.addColorStop(0.85, bottom);
    context.fillStyle = sky;
    context.fillRect(-40, -10, 180, 180);
  } else if (shape.kind === "rect") context.fillRect(shape.x, shape.y, shape.w, shape.h);
  else if (shape.kind === "circle") {
    context.beginPath();
    context.arc(shape.x, shape.y, Math.max(0, shape.r), 0, 7);
    context.fill();
  } else context.fill(new Path2D(shape.d));
  context.globalAlpha = 1;
}
