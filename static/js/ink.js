// Strokes to pixels on a canvas, crisp at any density, and what the model saw as the 28 × 28
// squares that it is.

export const CANVAS = 280;
const SIDE = 28;

/** @param {HTMLCanvasElement} canvas */
function contextOf(canvas) {
  const context = canvas.getContext("2d");
  if (!context) throw new Error("This browser does not draw.");
  return context;
}

/**
 * Fits the canvas to its size on screen; returns the context, scaled to canvas units, a point in
 * the middle of its unit.
 * @param {HTMLCanvasElement} canvas
 */
export function fit(canvas) {
  const side = Math.max(1, Math.round(canvas.clientWidth * (window.devicePixelRatio || 1)));
  if (canvas.width !== side || canvas.height !== side) {
    canvas.width = side;
    canvas.height = side;
  }
  const context = contextOf(canvas);
  const scale = side / CANVAS;
  context.setTransform(scale, 0, 0, scale, scale / 2, scale / 2);
  return context;
}

/** @param {CanvasRenderingContext2D} context */
export function wipe(context) {
  context.clearRect(-1, -1, CANVAS + 2, CANVAS + 2);
}

let chalk = "";

/** The ink's colour, from the tokens; the same in both schemes, so asked for once. */
function ink() {
  chalk ||= getComputedStyle(document.documentElement).getPropertyValue("--chalk") || "white";
  return chalk;
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Path} path
 * @param {number} width
 */
export function drawStroke(context, { x, y }, width, from = 0) {
  context.strokeStyle = ink();
  context.lineWidth = width;
  context.lineCap = "round";
  context.lineJoin = "round";
  context.beginPath();
  context.moveTo(x[from], y[from]);
  context.lineTo(x[from], y[from]);
  for (let i = from + 1; i < x.length; i += 1) context.lineTo(x[i], y[i]);
  context.stroke();
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Path[]} strokes
 * @param {number} width
 */
export function drawStrokes(canvas, strokes, width) {
  const context = fit(canvas);
  wipe(context);
  for (const stroke of strokes) drawStroke(context, stroke, width);
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {number[]} pixels 784 numbers 0–255, row by row
 */
export function drawPixels(canvas, pixels) {
  canvas.width = SIDE;
  canvas.height = SIDE;
  const context = contextOf(canvas);
  const image = context.createImageData(SIDE, SIDE);
  for (const [i, value] of pixels.entries()) image.data.set([value, value, value, 255], i * 4);
  context.putImageData(image, 0, 0);
}
