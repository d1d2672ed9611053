// The household's clock. Players run faster than life, so the time of their events must, too: it starts some hours ago,
// after the newest event that is known, and catches up with the present while something plays. It never passes it.

export const START_AGO_MS = 6 * 3600 * 1000;

export class Clock {
  #base;
  #since = Date.now();
  #rates = new Map();

  constructor(knownUpToMs) {
    this.#base = Math.max(Date.now() - START_AGO_MS, Math.min(knownUpToMs + 1000, Date.now()));
  }

  // Milliseconds since the epoch, whole, never going back.
  now() {
    const real = Date.now();
    return Math.floor(Math.min(real, this.#base + (real - this.#since) * this.#rate()));
  }

  // `who` plays at `rate` seconds a second; 0 where it stands still.
  run(who, rate) {
    this.#base = this.now();
    this.#since = Date.now();
    if (rate > 0) this.#rates.set(who, rate);
    else this.#rates.delete(who);
  }

  #rate() {
    return Math.max(1, ...this.#rates.values());
  }
}
