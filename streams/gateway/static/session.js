// One session of one device: its events in order, sent until Kafka has them.

import { CallError, postEvents } from "./api.js";

const BATCH = 100;

export class Session {
  #queue = [];
  #sending = null;
  #after = "";

  // `onSent(event, "sent" | "refused", note)` is told of each event, `onTrouble(text or "")` of what holds them up.
  constructor(memberId, device, deviceId, clock, onSent, onTrouble) {
    this.memberId = memberId;
    this.device = device;
    this.deviceId = deviceId;
    this.id = identifier();
    this.clock = clock;
    this.onSent = onSent;
    this.onTrouble = onTrouble;
  }

  send(type, fields = {}) {
    this.#queue.push({
      event_id: identifier(),
      type,
      member_id: this.memberId,
      session_id: this.id,
      ts: this.clock.now(),
      device: this.device,
      device_id: this.deviceId,
      ...fields,
    });
    this.#sending ??= this.#drain().finally(() => (this.#sending = null));
  }

  // The place in the log of the last event that Kafka has, once all that was queued is there.
  async settled() {
    await this.#sending;
    return this.#after;
  }

  // Says goodbye even while the page is being left.
  end() {
    this.send("session_end");
    const rest = this.#queue.splice(0);
    postEvents(rest, true).catch(() => {});
  }

  async #drain() {
    await null; // so that what is sent in one turn goes in one call
    while (this.#queue.length) {
      const batch = this.#queue.slice(0, BATCH);
      try {
        const answer = await postEvents(batch);
        this.#after = answer.after[this.memberId] ?? this.#after;
        this.#settle(batch, new Map(answer.rejected.map((entry) => [entry.index, entry.error])));
        this.onTrouble("");
      } catch (error) {
        if (!(error instanceof CallError)) throw error;
        if (error.retryAfterMs) {
          this.onTrouble(`${error.message} (${this.#queue.length} events wait)`);
          await new Promise((resolve) => setTimeout(resolve, error.retryAfterMs));
        } else {
          this.#settle(batch, new Map(batch.map((_, index) => [index, error.message])));
          this.onTrouble(error.message);
        }
      }
    }
  }

  #settle(batch, refused) {
    this.#queue.splice(0, batch.length);
    batch.forEach((event, index) => {
      const reason = refused.get(index);
      this.onSent(event, reason ? "refused" : "sent", reason ?? "");
    });
  }
}

// 128 random bits; crypto.randomUUID exists only on https and on this machine.
function identifier() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
