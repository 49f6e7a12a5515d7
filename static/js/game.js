// How the game stands for who draws, beside the pad: asked again while the page is looked at, and
// filled in without loading anything anew.
import { failed, get } from "./api.js";

const EVERY = 20000;

/**
 * @typedef {Record<string, string | number> & { person: string, now: number, digit: number }} Standing
 * what the server says, in words, by the names of the places where it stands
 */

/**
 * @param {() => Storage} which
 * @param {string} name
 */
function read(which, name) {
  try {
    return which().getItem(name);
  } catch {
    return null;
  }
}

/**
 * @param {() => Storage} which
 * @param {string} name
 * @param {string} value
 */
function write(which, name, value) {
  try {
    which().setItem(name, value);
  } catch {
    // Without storage nothing is said of the time before this visit.
  }
}

const ofTab = () => sessionStorage;
const ofDevice = () => localStorage;

/**
 * How far somebody is whom a panel sent; when all is made, what to press next is plain to see.
 * @param {Record<string, string | number>} said
 */
export function showPanel(said) {
  const line = document.querySelector("p.panel-line");
  if (!line || said.panel === undefined) return;
  const told = line.querySelector("span");
  if (told.textContent !== said.panel) told.textContent = String(said.panel);
  line.querySelector("a").classList.toggle("button--primary", Boolean(said.is_panel_done));
}

export class Game {
  #page;
  #url;
  #person;
  #slot;
  /** The end of the visit before, in the server's seconds; a visit is a tab's. */
  #since;
  #confirmed = 0;

  /**
   * @param {HTMLElement} page with parts/game.html
   * @param {string} person whose page it is
   */
  constructor(page, person) {
    this.#page = page;
    this.#url = `${page.dataset.todayUrl}`;
    this.#person = person;
    this.#slot = `visited:${person}`;
    this.#since = read(ofTab, this.#slot) ?? read(ofDevice, this.#slot) ?? "";
    document.addEventListener("visibilitychange", () => this.#visit());
    this.#goOn();
  }

  /** @param {boolean} isWhole also what changes with a new trick alone */
  async look(isWhole = false) {
    const whole = isWhole ? "&whole" : "";
    try {
      const { data } = await get(`${this.#url}?since=${this.#since}${whole}`);
      if (data?.person !== this.#person) return; // somebody else has signed in since
      this.#show(data);
      if (data.confirmed_count > this.#confirmed && !isWhole) await this.look(true);
      this.#confirmed = data.confirmed_count;
    } catch (problem) {
      failed(problem); // it stands as it stood
    }
  }

  async #goOn() {
    await this.#visit();
    setTimeout(() => this.#goOn(), EVERY);
  }

  async #visit() {
    if (!document.hidden) await this.look();
  }

  /** @param {Standing} said */
  #show(said) {
    this.#since ||= String(said.now);
    write(ofTab, this.#slot, this.#since);
    write(ofDevice, this.#slot, String(said.now));
    for (const place of document.querySelectorAll("[data-game]")) {
      const text = said[`${place.getAttribute("data-game")}`];
      if (text !== undefined && place.textContent !== text) place.textContent = String(text);
    }
    showPanel(said);
    this.#page.querySelector("button[data-choose]").dataset.choose = String(said.digit);
    const progress = this.#page.querySelector("progress#next-model");
    [progress.max, progress.value] = [Number(said.need), Number(said.have)];
    if ("badge" in said) this.#page.querySelector("div[data-badge]").hidden = !said.badge;
  }
}
