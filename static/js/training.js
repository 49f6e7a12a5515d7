// Follows trainings: moves their bars, and loads the page anew once one has ended.
import { failed, get } from "./api.js";
import { gettext, ngettext } from "./words.js";

const EVERY = 3000;
/** @type {NodeListOf<HTMLProgressElement>} */
const bars = document.querySelectorAll("progress[data-training]");

/**
 * “45 %, about 20 seconds left”, as the page says it too.
 * @param {Training} training
 */
function left({ progress, started }) {
  const told = gettext("%(number)s %", { number: Math.round(progress * 100) });
  if (progress < 0.1) return told;
  const seconds = ((Date.now() - Date.parse(started)) / 1000) * (1 / progress - 1);
  return seconds < 95
    ? ngettext(
        "%(done)s, about %(count)s second left",
        "%(done)s, about %(count)s seconds left",
        Math.max(10, 10 * Math.round(seconds / 10)),
        { done: told },
      )
    : ngettext(
        "%(done)s, about %(count)s minute left",
        "%(done)s, about %(count)s minutes left",
        Math.round(seconds / 60),
        { done: told },
      );
}

/** @param {HTMLProgressElement} bar */
async function look(bar) {
  try {
    const { data } = await get(`${bar.dataset.url}`);
    if (!data.training) {
      location.reload();
      return;
    }
    bar.value = data.training.progress;
    const words = bar.labels[0].querySelector("span[data-training-words]");
    words.textContent = left(data.training);
  } catch (problem) {
    failed(problem);
  }
  setTimeout(look, EVERY, bar);
}

for (const bar of bars) setTimeout(look, EVERY, bar);
