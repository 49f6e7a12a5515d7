// The try-out page: nothing is recorded, and one sees the model change its mind while one draws.
// Who likes what they drew takes it along.
import { Bars, percentInWords } from "./bars.js";
import { keep, kept } from "./kept.js";
import { onKeys } from "./keys.js";
import { Preview } from "./preview.js";
import { openStudio } from "./studio.js";
import { gettext } from "./words.js";

const SPEAK_AFTER = 700;

const page = document.querySelector("div#studio");
const digits = page.querySelectorAll("button[data-digit]");
const line = page.querySelector("h2#reading");
const spoken = page.querySelector("p#spoken");
const error = page.querySelector("p#error");
const ways = page.querySelectorAll("a[data-keep]");
const bars = new Bars(page.querySelector("ol#bars"));

/** @param {string} text */
const say = (text) => {
  spoken.textContent = text;
};
const pad = openStudio(say);
const waiting = line.textContent;
let later = 0;
/** @type {number | null} */
let target = null;
/** @type {Prediction | null} */
let seen = null;

/** @param {Prediction} answer */
function inWords({ predicted_label: said }) {
  if (target === null) return gettext("It sees a %(digit)s.", { digit: said });
  return said === target
    ? gettext("It sees your %(digit)s.", { digit: target })
    : gettext("You say %(target)s, it says %(said)s.", { target, said });
}

function show() {
  clearTimeout(later);
  if (!seen) {
    bars.reset(target);
    line.textContent = waiting;
    return;
  }
  bars.show(seen.probabilities, target);
  const sure = percentInWords(seen.probabilities[seen.predicted_label]);
  const sees = inWords(seen);
  line.textContent = sees;
  const whole = gettext("%(sees)s It is %(sure)s sure.", { sees, sure });
  later = setTimeout(() => say(whole), SPEAK_AFTER);
}

/** @param {number} digit */
function choose(digit) {
  target = digit;
  for (const button of digits)
    button.setAttribute("aria-pressed", String(Number(button.dataset.digit) === target));
  show();
}

new Preview(
  `${page.dataset.predictionsUrl}`,
  pad,
  (answer) => {
    seen = answer;
    show();
  },
  (message) => {
    error.textContent = message;
  },
);
for (const button of digits)
  button.addEventListener("click", () => choose(Number(button.dataset.digit)));
onKeys(
  Object.fromEntries(
    Array.from(digits, ({ dataset: { digit } }) => [digit, () => choose(Number(digit))]),
  ),
);
for (const way of ways) {
  const asIs = way.textContent;
  pad.addEventListener("change", () => {
    way.textContent = (pad.isReadable && way.dataset.keep) || asIs;
  });
  way.addEventListener("click", () => {
    if (!pad.isReadable) return;
    keep({ target, strokes: pad.strokes, width: pad.width }, page.dataset.username);
  });
}
const drawing = kept();
if (drawing) {
  pad.load(drawing.strokes, drawing.width);
  if (drawing.target !== null) choose(drawing.target);
}
