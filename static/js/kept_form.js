// Above the form to sign up or in: the drawing that comes along, and that it can be left behind.
import { drawStrokes } from "./ink.js";
import { forget, giveTo, kept } from "./kept.js";
import { gettext } from "./words.js";

const box = document.querySelector("div[data-kept]");
const form = document.querySelector("form.form");
const drawing = kept();

if (drawing) {
  const { target, strokes, width } = drawing;
  box.querySelector("span[data-said]").textContent =
    target === null
      ? gettext("Your drawing comes along: then you say which digit it is.")
      : gettext("Your drawing, a %(digit)s, comes along and is submitted at once.", {
          digit: target,
        });
  box.hidden = false;
  drawStrokes(box.querySelector("canvas"), strokes, width);
  box.querySelector("button[data-forget]").addEventListener("click", () => {
    forget();
    box.hidden = true;
  });
  form.addEventListener("submit", () => giveTo(`${new FormData(form).get("username")}`));
}
