// Follows a training: moves its bar, and loads the page anew once the training has ended.
import { failed, get } from "./api.js";
import { gettext, ngettext } from "./words.js";

const EVERY = 3000;
const bar = document.querySelector("progress[data-training]");
const words = document.querySelector("span[data-training-words]");

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

async function look() {
  try {
    const { data } = await get(`${bar.dataset.url}`);
    if (!data.training) {
      location.reload();
      return;
    }
    bar.value = data.training.progress;
    words.textContent = left(data.training);
  } catch (problem) {
    failed(problem);
  }
  setTimeout(look, EVERY);
}

setTimeout(look, EVERY);
