// One device of the profile: its page with the row where the placement puts it, its player, its session and events.

import { CallError, compareVersions, followRow, getJson, memberPath } from "./api.js";
import { el } from "./dom.js";
import { moved } from "./flip.js";
import { Player } from "./player.js";
import { poster } from "./poster.js";
import { RowView } from "./row.js";
import { Session } from "./session.js";
import { WhyView } from "./why.js";

const WAIT_MS = 3000; // for the row to cover the session's start
const SNOOZE_HOURS = 24;
const TOAST_MS = 6000;
const WALL = { tv: { rows: 7, shows: 12 }, phone: { rows: 7, shows: 8 } };

export class Device {
  #row = null;
  #unfollow = null;
  #toastTimer = 0;

  // `sent(device, event, state, note)` is told of every event, `state(kind, connected, trouble)` of the connection.
  constructor({ kind, memberId, deviceId, catalogue, clock, sent, state }) {
    Object.assign(this, { kind, memberId, deviceId, catalogue, clock, sent, state });
    this.rowView = new RowView(catalogue, kind === "tv", (name, item) => this.#act(name, item));
    this.why = new WhyView(catalogue);
    this.player = new Player({
      wide: kind === "tv",
      emit: (type, fields) => this.session.send(type, fields),
      run: (rate) => clock.run(this, rate),
      after: (show, title) => catalogue.next(show, title),
      closed: () => this.#viewed(),
      fail: (text) => this.#toast(text),
    });
    this.toast = el("div", { class: "toast", role: "status", hidden: true });
    this.home = el("div", { class: "home" }, this.rowView.element, ...this.#wall());
    this.dot = el("span", { class: "dot", title: "not connected" });
    const again = el("button", { class: "pill quiet", title: "End this session and begin another", "data-action": "session", onclick: () => this.restart() }, "new session");
    this.element = el(
      "article",
      { class: `device ${kind}`, "data-device": kind, "data-device-id": deviceId },
      el("div", { class: "bezel" }, el("div", { class: "screen" }, this.home, this.player.element, this.why.element, this.toast)),
      el("footer", {}, this.dot, el("span", {}, kind === "tv" ? "Television" : "Phone"), el("code", {}, deviceId), again),
    );
  }

  async start() {
    this.session = new Session(this.memberId, this.kind, this.deviceId, this.clock, (...what) => this.sent(this.kind, ...what), (trouble) => this.state(this.kind, null, trouble));
    this.session.send("session_start");
    const after = await this.session.settled();
    try {
      this.#take(await getJson(`${memberPath(this.memberId)}/row`, { device_id: this.deviceId, after, wait_ms: WAIT_MS }));
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      if (error.status !== 404) this.state(this.kind, null, error.message);
    }
    this.#viewed();
    this.#unfollow ??= followRow(this.memberId, this.deviceId, (row) => this.#take(row), (open) => this.#connected(open));
  }

  async restart() {
    this.player.close();
    this.session.end();
    this.home.scrollTo({ top: 0, behavior: "smooth" });
    await this.start();
  }

  stop() {
    this.player.close();
    this.session?.end();
    this.#unfollow?.();
    this.clock.run(this, 0);
  }

  #take(row) {
    if (this.#row && compareVersions(row.version, this.#row.version) < 0) return;
    this.#row = row;
    this.rowView.show(row);
    this.#place(row.placement.position);
  }

  #place(position) {
    const others = [...this.home.children].filter((section) => section !== this.rowView.element);
    const before = others[Math.max(0, position - 1)] ?? null;
    this.element.dataset.place = position;
    if (this.rowView.element.nextElementSibling === before) return;
    moved(this.home, () => this.home.insertBefore(this.rowView.element, before));
  }

  #viewed() {
    if (this.#row) this.session.send("row_viewed", { row_version: this.#row.version });
  }

  #act(name, item) {
    const show = this.catalogue.show(item.show_id);
    if (name === "play") {
      const title = this.catalogue.title(show, item.title_id, item.season, item.episode);
      this.player.play({ show, title, positionS: item.position_s, durationS: item.duration_s, source: "row", rowVersion: this.#row.version });
    } else if (name === "why") {
      this.why.open(this.memberId, this.deviceId, item.show_id);
    } else if (name === "snooze") {
      this.session.send("snooze", { show_id: item.show_id, value: SNOOZE_HOURS });
      this.#toast(`${show.name} is back in a day.`);
    } else if (name === "dismiss") {
      this.session.send("dismiss", { show_id: item.show_id });
      this.#toast(`${show.name} is out of the row; its place is kept.`, () => this.session.send("undismiss", { show_id: item.show_id }));
    }
  }

  #wall() {
    const { rows, shows } = WALL[this.kind];
    return this.catalogue.wall(this.memberId, shows).slice(0, rows).map((row) =>
      el("section", { class: "row", "data-row": row.name }, el("h3", {}, row.name), el("ol", { class: "cards" }, ...row.shows.map((show) => this.#wallCard(show)))),
    );
  }

  #wallCard(show) {
    const play = () => this.player.play({ show, title: show.episodes[0], source: "browse" });
    const card = el("li", { class: "card", tabindex: 0, "data-show": show.show_id, onclick: play }, poster(show, this.kind === "tv"));
    card.addEventListener("keydown", (event) => { if (event.key === "Enter") play(); });
    return card;
  }

  #connected(open) {
    this.dot.classList.toggle("on", open);
    this.dot.title = open ? "rows arrive as they are made" : "not connected, trying again";
    this.state(this.kind, open, open ? "" : null);
  }

  #toast(text, undo = null) {
    clearTimeout(this.#toastTimer);
    const hide = () => (this.toast.hidden = true);
    this.toast.replaceChildren(text, undo ? el("button", { class: "pill", "data-action": "undo", onclick: () => { undo(); hide(); } }, "Undo") : "");
    this.toast.hidden = false;
    this.#toastTimer = setTimeout(hide, TOAST_MS);
  }
}
