// Keys by what they say, and by their place where that means nothing to us: AZERTY's upper row,
// Cyrillic, Greek and Arabic letters. Keys of one character can be switched off, for this browser.

const SLOT = "letter-keys";
const TYPED_INTO = "input:not([type=range], [type=checkbox]), textarea, select, [contenteditable]";

/** @typedef {Pick<KeyboardEvent, "key" | "code" | "shiftKey">} Pressed */

/**
 * The digit of a key, in whatever script it writes digits; null where it is none.
 * @param {Pressed} event
 */
export function digitOf({ key, code, shiftKey }) {
  if (/^\p{Nd}$/u.test(key)) {
    const point = Number(key.codePointAt(0));
    let zero = point;
    while (/^\p{Nd}$/u.test(String.fromCodePoint(zero - 1))) zero -= 1;
    return (point - zero) % 10;
  }
  const place = /^Digit(\d)$/.exec(code);
  return place && !shiftKey && /^[^a-z]$/iu.test(key) ? Number(place[1]) : null;
}

/**
 * A key's name as onKeys takes it: "7", "a", "backspace".
 * @param {Pressed} event
 */
export function nameOf(event) {
  const key = event.key.toLowerCase();
  const place = /^Key([A-Z])$/.exec(event.code);
  const digit = digitOf(event);
  if (digit !== null) return String(digit);
  return place && /^[^a-z]$/u.test(key) && /\p{L}/u.test(key) ? place[1].toLowerCase() : key;
}

/** Whether keys of one character do something; whoever speaks to their computer may not want so. */
export function areLettersOn() {
  try {
    return localStorage.getItem(SLOT) !== "off";
  } catch {
    return true;
  }
}

/**
 * Calls `keys[name]()` for plain key presses anywhere on the page, except while somebody types text.
 * @param {Record<string, () => void>} keys
 */
export function onKeys(keys) {
  document.addEventListener("keydown", (event) => {
    const { target } = event;
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.repeat)
      return;
    if (!(target instanceof Element) || target.matches(TYPED_INTO)) return;
    const name = nameOf(event);
    const action = keys[name];
    if (!action || (name.length === 1 && !areLettersOn())) return;
    if (name === "enter" && target.closest("button, a, summary")) return;
    event.preventDefault();
    action();
  });
}

/**
 * Lets a checkbox show and change whether keys of one character do something.
 * @param {HTMLInputElement} box
 */
export function chooseLetters(box) {
  box.checked = areLettersOn();
  box.addEventListener("change", () => {
    try {
      if (box.checked) localStorage.removeItem(SLOT);
      else localStorage.setItem(SLOT, "off");
    } catch {
      box.checked = true; // it could not be kept
    }
  });
}
