// Follows a training: moves its bar, and loads the page anew once the training has ended.
import { failed, get } from "./api.js";

const EVERY = 3000;
const bar = document.querySelector("progress[data-training]");
const words = document.querySelector("span[data-training-words]");

/**
 * “45 %, about 20 seconds left”, as the page says it too.
 * @param {Training} training
 */
function left({ progress, started }) {
  const told = `${Math.round(progress * 100)} %`;
  if (progress < 0.1) return told;
  const seconds = ((Date.now() - Date.parse(started)) / 1000) * (1 / progress - 1);
  const minutes = Math.round(seconds / 60);
  const rest =
    seconds < 95
      ? `${Math.max(10, 10 * Math.round(seconds / 10))} seconds`
      : `${minutes} minute${minutes === 1 ? "" : "s"}`;
  return `${told}, about ${rest} left`;
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
