// A drawing on its way from where anybody may draw to the draw page, through sign-up or sign-in:
// kept in its tab, for half an hour at most, and taken there by none but the account that was signed
// up, or in, with it in sight.
import { freshKey } from "./api.js";

const SLOT = "kept-drawing";
const LASTS = 30 * 60 * 1000; // ms

/**
 * @typedef {object} Kept
 * @property {number} at
 * @property {string} owner the user name, in lower case; "" until there is one
 * @property {boolean} sends whether it is submitted once it is there
 * @property {string} key
 * @property {number | null} target
 * @property {Stroke[]} strokes
 * @property {number} width
 */

/** @param {Kept} drawing */
function store(drawing) {
  try {
    sessionStorage.setItem(SLOT, JSON.stringify(drawing));
  } catch {
    // Without storage it stays behind.
  }
}

/**
 * @param {{ target: number | null, strokes: Stroke[], width: number }} drawing
 * @param {string} username of who is signed in already; their drawing waits on the pad
 */
export function keep(drawing, username = "") {
  const sends = username === "" && drawing.target !== null;
  const owner = username.toLowerCase();
  store({ at: Date.now(), owner, sends, key: freshKey(), ...drawing });
}

/** @returns {Kept | null} */
export function kept() {
  try {
    const found = JSON.parse(sessionStorage.getItem(SLOT) ?? "null");
    return found && Math.abs(Date.now() - found.at) < LASTS ? found : null;
  } catch {
    return null;
  }
}

/** @param {string} username who is about to sign up, or in, with it in sight */
export function giveTo(username) {
  const drawing = kept();
  if (drawing) store({ ...drawing, owner: username.trim().toLowerCase() });
}

export function forget() {
  try {
    sessionStorage.removeItem(SLOT);
  } catch {
    // Nothing was kept.
  }
}

/**
 * Takes it to the pad; where there is another drawing, only what is to be submitted, past the pad.
 * @param {string} username whose page it is
 * @param {import("./draft.js").Drafts} drafts
 * @param {import("./outbox.js").Outbox} outbox
 */
export function bring(username, drafts, outbox) {
  const drawing = kept();
  if (!drawing || drawing.owner !== username.toLowerCase()) return;
  const { key, sends, target, strokes, width } = drawing;
  const draft = drafts.kept;
  const isFree = !draft?.strokes.length || draft.answer !== null;
  if (!isFree && !sends) return; // until the pad is free
  forget();
  const sent =
    sends && target !== null
      ? outbox.keep({ client_key: key, target_label: target, strokes, width })
      : null;
  if (isFree) drafts.keep({ target, strokes, width, sent, answer: null });
}
