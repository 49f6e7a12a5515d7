// The model's live view of a drawing in progress: one request at a time, always the newest drawing next, silent when nothing changes.
import { ApiError, post, Unreachable } from "./api.js";

const PAUSE = 90;
const AFTER_TROUBLE = 4000;

export class Preview {
  #url;
  #pad;
  #busy = false;
  #stale = false;
  #shown;
  #trouble;

  /** `shown(answer | null)`: the newest reading, null when there is nothing to read. `trouble(message)`: in words, "" when over. */
  constructor(url, pad, shown, trouble) {
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
      const { data } = await post(this.#url, {
        strokes: this.#pad.strokes,
        width: this.#pad.width,
      });
      this.#trouble("");
      if (this.#pad.isReadable) this.#shown(data);
    } catch (error) {
      if (!(error instanceof ApiError || error instanceof Unreachable)) throw error;
      this.#trouble(error.message);
      const again = error instanceof Unreachable || error.status === 429;
      if (again) this.#stale = true;
      wait = again ? (error.retryAfter ?? 0) * 1000 || AFTER_TROUBLE : PAUSE;
    }
    await new Promise((done) => setTimeout(done, wait));
  }
}
