// The verdict's moment: what the model said, what it saw and which ink spoke for it, and a small burst when it was fooled.
import { named, percentInWords } from "./bars.js";

const PIECES = 28;
const BURST_TIME = 1000;
const calm = matchMedia("(prefers-reduced-motion: reduce)");

function sentences({
  fooled,
  target_label: target,
  predicted_label: said,
  probabilities,
  original,
}) {
  const sure = percentInWords(probabilities[said]);
  if (fooled && !original) {
    return {
      line: ["Fooled again. ", `You say ${target}, it says ${said}.`],
      text: "This is very like an earlier drawing, or one of MNIST’s own. A person reads it like any other, but it earns nothing: find another trick.",
    };
  }
  if (fooled) {
    return {
      line: ["Fooled! ", `You say ${target}, it says ${said}.`],
      text: `It was ${sure} sure. A person will look without knowing your answer. If they see ${named(target)} too, it counts, and the next model learns from it.`,
    };
  }
  return {
    line: ["", `It sees your ${target}.`],
    text: `It is ${sure} sure. Your ink stays: bend it a little and submit again, or start a new drawing.`,
  };
}

/** «Amber ink spoke for 9, blue for 4»: for the answer, and for what it won over (the target, or its second choice). */
function spoken({ fooled, target_label: target, predicted_label: said, probabilities }) {
  const second = probabilities.indexOf(
    Math.max(...probabilities.filter((_, digit) => digit !== said)),
  );
  const [amber, blue] = [
    ["for", "Amber"],
    ["against", "blue"],
  ].map(([side, colour]) => {
    const word = document.createElement("span");
    word.className = `spoke spoke--${side}`;
    word.textContent = colour;
    return word;
  });
  return [
    amber,
    ` ink spoke for ${said}, `,
    blue,
    ` for ${fooled ? target : `its second choice, ${second}`}`,
  ];
}

/** The element's `data-base` with the drawing's id in it. */
function address(element, id) {
  return element.dataset.base.replace("00000000-0000-0000-0000-000000000000", id);
}

export class Verdict {
  #box;
  #board;
  #line;
  #text;
  #pair;
  #challenge;
  #link;
  #start;

  constructor(box, board) {
    this.#box = box;
    this.#board = board;
    [this.#line, this.#text, this.#link] = ["line", "text", "link"].map((part) =>
      box.querySelector(`[data-part="${part}"]`),
    );
    this.#pair = document.querySelector("[data-pair]");
    this.#challenge = box.querySelector("[data-challenge]");
    this.#start = { line: this.#line.textContent, text: this.#text.textContent };
    this.shown = false;
  }

  show(answer) {
    const {
      line: [shout, rest],
      text,
    } = sentences(answer);
    this.shown = true;
    this.#box.dataset.fooled = String(answer.fooled);
    const mark = document.createElement("span");
    mark.textContent = shout.trim();
    this.#line.replaceChildren(...(shout ? [mark, " "] : []), rest);
    this.#text.textContent = text;
    this.#link.href = address(this.#link, answer.id);
    this.#link.hidden = false;
    this.#pair.hidden = false;
    for (const view of this.#pair.querySelectorAll("[data-base]"))
      view.src = address(view, answer.id);
    this.#pair.querySelector("[data-part='looked']").replaceChildren(...spoken(answer));
    this.#challenge.hidden = true;
    this.#board.toggleAttribute("data-fooled", answer.fooled);
    if (answer.fooled && !calm.matches) this.#burst();
    this.#bringIntoView();
  }

  /** The picture has changed since: the words go, the pictures stay for comparison. */
  fade() {
    this.shown = false;
    this.#board.removeAttribute("data-fooled");
    delete this.#box.dataset.fooled;
    this.#line.textContent = "Changed: submit it again.";
    this.#text.textContent = "Below is what you submitted last.";
  }

  clear() {
    this.shown = false;
    this.#board.removeAttribute("data-fooled");
    delete this.#box.dataset.fooled;
    this.#line.textContent = this.#start.line;
    this.#text.textContent = this.#start.text;
    this.#pair.hidden = true;
    this.#link.hidden = true;
    this.#challenge.hidden = false;
  }

  #burst() {
    const confetti = document.createElement("div");
    confetti.className = "confetti";
    confetti.setAttribute("aria-hidden", "true");
    const reach = this.#board.clientWidth * 0.55;
    for (let i = 0; i < PIECES; i += 1) {
      const piece = document.createElement("i");
      const angle = (i / PIECES) * 2 * Math.PI;
      const far = reach * (0.6 + 0.4 * Math.random());
      piece.style.setProperty("--dx", `${Math.cos(angle) * far}px`);
      piece.style.setProperty("--dy", `${Math.sin(angle) * far}px`);
      confetti.append(piece);
    }
    this.#board.append(confetti);
    setTimeout(() => confetti.remove(), BURST_TIME);
  }

  #bringIntoView() {
    const { top } = this.#box.getBoundingClientRect();
    if (top < window.innerHeight * 0.75) return;
    this.#box.scrollIntoView({ behavior: calm.matches ? "auto" : "smooth", block: "center" });
  }
}
