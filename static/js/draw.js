// The draw page: choose a digit, draw it, submit, see the verdict at once, go on from the same picture or start anew.
import { ApiError, get, Unreachable } from "./api.js";
import { Bars, named } from "./bars.js";
import { Outbox } from "./outbox.js";
import { Preview } from "./preview.js";
import { onKeys, openStudio } from "./studio.js";
import { Verdict } from "./verdict.js";

const page = document.getElementById("studio");
const chooser = document.getElementById("chooser");
const digits = [...chooser.querySelectorAll("[data-digit]")];
const hint = document.getElementById("hint");
const submit = document.getElementById("submit");
const anew = document.getElementById("anew");
const canvas = document.getElementById("canvas");
const error = document.getElementById("error");
const spoken = document.getElementById("spoken");

const { attemptsUrl, predictionsUrl, person, livePreview } = page.dataset;
const draftSlot = `draft:${person}`;
const bars = new Bars(document.getElementById("bars"));
const verdict = new Verdict(document.getElementById("verdict"), document.getElementById("board"));
const outbox = new Outbox(attemptsUrl, person);
const pad = openStudio((text) => {
  spoken.textContent = text;
});

let target = null;
let sending = false;
let judged = false;

function refresh() {
  digits.forEach((button) =>
    button.setAttribute("aria-pressed", String(Number(button.dataset.digit) === target)),
  );
  chooser.classList.toggle("chooser--asking", target === null && pad.isEmpty);
  hint.textContent =
    target === null ? "First choose the digit that you will draw." : `Draw ${named(target)} here.`;
  pad.enabled = target !== null && !sending;
  submit.disabled = sending || judged || target === null || !pad.isReadable;
  submit.textContent = sending ? "Sending…" : submitText();
  anew.disabled = sending || pad.isEmpty;
}

function submitText() {
  if (judged) return "Submitted";
  return target === null ? "Submit" : `Submit as ${named(target)}`;
}

function keepDraft() {
  try {
    sessionStorage.setItem(
      draftSlot,
      JSON.stringify({ target, strokes: pad.strokes, width: pad.width }),
    );
  } catch {
    // Without storage a reload loses the picture; drawing and submitting still work.
  }
}

function draft() {
  try {
    return JSON.parse(sessionStorage.getItem(draftSlot));
  } catch {
    return null;
  }
}

function choose(digit) {
  if (sending) return;
  target = digit;
  changed();
  spoken.textContent = `You are drawing ${named(digit)}.`;
}

/** The picture or its target is another now: what was said about the old one no longer holds. */
function changed() {
  judged = false;
  error.textContent = "";
  if (verdict.shown) {
    verdict.fade();
    if (!livePreview) bars.reset(target);
  } else {
    bars.reset(target);
  }
  keepDraft();
  refresh();
}

function explain(problem) {
  if (problem.status !== 401) {
    error.textContent = problem.message;
    return;
  }
  const again = document.createElement("a");
  again.href = page.dataset.signInUrl;
  again.textContent = "Sign in again";
  error.replaceChildren("You are no longer signed in. Your drawing is kept here. ", again, ".");
}

/** Whether a fool is no near-copy, which would earn nothing; yes, where that can't be learnt now. */
async function isOriginal(id) {
  try {
    const { data } = await get(`${attemptsUrl}${id}/`);
    return data.original;
  } catch (problem) {
    if (!(problem instanceof ApiError || problem instanceof Unreachable)) throw problem;
    return true;
  }
}

async function send(body) {
  sending = true;
  error.textContent = "";
  refresh();
  try {
    const answer = await outbox.send(body, (message) => {
      error.textContent = `${message} Your drawing is kept here and will be sent by itself.`;
    });
    error.textContent = "";
    if (answer.fooled) answer.original = await isOriginal(answer.id);
    judged = true;
    bars.show(answer.probabilities, answer.target_label);
    verdict.show(answer);
  } catch (problem) {
    if (!(problem instanceof ApiError)) throw problem;
    explain(problem);
  } finally {
    sending = false;
    refresh();
  }
}

function submitDrawing() {
  if (submit.disabled) return;
  send({ target_label: target, strokes: pad.strokes, width: pad.width });
}

function startAnew() {
  if (sending) return;
  pad.clear();
  verdict.clear();
  bars.reset(target);
  refresh();
}

function resume() {
  const unsent = outbox.waiting;
  const kept = unsent ? { target: unsent.target_label, ...unsent } : draft();
  if (kept) {
    target = kept.target;
    pad.load(kept.strokes, kept.width);
  }
  const asked = new URLSearchParams(location.search).get("digit");
  if (!unsent && pad.isEmpty && /^\d$/.test(asked ?? "")) target = Number(asked);
  refresh();
  if (unsent) send(unsent);
}

digits.forEach((button) =>
  button.addEventListener("click", () => choose(Number(button.dataset.digit))),
);
document.querySelector("[data-choose]").addEventListener("click", ({ target: button }) => {
  choose(Number(button.dataset.choose));
  canvas.focus();
});
submit.addEventListener("click", submitDrawing);
anew.addEventListener("click", startAnew);
pad.addEventListener("change", changed);
onKeys({
  ...Object.fromEntries(
    digits.map((button) => [button.dataset.digit, () => choose(Number(button.dataset.digit))]),
  ),
  enter: submitDrawing,
  n: startAnew,
});
canvas.addEventListener("pointerdown", () => {
  if (target === null) digits[0].focus();
});
if (livePreview) {
  new Preview(
    predictionsUrl,
    pad,
    (answer) => {
      if (judged || sending) return;
      if (answer) bars.show(answer.probabilities, target);
      else bars.reset(target);
    },
    () => {},
  );
}
resume();
