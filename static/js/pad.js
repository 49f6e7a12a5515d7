// The drawing pad: pointers or keys in, strokes out, in canvas units and milliseconds since the
// drawing began. Fires "change" when a stroke ends or is taken back, and "ink" with every point.
import { CANVAS, drawStroke, drawStrokes, fit, wipe } from "./ink.js";

const MAX_STROKES = 64;
const MAX_POINTS = 5000;
const STEP = 10;
const FINE_STEP = 2;

/** @type {Record<string, Place>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** @param {number} value */
const clamp = (value) => Math.min(CANVAS - 1, Math.max(0, Math.floor(value)));

/** @param {Stroke[]} strokes */
const pointsIn = (strokes) => strokes.reduce((sum, stroke) => sum + stroke.x.length, 0);

/** @param {Stroke} stroke */
const endOf = ({ t }) => t[t.length - 1];

export class Pad extends EventTarget {
  #canvas;
  #ahead = document.createElement("canvas");
  /** @type {Stroke[]} */
  #strokes = [];
  /** @type {Stroke[]} */
  #undone = [];
  /** @type {Stroke | null} */
  #open = null;
  /** @type {number | null} */
  #pointer = null;
  /** @type {number | null} */
  #clock = null;
  #lastTime = 0;
  /** @type {Place | null} */
  #cursor = null;
  #width = 22;

  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    super();
    this.#canvas = canvas;
    this.enabled = true;
    this.#ahead.className = "pad__ahead";
    this.#ahead.setAttribute("aria-hidden", "true");
    canvas.after(this.#ahead);
    this.#listen();
    new ResizeObserver(() => this.#redraw()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#redraw());
  }

  get width() {
    return this.#width;
  }

  set width(value) {
    this.#width = value;
    this.#redraw();
    this.#tell("change");
  }

  /** A copy that later strokes do not change; the stroke under the pen is in it. */
  get strokes() {
    return this.#strokes.map(({ x, y, t }) => ({ x: [...x], y: [...y], t: [...t] }));
  }

  get isEmpty() {
    return this.#strokes.length === 0;
  }

  get canRedo() {
    return this.#undone.length > 0;
  }

  /** At least two different points: less than that nobody can read. */
  get isReadable() {
    const [first] = this.#strokes;
    return this.#strokes.some(({ x, y }) =>
      x.some((left, i) => left !== first.x[0] || y[i] !== first.y[0]),
    );
  }

  /**
   * @param {Stroke[]} strokes
   * @param {number} width
   */
  load(strokes, width) {
    this.#strokes = strokes;
    this.#undone = [];
    this.#width = width;
    this.#lastTime = strokes.length ? endOf(strokes[strokes.length - 1]) : 0;
    this.#clock = null;
    this.#redraw();
    this.#tell("change");
  }

  clear() {
    this.load([], this.#width);
  }

  undo() {
    const stroke = this.#open ? null : this.#strokes.pop();
    if (!stroke) return;
    this.#undone.push(stroke);
    this.#redraw();
    this.#tell("change");
  }

  redo() {
    const stroke = this.#open ? null : this.#undone.pop();
    if (!stroke) return;
    const late = Math.max(0, this.#lastTime - stroke.t[0]);
    const again = { ...stroke, t: stroke.t.map((time) => time + late) };
    this.#strokes.push(again);
    this.#lastTime = Math.max(this.#lastTime, endOf(again));
    this.#redraw();
    this.#tell("change");
  }

  #listen() {
    const canvas = this.#canvas;
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    canvas.addEventListener("pointerup", (event) => this.#up(event));
    canvas.addEventListener("pointercancel", (event) => this.#up(event));
    canvas.addEventListener("lostpointercapture", (event) => this.#up(event));
    // A quick stroke would be taken for a fling, and the tap after it, on “Submit” say, for what
    // stops the fling.
    canvas.addEventListener("touchstart", (event) => event.preventDefault(), { passive: false });
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    canvas.addEventListener("keydown", (event) => this.#key(event));
    canvas.addEventListener("blur", () => this.#hideCursor());
  }

  /** @param {PointerEvent} event */
  #down(event) {
    if (!this.enabled || this.#pointer !== null || event.button !== 0) return;
    this.#hideCursor();
    if (!this.#begin(this.#place(event), event.timeStamp)) return;
    this.#pointer = event.pointerId;
    this.#canvas.setPointerCapture(event.pointerId);
    event.preventDefault();
    this.#canvas.focus({ preventScroll: true });
  }

  /** @param {PointerEvent} event */
  #move(event) {
    if (event.pointerId !== this.#pointer) return;
    const parts = event.getCoalescedEvents?.() ?? [];
    for (const part of parts.length ? parts : [event])
      this.#extend(this.#place(part), part.timeStamp);
    this.#lead(event.getPredictedEvents?.() ?? []);
  }

  /**
   * Ink where the pen will be when this is on screen; gone with the next event, never part of the
   * drawing.
   * @param {PointerEvent[]} events
   */
  #lead(events) {
    const context = fit(this.#ahead);
    wipe(context);
    if (!this.#open || !events.length) return;
    const places = events.map((event) => this.#place(event));
    const x = [...this.#open.x.slice(-1), ...places.map(([left]) => left)];
    const y = [...this.#open.y.slice(-1), ...places.map(([, top]) => top)];
    drawStroke(context, { x, y }, this.#width);
  }

  /** @param {PointerEvent} event */
  #up(event) {
    if (event.pointerId !== this.#pointer) return;
    this.#pointer = null;
    this.#end();
  }

  /**
   * @param {PointerEvent} event
   * @returns {Place}
   */
  #place({ clientX, clientY }) {
    const { left, top, width, height } = this.#canvas.getBoundingClientRect();
    return [clamp(((clientX - left) / width) * CANVAS), clamp(((clientY - top) / height) * CANVAS)];
  }

  /** @param {number} stamp */
  #time(stamp) {
    this.#clock ??= stamp - this.#lastTime;
    this.#lastTime = Math.max(this.#lastTime, Math.round(stamp - this.#clock));
    return this.#lastTime;
  }

  /**
   * @param {Place} place
   * @param {number} stamp
   */
  #begin([x, y], stamp) {
    if (this.#strokes.length >= MAX_STROKES || pointsIn(this.#strokes) >= MAX_POINTS) {
      this.#tell("full");
      return false;
    }
    this.#undone = [];
    if (this.isEmpty) [this.#clock, this.#lastTime] = [null, 0];
    this.#open = { x: [x], y: [y], t: [this.#time(stamp)] };
    this.#strokes.push(this.#open);
    drawStroke(fit(this.#canvas), this.#open, this.#width);
    this.#tell("ink");
    return true;
  }

  /**
   * @param {Place} place
   * @param {number} stamp
   */
  #extend([x, y], stamp) {
    const stroke = this.#open;
    if (!stroke || pointsIn(this.#strokes) >= MAX_POINTS) return;
    if (stroke.x.at(-1) === x && stroke.y.at(-1) === y) return;
    stroke.x.push(x);
    stroke.y.push(y);
    stroke.t.push(this.#time(stamp));
    drawStroke(fit(this.#canvas), stroke, this.#width, stroke.x.length - 2);
    this.#tell("ink");
  }

  #end() {
    if (!this.#open) return;
    this.#open = null;
    this.#lead([]);
    this.#redraw();
    this.#tell("change");
  }

  /**
   * Arrow keys move a pen, space lowers and lifts it; shift makes small steps.
   * @param {KeyboardEvent} event
   */
  #key(event) {
    if (!this.enabled || event.ctrlKey || event.metaKey || event.altKey || this.#pointer !== null)
      return;
    if (event.key === " ") {
      this.#cursor ??= [CANVAS / 2, CANVAS / 2];
      if (this.#open) this.#end();
      else this.#begin(this.#cursor, event.timeStamp);
      this.#tell(this.#open ? "pen-down" : "pen-up");
    } else if (ARROWS[event.key]) {
      const step = event.shiftKey ? FINE_STEP : STEP;
      const [dx, dy] = ARROWS[event.key];
      const [x, y] = this.#cursor ?? [CANVAS / 2, CANVAS / 2];
      this.#cursor = [clamp(x + dx * step), clamp(y + dy * step)];
      if (this.#open) this.#extend(this.#cursor, event.timeStamp);
    } else {
      return;
    }
    event.preventDefault();
    this.#redraw();
  }

  #hideCursor() {
    this.#cursor = null;
    if (this.#open && this.#pointer === null) this.#end();
    else this.#redraw();
  }

  #redraw() {
    drawStrokes(this.#canvas, this.#strokes, this.#width);
    if (!this.#cursor) return;
    const context = fit(this.#canvas);
    context.beginPath();
    context.arc(...this.#cursor, this.#width / 2 + 3, 0, 2 * Math.PI);
    context.lineWidth = 3;
    context.strokeStyle = getComputedStyle(document.documentElement).getPropertyValue("--accent");
    context.setLineDash(this.#open ? [] : [6, 5]);
    context.stroke();
    context.setLineDash([]);
  }

  /** @param {string} name */
  #tell(name) {
    this.dispatchEvent(new Event(name));
  }
}
