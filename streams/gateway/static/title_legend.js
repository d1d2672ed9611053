// The legend: what each colour stands for, with how many; pressing one shows those titles alone.

import { el } from "./dom.js";

export class Legend {
  constructor(element, changed) {
    this.element = element;
    this.changed = changed;
    this.chosen = new Set();
  }

  show(name, colouring) {
    this.chosen.clear();
    const keys = colouring.keys.map((key, number) => {
      if (!key.count) return null;
      const button = el(
        "button",
        { class: "key", "aria-pressed": "false", title: key.title ?? key.name, style: { "--hue": key.colour } },
        el("i"), el("span", {}, key.name), el("b", {}, key.count.toLocaleString()),
      );
      button.addEventListener("click", () => {
        if (!this.chosen.delete(number)) this.chosen.add(number);
        this.#mark();
      });
      button.dataset.key = number;
      return button;
    });
    this.all = el("button", { class: "pill", hidden: true, onclick: () => { this.chosen.clear(); this.#mark(); } }, "show all");
    this.element.replaceChildren(el("h2", {}, name), this.all, ...keys.filter(Boolean));
    this.#mark();
  }

  #mark() {
    this.all.hidden = !this.chosen.size;
    this.element.classList.toggle("filtering", this.chosen.size > 0);
    for (const key of this.element.querySelectorAll(".key")) key.setAttribute("aria-pressed", String(this.chosen.has(Number(key.dataset.key))));
    this.changed(this.chosen);
  }
}
