// What is on the map: titles, their places by each view, their categories, and what colour each has.

import { getJson } from "./api.js";

export const COLOURS = ["#5aa9ff", "#f2b632", "#ff7a6b", "#4ccb8a", "#c58cff", "#f07fc0", "#5ed3d9", "#b9d24c", "#ff9f4a", "#9aa7ff"];
export const OTHER = "#6b7489";
const YEARS = ["#6d5bd0", "#4f7fe0", "#38a6c8", "#3fc494", "#a8cf4e", "#f2b632"];
const SUGGESTED = 8;
const CLOSE = 0.2;

export class TitleSpace {
  static async load() {
    return new TitleSpace(await getJson("v1/title-map"));
  }

  constructor({ titles, categories, views }) {
    this.titles = titles;
    this.categories = categories;
    this.count = titles.id.length;
    this.rows = new Map(titles.id.map((id, row) => [id, row]));
    this.names = titles.title.map(plain);
    this.views = new Map(Object.entries(views));
    for (const view of this.views.values()) {
      view.x = Float32Array.from(view.x, (value) => value ?? NaN);
      view.y = Float32Array.from(view.y, (value) => value ?? NaN);
    }
  }

  // "2019 · series"
  line(row) {
    return [this.titles.year[row], this.titles.kind[row]].filter(Boolean).join(" · ");
  }

  // How titles are coloured: `keys` [{name, colour, count}], `of` the key of each row, `has(row, key)`.
  colouring(by, viewName) {
    if (by === "cluster") return this.#byCluster(viewName);
    return by === "year" ? this.#byYear() : this.#byCategory();
  }

  #byCategory() {
    const { names, of } = this.categories;
    const first = new Map();
    for (const indexes of of) if (indexes.length) first.set(indexes[0], (first.get(indexes[0]) ?? 0) + 1);
    const common = [...first].sort((a, b) => b[1] - a[1]).slice(0, COLOURS.length).map(([index]) => index);
    const number = new Map(common.map((index, key) => [index, key]));
    const other = common.length;
    const counts = new Array(other + 1).fill(0);
    const keyOf = Uint8Array.from(of, (indexes) => number.get(indexes[0]) ?? other);
    const held = of.map((indexes) => new Set(indexes.map((index) => number.get(index)).filter((key) => key !== undefined)));
    held.forEach((keys, row) => {
      if (keyOf[row] === other) keys.add(other);
      for (const key of keys) counts[key] += 1;
    });
    const keys = common.map((index, key) => ({ name: names[index], colour: COLOURS[key], count: counts[key] }));
    keys.push({ name: "other", colour: OTHER, count: counts[other] });
    return { keys, of: keyOf, has: (row, key) => held[row].has(key) };
  }

  #byCluster(viewName) {
    const view = this.views.get(viewName);
    const keys = view.clusters.map((cluster, number) => ({ name: short(cluster.name), title: cluster.name, colour: COLOURS[number % COLOURS.length], count: cluster.size }));
    keys.push({ name: "no vector", colour: OTHER, count: view.of.filter((number) => number < 0).length });
    const of = Uint8Array.from(view.of, (number) => (number < 0 ? keys.length - 1 : number));
    return { keys, of, has: (row, key) => of[row] === key };
  }

  #byYear() {
    const known = this.titles.year.filter(Boolean).sort((a, b) => a - b);
    const edges = [...new Set(YEARS.map((_, part) => known[Math.floor((part * known.length) / YEARS.length)]))].filter(Boolean);
    const keys = edges.map((edge, key) => ({ name: range(edge, edges[key + 1] ? edges[key + 1] - 1 : known.at(-1)), colour: YEARS[key], count: 0 }));
    keys.push({ name: "unknown", colour: OTHER, count: 0 });
    const of = Uint8Array.from(this.titles.year, (year) => (year ? edges.filter((edge) => edge <= year).length - 1 : keys.length - 1));
    for (const key of of) keys[key].count += 1;
    return { keys, of, has: (row, key) => of[row] === key };
  }

  // Rows whose names begin with, hold, or are nearly the text; `close` where only the last.
  suggest(text) {
    const wanted = plain(text);
    if (!wanted) return { rows: [], close: false };
    const scored = [];
    for (let row = 0; row < this.count; row++) {
      const at = this.names[row].indexOf(wanted);
      if (at >= 0) scored.push([at === 0 ? 0 : this.names[row][at - 1] === " " ? 1 : 2, this.names[row].length, row]);
    }
    if (scored.length) return { rows: best(scored), close: false };
    const pieces = trigrams(wanted);
    for (let row = 0; row < this.count; row++) {
      const theirs = trigrams(this.names[row]);
      let both = 0;
      for (const piece of pieces) if (theirs.has(piece)) both += 1;
      const share = both / (pieces.size + theirs.size - both);
      if (share >= CLOSE) scored.push([-share, 0, row]);
    }
    return { rows: best(scored), close: true };
  }
}

// The first two terms of a cluster's name.
export function short(name) {
  return name.split(" · ").slice(0, 2).join(" · ");
}

function best(scored) {
  return scored.sort((a, b) => a[0] - b[0] || a[1] - b[1]).slice(0, SUGGESTED).map(([, , row]) => row);
}

function range(from, to) {
  return from >= to ? String(from) : `${from} – ${to}`;
}

function plain(text) {
  return text.normalize("NFD").replace(/[\u0300-\u036f]/g, "").toLowerCase().replace(/\s+/g, " ").trim();
}

function trigrams(text) {
  const padded = `  ${text} `;
  const pieces = new Set();
  for (let i = 0; i + 3 <= padded.length; i++) pieces.add(padded.slice(i, i + 3));
  return pieces;
}
