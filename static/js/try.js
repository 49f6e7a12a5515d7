// The try-out page: nothing is recorded, and one sees the model change its mind while one draws.
import { Bars, named, percentInWords } from "./bars.js";
import { Preview } from "./preview.js";
import { openStudio } from "./studio.js";

const SPEAK_AFTER = 700;

const page = document.querySelector("div#studio");
const line = page.querySelector("h2#reading");
const spoken = page.querySelector("p#spoken");
const error = page.querySelector("p#error");
const bars = new Bars(page.querySelector("ol#bars"));

/** @param {string} text */
const say = (text) => {
  spoken.textContent = text;
};
const pad = openStudio(say);
const waiting = line.textContent;
let later = 0;

/** @param {Prediction | null} answer */
function show(answer) {
  clearTimeout(later);
  if (!answer) {
    bars.reset();
    line.textContent = waiting;
    return;
  }
  bars.show(answer.probabilities);
  const sure = percentInWords(answer.probabilities[answer.predicted_label]);
  const sees = `It sees ${named(answer.predicted_label)}`;
  line.textContent = sees;
  later = setTimeout(() => say(`${sees}, ${sure} sure.`), SPEAK_AFTER);
}

new Preview(`${page.dataset.predictionsUrl}`, pad, show, (message) => {
  error.textContent = message;
});
