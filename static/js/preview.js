// The model's live view of a drawing in progress: one request at a time, always the newest drawing
// next, silent when nothing changes.
import { ApiError, failed, post } from "./api.js";

const PAUSE = 90;
const AFTER_TROUBLE = 4000;

export class Preview {
  #url;
  #pad;
  #busy = false;
  #stale = false;
  #shown;
  #trouble;

  /**
   * @param {string} url
   * @param {Pad} pad
   * @param {(answer: Prediction | null) => void} shown null when there is nothing to read
   * @param {(message: string) => void} trouble in words, "" when over
   */
  constructor(url, pad, shown, trouble = () => {}) {
    this.#url = url;
    this.#pad = pad;
    this.#shown = shown;
    this.#trouble = trouble;
    for (const event of ["ink", "change"]) pad.addEventListener(event, () => this.#wake());
  }

  #wake() {
    this.#stale = true;
    if (!this.#busy) this.#run();
  }

  async #run() {
    this.#busy = true;
    while (this.#stale) {
      this.#stale = false;
      await this.#ask();
    }
    this.#busy = false;
  }

  async #ask() {
    if (!this.#pad.isReadable) {
      this.#shown(null);
      return;
    }
    let wait = PAUSE;
    try {
      const { strokes, width } = this.#pad;
      const { data } = await post(this.#url, { strokes, width });
      this.#trouble("");
      if (this.#pad.isReadable) this.#shown(data);
    } catch (error) {
      const problem = failed(error);
      this.#trouble(problem.message);
      const refused = problem instanceof ApiError;
      if (!refused || problem.status === 429) {
        this.#stale = true;
        wait = (refused && problem.retryAfter * 1000) || AFTER_TROUBLE;
      }
    }
    await new Promise((done) => setTimeout(done, wait));
  }
}
