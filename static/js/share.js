// Sharing a fool: the row under it, with its address; and its card, as the draw page offers it.
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
  const send = row.querySelector("button[data-send]");
  send.addEventListener("click", () => {
    handOn({ title: document.title, url: address.value });
  });
  send.hidden = !navigator.share;
}

for (const row of document.querySelectorAll("div[data-share]")) open(row);
