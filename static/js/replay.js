// Plays a drawing again, stroke by stroke, in the time that it took: parts/replay.html, in a box
// with the strokes and a button.
import { drawStroke, fit, wipe } from "./ink.js";
import { gettext } from "./words.js";

const LONGEST_PAUSE = 400; // ms between two points, with the pen down or up
const FASTEST = 0.4; // canvas units a ms: whoever was quicker can be followed too
const LONGEST = 6000; // ms for all of it

/**
 * When each point is drawn, in ms from the start, as one list a stroke: its own times without the
 * long pauses.
 * @param {Stroke[]} strokes
 */
export function paced(strokes) {
  let before = { x: strokes[0].x[0], y: strokes[0].y[0], t: strokes[0].t[0] };
  let now = 0;
  const times = strokes.map(({ x, y, t }) =>
    x.map((_, i) => {
      const point = { x: x[i], y: y[i], t: t[i] };
      const fewest = Math.hypot(point.x - before.x, point.y - before.y) / FASTEST;
      now += Math.min(LONGEST_PAUSE, Math.max(point.t - before.t, fewest));
      before = point;
      return now;
    }),
  );
  const faster = Math.max(1, now / LONGEST);
  return times.map((stroke) => stroke.map((time) => time / faster));
}

/**
 * What of a stroke is there at a time, the tip between two points too; null before it begins.
 * @param {Path} stroke
 * @param {number[]} times
 * @param {number} now
 */
export function until({ x, y }, times, now) {
  const next = times.findIndex((time) => time > now);
  if (next === 0) return null;
  if (next < 0) return { x, y };
  const share = (now - times[next - 1]) / (times[next] - times[next - 1]);
  /** @param {number[]} values */
  const between = (values) => values[next - 1] + share * (values[next] - values[next - 1]);
  return { x: [...x.slice(0, next), between(x)], y: [...y.slice(0, next), between(y)] };
}

class Replay {
  #canvas;
  #button;
  /** @type {Stroke[]} */
  #strokes;
  #width;
  #times;
  #total;
  #now = 0;
  /** @type {number | null} */
  #last = null; // when the last frame was; null while it stands still

  /** @param {HTMLElement} box */
  constructor(box) {
    this.#canvas = box.querySelector("canvas");
    this.#button = box.querySelector("button");
    this.#strokes = JSON.parse(`${box.dataset.strokes}`);
    this.#width = Number(box.dataset.width);
    this.#times = paced(this.#strokes);
    this.#total = Math.max(...this.#times.flat());
    this.#button.hidden = false;
    this.#button.addEventListener("click", () =>
      this.#last === null ? this.#play() : this.#pause(),
    );
  }

  #play() {
    if (this.#now >= this.#total) this.#now = 0;
    this.#canvas.hidden = false;
    this.#last = performance.now();
    this.#button.textContent = gettext("Pause");
    requestAnimationFrame((stamp) => this.#frame(stamp));
  }

  #pause() {
    this.#last = null;
    this.#button.textContent = gettext("Go on");
  }

  /** @param {number} stamp */
  #frame(stamp) {
    if (this.#last === null) return;
    this.#now = Math.min(this.#total, this.#now + Math.max(0, stamp - this.#last));
    this.#last = stamp;
    this.#draw();
    if (this.#now < this.#total) requestAnimationFrame((next) => this.#frame(next));
    else this.#end();
  }

  #draw() {
    const context = fit(this.#canvas);
    wipe(context);
    this.#strokes.forEach((stroke, i) => {
      const there = until(stroke, this.#times[i], this.#now);
      if (there) drawStroke(context, there, this.#width);
    });
  }

  /** The whole drawing is the picture beneath. */
  #end() {
    this.#last = null;
    this.#canvas.hidden = true;
    this.#button.textContent = gettext("Replay");
  }
}

/** @type {NodeListOf<HTMLElement>} */
const boxes = document.querySelectorAll("[data-strokes]");
for (const box of boxes) new Replay(box);
