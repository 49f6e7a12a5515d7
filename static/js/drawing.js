// One's own drawing: taking it back.
import { ApiError, post, Unreachable } from "./api.js";

const box = document.getElementById("retract");
const button = box.querySelector("[data-retract]");
const error = box.querySelector("[data-error]");

button.addEventListener("click", async () => {
  button.disabled = true;
  error.textContent = "";
  try {
    await post(box.dataset.url);
    location.reload();
  } catch (problem) {
    if (!(problem instanceof ApiError || problem instanceof Unreachable)) throw problem;
    error.textContent = problem.message;
    button.disabled = false;
  }
});
