// The player of one device: a real <video> whose own events become playback events.

import { episodeLabel } from "./catalogue.js";
import { el } from "./dom.js";
import { filmOf, SCALE, timecode } from "./film.js";

const PROGRESS_S = 120; // of the title, between two progress events
const JUMP_S = 300;
const NEXT_AFTER_MS = 2500;
const RUNTIME_S = { film: 6000, series: 2700 }; // where nobody knows the title's

export class Player {
  #playing = null; // {show, title, durationS, source, autoplay, rowVersion}
  #sent = 0; // position of the last event, seconds
  #started = false; // the play event of this title is out
  #seeking = false;
  #silent = false; // while the player itself pauses or loads
  #timer = 0;

  // `wide` is the shape of the screen. `emit(type, fields)` sends an event; `run(rate)` is told how fast time passes; `after(show, title)` names the next
  // title or null; `closed()` is called when the player goes away; `fail(text)` shows a fault.
  constructor({ wide, emit, run, after, closed, fail }) {
    Object.assign(this, { wide, emit, run, after, closed, fail });
    this.video = el("video", { playsinline: true, preload: "auto" });
    this.video.muted = true;
    this.bar = el("input", { type: "range", min: 0, max: 1000, value: 0, class: "seek", "aria-label": "Position" });
    this.title = el("div", { class: "player-title" });
    this.time = el("div", { class: "player-time" });
    this.toggle = el("button", { class: "round big", "aria-label": "Play or pause", "data-action": "toggle", onclick: () => this.#toggle() });
    this.nextButton = el("button", { class: "pill", hidden: true, "data-action": "next", onclick: () => this.#next(false) }, "Next episode ▸");
    const jump = (seconds, label) => el("button", { class: "round", "aria-label": `${label} minutes`, onclick: () => this.#seek(this.position + seconds) }, label);
    const close = el("button", { class: "round", "aria-label": "Back", "data-action": "back", onclick: () => this.close() }, "←");
    this.element = el(
      "div",
      { class: "player", hidden: true },
      this.video,
      el("div", { class: "player-top" }, close, this.title),
      el("div", { class: "player-bottom" }, this.bar, el("div", { class: "player-buttons" }, this.toggle, jump(-JUMP_S, "−5"), jump(JUMP_S, "+5"), this.time, this.nextButton)),
    );
    this.#listen();
  }

  get position() {
    return this.#playing ? Math.min(this.video.currentTime * SCALE, this.#playing.durationS) : 0;
  }

  get open() {
    return this.#playing !== null;
  }

  setSpeed(speed) {
    this.video.playbackRate = this.video.defaultPlaybackRate = speed;
    if (this.open && !this.video.paused) this.run(SCALE * speed);
  }

  async play({ show, title, positionS = 0, durationS = null, source, autoplay = false, rowVersion = null }) {
    if (this.open) this.#stop();
    const length = durationS || title.runtime_s || RUNTIME_S[show.kind];
    const playing = (this.#playing = { show, title, durationS: length, source, autoplay, rowVersion });
    this.title.replaceChildren(el("strong", {}, show.name), ` ${episodeLabel(title, show.kind)}`);
    this.#started = false;
    this.nextButton.hidden = true;
    this.element.hidden = false;
    this.element.classList.add("loading");
    try {
      const address = await filmOf(show, title, length, this.wide);
      if (this.#playing !== playing) return;
      this.#silent = true;
      this.video.src = address;
      this.video.currentTime = Math.min(positionS, length - 1) / SCALE;
      this.#silent = false;
      await this.video.play();
    } catch (error) {
      if (this.#playing !== playing || error.name === "AbortError") return;
      this.#playing = null;
      this.element.hidden = true;
      this.fail(error.message);
      this.closed();
    } finally {
      this.element.classList.remove("loading");
    }
  }

  close() {
    if (!this.open) return;
    this.#stop();
    this.element.hidden = true;
    this.closed();
  }

  #listen() {
    const { video } = this;
    video.addEventListener("playing", () => {
      if (!this.open || this.#seeking || this.#silent) return;
      this.#emit("play", { autoplay: this.#playing.autoplay, source: this.#playing.source, ...(this.#playing.rowVersion ? { row_version: this.#playing.rowVersion } : {}) });
      this.#started = true;
      this.#playing.rowVersion = null;
      this.#playing.autoplay = false;
      this.run(SCALE * video.playbackRate);
      this.#show();
    });
    video.addEventListener("pause", () => {
      if (!this.#started || !this.open || this.#silent || video.ended) return;
      this.#emit("pause");
      this.run(0);
      this.#show();
    });
    video.addEventListener("timeupdate", () => {
      this.#show();
      if (this.#started && this.open && !video.paused && !this.#seeking && Math.abs(this.position - this.#sent) >= PROGRESS_S) this.#emit("progress");
    });
    video.addEventListener("seeked", () => {
      if (!this.open || !this.#seeking) return;
      this.#seeking = false;
      this.#emit("seek");
      if (!video.paused) this.run(SCALE * video.playbackRate);
    });
    video.addEventListener("ended", () => {
      if (!this.open) return;
      this.#emit("complete");
      this.run(0);
      this.#show();
      const next = this.after(this.#playing.show, this.#playing.title);
      this.#timer = setTimeout(() => (next ? this.#next(true) : this.close()), NEXT_AFTER_MS);
    });
    this.bar.addEventListener("change", () => this.#seek((this.bar.value / 1000) * (this.#playing?.durationS ?? 0)));
    video.addEventListener("click", () => this.#toggle());
  }

  #toggle() {
    clearTimeout(this.#timer);
    if (this.video.paused) this.video.play().catch(() => {});
    else this.video.pause();
  }

  #seek(seconds) {
    if (!this.open) return;
    clearTimeout(this.#timer);
    this.#seeking = true;
    this.video.currentTime = Math.max(0, Math.min(seconds, this.#playing.durationS - 1)) / SCALE;
  }

  #next(autoplay) {
    clearTimeout(this.#timer);
    const { show, title } = this.#playing;
    const next = this.after(show, title);
    if (next) this.play({ show, title: next, source: autoplay ? "autoplay" : "other", autoplay });
  }

  #stop() {
    clearTimeout(this.#timer);
    if (this.#started && !this.video.ended) this.#emit("stop");
    this.run(0);
    this.#playing = null;
    this.#silent = true;
    this.video.pause();
    this.video.removeAttribute("src");
    this.video.load();
    this.#silent = false;
  }

  #emit(type, fields = {}) {
    const { show, title, durationS } = this.#playing;
    this.#sent = this.position;
    this.emit(type, {
      title_id: title.title_id,
      show_id: show.show_id,
      season: title.season ?? null,
      episode: title.episode ?? null,
      position_s: Math.round(this.position * 10) / 10,
      duration_s: durationS,
      ...fields,
    });
  }

  #show() {
    if (!this.open) return;
    const { durationS, title, show } = this.#playing;
    this.bar.value = (1000 * this.position) / durationS;
    this.bar.style.setProperty("--played", `${(100 * this.position) / durationS}%`);
    this.time.textContent = `${timecode(this.position)} / ${timecode(durationS)}`;
    this.toggle.textContent = this.video.paused ? "▶" : "❚❚";
    const ending = this.position >= (title.credits_s ?? 0.95 * durationS);
    this.nextButton.hidden = !(ending && this.after(show, title));
  }
}
