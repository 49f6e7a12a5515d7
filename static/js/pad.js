// The drawing pad: pointers or keys in, strokes out, in canvas units and milliseconds since the
// drawing began. Fires "change" when a stroke ends or is undone, and "ink" with every point, and
// when ink goes that never was part of the drawing: a palm's.
import { Hand } from "./hand.js";
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
  /** @type {Stroke[][]} */
  #past = [];
  /** @type {Stroke[][]} */
  #undone = [];
  /** @type {Stroke[][]} what could be redone before the open stroke */
  #undoneBefore = [];
  /** @type {Stroke | null} */
  #open = null;
  #hand = new Hand();
  #enabled = true;
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
    this.#ahead.className = "pad__ahead";
    this.#ahead.setAttribute("aria-hidden", "true");
    canvas.after(this.#ahead);
    this.#listen();
    new ResizeObserver(() => this.#redraw()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#redraw());
  }

  /** Whether it takes ink. A stroke under the pen ends where it no longer does. */
  get enabled() {
    return this.#enabled;
  }

  set enabled(value) {
    this.#enabled = value;
    if (!value) this.#lift();
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

  get canUndo() {
    return this.#past.length > 0;
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
   * A drawing that is there already; nothing of before can be undone.
   * @param {Stroke[]} strokes
   * @param {number} width
   */
  load(strokes, width) {
    this.#lift();
    [this.#past, this.#undone] = [[], []];
    this.#width = width;
    this.#show(strokes);
  }

  clear() {
    this.#lift();
    if (this.isEmpty) return;
    this.#past.push(this.#strokes);
    this.#undone = [];
    this.#show([]);
  }

  undo() {
    this.#lift();
    const before = this.#past.pop();
    if (!before) return;
    this.#undone.push(this.#strokes);
    this.#show(before);
  }

  redo() {
    this.#lift();
    const after = this.#undone.pop();
    if (!after) return;
    this.#past.push(this.#strokes);
    this.#show(after);
  }

  /** @param {Stroke[]} strokes */
  #show(strokes) {
    this.#strokes = strokes;
    this.#lastTime = strokes.length ? endOf(strokes[strokes.length - 1]) : 0;
    const isBehind = this.#clock !== null && performance.now() - this.#clock < this.#lastTime;
    if (!strokes.length || isBehind) this.#clock = null;
    this.#redraw();
    this.#tell("change");
  }

  #listen() {
    const canvas = this.#canvas;
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    canvas.addEventListener("pointerup", (event) => this.#up(event));
    canvas.addEventListener("pointercancel", (event) => this.#cancel(event));
    canvas.addEventListener("lostpointercapture", (event) => this.#up(event));
    // A quick stroke would be taken for a fling, and the tap after it, on “Submit” say, for what
    // stops the fling.
    canvas.addEventListener("touchstart", (event) => event.preventDefault(), { passive: false });
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    canvas.addEventListener("keydown", (event) => this.#key(event));
    canvas.addEventListener("blur", () => this.#hideCursor());
    // Lifted elsewhere: an element that has gone, or another window, hears of it instead.
    for (const event of ["pointerup", "pointercancel"])
      window.addEventListener(event, (lifted) => {
        if (lifted instanceof PointerEvent) this.#hand.leave(lifted);
      });
  }

  /** @param {PointerEvent} event */
  #down(event) {
    if (!this.enabled || event.button !== 0) return;
    event.preventDefault();
    const { draws, takesBack } = this.#hand.touch(event);
    if (takesBack) this.#takeBack();
    if (!draws) return;
    this.#hideCursor();
    if (!this.#begin(this.#place(event), event.timeStamp)) {
      this.#hand.drop();
      return;
    }
    this.#canvas.setPointerCapture(event.pointerId);
    this.#canvas.toggleAttribute("data-pointed", true);
    this.#canvas.focus({ preventScroll: true });
  }

  /** @param {PointerEvent} event */
  #move(event) {
    this.#hand.hover(event);
    if (!this.#hand.isDrawing(event)) return;
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
    const drew = this.#hand.isDrawing(event);
    this.#hand.leave(event);
    if (drew) this.#end();
  }

  /**
   * The browser made something else of it. Of a finger that is a gesture or a palm, which leaves no
   * ink; a pen's stroke stays as far as it came.
   * @param {PointerEvent} event
   */
  #cancel(event) {
    if (event.pointerType === "touch" && this.#hand.isDrawing(event)) this.#takeBack();
    this.#up(event);
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
    this.#past.push(this.#strokes);
    [this.#undoneBefore, this.#undone] = [this.#undone, []];
    if (this.isEmpty) [this.#clock, this.#lastTime] = [null, 0];
    this.#open = { x: [x], y: [y], t: [this.#time(stamp)] };
    this.#strokes = [...this.#strokes, this.#open];
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

  /** Ends a stroke whose pointer, or key, is still down. */
  #lift() {
    this.#hand.drop();
    this.#end();
  }

  /** The open stroke was none: as if it had never begun. */
  #takeBack() {
    if (!this.#open) return;
    this.#open = null;
    this.#strokes = this.#past.pop() ?? [];
    this.#undone = this.#undoneBefore;
    this.#lead([]);
    this.#redraw();
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
    if (!this.enabled || event.ctrlKey || event.metaKey || event.altKey || this.#hand.isDown)
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
    this.#canvas.removeAttribute("data-pointed");
    this.#redraw();
  }

  #hideCursor() {
    this.#cursor = null;
    if (this.#open && !this.#hand.isDown) this.#end();
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
