// The home page's picture is a pad, where there is a mouse or a pen: whoever scribbles on it sees
// what the model makes of it at once. On a touch screen the picture stays one, so that the page
// scrolls; “Try it” is the way for everybody. While the page is looked at, how it stands and what
// fooled the model lately are kept as they are.
import { percentInWords } from "./bars.js";
import { keep } from "./kept.js";
import { Pad } from "./pad.js";
import { Preview } from "./preview.js";
import { gettext } from "./words.js";

const EVERY = 5000;

function openPad() {
  const picture = document.querySelector("figure[data-pad]");
  const example = picture.querySelector("span[data-example]");
  const said = picture.querySelector("span[data-said]");
  const clear = picture.querySelector("button[data-clear]");
  const canvas = document.createElement("canvas");
  canvas.tabIndex = -1;
  canvas.setAttribute("aria-hidden", "true");
  picture.querySelector("div[data-board]").append(canvas);
  const pad = new Pad(canvas);
  pad.addEventListener("ink", () => {
    picture.toggleAttribute("data-inked", true);
    [example.hidden, said.hidden, clear.hidden] = [true, false, false];
  });
  clear.addEventListener("click", () => {
    pad.clear();
    picture.removeAttribute("data-inked");
    [example.hidden, said.hidden, clear.hidden] = [false, true, true];
    said.textContent = "…";
  });
  document.querySelector("a[data-keep]")?.addEventListener("click", () => {
    if (pad.isReadable) keep({ target: null, strokes: pad.strokes, width: pad.width });
  });
  new Preview(
    `${picture.dataset.predictionsUrl}`,
    pad,
    (answer) => {
      if (!answer) return;
      const { predicted_label: digit, probabilities } = answer;
      const sure = percentInWords(probabilities[digit]);
      said.textContent = gettext("It sees a %(digit)s, %(sure)s sure.", { digit, sure });
    },
    (trouble) => {
      if (trouble) said.textContent = trouble;
    },
  );
}

/** Puts the parts marked live in place of what they were, unless nothing changed or somebody is
 * busy with them. */
async function renew() {
  if (!document.hidden) {
    const answer = await fetch(location.pathname).catch(() => null);
    const now = answer?.ok
      ? new DOMParser().parseFromString(await answer.text(), "text/html")
      : null;
    const fresh = [...(now?.querySelectorAll("[data-live]") ?? [])];
    for (const old of document.querySelectorAll("[data-live]")) {
      const one = fresh.find(
        (live) => live.getAttribute("aria-labelledby") === old.getAttribute("aria-labelledby"),
      );
      if (one && one.innerHTML !== old.innerHTML && !old.contains(document.activeElement))
        old.replaceWith(one);
    }
  }
  setTimeout(renew, EVERY);
}

if (matchMedia("(pointer: fine)").matches) openPad();
setTimeout(renew, EVERY);
