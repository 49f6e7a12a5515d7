// Three hints for whoever draws here for the first time: each goes once it is done, and on this
// device none comes again.
const SLOT = "hints-done";

/** @returns {string[]} */
function remembered() {
  try {
    return JSON.parse(localStorage.getItem(SLOT) ?? "[]");
  } catch {
    return [];
  }
}

export class Hints {
  #page;
  #list;
  #done = new Set(remembered());

  /** @param {HTMLElement} page the studio; to who has drawn before it gives none */
  constructor(page) {
    this.#page = page;
    this.#list = document.querySelector("#hints");
    this.#show();
  }

  /** @param {"draw" | "choose" | "submit"} name */
  done(name) {
    if (this.#done.has(name)) return;
    this.#done.add(name);
    try {
      localStorage.setItem(SLOT, JSON.stringify([...this.#done]));
    } catch {
      // Without storage they come again with the next visit.
    }
    this.#show();
  }

  #show() {
    const hints = [...(this.#list?.querySelectorAll("li[data-hint]") ?? [])];
    for (const hint of hints)
      hint.toggleAttribute("hidden", this.#done.has(`${hint.getAttribute("data-hint")}`));
    const areOver = hints.every((hint) => hint.hasAttribute("hidden"));
    this.#list?.toggleAttribute("hidden", areOver);
    this.#page.toggleAttribute("data-hinting", !areOver);
  }
}
