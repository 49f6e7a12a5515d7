// In an arm of the study that is told no verdict: thanks, and how many drawings it were today.
import { failed, get } from "./api.js";
import { showPanel } from "./game.js";
import { gettext } from "./words.js";

export class Thanks {
  #url;
  #line;
  #text;
  #start;

  /** @param {HTMLElement} page pages/draw.html's studio */
  constructor(page) {
    this.#url = `${page.dataset.todayUrl}`;
    this.#line = page.querySelector("h2[data-part=line]");
    this.#text = page.querySelector("p[data-part=text]");
    this.#start = this.#text.textContent;
    this.shown = false;
  }

  /**
   * A drawing is there: the page says what the server counts.
   * @param {Attempt} answer
   */
  async show({ status }) {
    this.shown = true;
    if (status === "practice") {
      this.#text.textContent = gettext("It was practice: nothing of it is kept. Draw another one.");
      return;
    }
    this.#text.textContent = gettext("It is kept. Draw another one.");
    try {
      const { data } = await get(this.#url);
      this.#line.textContent = data.thanks;
      showPanel(data);
    } catch (problem) {
      failed(problem); // it says what it said
    }
  }

  fade() {
    this.clear();
  }

  clear() {
    this.shown = false;
    this.#text.textContent = this.#start;
  }
}
