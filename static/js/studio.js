// What the draw and the try-out page share: the pad with its tools and keys.
import { Pad } from "./pad.js";

const typing = (element) =>
  element.matches("input, textarea, select, [contenteditable]") && element.type !== "range";

/** Calls `keys[key]()` for plain key presses anywhere on the page, except while somebody types text. */
export function onKeys(keys) {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.repeat)
      return;
    if (typing(event.target)) return;
    const action = keys[event.key.toLowerCase()];
    if (!action) return;
    if (event.key === "Enter" && event.target.closest("button, a, summary")) return;
    event.preventDefault();
    action();
  });
}

/** Wires #canvas, #undo, #redo, #clear and #width; returns the pad. `say(text)` speaks to screen readers. */
export function openStudio(say) {
  const board = document.getElementById("board");
  const pad = new Pad(document.getElementById("canvas"));
  const [undo, redo, clear, width] = ["undo", "redo", "clear", "width"].map((id) =>
    document.getElementById(id),
  );

  function refresh() {
    board.toggleAttribute("data-inked", !pad.isEmpty);
    undo.disabled = pad.isEmpty;
    clear.disabled = pad.isEmpty;
    redo.disabled = !pad.canRedo;
    width.value = pad.width;
  }

  undo.addEventListener("click", () => pad.undo());
  redo.addEventListener("click", () => pad.redo());
  clear.addEventListener("click", () => pad.clear());
  width.addEventListener("input", () => {
    pad.width = width.value;
  });
  for (const event of ["ink", "change"]) pad.addEventListener(event, refresh);
  pad.addEventListener("full", () =>
    say("This drawing is full: it has as many strokes or points as one may have."),
  );
  pad.addEventListener("pen-down", () => say("Pen down"));
  pad.addEventListener("pen-up", () => say("Pen up"));
  onKeys({ z: () => pad.undo(), y: () => pad.redo(), c: () => pad.clear() });
  pad.width = width.value;
  refresh();
  return pad;
}
