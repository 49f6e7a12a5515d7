// What the draw and the try-out page share: the pad with its tools and keys.
import { onKeys } from "./keys.js";
import { Pad } from "./pad.js";
import { gettext } from "./words.js";

/**
 * Wires #canvas, #undo, #redo, #clear and #width; returns the pad.
 * @param {(text: string) => void} say speaks to screen readers
 */
export function openStudio(say) {
  const board = document.querySelector("div#board");
  const pad = new Pad(board.querySelector("canvas#canvas"));
  const undo = document.querySelector("button#undo");
  const redo = document.querySelector("button#redo");
  const clear = document.querySelector("button#clear");
  const width = document.querySelector("input#width");

  function refresh() {
    board.toggleAttribute("data-inked", !pad.isEmpty);
    undo.disabled = !pad.canUndo;
    clear.disabled = pad.isEmpty;
    redo.disabled = !pad.canRedo;
    width.value = String(pad.width);
  }

  undo.addEventListener("click", () => pad.undo());
  redo.addEventListener("click", () => pad.redo());
  clear.addEventListener("click", () => pad.clear());
  width.addEventListener("input", () => {
    pad.width = Number(width.value);
  });
  for (const event of ["ink", "change"]) pad.addEventListener(event, refresh);
  pad.addEventListener("full", () =>
    say(gettext("This drawing is full: it has as many strokes or points as one may have.")),
  );
  pad.addEventListener("pen-down", () => say(gettext("Pen down")));
  pad.addEventListener("pen-up", () => say(gettext("Pen up")));
  onKeys({
    z: () => pad.undo(),
    "shift+z": () => pad.redo(),
    y: () => pad.redo(),
    c: () => pad.clear(),
    "mod+z": () => pad.undo(),
    "mod+shift+z": () => pad.redo(),
    "mod+y": () => pad.redo(),
  });
  pad.width = Number(width.value);
  refresh();
  return pad;
}
