// Made-up posters: a palette and a motif by genre, the rest by the title's name. Drawn as shapes in a 100 x 150 field,
// which posters turn into SVG and films into a canvas.

import { hash } from "./catalogue.js";

// sky top, sky bottom, near, far, light
const PALETTES = {
  romance: ["#5b2a53", "#f08a7b", "#3a1734", "#8d3f61", "#ffd9c0"],
  documentary: ["#1c4a52", "#d9c48f", "#0f2c30", "#3c7468", "#fff3cf"],
  kids: ["#2f7fd0", "#ffe08a", "#2e8b57", "#7cc04b", "#fff7d6"],
  crime: ["#10151f", "#5b6674", "#07090d", "#2a323d", "#f2b632"],
  drama: ["#2a2140", "#b56a55", "#181326", "#51395d", "#f7d7b4"],
  horror: ["#0b0c10", "#6a1a1f", "#050506", "#2d0f14", "#e9d8c9"],
  thriller: ["#0c1f2c", "#2f8f87", "#06121a", "#14424a", "#d6fff0"],
  fantasy: ["#1f1b52", "#7d5fd0", "#120f33", "#3f3590", "#ffe9a8"],
  "sci-fi": ["#071233", "#2a6fd6", "#040a1e", "#12307a", "#9ff3ff"],
  comedy: ["#f0a431", "#fbe3a1", "#b4472b", "#e2733c", "#fffbe8"],
  reality: ["#b0306a", "#f7b267", "#5d1741", "#d3546b", "#fff0d9"],
  anime: ["#37418f", "#f48fb1", "#20275f", "#6a62b8", "#fff4fa"],
};
const OTHER = ["#26323f", "#7b8fa1", "#151d26", "#3d4d5c", "#f3f6f8"];

// The genre's palette, its hues turned a little by the name; a second genre lends its sky to every other show.
export function paletteOf(show) {
  const seed = hash(show.name);
  const palette = [...(PALETTES[show.genres[0]] ?? OTHER)];
  const second = PALETTES[show.genres[1]];
  if (second) palette.splice(0, 2, second[0], palette[1]);
  const [turn, light] = [((seed >>> 4) % 71) - 35, ((seed >>> 12) % 25) - 12];
  return palette.map((colour, index) => turned(colour, turn, index < 4 ? light : 0));
}

// Shapes from back to front: {kind: "rect" | "circle" | "path", ..., fill, opacity}. `time` in [0, 1] moves the light.
export function scene(show, time = 0.35) {
  const [, , near, far, light] = paletteOf(show);
  const random = generator(hash(show.name));
  const shapes = [{ kind: "sky" }];
  const x = 8 + 84 * ((random() + time) % 1);
  const y = 62 + 20 * random() - 22 * Math.sin(Math.PI * time);
  shapes.push({ kind: "circle", x, y, r: 6 + 13 * random(), fill: light, opacity: 0.9 });
  const motifs = MOTIFS[show.genres[0]] ?? [hills];
  const motif = motifs[Math.floor(random() * motifs.length)];
  shapes.push(...motif(random, near, far, light, time));
  return shapes;
}

const MOTIFS = {
  crime: [skyline, skyline, waves], thriller: [skyline, trees, peaks], "sci-fi": [orbits, orbits, peaks, skyline],
  fantasy: [peaks, trees, orbits], horror: [trees, trees, hills, skyline], documentary: [hills, waves, peaks, trees],
  drama: [waves, hills, skyline], romance: [waves, hills, bubbles], kids: [bubbles, rays, hills],
  comedy: [bubbles, rays, hills], reality: [rays, skyline, waves], anime: [peaks, waves, orbits],
};

function ridge(random, base, height, points, fill, shift) {
  let d = "M-30 160";
  for (let i = 0; i <= points; i++) d += ` L${(-30 + (160 * i) / points - shift).toFixed(1)} ${(base - height * random()).toFixed(1)}`;
  return { kind: "path", d: `${d} L130 160 Z`, fill, opacity: 1 };
}

function hills(random, near, far, light, time) {
  const roll = (base, swing, fill, shift) => {
    const a = base - swing * random();
    const b = base - swing * random();
    return { kind: "path", d: `M-40 160 L-40 ${a} Q${20 - shift} ${a - swing} ${50 - shift} ${b} T140 ${a} L140 160 Z`, fill, opacity: 1 };
  };
  return [roll(100, 26, far, 14 * time), roll(122, 20, near, 30 * time)];
}

function peaks(random, near, far, light, time) {
  return [ridge(random, 112, 62, 6, far, 10 * time), ridge(random, 134, 44, 9, near, 24 * time)];
}

function skyline(random, near, far, light, time) {
  const shapes = [];
  for (const [fill, base, width, shift] of [[far, 62, 13, 8 * time], [near, 88, 17, 24 * time]]) {
    for (let at = -20; at < 130; at += width) {
      const top = base + 42 * random();
      shapes.push({ kind: "rect", x: at - shift, y: top, w: width - 1.5, h: 160 - top, fill, opacity: 1 });
      for (let row = top + 5; row < 130; row += 8) {
        if (random() > 0.62) shapes.push({ kind: "rect", x: at - shift + 3, y: row, w: 3, h: 3, fill: light, opacity: 0.75 });
      }
    }
  }
  return shapes;
}

function trees(random, near, far, light, time) {
  const shapes = [ridge(random, 118, 12, 8, far, 0)];
  for (let i = 0; i < 9; i++) {
    const x = -12 + 15 * i + 8 * random() - 14 * time;
    const top = 46 + 40 * random();
    shapes.push({ kind: "path", d: `M${x} 160 L${x + 2.4} ${top} L${x + 5} 160 Z`, fill: near, opacity: 1 });
    for (let limb = 0; limb < 3; limb++) {
      const y = top + 16 + 18 * limb;
      const reach = (random() > 0.5 ? 1 : -1) * (6 + 7 * random());
      shapes.push({ kind: "path", d: `M${x + 2.4} ${y} l${reach} -9 l1 1.5 l${-reach} 11 Z`, fill: near, opacity: 1 });
    }
  }
  return shapes;
}

function waves(random, near, far, light, time) {
  const wave = (base, swing, fill, shift, opacity) => {
    let d = `M-60 160 L${-60 - shift} ${base}`;
    for (let at = -60; at < 160; at += 40) d += ` q10 ${-swing} 20 0 t20 0`;
    return { kind: "path", d: `${d} L160 160 Z`, fill, opacity };
  };
  return [
    wave(88 + 8 * random(), 9, far, 30 * time, 0.75), wave(104 + 6 * random(), 12, far, 12 + 20 * time, 1),
    wave(122 + 6 * random(), 10, near, 44 * time, 1),
  ];
}

function orbits(random, near, far, light, time) {
  const shapes = [];
  for (let i = 0; i < 40; i++) shapes.push({ kind: "circle", x: 100 * random(), y: 150 * random(), r: 0.3 + 0.7 * random(), fill: light, opacity: 0.8 });
  const [x, y, r] = [34 + 32 * random(), 92 + 14 * random(), 26 + 10 * random()];
  shapes.push({ kind: "circle", x, y, r, fill: far, opacity: 1 }, { kind: "circle", x: x - r * 0.28, y: y - r * 0.22, r: r * 0.78, fill: light, opacity: 0.14 });
  shapes.push({ kind: "path", d: `M${x - r * 1.8} ${y + 8} Q${x} ${y - 22} ${x + r * 1.8} ${y - 10} Q${x} ${y + 2} ${x - r * 1.8} ${y + 8} Z`, fill: light, opacity: 0.5 });
  const angle = 6.28 * (time + random());
  shapes.push({ kind: "circle", x: x + r * 1.6 * Math.cos(angle), y: y + r * 0.7 * Math.sin(angle), r: 4, fill: near, opacity: 1 });
  return shapes;
}

function bubbles(random, near, far, light, time) {
  const shapes = hills(random, near, far, light, time);
  for (let i = 0; i < 8; i++) {
    const y = 20 + ((110 * random() + 170 - 60 * time) % 120);
    shapes.push({ kind: "circle", x: 8 + 84 * random(), y, r: 3 + 8 * random(), fill: i % 2 ? light : far, opacity: 0.55 });
  }
  return shapes;
}

function rays(random, near, far, light, time) {
  const shapes = [];
  for (let i = 0; i < 12; i++) {
    const a = (i / 12) * 6.28 + time + 0.4 * random();
    const [p, q] = [a - 0.09, a + 0.09];
    shapes.push({ kind: "path", d: `M50 66 L${50 + 130 * Math.cos(p)} ${66 + 130 * Math.sin(p)} L${50 + 130 * Math.cos(q)} ${66 + 130 * Math.sin(q)} Z`, fill: i % 2 ? far : light, opacity: 0.35 });
  }
  shapes.push({ kind: "circle", x: 50, y: 66, r: 20, fill: near, opacity: 1 }, { kind: "circle", x: 50, y: 66, r: 12, fill: light, opacity: 0.9 });
  return shapes;
}

// The colour with its hue turned by degrees and its lightness moved by percent.
function turned(colour, degrees, percent) {
  const [r, g, b] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16) / 255);
  const [high, low] = [Math.max(r, g, b), Math.min(r, g, b)];
  const lightness = (high + low) / 2;
  const spread = high - low;
  const saturation = spread ? spread / (1 - Math.abs(2 * lightness - 1)) : 0;
  const sector = !spread ? 0 : high === r ? ((g - b) / spread + 6) % 6 : high === g ? (b - r) / spread + 2 : (r - g) / spread + 4;
  const moved = Math.max(0.03, Math.min(0.95, lightness * (1 + percent / 60)));
  return `hsl(${((60 * sector + degrees + 360) % 360).toFixed(0)} ${(100 * saturation).toFixed(0)}% ${(100 * moved).toFixed(0)}%)`;
}

// mulberry32: the same numbers for the same seed.
function generator(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
