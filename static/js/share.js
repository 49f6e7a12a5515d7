// Sharing a fool: the row under it, with its address; and its card, as the draw page offers it.
import { gettext } from "./words.js";

/** Hands it to what the device shares with. @param {ShareData} what */
const handOn = (what) => navigator.share(what).catch(() => {}); // thought better of it

/** @param {string} url of a PNG */
async function fileOf(url) {
  const answer = await fetch(url);
  return new File([await answer.blob()], "trick.png", { type: "image/png" });
}

/**
 * Whether this device takes pictures to share.
 * @returns {boolean}
 */
export function sharesPictures() {
  const one = new File([], "trick.png", { type: "image/png" });
  return navigator.canShare?.({ files: [one] }) ?? false;
}

/**
 * @param {string} url of the card
 * @param {string} text
 */
export async function shareCard(url, text) {
  const file = await fileOf(url).catch(() => null);
  if (file) await handOn({ files: [file], text });
}

/** @param {HTMLElement} row */
function open(row) {
  const address = row.querySelector("input");
  const copy = row.querySelector("button[data-copy]");
  const send = row.querySelector("button[data-send]");
  const said = row.querySelector("p[role=status]");

  async function copied() {
    try {
      await navigator.clipboard.writeText(address.value);
      return true;
    } catch {
      // No clipboard, as where the page does not come over https, or none allowed: the old way, from
      // the field itself.
      address.select();
      return document.execCommand("copy");
    }
  }

  copy.addEventListener("click", async () => {
    said.textContent = (await copied())
      ? gettext("Copied.")
      : gettext("Not allowed here: copy it from the field.");
  });
  send.addEventListener("click", () => {
    handOn({ title: document.title, url: address.value });
  });
  copy.hidden = false;
  send.hidden = !navigator.share;
}

for (const row of document.querySelectorAll("div[data-share]")) open(row);
