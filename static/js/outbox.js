// One submission at a time, kept in the browser until the server has answered: nothing is lost
// offline or on reload, and the client key makes sending it twice the same as sending it once.
import { freshKey, post, Unreachable } from "./api.js";

const FIRST_WAIT = 1500;
const LONGEST_WAIT = 30000;

export class Outbox {
  #url;
  #slot;

  /**
   * @param {string} url
   * @param {string} owner
   */
  constructor(url, owner) {
    this.#url = url;
    this.#slot = `outbox:${owner}`;
  }

  /**
   * What was left unsent, or null.
   * @returns {Submission | null}
   */
  get waiting() {
    try {
      return JSON.parse(localStorage.getItem(this.#slot) ?? "null");
    } catch {
      return null;
    }
  }

  /**
   * Sends until the server answers; throws what the server refuses.
   * @param {Submission} body
   * @param {(message: string) => void} onWait is told of every try that did not get through
   * @returns {Promise<Attempt>}
   */
  async send(body, onWait) {
    const kept = { client_key: freshKey(), ...body };
    this.#keep(kept);
    for (let wait = FIRST_WAIT; ; wait = Math.min(wait * 2, LONGEST_WAIT)) {
      try {
        const { data } = await post(this.#url, kept);
        this.#keep(null);
        return data;
      } catch (error) {
        if (!(error instanceof Unreachable)) {
          this.#keep(null);
          throw error;
        }
        onWait(error.message);
        await this.#pause(wait);
      }
    }
  }

  /** @param {Submission | null} body */
  #keep(body) {
    try {
      if (body) localStorage.setItem(this.#slot, JSON.stringify(body));
      else localStorage.removeItem(this.#slot);
    } catch {
      // A full or forbidden storage costs the safety over a reload, not the submission.
    }
  }

  /**
   * @param {number} milliseconds at most: until the browser is online again
   * @returns {Promise<void>}
   */
  #pause(milliseconds) {
    return new Promise((done) => {
      const timer = setTimeout(finish, milliseconds);
      window.addEventListener("online", finish, { once: true });
      function finish() {
        clearTimeout(timer);
        window.removeEventListener("online", finish);
        done();
      }
    });
  }
}
