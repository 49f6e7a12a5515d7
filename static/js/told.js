// What the draw page says beside its buttons: why something was not taken, what waits to be sent,
// and what became of a drawing that is no longer on the pad.
import { gettext, ngettext, withElements } from "./words.js";

/** @param {string} href */
function link(href) {
  const made = document.createElement("a");
  made.href = href;
  return made;
}

export class Told {
  #error;
  #later;
  #kept;
  #username;
  #signInUrl;
  #drawingsUrl;
  #consentUrl;

  /** @param {HTMLElement} page pages/draw.html's studio */
  constructor(page) {
    const { username, signInUrl, drawingsUrl, consentUrl } = page.dataset;
    this.#username = `${username}`;
    this.#signInUrl = `${signInUrl}`;
    this.#drawingsUrl = `${drawingsUrl}`;
    this.#consentUrl = `${consentUrl}`;
    this.#error = page.querySelector("p#error");
    this.#later = page.querySelector("p#later");
    this.#kept = page.querySelector("p#kept");
    // On a phone they take the verdict's place: a press gives it back, as more ink does.
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
    this.error(
      gettext("%(why)s Your drawing is kept here and will be sent by itself.", { why: message }),
    );
  }

  /** @param {import("./api.js").ApiError} problem */
  refused(problem) {
    if (problem.status === 401) {
      const sentence = gettext(
        "You are no longer signed in. Your drawing is kept here. <again>Sign in again</again>, and it will be sent.",
      );
      this.#error.replaceChildren(...withElements(sentence, { again: link(this.#signInUrl) }));
    } else if (problem.code === "another_person") {
      const sentence = gettext(
        "%(why)s This drawing is kept for %(username)s and sent once they draw here again. <other>Go on as the other account</other>.",
        { why: problem.message, username: this.#username },
      );
      this.#error.replaceChildren(...withElements(sentence, { other: link("") }));
    } else if (problem.code === "consent") {
      const sentence = gettext(
        "The consent text of this study is another by now. Your drawing is kept here. <read>Read the text</read>, and once you agree it will be sent.",
      );
      this.#error.replaceChildren(...withElements(sentence, { read: link(this.#consentUrl) }));
    } else {
      this.error(problem.message);
    }
  }

  /** @param {Attempt} answer on a drawing that is no longer on the pad */
  arrived({ id, target_label, predicted_label, fooled, status }) {
    if (status === "practice") {
      this.#later.textContent = gettext("An earlier drawing was practice: nothing of it is kept.");
      return;
    }
    const sent = gettext("An earlier drawing, a %(digit)s, is sent. <see>See it</see>.", {
      digit: target_label,
    });
    const judged = fooled
      ? gettext(
          "An earlier drawing, a %(digit)s, is sent: it fooled the model, which says %(said)s. <see>See it</see>.",
          { digit: target_label, said: predicted_label },
        )
      : gettext("An earlier drawing, a %(digit)s, is sent: the model sees it. <see>See it</see>.", {
          digit: target_label,
        });
    const see = link(`${this.#drawingsUrl}${id}/`);
    this.#later.replaceChildren(...withElements(fooled === null ? sent : judged, { see }));
  }

  /**
   * @param {Submission} drawing
   * @param {import("./api.js").ApiError} problem
   */
  refusedLater({ target_label }, { message }) {
    this.#later.textContent = gettext("An earlier drawing, a %(digit)s, was not taken: %(why)s", {
      digit: target_label,
      why: message,
    });
  }

  /** @param {number} count of the drawings that wait to be sent, but for the one on the pad */
  kept(count) {
    this.#kept.textContent = count
      ? ngettext(
          "%(count)s drawing waits to be sent.",
          "%(count)s drawings wait to be sent.",
          count,
        )
      : "";
  }
}
