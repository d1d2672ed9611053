// The title that was picked: what is known of it, and the titles like it by each view, with why.

import { getJson } from "./api.js";
import { el } from "./dom.js";
import { Audience } from "./title_audience.js";
import { short } from "./title_space.js";

const METRICS = { cosine: "cosine", euclidean: "Euclidean" };
const SHOWN = 12;
const PEOPLE = 6;
const WHY = {
  people: "people",
  tags: "tags",
  categories: "categories",
  countries: "made in",
  neighbours: "linked to",
  predicted: "seen in both",
  strong: "both do well in",
};

export class Detail {
  #asked = 0;

  constructor(element, space, { picked, hovered, listed, countries }) {
    Object.assign(this, { element, space, picked, hovered, listed });
    this.audience = countries && new Audience(space, countries, { picked, hovered });
    this.metric = "cosine";
    this.view = [...space.views.keys()][0];
    this.row = -1;
    this.#intro();
  }

  #intro() {
    const views = [...this.space.views.keys()].join(", ");
    this.element.replaceChildren(
      el("h2", {}, "Which titles are comparable, and in what ways?"),
      el("p", { class: "about" }, `${this.space.count.toLocaleString()} titles. Titles that are alike lie close together. There is no one truth about what is alike, so there are views: ${views}.`),
      el("p", { class: "about" }, "Search for a title or pick a point. The wheel or two fingers zoom; on the keyboard, arrows move, + and − zoom, Enter picks the title in the middle. Colours in the legend show some titles alone."),
    );
  }

  setView(view) {
    this.view = view;
    if (this.answer) this.#likes();
  }

  async open(row) {
    this.row = row;
    const asked = ++this.#asked;
    const path = `v1/title-map/titles/${encodeURIComponent(this.space.titles.id[row])}`;
    try {
      const asks = [getJson(path), getJson(`${path}/similar`, { metric: this.metric, n: SHOWN })];
      if (this.audience) asks.push(getJson(`${path}/audience`));
      const [title, similar, audience] = await Promise.all(asks);
      if (asked !== this.#asked) return;
      this.answer = similar.views;
      this.body = el("div", {});
      this.element.replaceChildren(...this.#about(title), this.body, ...(audience ? [this.audience.element] : []));
      if (audience) this.audience.show(audience);
      this.#likes();
      this.element.scrollTop = 0;
    } catch (fault) {
      if (asked === this.#asked) this.element.replaceChildren(el("p", {}, fault.message));
    }
  }

  #about(title) {
    const { facts } = title;
    const people = facts.people ?? [];
    const pairs = [
      ["Categories", facts.categories], ["Tags", facts.tags], ["Countries", facts.countries],
      ["People", people.length > PEOPLE ? [...people.slice(0, PEOPLE), `${people.length - PEOPLE} more`] : people],
      ["Also seen", facts.predicted?.filter((name) => !facts.categories?.includes(name))], ["Does well in", facts.strong],
    ];
    return [
      el("h2", {}, title.title),
      el("p", { class: "about" }, [title.year, title.kind, title.id].filter(Boolean).join(" · ")),
      title.summary ? el("p", {}, title.summary) : null,
      el("dl", {}, ...pairs.filter(([, values]) => values?.length).flatMap(([name, values]) => [el("dt", {}, name), el("dd", {}, values.join(", "))])),
    ].filter(Boolean);
  }

  #likes() {
    const views = [...this.space.views.keys()];
    const likes = this.answer[this.view];
    const tabs = views.map((view) => el("button", { class: "pill", role: "radio", "aria-checked": String(view === this.view), onclick: () => { this.setView(view); } }, view));
    const metric = el("select", { "aria-label": "Distance", onchange: () => { this.metric = metric.value; this.open(this.row); } }, ...Object.entries(METRICS).map(([value, text]) => el("option", { value, selected: value === this.metric }, text)));
    const view = this.space.views.get(this.view);
    const cluster = view.clusters[view.of[this.row]];
    const list = likes.map((like, number) => this.#like(like, number));
    this.body.replaceChildren(
      el("h3", {}, "Titles like it"),
      el("div", { class: "tabs", role: "radiogroup", "aria-label": "Titles like it, by view" }, ...tabs, metric),
      cluster ? el("p", { class: "about", title: cluster.terms.join(", ") }, `It stands among ${cluster.size.toLocaleString()} titles: ${short(cluster.name)}`) : "",
      likes.length ? el("ol", { class: "likes" }, ...list) : el("p", { class: "about" }, `It has no vector by ${this.view}: nothing that this view learns from is known of it.`),
    );
    this.listed(Object.fromEntries(views.map((view) => [view, this.answer[view].map((like) => this.space.rows.get(like.title_id))])));
  }

  #like(like, number) {
    const row = this.space.rows.get(like.title_id);
    const also = [...this.space.views.keys()].filter((view) => view !== this.view && this.answer[view].some((other) => other.title_id === like.title_id));
    const why = like.why.flatMap((reason, at) => [at ? "; " : "", el("em", {}, `${WHY[reason.kind]} `), reason.names.join(", ")]);
    return el("li", {},
      el("button", { class: "like", "data-title": like.title_id, onclick: () => this.picked(row), onpointerenter: () => this.hovered(row), onpointerleave: () => this.hovered(-1), onfocus: () => this.hovered(row), onblur: () => this.hovered(-1) },
        el("span", { class: "rank" }, String(number + 1)),
        el("span", {}, this.space.titles.title[row], " ", el("small", {}, this.space.line(row)), " ", also.length ? el("span", { class: "also", title: "also among the nearest in these views" }, `+ ${also.join(", ")}`) : ""),
        el("span", { class: "far", title: METRICS[this.metric] }, like.distance.toFixed(3)),
        el("span", { class: "why" }, ...(why.length ? why : [el("em", {}, "nothing on record is in both")])),
      ));
  }
}
