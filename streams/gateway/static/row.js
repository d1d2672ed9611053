// The Continue Watching row: one card an item, moving to where the newest row puts it.

import { episodeLabel } from "./catalogue.js";
import { el } from "./dom.js";
import { moved } from "./flip.js";
import { poster } from "./poster.js";

const REASONS = { resume: "Resume", next_episode: "Next", new_episode: "New" };

export class RowView {
  #cards = new Map();

  // `act(name, item)` is called with play, why, snooze or dismiss.
  constructor(catalogue, wide, act) {
    this.catalogue = catalogue;
    this.wide = wide;
    this.act = act;
    this.list = el("ol", { class: "cards" });
    this.note = el("span", { class: "row-note" });
    this.empty = el("p", { class: "row-empty" }, "Nothing to continue yet. Play something below.");
    this.element = el("section", { class: "row continue", "data-row": "continue" }, el("h3", {}, "Continue Watching", this.note), this.list, this.empty);
  }

  show(row) {
    this.element.dataset.version = row.version;
    this.note.textContent = noteOf(row, this.wide);
    this.empty.hidden = row.items.length > 0;
    moved(this.list, () => {
      const shown = new Set(row.items.map((item) => item.show_id));
      for (const [showId, card] of this.#cards) {
        if (shown.has(showId)) continue;
        card.remove();
        this.#cards.delete(showId);
      }
      row.items.forEach((item, index) => {
        const card = this.#cards.get(item.show_id) ?? this.#card(item.show_id);
        this.#fill(card, item);
        if (this.list.children[index] !== card) this.list.insertBefore(card, this.list.children[index] ?? null);
      });
    });
  }

  #card(showId) {
    const show = this.catalogue.show(showId);
    const button = (name, label, sign) =>
      el("button", { class: "round small", title: label, "aria-label": `${label}: ${show.name}`, "data-action": name, onclick: (event) => { event.stopPropagation(); this.act(name, card.item); } }, sign);
    const card = el(
      "li",
      { class: "card", "data-show": showId, tabindex: 0 },
      poster(show, this.wide),
      el("div", { class: "card-actions" }, button("why", "Why it stands here", "?"), button("snooze", "Not for a day", "☾"), button("dismiss", "Remove from the row", "✕")),
      el("div", { class: "card-bar" }, el("i", {})),
      el("div", { class: "card-label" }),
    );
    card.addEventListener("click", () => this.act("play", card.item));
    card.addEventListener("keydown", (event) => { if (event.key === "Enter" && event.target === card) this.act("play", card.item); });
    this.#cards.set(showId, card);
    return card;
  }

  #fill(card, item) {
    card.item = item;
    const show = this.catalogue.show(item.show_id);
    card.dataset.position = item.position_s;
    card.querySelector(".card-bar i").style.width = `${Math.round(100 * item.progress)}%`;
    card.querySelector(".card-bar").hidden = !item.progress;
    const left = item.reason === "resume" && item.duration_s ? `${Math.max(1, Math.round((item.duration_s - item.position_s) / 60))} min${this.wide ? " left" : ""}` : REASONS[item.reason];
    const label = [episodeLabel(item, show.kind), left].filter(Boolean).join(" · ");
    const chance = item.play_probability === null ? null : el("b", { title: "Probability that this is played next" }, `${Math.round(100 * item.play_probability)}%`);
    card.querySelector(".card-label").replaceChildren(el("span", {}, label), chance ?? "");
    card.classList.toggle("fresh", item.reason === "new_episode");
  }
}

function noteOf(row, wide) {
  const place = `place ${row.placement.position}${wide ? " on this page" : ""}`;
  const chance = row.continuation_probability === null ? "" : ` · ${Math.round(100 * row.continuation_probability)}% likely to continue`;
  const model = row.model_version === "recency" ? " · by recency, no model yet" : "";
  return `${place}${chance}${model}${row.stale ? " · not up to date yet" : ""}`;
}
