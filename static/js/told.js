// What the draw page says beside its buttons: why something was not taken, what waits to be sent,
// and what became of a drawing that is no longer on the pad.
import { named } from "./bars.js";

/**
 * @param {string} text
 * @param {string} href
 */
function link(text, href) {
  const made = document.createElement("a");
  made.href = href;
  made.textContent = text;
  return made;
}

export class Told {
  #error;
  #later;
  #kept;
  #username;
  #signInUrl;
  #drawingsUrl;

  /** @param {HTMLElement} page pages/draw.html's studio */
  constructor(page) {
    const { username, signInUrl, drawingsUrl } = page.dataset;
    this.#username = `${username}`;
    this.#signInUrl = `${signInUrl}`;
    this.#drawingsUrl = `${drawingsUrl}`;
    this.#error = page.querySelector("p#error");
    this.#later = page.querySelector("p#later");
    this.#kept = page.querySelector("p#kept");
    // On a phone they lie over the tools: a press takes them away, as more ink does.
    this.#error.parentElement?.addEventListener("click", ({ target }) => {
      if (!(target instanceof HTMLAnchorElement)) this.quiet();
    });
  }

  quiet() {
    for (const line of [this.#error, this.#later, this.#kept]) line.textContent = "";
  }

  /** @param {string} message */
  error(message) {
    this.quiet();
    this.#error.textContent = message;
  }

  /** @param {string} message why it could not be sent yet */
  waits(message) {
    this.error(`${message} Your drawing is kept here and will be sent by itself.`);
  }

  /** @param {import("./api.js").ApiError} problem */
  refused(problem) {
    if (problem.status === 401) {
      const again = link("Sign in again", this.#signInUrl);
      this.#error.replaceChildren(
        "You are no longer signed in. Your drawing is kept here. ",
        again,
        ", and it will be sent.",
      );
    } else if (problem.code === "another_person") {
      this.#error.replaceChildren(
        `${problem.message} This drawing is kept for ${this.#username} and sent once they draw ` +
          "here again. ",
        link("Go on as the other account", ""),
        ".",
      );
    } else {
      this.error(problem.message);
    }
  }

  /** @param {Attempt} answer on a drawing that is no longer on the pad */
  arrived({ id, target_label, predicted_label, fooled }) {
    const said = fooled
      ? `it fooled the model, which says ${predicted_label}`
      : "the model sees it";
    const address = `${this.#drawingsUrl}${id}/`;
    this.#later.replaceChildren(
      `An earlier drawing, ${named(target_label)}, is sent: ${said}. `,
      link("See it", address),
      ".",
    );
  }

  /**
   * @param {Submission} drawing
   * @param {import("./api.js").ApiError} problem
   */
  refusedLater({ target_label }, { message }) {
    this.#later.textContent = `An earlier drawing, ${named(target_label)}, was not taken: ${message}`;
  }

  /** @param {number} count of the drawings that wait to be sent, but for the one on the pad */
  kept(count) {
    const plural = count === 1 ? " waits" : "s wait";
    this.#kept.textContent = count ? `${count} drawing${plural} to be sent.` : "";
  }
}
