// One's own drawing: taking it back, by two presses, since nothing brings it again.
import { failed, post } from "./api.js";
import { gettext } from "./words.js";

const box = document.querySelector("div#retract");
const button = box.querySelector("button[data-retract]");
const error = box.querySelector("p[data-error]");
const first = button.textContent;
let isSure = false;

function begin() {
  isSure = false;
  button.textContent = first;
}

async function takeBack() {
  button.disabled = true;
  error.textContent = "";
  try {
    await post(`${box.dataset.url}`);
    location.reload();
  } catch (problem) {
    error.textContent = failed(problem).message;
    button.disabled = false;
    begin();
  }
}

button.addEventListener("click", () => {
  if (isSure) {
    takeBack();
    return;
  }
  isSure = true;
  button.textContent = gettext("Yes, take it back for good");
});
button.addEventListener("blur", begin);
