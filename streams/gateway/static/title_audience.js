// How many will watch the picked title, by country: the estimate with its interval, and the past titles it rests on.

import { el } from "./dom.js";

const SHOWN = 8; // countries in the list, until all are asked for

export class Audience {
  #chosen = null;
  #all = false;

  constructor(space, alike, { picked, hovered }) {
    Object.assign(this, { space, alike, picked, hovered });
    this.element = el("section", { class: "audience" });
  }

  show(answer) {
    this.answer = answer;
    const codes = answer.countries.map((each) => each.country);
    if (!codes.includes(this.#chosen)) this.#chosen = this.#ordered()[0].country;
    this.#draw();
  }

  // Where it is expected to do best beside what is usual there.
  #ordered() {
    return [...this.answer.countries].sort((a, b) => b.middle / (b.usual || 1) - a.middle / (a.usual || 1));
  }

  #draw() {
    const ordered = this.#ordered();
    const sizes = ordered.flatMap((each) => [each.low, each.high, each.usual, each.actual]).filter((size) => size > 0);
    const low = Math.log(Math.min(...sizes));
    const high = Math.log(Math.max(...sizes)) || 1;
    const at = (size) => `${(100 * Math.max(0, Math.log(Math.max(size, 1e-9)) - low)) / Math.max(high - low, 1e-9)}%`;
    let listed = this.#all ? ordered : ordered.slice(0, SHOWN);
    if (!listed.some((each) => each.country === this.#chosen)) listed = [...listed, ordered.find((each) => each.country === this.#chosen)];
    const chosen = ordered.find((each) => each.country === this.#chosen);
    const known = ordered.some((each) => each.actual !== null);
    this.element.replaceChildren(
      el("h3", {}, "How many will watch"),
      el("div", { class: "estimates", role: "radiogroup", "aria-label": "Country" }, ...listed.map((each) => this.#line(each, at))),
      ordered.length > SHOWN ? el("button", { class: "pill quiet", onclick: () => { this.#all = !this.#all; this.#draw(); } }, this.#all ? "the best alone" : `all ${ordered.length} countries`) : "",
      el("p", { class: "about marks" }, ...Object.entries({ middle: "estimate", span: "80 of 100 such titles", usual: "usual there", ...(known ? { actual: "what it had" } : {}) }).map(([mark, text]) => el("span", {}, el("i", { class: mark }), text))),
      ...this.#chosenCountry(chosen),
    );
  }

  #line(each, at) {
    const says = `${place(each.country)}: ${people(each.middle)}, between ${people(each.low)} and ${people(each.high)}`;
    return el(
      "button", { class: "estimate", role: "radio", "aria-checked": String(each.country === this.#chosen), "aria-label": says, title: says, "data-country": each.country, onclick: () => { this.#chosen = each.country; this.#draw(); } },
      el("span", {}, place(each.country)),
      el("span", { class: "range" },
        el("i", { class: "span", style: { left: at(each.low), right: `calc(100% - ${at(each.high)})` } }),
        el("i", { class: "usual", style: { left: at(each.usual) } }),
        el("i", { class: "middle", style: { left: at(each.middle) } }),
        each.actual === null ? "" : el("i", { class: "actual", style: { left: at(each.actual) } })),
      el("b", {}, people(each.middle)),
    );
  }

  #chosenCountry(chosen) {
    const name = place(chosen.country);
    const past = this.answer.past.map((each) => this.#past(each, chosen));
    const alike = (this.alike[chosen.country] ?? []).filter(([code]) => this.answer.countries.some((each) => each.country === code));
    return [
      el("p", {}, `In ${name}: ${people(chosen.middle)}. 80 of 100 such titles lie between ${people(chosen.low)} and ${people(chosen.high)}; usual there is ${people(chosen.usual)}.`,
        chosen.actual === null ? "" : el("span", { class: "had" }, ` It had ${people(chosen.actual)}.`)),
      past.length ? el("p", { class: "about" }, "The past titles that the estimate rests on, and what they had there:") : "",
      el("ol", { class: "likes" }, ...past),
      alike.length ? el("p", { class: "about" }, "Countries that watch alike: ", ...alike.map(([code]) => el("button", { class: "pill quiet", onclick: () => { this.#chosen = code; this.#draw(); } }, place(code)))) : "",
    ].filter(Boolean);
  }

  #past(each, chosen) {
    const row = this.space.rows.get(each.title_id);
    const size = each.audience[chosen.country];
    const beside = size === null || !chosen.usual ? "" : ` · ${(size / chosen.usual).toFixed(size / chosen.usual < 10 ? 1 : 0)} × usual`;
    return el("li", {}, el(
      "button", { class: "like", onclick: () => this.picked(row), onpointerenter: () => this.hovered(row), onpointerleave: () => this.hovered(-1) },
      el("span", { class: "rank" }, ""), el("span", {}, this.space.titles.title[row], " ", el("small", {}, this.space.line(row))),
      el("span", { class: "far", title: "of the weight of all past titles" }, `${(100 * each.share).toFixed(0)} %`),
      el("span", { class: "why" }, size === null ? `not known in ${place(chosen.country)}` : `${people(size)}${beside}`),
    ));
  }
}

function place(code) {
  return code || "the world";
}

function people(size) {
  for (const [factor, unit] of [[1e9, " billion"], [1e6, " million"]]) if (size >= factor) return `${Number((size / factor).toPrecision(3))}${unit}`;
  return Number(size.toPrecision(3)).toLocaleString(); // an estimate knows no more digits
}
