// The picture on the pad, kept in its tab: a reload shows it as it was, with the verdict where there
// is one already.

/**
 * @typedef {object} Draft
 * @property {number | null} target
 * @property {Stroke[]} strokes
 * @property {number} width
 * @property {KeyedSubmission | null} sent what of it was submitted, as long as it is that
 * @property {Attempt | null} answer
 */

export class Drafts {
  #slot;

  /** @param {string} owner */
  constructor(owner) {
    this.#slot = `draft:${owner}`;
  }

  /** @param {Draft} draft */
  keep(draft) {
    try {
      sessionStorage.setItem(this.#slot, JSON.stringify(draft));
    } catch {
      // Without storage a reload loses the picture; drawing and submitting still work.
    }
  }

  /** @returns {Draft | null} */
  get kept() {
    try {
      return JSON.parse(sessionStorage.getItem(this.#slot) ?? "null");
    } catch {
      return null;
    }
  }
}
