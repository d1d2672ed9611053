// One map: the titles of one view as points, with zoom, pan, hover and pick, by pointer, touch and keyboard.

import { el } from "./dom.js";
import { short } from "./title_space.js";

const MARGIN = 28;
const REACH = 12; // px around the pointer in which a title is found
const NEAREST = 60; // how far one may zoom in, times the whole
const GRID = 96; // cells a side, to find titles by place
const NAMES_BELOW = 260; // titles in sight from which they are named
const FLIGHT_MS = 320;
const GROUND = 0xff130d0b; // #0b0d13, as the picture keeps it
const FONT = '"Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif';

export class TitleMap {
  constructor(space, name, { hovered, picked }) {
    this.space = space;
    this.name = name;
    this.view = space.views.get(name);
    this.hovered = hovered;
    this.picked = picked;
    this.canvas = el("canvas", { tabindex: "0", role: "application", "aria-label": `Map by ${name}: arrows move, plus and minus zoom, zero shows all, Enter picks the title in the middle` });
    this.tip = el("div", { class: "tip", hidden: true });
    const tool = (label, text, act) => el("button", { class: "round small", "aria-label": label, title: label, onclick: act }, text);
    this.element = el(
      "div", { class: "map", "data-view": name }, this.canvas, el("div", { class: "name" }, `by ${name}`), this.tip,
      el("div", { class: "tools" }, tool("Zoom in", "+", () => this.#zoom(1.6)), tool("Zoom out", "−", () => this.#zoom(1 / 1.6)), tool("Show all", "⤢", () => this.showAll())),
    );
    this.context = this.canvas.getContext("2d");
    this.state = { colouring: null, chosen: new Set(), selected: -1, similar: [], hover: -1 };
    this.scale = 1;
    this.centre = { x: 0, y: 0 };
    this.#measure();
    this.#listen();
    new ResizeObserver(() => this.#resize()).observe(this.element);
  }

  // Any of: colouring, chosen (keys shown alone), selected, similar (rows), hover.
  update(change) {
    Object.assign(this.state, change);
    this.#ask();
  }

  has(row) {
    return !Number.isNaN(this.view.x[row]);
  }

  showAll() {
    this.#fly(this.middle, 1);
  }

  // Brings the picked title and those like it into sight.
  reveal() {
    const { selected, similar } = this.state;
    if (selected < 0 || !this.has(selected)) return;
    const [x, y] = [this.view.x[selected], this.view.y[selected]];
    const far = similar.filter((row) => this.has(row)).map((row) => Math.hypot(this.view.x[row] - x, this.view.y[row] - y));
    far.sort((a, b) => a - b);
    // Most of them: one that the plane has put elsewhere would make the rest a dot.
    const most = far[Math.floor(far.length * 0.7)] || this.size / 20;
    const wanted = (0.32 * Math.min(this.width, this.height)) / most / (this.#unit / this.scale);
    this.#fly({ x, y }, Math.max(1.5, Math.min(NEAREST / 2, wanted)));
  }

  #measure() {
    const { x, y, of, clusters } = this.view;
    const low = [Infinity, Infinity];
    const high = [-Infinity, -Infinity];
    this.placed = [];
    for (let row = 0; row < this.space.count; row++) {
      if (!this.has(row)) continue;
      this.placed.push(row);
      for (const [axis, value] of [x[row], y[row]].entries()) {
        low[axis] = Math.min(low[axis], value);
        high[axis] = Math.max(high[axis], value);
      }
    }
    if (!this.placed.length) [low[0], low[1], high[0], high[1]] = [0, 0, 1, 1];
    this.low = low;
    this.size = Math.max(high[0] - low[0], high[1] - low[1], 1e-6);
    this.extent = [high[0] - low[0], high[1] - low[1]];
    this.middle = { x: (low[0] + high[0]) / 2, y: (low[1] + high[1]) / 2 };
    this.centre = { ...this.middle };
    this.cells = new Map();
    for (const row of this.placed) {
      const cell = this.#cell(x[row]) * GRID + this.#cell(y[row], 1);
      if (!this.cells.has(cell)) this.cells.set(cell, []);
      this.cells.get(cell).push(row);
    }
    this.labels = clusters.map((cluster, number) => {
      const rows = this.placed.filter((row) => of[row] === number);
      const place = this.has(cluster.middle) ? cluster.middle : rows[0];
      return { text: short(cluster.name), x: x[place], y: y[place], size: cluster.size };
    });
    this.labels.sort((a, b) => b.size - a.size);
  }

  #cell(value, axis = 0) {
    return Math.max(0, Math.min(GRID - 1, Math.floor(((value - this.low[axis]) / this.size) * GRID)));
  }

  // Pixels for a unit of the map.
  get #unit() {
    const fit = Math.min((this.width - 2 * MARGIN) / Math.max(this.extent[0], 1e-6), (this.height - 2 * MARGIN) / Math.max(this.extent[1], 1e-6));
    return Math.max(fit, 1e-6) * this.scale;
  }

  #toScreen(row) {
    const unit = this.#unit;
    return [(this.view.x[row] - this.centre.x) * unit + this.width / 2, (this.centre.y - this.view.y[row]) * unit + this.height / 2];
  }

  #toMap(x, y) {
    const unit = this.#unit;
    return { x: (x - this.width / 2) / unit + this.centre.x, y: this.centre.y - (y - this.height / 2) / unit };
  }

  // The nearest title within `reach` px of a point of the screen, or -1.
  #at(x, y, reach = REACH) {
    const place = this.#toMap(x, y);
    const far = reach / this.#unit;
    let best = -1;
    let bestSquare = far * far;
    for (let i = this.#cell(place.x - far); i <= this.#cell(place.x + far); i++) {
      for (let j = this.#cell(place.y - far, 1); j <= this.#cell(place.y + far, 1); j++) {
        for (const row of this.cells.get(i * GRID + j) ?? []) {
          if (!this.#shown(row)) continue;
          const square = (this.view.x[row] - place.x) ** 2 + (this.view.y[row] - place.y) ** 2;
          if (square < bestSquare) [best, bestSquare] = [row, square];
        }
      }
    }
    return best;
  }

  #shown(row) {
    const { chosen, colouring, selected, similar } = this.state;
    if (!chosen.size || row === selected || similar.includes(row)) return true;
    for (const key of chosen) if (colouring.has(row, key)) return true;
    return false;
  }

  #listen() {
    const pointers = new Map();
    let moved = 0;
    const at = (event) => {
      const box = this.canvas.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    this.canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.#zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016)), ...at(event));
    }, { passive: false });
    this.canvas.addEventListener("pointerdown", (event) => {
      this.canvas.setPointerCapture(event.pointerId);
      pointers.set(event.pointerId, at(event));
      moved = 0;
    });
    this.canvas.addEventListener("pointermove", (event) => {
      const here = at(event);
      const before = pointers.get(event.pointerId);
      if (!before) return this.#hover(this.#at(...here), here);
      moved += Math.abs(here[0] - before[0]) + Math.abs(here[1] - before[1]);
      const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
      if (other) {
        const span = (point) => Math.hypot(point[0] - other[0], point[1] - other[1]) || 1;
        this.#zoom(span(here) / span(before), (here[0] + other[0]) / 2, (here[1] + other[1]) / 2);
      } else if (moved > 3) this.#pan(here[0] - before[0], here[1] - before[1]);
      pointers.set(event.pointerId, here);
    });
    const release = (event) => {
      const was = pointers.delete(event.pointerId);
      if (was && event.type === "pointerup" && moved <= 3) {
        const row = this.#at(...at(event), event.pointerType === "touch" ? 2 * REACH : REACH);
        if (row >= 0) this.picked(row);
      }
    };
    this.canvas.addEventListener("pointerup", release);
    this.canvas.addEventListener("pointercancel", release);
    this.canvas.addEventListener("pointerleave", () => this.#hover(-1));
    this.canvas.addEventListener("dblclick", (event) => this.#zoom(2, ...at(event)));
    this.canvas.addEventListener("keydown", (event) => {
      const step = 60;
      const acts = {
        ArrowLeft: () => this.#pan(step, 0), ArrowRight: () => this.#pan(-step, 0), ArrowUp: () => this.#pan(0, step), ArrowDown: () => this.#pan(0, -step),
        "+": () => this.#zoom(1.4), "=": () => this.#zoom(1.4), "-": () => this.#zoom(1 / 1.4), 0: () => this.showAll(),
        Enter: () => { const row = this.#at(this.width / 2, this.height / 2, Math.min(this.width, this.height) / 2); if (row >= 0) this.picked(row); },
      };
      if (!acts[event.key] || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      acts[event.key]();
    });
  }

  #hover(row, at = null) {
    this.canvas.classList.toggle("over", row >= 0);
    this.tip.hidden = row < 0;
    if (row >= 0) {
      const cluster = this.view.clusters[this.view.of[row]];
      this.tip.replaceChildren(el("div", {}, this.space.titles.title[row]), el("small", {}, [this.space.line(row), cluster && short(cluster.name)].filter(Boolean).join(" · ")));
      const right = at[0] > this.width - 280;
      this.tip.style.left = right ? "auto" : `${at[0] + 14}px`;
      this.tip.style.right = right ? `${this.width - at[0] + 14}px` : "auto";
      this.tip.style.top = `${Math.min(at[1] + 14, this.height - 60)}px`;
    }
    if (row !== this.state.hover) this.hovered(row);
  }

  #pan(dx, dy) {
    this.flight = null;
    const unit = this.#unit;
    this.centre = { x: this.centre.x - dx / unit, y: this.centre.y + dy / unit };
    this.#keepIn();
    this.#ask();
  }

  #zoom(factor, x = this.width / 2, y = this.height / 2) {
    this.flight = null;
    const under = this.#toMap(x, y);
    this.scale = Math.max(0.8, Math.min(NEAREST, this.scale * factor));
    const now = this.#toMap(x, y);
    this.centre = { x: this.centre.x + under.x - now.x, y: this.centre.y + under.y - now.y };
    this.#keepIn();
    this.#ask();
  }

  #keepIn() {
    this.centre.x = Math.max(this.low[0], Math.min(this.low[0] + this.extent[0], this.centre.x));
    this.centre.y = Math.max(this.low[1], Math.min(this.low[1] + this.extent[1], this.centre.y));
  }

  #fly(centre, scale) {
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) {
      [this.centre, this.scale, this.flight] = [{ ...centre }, scale, null];
    } else this.flight = { from: { ...this.centre, scale: this.scale }, to: { ...centre, scale }, began: performance.now() };
    this.#ask();
  }

  #resize() {
    const ratio = devicePixelRatio || 1;
    this.width = this.element.clientWidth;
    this.height = this.element.clientHeight;
    this.canvas.width = Math.round(this.width * ratio);
    this.canvas.height = Math.round(this.height * ratio);
    this.ratio = ratio;
    if (!this.canvas.width || !this.canvas.height) return;
    this.image = this.context.createImageData(this.canvas.width, this.canvas.height);
    this.#draw();
  }

  #ask() {
    if (this.asked) return;
    this.asked = requestAnimationFrame((now) => {
      this.asked = 0;
      if (this.flight) {
        const { from, to, began } = this.flight;
        const t = Math.min(1, Math.max(0, now - began) / FLIGHT_MS);
        const ease = t * t * (3 - 2 * t);
        this.scale = from.scale * (to.scale / from.scale) ** ease;
        this.centre = { x: from.x + (to.x - from.x) * ease, y: from.y + (to.y - from.y) * ease };
        if (t === 1) this.flight = null;
        else this.#ask();
      }
      this.#draw();
    });
  }

  #draw() {
    const { context, state } = this;
    if (!this.image || !state.colouring) return;
    const began = performance.now();
    const unit = this.#unit * this.ratio;
    const left = this.canvas.width / 2 - this.centre.x * unit;
    const top = this.canvas.height / 2 + this.centre.y * unit;
    const crowd = Math.sqrt(3000 / Math.max(this.placed.length, 300));
    const radius = Math.round(10 * Math.min(7, 1.9 * Math.max(0.8, Math.min(crowd, 2)) * this.scale ** 0.45)) / 10;
    const inSight = this.#points(radius * this.ratio, unit, left, top);
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    this.taken = [];
    this.#marks(radius);
    if (inSight.length <= NAMES_BELOW) for (const row of inSight) this.#name(row, radius, 12, "#d4d9e4");
    else this.#clusterNames();
    this.element.dataset.drawMs = (performance.now() - began).toFixed(1);
    this.element.dataset.flying = String(Boolean(this.flight));
    this.element.dataset.scale = this.scale.toFixed(2);
    this.element.dataset.drawn = inSight.length;
  }

  // Writes the points into the picture itself: ten thousand take some milliseconds, with or without a graphics card.
  #points(radius, unit, left, top) {
    const { width, height } = this.image;
    const { data } = this.image;
    new Uint32Array(data.buffer).fill(GROUND);
    const colours = this.state.colouring.keys.map((key) => [1, 3, 5].map((at) => parseInt(key.colour.slice(at, at + 2), 16)));
    const stamp = disc(radius);
    const edge = Math.ceil(radius) + 1;
    const inSight = [];
    for (const layer of this.state.chosen.size ? [0, 1] : [1]) {
      const strength = layer ? 0.9 : 0.12;
      for (const row of this.placed) {
        const x = Math.round(this.view.x[row] * unit + left);
        const y = Math.round(top - this.view.y[row] * unit);
        if (!(x >= edge && y >= edge && x < width - edge && y < height - edge) || this.#shown(row) !== Boolean(layer)) continue;
        if (layer) inSight.push(row);
        const [red, green, blue] = colours[this.#keyOf(row)];
        for (let i = 0; i < stamp.length; i += 3) {
          const at = 4 * ((y + stamp[i + 1]) * width + x + stamp[i]);
          const share = stamp[i + 2] * strength;
          data[at] += (red - data[at]) * share;
          data[at + 1] += (green - data[at + 1]) * share;
          data[at + 2] += (blue - data[at + 2]) * share;
        }
      }
    }
    this.context.putImageData(this.image, 0, 0);
    return inSight;
  }

  #keyOf(row) {
    const { chosen, colouring } = this.state;
    if (chosen.size && !chosen.has(colouring.of[row])) for (const key of chosen) if (colouring.has(row, key)) return key;
    return colouring.of[row];
  }

  // The picked title, lines to those like it, and the one under the pointer, here or on the map beside.
  #marks(radius) {
    const { selected, similar, hover } = this.state;
    const { context } = this;
    const ring = (row, colour, more, width) => {
      const [x, y] = this.#toScreen(row);
      context.strokeStyle = colour;
      context.lineWidth = width;
      context.beginPath();
      context.arc(x, y, radius + more, 0, 2 * Math.PI);
      context.stroke();
    };
    if (selected >= 0 && this.has(selected)) {
      const [x, y] = this.#toScreen(selected);
      context.strokeStyle = "rgb(255 255 255 / 34%)";
      context.lineWidth = 1;
      for (const row of similar) {
        if (!this.has(row)) continue;
        context.beginPath();
        context.moveTo(x, y);
        context.lineTo(...this.#toScreen(row));
        context.stroke();
      }
      for (const row of similar) if (this.has(row)) ring(row, "#fff", 2, 1.4);
      ring(selected, "#f2b632", 4, 2.5);
      this.#name(selected, radius + 4, 14, "#ffd877", true);
      for (const row of similar) if (this.has(row)) this.#name(row, radius + 2, 12, "#fff");
    }
    if (hover >= 0 && this.has(hover)) {
      ring(hover, "#fff", 3, 2);
      if (this.tip.hidden && hover !== selected) this.#name(hover, radius + 3, 13, "#fff", true);
    }
  }

  #clusterNames() {
    for (const label of this.labels) {
      const unit = this.#unit;
      const x = (label.x - this.centre.x) * unit + this.width / 2;
      const y = (this.centre.y - label.y) * unit + this.height / 2;
      this.context.font = `600 12.5px ${FONT}`;
      const wide = this.context.measureText(label.text).width;
      if (x < 0 || y < 0 || x > this.width || y > this.height) continue;
      const from = Math.max(8, Math.min(this.width - wide - 8, x - wide / 2));
      this.#text(label.text, from, y + 4, wide, 16, "rgb(236 238 243 / 92%)");
    }
  }

  #name(row, away, size, colour, always = false) {
    const [x, y] = this.#toScreen(row);
    if (x < -200 || y < -20 || x > this.width + 20 || y > this.height + 20) return;
    this.context.font = `${always ? "600 " : ""}${size}px ${FONT}`;
    const title = this.space.titles.title[row];
    const text = title.length > 42 ? `${title.slice(0, 40)}…` : title;
    const wide = this.context.measureText(text).width;
    const from = x + away + 4 + wide > this.width - 4 ? x - away - 4 - wide : x + away + 4;
    this.#text(text, from, y + size / 3, wide, size + 3, colour, always);
  }

  // Writes where nothing is written yet.
  #text(text, x, y, wide, high, colour, always = false) {
    const box = [x - 3, y - high, x + wide + 3, y + 4];
    if (!always && this.taken.some((other) => box[0] < other[2] && box[2] > other[0] && box[1] < other[3] && box[3] > other[1])) return;
    this.taken.push(box);
    this.context.lineJoin = "round";
    this.context.lineWidth = 3.5;
    this.context.strokeStyle = "rgb(11 13 19 / 88%)";
    this.context.strokeText(text, x, y);
    this.context.fillStyle = colour;
    this.context.fillText(text, x, y);
  }
}

// A filled circle: x, y and how much of the pixel it covers, one after the other.
function disc(radius) {
  const stamp = [];
  const reach = Math.ceil(radius);
  for (let y = -reach; y <= reach; y++) {
    for (let x = -reach; x <= reach; x++) {
      const covered = Math.min(1, radius + 0.5 - Math.hypot(x, y));
      if (covered > 0) stamp.push(x, y, covered);
    }
  }
  return stamp;
}
