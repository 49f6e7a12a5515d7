// The ten bars: how sure the model is of each digit.
import { gettext } from "./words.js";

const UNDER = gettext("< 1 %");
const OVER = gettext("> 99 %");

/**
 * 0.034 → "3 %", 0.0004 → "< 1 %": never a false 0 or 100.
 * @param {number} share
 */
export function percent(share) {
  const rounded = Math.round(share * 100);
  if (share > 0 && rounded === 0) return UNDER;
  if (share < 1 && rounded === 100) return OVER;
  return gettext("%(number)s %", { number: rounded });
}

/**
 * The same inside a sentence: "over 99 %".
 * @param {number} share
 */
export function percentInWords(share) {
  const said = percent(share);
  if (said === UNDER) return gettext("under 1 %");
  return said === OVER ? gettext("over 99 %") : said;
}

export class Bars {
  #rows;

  /** @param {Element} list the <ol> of parts/bars.html, one <li data-bar> a digit */
  constructor(list) {
    this.#rows = [...list.querySelectorAll("li[data-bar]")].map((row) => ({
      row,
      fill: row.querySelector("span.fill"),
      share: row.querySelector("span.share"),
    }));
  }

  /**
   * @param {number[]} probabilities
   * @param {number | null} target
   */
  show(probabilities, target = null) {
    const top = probabilities.indexOf(Math.max(...probabilities));
    this.#rows.forEach(({ row, fill, share }, digit) => {
      fill.style.setProperty("--share", String(probabilities[digit]));
      share.textContent = percent(probabilities[digit]);
      row.toggleAttribute("data-top", digit === top);
      row.toggleAttribute("data-target", digit === target);
    });
  }

  /** @param {number | null} target */
  reset(target = null) {
    this.#rows.forEach(({ row, fill, share }, digit) => {
      fill.style.removeProperty("--share");
      share.textContent = "";
      row.removeAttribute("data-top");
      row.toggleAttribute("data-target", digit === target);
    });
  }
}
