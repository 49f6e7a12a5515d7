// Keys: which key was meant, whatever the keyboard's layout and script, and what pages do with it.

const TYPED_INTO = "input:not([type=range], [type=checkbox]), textarea, select, [contenteditable]";
const OFF = "single-keys-off";

/**
 * Any script's digit as 0–9; null for what is none. Unicode has each script's ten in a row.
 * @param {string} character
 */
function digitOf(character) {
  if (!/^\p{Nd}$/u.test(character)) return null;
  const point = character.codePointAt(0) ?? 0;
  let zero = point;
  while (/\p{Nd}/u.test(String.fromCodePoint(zero - 1))) zero -= 1;
  return String((point - zero) % 10);
}

/**
 * The name of a key in our own keys: a digit, a letter a–z, or what the browser calls it, in lower
 * case. What the key writes counts first, and its place on the keyboard where that says nothing to
 * us: a digit's key that writes “&” or “é”, a letter of another alphabet.
 * @param {Pick<KeyboardEvent, "key" | "code" | "shiftKey">} event
 */
export function nameOf({ key, code, shiftKey }) {
  const digit = digitOf(key);
  if (digit !== null) return digit;
  const says = key === "؟" ? "?" : key.toLowerCase();
  const writesNothing = ["Dead", "Process", "Unidentified"].includes(key);
  if (/^[a-z]$/.test(says) || ([...key].length > 1 && !writesNothing)) return says;
  const [, at] = /^(?:Digit|Numpad)(\d)$/.exec(code) ?? [];
  if (at && !shiftKey) return at;
  const [, letter] = /^Key([A-Z])$/.exec(code) ?? [];
  const isOurAlphabet = /^[\x20-\x7e]$/.test(key);
  return letter && !isOurAlphabet ? letter.toLowerCase() : says;
}

/** Whether keys of one character do anything: who speaks to their computer may want none. */
export const areSingleKeysOn = () => {
  try {
    return localStorage.getItem(OFF) === null;
  } catch {
    return true;
  }
};

/** @param {boolean} on */
function switchSingleKeys(on) {
  try {
    if (on) localStorage.removeItem(OFF);
    else localStorage.setItem(OFF, "1");
  } catch {
    // Without storage it holds for as long as the page is open, by the box itself.
  }
}

/** @type {HTMLDialogElement | null} what tells the page's keys */
const dialog = document.querySelector("dialog.keys");

/** @type {NodeListOf<HTMLInputElement>} */
const boxes = document.querySelectorAll("input[data-single-keys]");
for (const box of boxes) {
  box.checked = areSingleKeysOn();
  box.addEventListener("change", () => switchSingleKeys(box.checked));
}

const isOn = () => (boxes.length ? boxes[0].checked : areSingleKeysOn());

/**
 * Calls `keys[name]()` for a press anywhere on the page, except while somebody types text. With
 * Ctrl or Cmd it is `keys["mod+" + name]`; with Shift, where there is one, `shift+` before the name.
 * @param {Record<string, () => void>} keys
 */
export function onKeys(keys) {
  document.addEventListener("keydown", (event) => {
    const { target } = event;
    if (event.defaultPrevented || event.altKey || dialog?.open) return;
    if (!(target instanceof Element) || target.matches(TYPED_INTO)) return;
    const name = nameOf(event);
    const isMod = event.ctrlKey || event.metaKey;
    if (!isMod && (event.repeat || (name.length === 1 && !isOn()))) return;
    const shifted = keys[`${isMod ? "mod+" : ""}shift+${name}`];
    const action = (event.shiftKey && shifted) || keys[isMod ? `mod+${name}` : name];
    if (!action) return;
    if (name === "enter" && target.closest("button, a, summary, input")) return;
    event.preventDefault();
    action();
  });
}

if (dialog) {
  onKeys({ "?": () => dialog.showModal() });
  document.querySelector("button[data-keys]").addEventListener("click", () => dialog.showModal());
}
