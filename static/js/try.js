// The try-out page: nothing is recorded, and one sees the model change its mind while one draws.
import { Bars, named, percentInWords } from "./bars.js";
import { Preview } from "./preview.js";
import { openStudio } from "./studio.js";

const SPEAK_AFTER = 700;

const page = document.getElementById("studio");
const line = document.getElementById("reading");
const spoken = document.getElementById("spoken");
const error = document.getElementById("error");
const bars = new Bars(document.getElementById("bars"));

const say = (text) => {
  spoken.textContent = text;
};
const pad = openStudio(say);
const waiting = line.textContent;
let later;

function show(answer) {
  clearTimeout(later);
  if (!answer) {
    bars.reset();
    line.textContent = waiting;
    return;
  }
  bars.show(answer.probabilities);
  const sure = percentInWords(answer.probabilities[answer.predicted_label]);
  line.textContent = `It sees ${named(answer.predicted_label)}`;
  later = setTimeout(
    () => say(`It sees ${named(answer.predicted_label)}, ${sure} sure.`),
    SPEAK_AFTER,
  );
}

new Preview(page.dataset.predictionsUrl, pad, show, (message) => {
  error.textContent = message;
});
