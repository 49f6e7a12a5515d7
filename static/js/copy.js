// Buttons that copy what stands beside them: an address in its field, a code or several, lines of a
// program.
import { gettext } from "./words.js";

/** @param {HTMLElement} place */
async function copied(place) {
  const fields = Array.from(place.querySelectorAll("input"));
  const codes = Array.from(place.querySelectorAll("code"));
  const texts = [...fields.map(({ value }) => value), ...codes.map((code) => code.textContent)];
  try {
    await navigator.clipboard.writeText(texts.join("\n"));
    return true;
  } catch {
    // No clipboard, as where the page does not come over https, or none allowed: the old way, of what
    // is selected.
    for (const field of fields) field.select();
    const [first, last] = [codes.at(0), codes.at(-1)];
    if (first && last) getSelection()?.setBaseAndExtent(first, 0, last, last.childNodes.length);
    return document.execCommand("copy");
  }
}

/** @param {HTMLElement} place */
function open(place) {
  const copy = place.querySelector("button[data-copy]");
  const said = place.querySelector("span[role=status]");
  copy.addEventListener("click", async () => {
    said.textContent = (await copied(place))
      ? gettext("Copied.")
      : gettext("Not allowed here, but it is selected: copy it by hand.");
  });
  copy.hidden = false;
}

for (const place of document.querySelectorAll("div[data-copying]")) open(place);
