// The drawing pad: pointers or keys in, strokes out, in canvas units and milliseconds since the drawing began.
// Fires "change" when a stroke ends or is taken back, and "ink" with every point.
import { CANVAS, drawStroke, drawStrokes, fit, wipe } from "./ink.js";

const MAX_STROKES = 64;
const MAX_POINTS = 5000;
const STEP = 10;
const FINE_STEP = 2;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

const clamp = (value) => Math.min(CANVAS - 1, Math.max(0, Math.floor(value)));
const pointsIn = (strokes) => strokes.reduce((sum, stroke) => sum + stroke.x.length, 0);

export class Pad extends EventTarget {
  #canvas;
  #ahead = document.createElement("canvas");
  #strokes = [];
  #undone = [];
  #open = null;
  #pointer = null;
  #clock = null;
  #lastTime = 0;
  #cursor = null;
  #width = 22;

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
    this.#width = Number(value);
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
    return (
      Boolean(first) &&
      this.#strokes.some(({ x, y }) => x.some((v, i) => v !== first.x[0] || y[i] !== first.y[0]))
    );
  }

  load(strokes, width) {
    this.#strokes = strokes;
    this.#undone = [];
    this.#width = width;
    this.#lastTime = strokes.length ? strokes.at(-1).t.at(-1) : 0;
    this.#clock = null;
    this.#redraw();
    this.#tell("change");
  }

  clear() {
    this.load([], this.#width);
  }

  undo() {
    if (this.#open || !this.#strokes.length) return;
    this.#undone.push(this.#strokes.pop());
    this.#redraw();
    this.#tell("change");
  }

  redo() {
    if (this.#open || !this.#undone.length) return;
    const stroke = this.#undone.pop();
    const late = Math.max(0, this.#lastTime - stroke.t[0]);
    this.#strokes.push({ ...stroke, t: stroke.t.map((t) => t + late) });
    this.#lastTime = Math.max(this.#lastTime, this.#strokes.at(-1).t.at(-1));
    this.#redraw();
    this.#tell("change");
  }

  #listen() {
    const canvas = this.#canvas;
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
      canvas.addEventListener(end, (event) => this.#up(event));
    }
    // A quick stroke would be taken for a fling, and the tap after it, on «Submit» say, for what stops the fling.
    canvas.addEventListener("touchstart", (event) => event.preventDefault(), { passive: false });
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    canvas.addEventListener("keydown", (event) => this.#key(event));
    canvas.addEventListener("blur", () => this.#hideCursor());
  }

  #down(event) {
    if (!this.enabled || this.#pointer !== null || event.button !== 0) return;
    this.#hideCursor();
    if (!this.#begin(this.#place(event), event.timeStamp)) return;
    this.#pointer = event.pointerId;
    this.#canvas.setPointerCapture(event.pointerId);
    event.preventDefault();
    this.#canvas.focus({ preventScroll: true });
  }

  #move(event) {
    if (event.pointerId !== this.#pointer) return;
    const parts = event.getCoalescedEvents?.() ?? [];
    for (const part of parts.length ? parts : [event])
      this.#extend(this.#place(part), part.timeStamp);
    this.#lead(event.getPredictedEvents?.() ?? []);
  }

  /** Ink where the pen will be when this is on screen; gone with the next event, never part of the drawing. */
  #lead(events) {
    const context = fit(this.#ahead);
    wipe(context);
    if (!this.#open || !events.length) return;
    const places = events.map((event) => this.#place(event));
    const x = [this.#open.x.at(-1), ...places.map(([left]) => left)];
    const y = [this.#open.y.at(-1), ...places.map(([, top]) => top)];
    drawStroke(context, { x, y }, this.#width);
  }

  #up(event) {
    if (event.pointerId !== this.#pointer) return;
    this.#pointer = null;
    this.#end();
  }

  #place(event) {
    const box = this.#canvas.getBoundingClientRect();
    return [
      clamp(((event.clientX - box.left) / box.width) * CANVAS),
      clamp(((event.clientY - box.top) / box.height) * CANVAS),
    ];
  }

  #time(stamp) {
    this.#clock ??= stamp - this.#lastTime;
    this.#lastTime = Math.max(this.#lastTime, Math.round(stamp - this.#clock));
    return this.#lastTime;
  }

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

  #extend([x, y], stamp) {
    const { x: xs, y: ys, t: ts } = this.#open;
    if ((xs.at(-1) === x && ys.at(-1) === y) || pointsIn(this.#strokes) >= MAX_POINTS) return;
    xs.push(x);
    ys.push(y);
    ts.push(this.#time(stamp));
    drawStroke(fit(this.#canvas), this.#open, this.#width, xs.length - 2);
    this.#tell("ink");
  }

  #end() {
    if (!this.#open) return;
    this.#open = null;
    this.#lead([]);
    this.#redraw();
    this.#tell("change");
  }

  /** Arrow keys move a pen, space lowers and lifts it; shift makes small steps. */
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

  #tell(name) {
    this.dispatchEvent(new Event(name));
  }
}
