// Strokes to pixels on a canvas, crisp at any density, and what the model saw as the 28 × 28 squares that it is.

export const CANVAS = 280;
const SIDE = 28;

/** Fits the canvas to its size on screen; returns the context, scaled to canvas units, a point in the middle of its unit. */
export function fit(canvas) {
  const side = Math.max(1, Math.round(canvas.clientWidth * (window.devicePixelRatio || 1)));
  if (canvas.width !== side || canvas.height !== side) {
    canvas.width = side;
    canvas.height = side;
  }
  const context = canvas.getContext("2d");
  const scale = side / CANVAS;
  context.setTransform(scale, 0, 0, scale, scale / 2, scale / 2);
  return context;
}

export function wipe(context) {
  context.clearRect(-1, -1, CANVAS + 2, CANVAS + 2);
}

let chalk = null;

/** The ink's colour, from the tokens; the same in both schemes, so asked for once. */
function ink() {
  chalk ??= getComputedStyle(document.documentElement).getPropertyValue("--chalk") || "white";
  return chalk;
}

export function drawStroke(context, stroke, width, from = 0) {
  context.strokeStyle = ink();
  context.lineWidth = width;
  context.lineCap = "round";
  context.lineJoin = "round";
  context.beginPath();
  context.moveTo(stroke.x[from], stroke.y[from]);
  context.lineTo(stroke.x[from], stroke.y[from]);
  for (let i = from + 1; i < stroke.x.length; i += 1) context.lineTo(stroke.x[i], stroke.y[i]);
  context.stroke();
}

export function drawStrokes(canvas, strokes, width) {
  const context = fit(canvas);
  wipe(context);
  for (const stroke of strokes) drawStroke(context, stroke, width);
}

/** `pixels`: 784 numbers 0–255, row by row (also as 28 rows of 28, or as base64). */
export function drawPixels(canvas, pixels) {
  const values =
    typeof pixels === "string"
      ? Uint8Array.from(atob(pixels), (c) => c.charCodeAt(0))
      : pixels.flat();
  canvas.width = SIDE;
  canvas.height = SIDE;
  const context = canvas.getContext("2d");
  const image = context.createImageData(SIDE, SIDE);
  values.forEach((value, i) => image.data.set([value, value, value, 255], i * 4));
  context.putImageData(image, 0, 0);
}
