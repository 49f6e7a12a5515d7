// Sends drawings, and keeps each in the browser until this site itself has said what became of it:
// nothing is lost offline, on reload, or by what answers in the site's place. The client key makes
// sending twice the same as sending once; where the browser has locks, one tab sends at a time.
import { ApiError, freshKey, pause, post, Unreachable } from "./api.js";
import { Slots, storage } from "./slots.js";

const FIRST_WAIT = 1500;
const LONGEST_WAIT = 30000;
// What is about the drawing. Any other refusal may be over once somebody has signed in again.
const FINAL = new Set([400, 409, 413, 422]);
const ANOTHER_PERSON = "another_person";

/** @param {ApiError} refusal */
const isFinal = ({ status, code }) => FINAL.has(status) && code !== ANOTHER_PERSON;

/**
 * Whether an answer is this site's to this submission.
 * @param {any} data
 * @param {KeyedSubmission} body
 * @returns {data is Attempt}
 */
function isVerdict(data, { target_label }) {
  const { id, probabilities } = data ?? {};
  return (
    typeof id === "string" &&
    data.target_label === target_label &&
    (probabilities === null || Array.isArray(probabilities))
  );
}

/**
 * Does it when no other tab is at the same.
 * @template T
 * @param {string} name
 * @param {() => Promise<T>} what
 * @returns {Promise<T>}
 */
async function alone(name, what) {
  if (!navigator.locks) return what(); // as where the page does not come over https
  return navigator.locks.request(name, what);
}

export class Outbox {
  #url;
  #slots;

  /**
   * @param {string} url
   * @param {string} owner
   */
  constructor(url, owner) {
    this.#url = url;
    this.#slots = new Slots(owner, storage());
  }

  /** What has not been answered yet, oldest first, of every tab. */
  get waiting() {
    return this.#slots.all;
  }

  /** @param {KeyedSubmission} body */
  keeps({ client_key }) {
    return this.#slots.has(client_key);
  }

  /**
   * Gives a drawing its key, unless it has one, and keeps it.
   * @param {Submission & { client_key?: string }} drawing
   * @returns {KeyedSubmission}
   */
  keep(drawing) {
    const body = { client_key: freshKey(), ...drawing };
    this.#slots.put(body);
    return body;
  }

  /**
   * Calls back when another tab keeps or sends a drawing.
   * @param {() => void} changed
   */
  watch(changed) {
    window.addEventListener("storage", ({ key }) => {
      if (this.#slots.owns(key)) changed();
    });
  }

  /**
   * Sends until this site answers; throws what it refuses, which is kept unless that is final.
   * @param {KeyedSubmission} body
   * @param {(message: string) => void} onWait is told of every try that did not get through
   */
  async send(body, onWait) {
    return alone(`outbox:${body.client_key}`, () => this.#insist(body, onWait));
  }

  /**
   * The same for what another tab, or an earlier visit, has left; null where it is sent by now.
   * @param {KeyedSubmission} body
   * @param {(message: string) => void} onWait
   */
  async sendLeft(body, onWait) {
    return alone(`outbox:${body.client_key}`, async () =>
      this.keeps(body) ? this.#insist(body, onWait) : null,
    );
  }

  /**
   * @param {KeyedSubmission} body
   * @param {(message: string) => void} onWait
   * @returns {Promise<Attempt>}
   */
  async #insist(body, onWait) {
    for (let wait = FIRST_WAIT; ; wait = Math.min(wait * 2, LONGEST_WAIT)) {
      try {
        return await this.#try(body);
      } catch (problem) {
        const isBusy = problem instanceof ApiError && problem.status === 429;
        if (!isBusy && !(problem instanceof Unreachable)) throw problem;
        onWait(problem.message);
        await pause(isBusy ? Math.max(wait, problem.retryAfter * 1000) : wait);
      }
    }
  }

  /** @param {KeyedSubmission} body */
  async #try(body) {
    try {
      const { data } = await post(this.#url, body);
      if (!isVerdict(data, body)) throw new Unreachable();
      this.#slots.remove(body.client_key);
      return data;
    } catch (problem) {
      if (problem instanceof ApiError && isFinal(problem)) this.#slots.remove(body.client_key);
      throw problem;
    }
  }
}
