// One's own drawing: taking it back.
import { failed, post } from "./api.js";

const box = document.querySelector("div#retract");
const button = box.querySelector("button[data-retract]");
const error = box.querySelector("p[data-error]");

button.addEventListener("click", async () => {
  button.disabled = true;
  error.textContent = "";
  try {
    await post(`${box.dataset.url}`);
    location.reload();
  } catch (problem) {
    error.textContent = failed(problem).message;
    button.disabled = false;
  }
});
