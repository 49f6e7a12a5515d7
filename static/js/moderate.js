// Moderating: one drawing at a time, one key each. The next is fetched ahead (two leases at most),
// and a reading leaves the browser late, so that it can be taken back: when the next one is read,
// after some seconds, or on leaving.
import { ApiError, failed, post } from "./api.js";
import { named } from "./bars.js";
import { drawPixels, drawStrokes } from "./ink.js";
import { onKeys } from "./keys.js";

// Short: only once a reading has left may the drawing after the next be leased.
const UNDO_TIME = 2000;
const POLL_FIRST = 10000;
const POLL_LONGEST = 60000;
const RETRY = 4000;

/** @typedef {{ assignment: Assignment, reading: string, timer: number }} Reply */

/** @param {number} ms */
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** @param {Assignment} assignment */
const expired = ({ expires }) => Date.parse(expires) <= Date.now();

/** @param {string} reading */
const inWords = (reading) => (/^\d$/.test(reading) ? named(reading) : reading);

class ReadingDesk {
  #assignmentsUrl;
  #resultUrl;
  #breakEvery;
  #practiceOf; // 0 where it is not practice
  #practised;
  #arrived; // readings, of the practice before too

  #panel;
  #drawn;
  #seen;
  /** @type {HTMLButtonElement[]} */
  #answers;
  #empty;
  #break;
  #goOn;
  #notice;
  #spoken;
  #toast;
  #undo;
  #counter;

  /** @type {Assignment | null} */
  #current = null; // on screen
  /** @type {Assignment | null} */
  #next = null;
  /** @type {Reply | null} */
  #unsent = null; // can still be taken back
  /** @type {Assignment | null} */
  #delivering = null;
  #given = 0; // readings of this sitting
  #pausing = false;
  #fetching = false;
  #nothingToDo = false;
  #lookFailed = false;
  #concluded = false;
  #pollWait = POLL_FIRST;
  #pollTimer = 0;

  /** @param {HTMLElement} page the #moderate of pages/moderate.html */
  constructor(page) {
    const { assignmentsUrl, breakEvery, practiceDone, practiceOf, resultUrl } = page.dataset;
    this.#assignmentsUrl = `${assignmentsUrl}`;
    this.#resultUrl = `${resultUrl}`;
    this.#breakEvery = Number(breakEvery);
    this.#practiceOf = Number(practiceOf ?? 0);
    this.#practised = Number(practiceDone ?? 0);
    this.#arrived = this.#practised;
    this.#panel = page.querySelector("section#assignment");
    this.#drawn = this.#panel.querySelector("canvas[data-drawn]");
    this.#seen = this.#panel.querySelector("canvas[data-seen]");
    this.#answers = [...this.#panel.querySelectorAll("button")];
    this.#empty = page.querySelector("section#empty");
    this.#break = page.querySelector("section#break");
    this.#goOn = page.querySelector("button#go-on");
    this.#notice = page.querySelector("p#notice");
    this.#spoken = page.querySelector("p#spoken");
    this.#toast = page.querySelector("div#undo-toast");
    this.#undo = page.querySelector("button#undo");
    this.#counter = page.querySelector("p#count");
    this.#listen();
  }

  /** Keeps one drawing on screen and one ready, while there are any; a reading not yet sent still
   * holds its lease. */
  async fill() {
    if (this.#fetching || this.#concluded) return;
    this.#fetching = true;
    try {
      while (this.#held().length < 2) {
        const { status, data } = await post(this.#assignmentsUrl);
        if (status === 204 || this.#held().some(({ id }) => id === data.id)) break;
        this.#pollWait = POLL_FIRST;
        this.#nothingToDo = false;
        if (this.#current) this.#next = data;
        else this.#current = data;
        this.#paint();
      }
      if (this.#lookFailed) this.#notice.textContent = "";
      this.#lookFailed = false;
      this.#nothingToDo = !this.#current;
    } catch (problem) {
      this.#complain(problem);
      this.#lookFailed = true;
    } finally {
      this.#fetching = false;
      this.#paint();
      if (!this.#current) this.#pollLater();
    }
  }

  #listen() {
    for (const button of this.#answers)
      button.addEventListener("click", () => this.#answer(button));
    this.#goOn.addEventListener("click", () => {
      this.#pausing = false;
      this.#resume();
    });
    this.#undo.addEventListener("click", () => this.#takeBack());
    window.addEventListener("pagehide", () => this.#flush());
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) this.#flush();
      else this.#resume();
    });
    new ResizeObserver(() => {
      if (this.#current) this.#drawStrokes(this.#current);
    }).observe(this.#drawn);
    onKeys({
      ...Object.fromEntries(
        this.#answers.map((button) => [button.dataset.key, () => this.#answer(button)]),
      ),
      u: () => this.#takeBack(),
      backspace: () => this.#takeBack(),
    });
  }

  /** The drawings that this page has a lease on. */
  #held() {
    return [this.#current, this.#next, this.#unsent?.assignment, this.#delivering].filter(
      (assignment) => assignment != null,
    );
  }

  /** @param {unknown} problem */
  #complain(problem) {
    this.#notice.textContent = failed(problem).message;
  }

  #paint() {
    this.#panel.hidden = this.#nothingToDo || this.#pausing;
    this.#empty.hidden = !this.#nothingToDo || this.#pausing;
    this.#break.hidden = !this.#pausing;
    for (const button of this.#answers) button.disabled = !this.#current;
    this.#toast.hidden = !this.#unsent;
    this.#toast.querySelector("span[data-part=said]").textContent = this.#unsent
      ? `Read as ${inWords(this.#unsent.reading)}.`
      : "";
    this.#counter.textContent = this.#counted();
    const id = this.#current?.id ?? "";
    if (this.#panel.dataset.id === id) return;
    this.#panel.dataset.id = id;
    if (this.#current) this.#spoken.textContent = "A new drawing.";
    this.#drawStrokes(this.#current);
    drawPixels(this.#seen, this.#current?.attempt.pixels ?? []);
  }

  #counted() {
    if (this.#practiceOf)
      return `Practice: ${this.#practised + this.#given} of ${this.#practiceOf}`;
    return this.#given ? `${this.#given} read in this sitting` : "";
  }

  /** @param {Assignment | null} assignment */
  #drawStrokes(assignment) {
    const { strokes, width } = assignment?.attempt ?? { strokes: [], width: 0 };
    drawStrokes(this.#drawn, strokes, width);
  }

  #pollLater() {
    clearTimeout(this.#pollTimer);
    this.#pollTimer = setTimeout(() => {
      if (document.hidden) this.#pollLater();
      else this.fill();
    }, this.#pollWait);
    this.#pollWait = Math.min(this.#pollWait * 1.5, POLL_LONGEST);
  }

  /**
   * Sends the reading for good, again and again while there is no network; what the server refuses
   * is said and let go.
   * @param {Reply} reply
   * @param {{ keepalive?: boolean }} [options]
   */
  async #deliver({ assignment, reading }, options) {
    this.#delivering = assignment;
    const url = `${this.#assignmentsUrl}${assignment.id}/reading/`;
    for (let tries = 0; ; tries += 1) {
      try {
        await post(url, { reading }, options);
        if (tries) this.#notice.textContent = "";
        this.#arrived += 1;
        break;
      } catch (problem) {
        this.#complain(problem);
        if (problem instanceof ApiError && problem.status !== 429) {
          this.#given -= 1;
          break;
        }
      }
      await sleep(RETRY);
    }
    this.#delivering = null;
    this.#conclude();
  }

  /** Once the last practice reading has arrived, the server tells how it went. */
  #conclude() {
    if (!this.#practiceOf || this.#arrived < this.#practiceOf) return;
    this.#concluded = true;
    window.location.assign(this.#resultUrl);
  }

  /** What was unsent, from now on nobody's to take back; null where nothing was. */
  #release() {
    const late = this.#unsent;
    if (late) clearTimeout(late.timer);
    this.#unsent = null;
    return late;
  }

  async #settle() {
    const late = this.#release();
    if (!late) return;
    this.#paint();
    await this.#deliver(late);
    await this.fill();
  }

  /** @param {HTMLButtonElement} button */
  async #answer({ dataset }) {
    if (!this.#current || this.#pausing) return;
    const before = this.#release();
    const timer = setTimeout(() => this.#settle(), UNDO_TIME);
    this.#unsent = { assignment: this.#current, reading: `${dataset.answer}`, timer };
    this.#notice.textContent = "";
    this.#given += 1;
    this.#current = this.#next && !expired(this.#next) ? this.#next : null;
    this.#next = null;
    this.#pausing = this.#given % this.#breakEvery === 0;
    this.#break.querySelector("span[data-part=given]").textContent = String(this.#given);
    this.#paint();
    if (this.#pausing) this.#goOn.focus();
    if (before) await this.#deliver(before);
    await this.fill();
  }

  #takeBack() {
    const late = this.#release();
    if (!late) return;
    this.#next = this.#current;
    this.#nothingToDo = false;
    this.#current = late.assignment;
    this.#given -= 1;
    this.#pausing = false;
    this.#paint();
    this.#spoken.textContent = "Taken back. The drawing is here again.";
  }

  /** The page is going away: what is unsent goes now, in a request that outlives it. */
  #flush() {
    const late = this.#release();
    if (late) this.#deliver(late, { keepalive: true });
  }

  /** Back after a while: what has expired meanwhile is somebody else's. */
  #resume() {
    if (this.#current && expired(this.#current)) this.#current = null;
    if (this.#next && expired(this.#next)) this.#next = null;
    this.#paint();
    this.fill();
  }
}

new ReadingDesk(document.querySelector("div#moderate")).fill();
