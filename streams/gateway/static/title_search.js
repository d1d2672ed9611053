// The search field: suggestions as one types, by keyboard too; names close to a typo where nothing fits.

import { el } from "./dom.js";

export class Search {
  #rows = [];
  #active = -1;

  constructor(space, picked) {
    this.space = space;
    this.picked = picked;
    this.input = el("input", {
      type: "search", placeholder: `Search ${space.count.toLocaleString()} titles`, role: "combobox", "aria-label": "Search titles",
      "aria-expanded": "false", "aria-controls": "suggestions", "aria-autocomplete": "list", autocomplete: "off", spellcheck: "false",
      oninput: () => this.#suggest(), onkeydown: (event) => this.#key(event), onblur: () => this.#close(), onfocus: () => this.#suggest(),
    });
    this.list = el("ul", { id: "suggestions", role: "listbox", "aria-label": "Titles found", hidden: true });
    this.list.addEventListener("pointerdown", (event) => event.preventDefault());
    this.elements = [this.input, this.list];
  }

  #suggest() {
    const { rows, close } = this.space.suggest(this.input.value);
    this.#rows = rows;
    this.#active = rows.length && !close ? 0 : -1;
    const lines = rows.map((row, number) =>
      el("li", { role: "option", id: `suggestion-${number}`, onclick: () => this.#pick(row) }, el("span", {}, this.space.titles.title[row]), el("span", {}, this.space.line(row))),
    );
    if (close && this.input.value.trim()) lines.unshift(el("li", { class: "hint", role: "presentation" }, rows.length ? "No such title. Did you mean" : "No title is called anything like it."));
    this.list.replaceChildren(...lines);
    this.list.hidden = !lines.length;
    this.#mark();
  }

  #key(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && this.#rows.length) {
      if (this.list.hidden) this.#suggest();
      this.#active = (this.#active + step + this.#rows.length) % this.#rows.length;
      this.#mark();
    } else if (event.key === "Enter" && this.#rows.length) this.#pick(this.#rows[Math.max(0, this.#active)]);
    else if (event.key === "Escape") this.#close();
    else return;
    event.preventDefault();
  }

  #mark() {
    const options = this.list.querySelectorAll("[role=option]");
    options.forEach((option, number) => option.setAttribute("aria-selected", String(number === this.#active)));
    this.input.setAttribute("aria-expanded", String(!this.list.hidden));
    if (this.#active >= 0) this.input.setAttribute("aria-activedescendant", `suggestion-${this.#active}`);
    else this.input.removeAttribute("aria-activedescendant");
  }

  #close() {
    this.list.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
  }

  #pick(row) {
    this.input.value = "";
    this.#rows = [];
    this.#close();
    this.picked(row);
  }
}
