// What a drawer says they did to fool the model: a line, if they like. It goes by itself when they
// leave the field, and whatever comes of it, the next drawing waits for nothing.
import { failed, post } from "./api.js";
import { gettext } from "./words.js";

export class Reason {
  #url;
  #form;
  #input;
  #said;
  #start;
  #onKept;
  /** @type {Judged | null} the trick that it is about */
  #about = null;

  /**
   * @param {HTMLElement} page pages/draw.html's studio
   * @param {HTMLElement} canvas where drawing goes on
   * @param {() => void} onKept
   */
  constructor(page, canvas, onKept) {
    this.#url = `${page.dataset.attemptsUrl}`;
    this.#form = page.querySelector("form[data-part=reason]");
    this.#input = this.#form.querySelector("input");
    this.#said = this.#form.querySelector("span[data-part=said]");
    this.#start = this.#said.textContent ?? "";
    this.#onKept = onKept;
    this.#input.addEventListener("change", () => this.#keep());
    this.#input.addEventListener("keydown", ({ key }) => {
      if (key === "Escape") canvas.focus();
    });
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#keep();
      canvas.focus();
    });
    addEventListener("pagehide", () => this.#keep());
  }

  /** @param {Judged} answer */
  show(answer) {
    if (!answer.fooled || answer.status === "practice") return this.hide();
    this.#about = answer;
    this.#input.value = answer.reason ?? "";
    this.#said.textContent = this.#start;
    this.#form.hidden = false;
  }

  hide() {
    this.#keep();
    this.#about = null;
    this.#form.hidden = true;
  }

  focus() {
    if (!this.#form.hidden) this.#input.focus();
  }

  async #keep() {
    const about = this.#about;
    const reason = this.#input.value.trim();
    const before = about?.reason ?? "";
    if (!about || reason === before) return;
    about.reason = reason; // so that it is sent once
    let said = reason ? gettext("Kept. Thank you.") : this.#start;
    try {
      await post(`${this.#url}${about.id}/reason/`, { reason }, { keepalive: true });
      this.#onKept();
    } catch (problem) {
      about.reason = before;
      said = failed(problem).message;
    }
    if (this.#about === about) this.#said.textContent = said;
  }
}
