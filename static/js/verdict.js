// The verdict's moment: what the model said, what it saw and which ink spoke for it, and a small
// burst when it was fooled.
import { percentInWords } from "./bars.js";
import { shareCard, sharesPictures } from "./share.js";
import { gettext, withElements } from "./words.js";

const PIECES = 28;
const BURST_TIME = 1000;
const calm = matchMedia("(prefers-reduced-motion: reduce)");

/** @param {Judged} answer */
function sentences({
  fooled,
  status,
  target_label: target,
  predicted_label: said,
  probabilities,
  original,
}) {
  const sure = percentInWords(probabilities[said]);
  if (!fooled) {
    return {
      shout: "",
      line: gettext("It sees your %(digit)s.", { digit: target }),
      text: gettext(
        "It is %(sure)s sure. Bend your ink a little and submit it again, or start a new drawing.",
        { sure },
      ),
    };
  }
  const line = gettext("You say %(target)s, it says %(said)s.", { target, said });
  if (status === "practice") {
    return {
      shout: gettext("Fooled!"),
      line,
      text: gettext("It was %(sure)s sure. This was practice: nothing of it is kept.", { sure }),
    };
  }
  if (original) {
    return {
      shout: gettext("Fooled!"),
      line,
      text: gettext(
        "It was %(sure)s sure. If somebody else reads a %(digit)s too, the next model learns from it.",
        { sure, digit: target },
      ),
    };
  }
  return {
    shout: gettext("Fooled again."),
    line,
    text: gettext(
      "This is very like an earlier drawing, or one of MNIST’s own. It is read like any other, but earns nothing: find another trick.",
    ),
  };
}

/**
 * “Amber ink spoke for 4, blue for 9”: amber for one's own digit, blue for the model's, which is what
 * it said, or, where it was right, its second choice.
 * @param {Judged} answer
 */
function spoken({ fooled, target_label: target, predicted_label: said, probabilities }) {
  const others = probabilities.filter((_, digit) => digit !== said);
  const second = probabilities.indexOf(Math.max(...others));
  const [yours, models] = ["yours", "models"].map((whose) => {
    const word = document.createElement("span");
    word.classList.add("spoke", `spoke--${whose}`);
    return word;
  });
  const sentence = fooled
    ? gettext("<yours>Amber</yours> ink spoke for %(target)s, <models>blue</models> for %(said)s", {
        target,
        said,
      })
    : gettext(
        "<yours>Amber</yours> ink spoke for %(target)s, <models>blue</models> for its second choice, %(second)s",
        { target, second },
      );
  return withElements(sentence, { yours, models });
}

export class Verdict {
  #drawingsUrl;
  #page;
  #box;
  #board;
  #line;
  #text;
  #ways;
  #link;
  #card;
  #share;
  #pair;
  #seen;
  #attribution;
  #spoken;
  #start;

  /** @param {HTMLElement} page pages/draw.html's studio */
  constructor(page) {
    this.#drawingsUrl = `${page.dataset.drawingsUrl}`;
    this.#page = page;
    this.#box = page.querySelector("section#verdict");
    this.#board = page.querySelector("div#board");
    this.#line = this.#box.querySelector("h2[data-part=line]");
    this.#text = this.#box.querySelector("p[data-part=text]");
    this.#ways = this.#box.querySelector("p[data-part=ways]");
    this.#link = this.#box.querySelector("a[data-part=link]");
    this.#card = this.#box.querySelector("a[data-part=card]");
    this.#share = this.#box.querySelector("button[data-part=share]");
    this.#pair = page.querySelector("div[data-pair]");
    this.#seen = this.#pair.querySelector("img[data-seen]");
    this.#attribution = this.#pair.querySelector("img[data-attribution]");
    this.#spoken = this.#pair.querySelector("figcaption[data-part=attribution]");
    this.#start = { line: this.#line.textContent, text: this.#text.textContent };
    this.shown = false;
    this.#share.addEventListener("click", () => {
      shareCard(this.#card.href, `${this.#line.textContent}`);
    });
  }

  /**
   * @param {Judged} answer
   * @param {boolean} isNews it came just now: that may be seen
   */
  show(answer, isNews = true) {
    const { shout, line, text } = sentences(answer);
    const address = `${this.#drawingsUrl}${answer.id}/`;
    this.shown = true;
    this.#box.dataset.fooled = String(answer.fooled);
    const mark = document.createElement("span");
    mark.textContent = shout;
    this.#line.replaceChildren(...(shout ? [mark, " "] : []), line);
    this.#text.textContent = text;
    this.#link.href = address;
    this.#card.href = `${address}card.png`;
    this.#card.hidden = !answer.fooled;
    this.#share.hidden = !(answer.fooled && sharesPictures());
    const isKept = answer.status !== "practice";
    this.#ways.hidden = !isKept;
    this.#page.toggleAttribute("data-judged", true);
    this.#pair.hidden = !isKept;
    if (isKept) {
      this.#seen.src = `${address}seen.png`;
      this.#attribution.src = `${address}attribution.png`;
      this.#spoken.replaceChildren(...spoken(answer));
    }
    this.#board.toggleAttribute("data-fooled", answer.fooled);
    if (answer.fooled && isNews && !calm.matches) this.#burst();
    this.#box.scrollTop = 0;
  }

  /** The picture has changed since: the words go, the pictures stay for comparison. */
  fade() {
    this.#quiet(gettext("Changed: submit it again."), gettext("Below is what you submitted last."));
  }

  clear() {
    this.#quiet(this.#start.line, this.#start.text);
    this.#pair.hidden = true;
    this.#ways.hidden = true;
    this.#page.removeAttribute("data-judged");
  }

  /**
   * @param {string} line
   * @param {string} text
   */
  #quiet(line, text) {
    this.shown = false;
    this.#board.removeAttribute("data-fooled");
    delete this.#box.dataset.fooled;
    this.#line.textContent = line;
    this.#text.textContent = text;
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
}
