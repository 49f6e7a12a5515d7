// Moderating: one drawing at a time, one key each. A reading leaves the browser late, so that it can
// be taken back: when the next one is read, after a while, or on leaving. Until then it holds one of
// the two leases that there are at most; where it holds none, the next drawing is fetched ahead.
// There is one request at a time, and after trouble a pause that grows.
import { ApiError, failed, pause, post } from "./api.js";
import { drawPixels, drawStrokes } from "./ink.js";
import { onKeys } from "./keys.js";
import { Readings } from "./readings.js";
import { gettext, ngettext, withElements } from "./words.js";

const UNDO_TIME = 20000; // where nobody reads on: drawer and round wait for the reading
const LAST_UNDO_TIME = 5000; // of practice, where the page promises the result
const LEASE_SPARED = 10000; // so that a reading never comes too late
const COUNTED_EVERY = 10; // readings, between two looks at how many wait
// Nobody reads quicker: what comes sooner was meant for the drawing before, a second tap for example.
const UNREAD_TIME = 300;
const POLL_FIRST = 10000;
const POLL_LONGEST = 60000;
const RETRY_FIRST = 2000;
const RETRY_LONGEST = 60000;

/**
 * `until` is of this page's own clock, which nobody sets.
 * @typedef {Assignment & { until: number }} Leased
 * @typedef {{ assignment: Leased, reading: string, timer: number }} Reply
 * @typedef {import("./readings.js").Reading} Reading
 */

/** @param {Leased} assignment */
const expired = ({ until }) => until <= performance.now();

/** @param {string} reading */
function inWords(reading) {
  if (reading === "ambiguous") return gettext("Read as ambiguous.");
  if (reading === "junk") return gettext("Read as junk.");
  return gettext("Read as a %(digit)s.", { digit: reading });
}

/** Nobody is signed in any more, or somebody else. @param {ApiError} problem */
const isOfNobodyHere = ({ status, code }) => status === 401 || code === "another_person";

/** @param {ApiError | import("./api.js").Unreachable} problem */
const isFinal = (problem) =>
  problem instanceof ApiError && problem.status !== 429 && !isOfNobodyHere(problem);

class ReadingDesk {
  #assignmentsUrl;
  #resultUrl;
  #signInUrl;
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
  #waiting;

  /** @type {Leased | null} */
  #current = null; // on screen
  /** @type {Leased | null} */
  #next = null;
  /** @type {Reply | null} */
  #unsent = null; // can still be taken back
  #outgoing;
  #earlier; // how many of them an earlier load of this page left
  #sending = ""; // the id of the reading on its way
  #given = 0; // readings of this sitting
  #pausing = false;
  #working = false;
  #isAskedEnough = false; // until something changes
  #nothingToDo = false;
  #isCountOld = false; // how many wait
  #isTroubled = false;
  #concluded = false;
  #retryWait = RETRY_FIRST;
  #pollWait = POLL_FIRST;
  #pollTimer = 0;
  #freshTimer = 0;

  /** @param {HTMLElement} page the #moderate of pages/moderate.html */
  constructor(page) {
    const { assignmentsUrl, breakEvery, held, now, person, practiceDone, practiceOf } =
      page.dataset;
    this.#assignmentsUrl = `${assignmentsUrl}`;
    this.#resultUrl = `${page.dataset.resultUrl}`;
    this.#signInUrl = `${page.dataset.signInUrl}`;
    this.#outgoing = new Readings(`${person}`);
    this.#earlier = this.#outgoing.all.length;
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
    this.#waiting = page.querySelector("p#waiting");
    this.#hold(JSON.parse(`${held}`), Date.parse(`${now}`));
    this.#listen();
    this.#paint();
  }

  /**
   * Goes on with what an earlier load left, but for what it had read. The page's clock began as it
   * was asked for, so that no lease is thought longer than it is.
   * @param {Assignment[]} leases the older one first
   * @param {number} now by the server's clock
   */
  #hold(leases, now) {
    const read = new Set(this.#outgoing.all.map(({ id }) => id));
    const held = leases.filter(({ id }) => !read.has(id));
    const [older, newer] = held.map((each) => ({ ...each, until: Date.parse(each.expires) - now }));
    this.#current = older ?? null;
    this.#next = newer ?? null;
  }

  /** Keeps one drawing on screen and one ready, while there are any. */
  fill() {
    this.#isAskedEnough = false;
    this.#work();
  }

  /** Sends what is to go, then fetches what is to come: one request after the other. */
  async #work() {
    if (this.#working) return;
    this.#working = true;
    clearTimeout(this.#pollTimer);
    while (this.#hasWork()) {
      try {
        const [reading] = this.#outgoing.all;
        if (reading) await this.#deliver(reading);
        else if (this.#wantsMore()) await this.#fetch();
        else await this.#count();
        this.#recover();
      } catch (problem) {
        if (!(await this.#bear(failed(problem)))) break;
      }
    }
    this.#working = false;
    this.#paint();
    if (!this.#current || this.#outgoing.all.length) this.#pollLater();
  }

  #hasWork() {
    if (this.#concluded) return false;
    return this.#outgoing.all.length > 0 || this.#wantsMore() || this.#isCountOld;
  }

  #wantsMore() {
    return !this.#isAskedEnough && this.#held().length < 2;
  }

  /** A reading not yet sent still holds its lease, and is what the server names again where there is
   * nothing else. */
  async #fetch() {
    const { status, data, date } = await post(this.#assignmentsUrl);
    this.#isAskedEnough = status === 204 || this.#held().some(({ id }) => id === data.id);
    this.#isCountOld ||= this.#nothingToDo !== (this.#isAskedEnough && !this.#current);
    this.#nothingToDo = this.#isAskedEnough && !this.#current;
    if (this.#isAskedEnough) return;
    this.#pollWait = POLL_FIRST;
    const until = performance.now() + Date.parse(data.expires) - date;
    if (this.#current) this.#next = { ...data, until };
    else this.#current = { ...data, until };
    this.#paint();
  }

  /**
   * Sends a reading for good. What the server refuses is said and let go.
   * @param {Reading} reading
   */
  async #deliver(reading) {
    const isEarlier = this.#earlier > 0;
    this.#isAskedEnough = false;
    this.#sending = reading.id;
    try {
      await this.#send(reading);
      this.#arrived += 1;
      this.#isCountOld ||= this.#nothingToDo || this.#arrived % COUNTED_EVERY === 0;
    } catch (error) {
      const problem = failed(error);
      if (!isFinal(problem)) throw problem;
      this.#notice.textContent = problem.message;
      if (!isEarlier) this.#given -= 1;
    } finally {
      this.#sending = "";
    }
    this.#outgoing.remove(reading);
    if (isEarlier) this.#earlier -= 1;
    if (this.#practiceOf) this.#conclude(isEarlier);
  }

  /** How many wait, as this page says it anew. */
  async #count() {
    this.#isCountOld = false;
    if (this.#practiceOf) return;
    const answer = await fetch(location.pathname).catch(() => null);
    if (!answer?.ok) return;
    const now = new DOMParser().parseFromString(await answer.text(), "text/html");
    this.#waiting.textContent = now.querySelector("#waiting")?.textContent ?? "";
  }

  /**
   * The request outlives the page.
   * @param {Reading} reading
   */
  #send({ id, reading }) {
    return post(`${this.#assignmentsUrl}${id}/reading/`, { reading }, { keepalive: true });
  }

  /** After trouble: as if there had been none. */
  #recover() {
    this.#retryWait = RETRY_FIRST;
    if (this.#isTroubled) this.#notice.textContent = "";
    this.#isTroubled = false;
  }

  /**
   * Says what is wrong and waits; false where waiting is no help.
   * @param {ApiError | import("./api.js").Unreachable} problem
   */
  async #bear(problem) {
    this.#isTroubled = true;
    this.#nothingToDo = false; // as far as anybody knows
    this.#paint();
    const isKept = this.#outgoing.all.length > 0;
    const isRefusal = problem instanceof ApiError;
    if (isRefusal && problem.status === 401) this.#offerSignIn(isKept);
    else
      this.#notice.textContent = isKept
        ? gettext("%(why)s Your reading is kept here.", { why: problem.message })
        : problem.message;
    if (isRefusal && isOfNobodyHere(problem)) {
      this.#isAskedEnough = true;
      return false;
    }
    const wait = Math.max(this.#retryWait, isRefusal ? problem.retryAfter * 1000 : 0);
    this.#retryWait = Math.min(this.#retryWait * 2, RETRY_LONGEST);
    await pause(wait);
    return true;
  }

  /** @param {boolean} isKept whether a reading waits for it */
  #offerSignIn(isKept) {
    const again = document.createElement("a");
    again.href = this.#signInUrl;
    const sentence = isKept
      ? gettext(
          "You are no longer signed in. Your reading is kept here. <again>Sign in again</again>.",
        )
      : gettext("You are no longer signed in. <again>Sign in again</again>.");
    this.#notice.replaceChildren(...withElements(sentence, { again }));
  }

  #listen() {
    for (const button of this.#answers)
      button.addEventListener("click", () => this.#answer(button));
    this.#goOn.addEventListener("click", () => {
      this.#pausing = false;
      this.#resume();
    });
    this.#undo.addEventListener("click", () => this.#takeBack());
    // Where there is time, before the next page is asked for, which may tell of it.
    window.addEventListener("beforeunload", () => {
      this.#settle();
      this.#leave();
    });
    window.addEventListener("pagehide", () => this.#leave());
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) this.#settle();
      else this.#resume();
    });
    for (const kind of ["pointerdown", "pointermove"])
      this.#panel.addEventListener(kind, (event) => this.#note(event));
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

  /**
   * A finger leaves a button hovered, which would show the last answer under the next drawing.
   * @param {Event} event
   */
  #note(event) {
    const isMouse = event instanceof PointerEvent && event.pointerType === "mouse";
    this.#panel.toggleAttribute("data-mouse", isMouse);
  }

  /** The drawings that this page has a lease on. */
  #held() {
    const shown = [this.#current, this.#next, this.#unsent?.assignment];
    return [...shown.filter((assignment) => assignment != null), ...this.#outgoing.all];
  }

  #paint() {
    this.#panel.hidden = this.#nothingToDo || this.#pausing;
    this.#empty.hidden = !this.#nothingToDo || this.#pausing;
    this.#break.hidden = !this.#pausing;
    for (const button of this.#answers) button.disabled = !this.#current;
    this.#toast.hidden = !this.#unsent;
    this.#toast.querySelector("span[data-part=said]").textContent = this.#unsent
      ? inWords(this.#unsent.reading)
      : "";
    this.#counter.textContent = this.#counted();
    const id = this.#current?.id ?? "";
    if (this.#panel.dataset.id === id) return;
    this.#panel.dataset.id = id;
    this.#beFresh();
    if (this.#current) this.#spoken.textContent = gettext("A new drawing.");
    this.#drawStrokes(this.#current);
    drawPixels(this.#seen, this.#current?.attempt.pixels ?? []);
  }

  /** Takes no answer for a moment. */
  #beFresh() {
    clearTimeout(this.#freshTimer);
    this.#panel.dataset.fresh = "";
    this.#freshTimer = setTimeout(() => {
      delete this.#panel.dataset.fresh;
    }, UNREAD_TIME);
  }

  #counted() {
    if (this.#practiceOf)
      return gettext("Practice: %(done)s of %(all)s", {
        done: this.#practised + this.#given,
        all: this.#practiceOf,
      });
    return this.#given
      ? ngettext("%(count)s read so far", "%(count)s read so far", this.#given)
      : "";
  }

  /** @param {Assignment | null} assignment */
  #drawStrokes(assignment) {
    const { strokes, width, pixels } = assignment?.attempt ?? { strokes: [], width: 0, pixels: [] };
    // What was imported may have come without its strokes.
    if (strokes.length || !pixels.length) drawStrokes(this.#drawn, strokes, width);
    else drawPixels(this.#drawn, pixels);
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
   * Once the last practice reading has arrived, the server tells how it went. Readings of an earlier
   * load may have arrived twice: then it counts anew.
   * @param {boolean} isEarlier
   */
  #conclude(isEarlier) {
    this.#concluded = isEarlier ? !this.#earlier : this.#arrived >= this.#practiceOf;
    if (!this.#concluded) return;
    if (isEarlier) window.location.reload();
    else window.location.assign(this.#resultUrl);
  }

  /** What was unsent is nobody's to take back from now on, and goes. */
  #release() {
    const late = this.#unsent;
    if (!late) return;
    clearTimeout(late.timer);
    this.#unsent = null;
    this.#outgoing.add({ id: late.assignment.id, reading: late.reading });
  }

  #settle() {
    if (!this.#unsent) return;
    this.#release();
    this.#paint();
    this.#work();
  }

  /** @param {HTMLButtonElement} button */
  #answer({ dataset }) {
    if (!this.#current || this.#pausing || "fresh" in this.#panel.dataset) return;
    this.#release();
    this.#given += 1;
    const timer = setTimeout(() => this.#settle(), this.#undoTime(this.#current));
    this.#unsent = { assignment: this.#current, reading: `${dataset.answer}`, timer };
    if (!this.#isTroubled) this.#notice.textContent = "";
    this.#current = this.#next && !expired(this.#next) ? this.#next : null;
    this.#next = null;
    this.#pausing = this.#given % this.#breakEvery === 0;
    this.#break.querySelector("span[data-part=given]").textContent = String(this.#given);
    this.#paint();
    if (this.#pausing) this.#goOn.focus();
    this.fill();
  }

  /** @param {Leased} assignment */
  #undoTime({ until }) {
    const isLast = this.#practiceOf > 0 && this.#practised + this.#given >= this.#practiceOf;
    const most = isLast ? LAST_UNDO_TIME : UNDO_TIME;
    return Math.max(0, Math.min(most, until - performance.now() - LEASE_SPARED));
  }

  #takeBack() {
    const late = this.#unsent;
    if (!late) return;
    clearTimeout(late.timer);
    this.#unsent = null;
    this.#next = this.#current;
    this.#nothingToDo = false;
    this.#current = late.assignment;
    this.#given -= 1;
    this.#pausing = false;
    this.#paint();
    delete this.#panel.dataset.fresh; // it was seen before
    this.#spoken.textContent = gettext("Taken back. The drawing is here again.");
  }

  /** The page is going away: what is on its way goes now. Should it come back, it goes once more. */
  #leave() {
    this.#release();
    const waiting = this.#outgoing.all.filter(({ id }) => id !== this.#sending);
    for (const reading of waiting) this.#send(reading).catch(() => {});
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
