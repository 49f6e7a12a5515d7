// Follows a training: moves its bar, and loads the page anew once the training has ended.
import { ApiError, Unreachable, get } from "./api.js";

const EVERY = 3000;
const bar = document.querySelector("[data-training]");
const words = document.querySelector("[data-training-words]");

async function look() {
  try {
    const { data } = await get(bar.dataset.url);
    if (!data.training) {
      location.reload();
      return;
    }
    bar.value = data.training.progress;
    words.textContent = `${Math.round(data.training.progress * 100)} %`;
  } catch (problem) {
    if (!(problem instanceof ApiError || problem instanceof Unreachable)) throw problem;
  }
  setTimeout(look, EVERY);
}

setTimeout(look, EVERY);
