// Why each item stands where it stands: score, probability, and the feature values that they came from.

import { getJson, memberPath } from "./api.js";
import { el } from "./dom.js";

const SHOWN = 14;

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
        el("span", { class: "why-number" }, item.play_probability === null ? number(item.score) : `${(100 * item.play_probability).toFixed(1)}%`),
      ),
    );
    const features = chosen.features ?? {};
    const rows = telling(row.items, chosen).map(({ name, low, high, share }) =>
      el(
        "div",
        { class: "why-feature" },
        el("span", { class: "why-name", title: name }, name.replaceAll("_", " ")),
        el("span", { class: "why-scale", title: `in this row from ${number(low)} to ${number(high)}` }, el("i", { style: { left: `${100 * (high > low ? (features[name] - low) / (high - low) : 0.5)}%` } })),
        el("span", { class: "why-number" }, number(features[name])),
        chosen.contributions ? el("span", { class: `why-share ${share < 0 ? "down" : "up"}` }, signed(share)) : null,
      ),
    );
    const score = `score ${number(chosen.score)}` + (chosen.play_probability === null ? "" : `, played next with ${(100 * chosen.play_probability).toFixed(1)}%`);
    const upTo = new Date(row.scored_from_ts).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
    this.body.replaceChildren(
      el("div", { class: "why-ranks" }, ...ranks),
      el(
        "div",
        { class: "why-detail" },
        el("p", { class: "why-note" }, `${score}. Model ${row.model_version}, events up to ${upTo}. `, chosen.contributions ? "What moved the score most:" : "What sets it apart in this row:"),
        ...rows,
      ),
    );
  }
}

// The features to show first: those that moved the score most where that is known, else those in which the item is
// furthest from the middle of the row.
function telling(items, chosen) {
  return Object.keys(chosen.features ?? {})
    .map((name) => {
      const values = items.map((item) => item.features?.[name]).filter((value) => typeof value === "number");
      const [low, high] = [Math.min(...values), Math.max(...values)];
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      const share = chosen.contributions?.[name] ?? 0;
      const apart = high > low ? Math.abs(chosen.features[name] - mean) / (high - low) : 0;
      return { name, low, high, share, weight: chosen.contributions ? Math.abs(share) : apart };
    })
    .sort((a, b) => b.weight - a.weight)
    .slice(0, SHOWN);
}

function number(value) {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  return size !== 0 && (size < 0.01 || size >= 100000) ? value.toExponential(1) : String(Math.round(value * 100) / 100);
}

function signed(value) {
  return `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`;
}
