// Why each item stands where it stands: what added to its score and what took from it, in words, and from which events.

import { getJson, memberPath } from "./api.js";
import { el } from "./dom.js";
import { number, read } from "./reading.js";

const SHOWN = 12;
const GROUPS = {
  recency: "How lately it was watched",
  device: "This device's habit with it",
  time: "The time of day and the weekday",
  place: "Where it was left",
  counts: "How much it was watched",
  cadence: "Its rhythm",
  sequence: "What was watched just before",
  population: "What everybody does with it",
  title: "The title itself",
  decision: "The moment",
};

export class WhyView {
  constructor(catalogue) {
    this.catalogue = catalogue;
    this.body = el("div", { class: "why-body" });
    const close = el("button", { class: "round", "aria-label": "Close", "data-action": "close-why", onclick: () => this.close() }, "✕");
    this.element = el("div", { class: "why", hidden: true }, el("div", { class: "why-head" }, el("h3", {}, "Why this order"), close), this.body);
  }

  close() {
    this.element.hidden = true;
  }

  async open(memberId, deviceId, showId) {
    this.element.hidden = false;
    this.body.replaceChildren(el("p", { class: "why-note" }, "Asking the worker …"));
    try {
      const row = await getJson(`${memberPath(memberId)}/row`, { device_id: deviceId, explain: 1 });
      this.#show(row, showId);
    } catch (error) {
      this.body.replaceChildren(el("p", { class: "why-note" }, error.message));
    }
  }

  #show(row, showId) {
    const chosen = row.items.find((item) => item.show_id === showId) ?? row.items[0];
    if (!chosen) return this.body.replaceChildren(el("p", { class: "why-note" }, "The row is empty."));
    const ranks = row.items.map((item, index) =>
      el(
        "button",
        { class: `why-item${item === chosen ? " chosen" : ""}`, "data-show": item.show_id, onclick: () => this.#show(row, item.show_id) },
        el("span", { class: "why-rank" }, String(index + 1)),
        el("span", { class: "why-name" }, this.catalogue.show(item.show_id).name),
        el("span", { class: "why-number" }, item.play_probability === null ? number(item.score) : percent(item.play_probability)),
      ),
    );
    const detail = chosen.contributions ? contributions(row, chosen) : values(row, chosen);
    this.body.replaceChildren(el("div", { class: "why-ranks" }, ...ranks), el("div", { class: "why-detail" }, ...detail, origin(row, chosen)));
  }
}

// What the model made of it: a sum, so its parts can be shown as bars.
function contributions(row, item) {
  const parts = Object.entries(item.contributions).sort((a, b) => Math.abs(b[1]) - Math.abs(a[1]));
  const sum = (of) => of.reduce((total, [, part]) => total + part, 0);
  const up = sum(parts.filter(([, part]) => part > 0));
  const down = sum(parts.filter(([, part]) => part < 0));
  const groups = {};
  for (const [name, part] of parts) groups[row.groups[name]] = (groups[row.groups[name]] ?? 0) + part;
  const grouped = Object.entries(groups).sort((a, b) => Math.abs(b[1]) - Math.abs(a[1]));
  const widest = Math.max(...grouped.map(([, part]) => Math.abs(part)));
  const rest = parts.slice(SHOWN);
  return [
    el(
      "p",
      { class: "why-note why-sum" },
      `Score ${number(item.score)} = ${number(row.scored_from.base)} for any show `,
      el("b", { class: "up" }, `${signed(up)} for`),
      " ",
      el("b", { class: "down" }, `${signed(down)} against`),
      item.play_probability === null ? "" : `. Played next with ${percent(item.play_probability)}.`,
    ),
    ...grouped.map(([group, part]) => bar("why-group", GROUPS[group] ?? group, group, part, widest, "")),
    el("h4", {}, "One by one"),
    ...parts.slice(0, SHOWN).map(([name, part]) => {
      const { words, value } = read(row.meanings[name], item.features[name]);
      return bar("why-feature", words, `${name} = ${item.features[name]}: ${row.meanings[name]}`, part, widest, value);
    }),
    rest.length ? bar("why-rest", `${rest.length} others together`, "", sum(rest), widest, "") : null,
  ];
}

function bar(kind, words, title, part, widest, value) {
  const width = `${(50 * Math.min(1, Math.abs(part) / widest)).toFixed(1)}%`;
  return el(
    "div",
    { class: `why-line ${kind}` },
    el("span", { class: "why-words", title }, words),
    el("span", { class: "why-number" }, value),
    el("span", { class: `why-bar ${part < 0 ? "down" : "up"}` }, el("i", { style: { width } })),
    el("span", { class: `why-share ${part < 0 ? "down" : "up"}` }, signed(part)),
  );
}

// Without contributions (recency order, or an older bundle): the values in which the item is furthest from the others.
function values(row, item) {
  const names = Object.keys(item.features ?? {});
  const apart = (name) => {
    const all = row.items.map((other) => other.features?.[name]).filter((value) => typeof value === "number");
    const [low, high] = [Math.min(...all), Math.max(...all)];
    return high > low ? Math.abs(item.features[name] - all.reduce((sum, value) => sum + value, 0) / all.length) / (high - low) : 0;
  };
  const furthest = names.map((name) => [name, apart(name)]).sort((a, b) => b[1] - a[1]).slice(0, SHOWN);
  return [
    el("p", { class: "why-note" }, `Score ${number(item.score)}: ${row.model_version === "recency" ? "the row is in the order of last watching" : "this model does not say what made it"}. What sets it apart in this row:`),
    ...furthest.map(([name]) => {
      const { words, value } = read(row.meanings?.[name] ?? name, item.features[name]);
      return el(
        "div",
        { class: "why-line why-feature" },
        el("span", { class: "why-words", title: `${name} = ${item.features[name]}` }, words),
        el("span", { class: "why-number" }, value),
      );
    }),
  ];
}

// From which events, and up to when.
function origin(row, item) {
  const { events } = item;
  const from = row.scored_from;
  const show = events?.last_play ? `${events.plays} ${events.plays === 1 ? "play" : "plays"} of it in ${events.sessions} ${events.sessions === 1 ? "session" : "sessions"}, the last begun ${moment(events.last_play)}. ` : "";
  const member = from.since ? `The member's events from ${moment(from.since)} ` : "Events ";
  return el("p", { class: "why-note why-origin" }, `${show}${member}up to ${moment(row.scored_from_ts)}, offset ${from.offset}. Model ${row.model_version}.`);
}

function moment(ms) {
  return new Date(ms).toLocaleString([], { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit" });
}

function percent(share) {
  return `${(100 * share).toFixed(1)}%`;
}

function signed(value) {
  return `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`;
}
