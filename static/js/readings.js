// Readings on their way: kept in this tab until the server has answered, over a reload and over
// signing in again. The same reading sent twice is the same as sent once.

/** @typedef {{ id: string, reading: string }} Reading */

export class Readings {
  #slot;
  /** @type {Reading[]} */
  #all;

  /** @param {string} owner */
  constructor(owner) {
    this.#slot = `readings:${owner}`;
    try {
      this.#all = JSON.parse(sessionStorage.getItem(this.#slot) ?? "[]");
    } catch {
      this.#all = [];
    }
  }

  /** Oldest first. */
  get all() {
    return [...this.#all];
  }

  /** @param {Reading} reading */
  add(reading) {
    this.#keep([...this.#all, reading]);
  }

  /** @param {Reading} reading */
  remove({ id }) {
    this.#keep(this.#all.filter((other) => other.id !== id));
  }

  /** @param {Reading[]} readings */
  #keep(readings) {
    this.#all = readings;
    try {
      sessionStorage.setItem(this.#slot, JSON.stringify(readings));
    } catch {
      // Without storage a reload loses them; they are sent all the same.
    }
  }
}
