// The draw page: choose a digit, draw it, submit, see the verdict at once, go on from the same
// picture or start anew.
import { ApiError, failed, get } from "./api.js";
import { Bars, named } from "./bars.js";
import { onKeys } from "./keys.js";
import { Outbox } from "./outbox.js";
import { Preview } from "./preview.js";
import { openStudio } from "./studio.js";
import { Verdict } from "./verdict.js";

const page = document.querySelector("div#studio");
const chooser = page.querySelector("fieldset#chooser");
const digits = chooser.querySelectorAll("button[data-digit]");
const hint = page.querySelector("p#hint");
const submit = page.querySelector("button#submit");
const anew = page.querySelector("button#anew");
const canvas = page.querySelector("canvas#canvas");
const error = page.querySelector("p#error");
const spoken = page.querySelector("p#spoken");
const challenge = page.querySelector("button[data-choose]");

const { attemptsUrl = "", predictionsUrl = "", signInUrl = "", person, livePreview } = page.dataset;
const draftSlot = `draft:${person}`;
const bars = new Bars(page.querySelector("ol#bars"));
const verdict = new Verdict(page);
const outbox = new Outbox(attemptsUrl, `${person}`);
const pad = openStudio((text) => {
  spoken.textContent = text;
});

/** @type {number | null} */
let target = null;
let sending = false;
let judged = false;

function refresh() {
  for (const button of digits)
    button.setAttribute("aria-pressed", String(Number(button.dataset.digit) === target));
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
    const draft = { target, strokes: pad.strokes, width: pad.width };
    sessionStorage.setItem(draftSlot, JSON.stringify(draft));
  } catch {
    // Without storage a reload loses the picture; drawing and submitting still work.
  }
}

function draft() {
  try {
    return JSON.parse(sessionStorage.getItem(draftSlot) ?? "null");
  } catch {
    return null;
  }
}

/** @param {number} digit */
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

/** @param {ApiError} problem */
function explain(problem) {
  if (problem.status !== 401) {
    error.textContent = problem.message;
    return;
  }
  const again = document.createElement("a");
  again.href = signInUrl;
  again.textContent = "Sign in again";
  error.replaceChildren("You are no longer signed in. Your drawing is kept here. ", again, ".");
}

/**
 * Whether a fool is no near-copy, which would earn nothing; yes, where that can't be learnt now.
 * @param {string} id
 */
async function isOriginal(id) {
  try {
    const { data } = await get(`${attemptsUrl}${id}/`);
    return data.original;
  } catch (problem) {
    failed(problem);
    return true;
  }
}

/** @param {Submission} body */
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
  if (submit.disabled || target === null) return;
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

for (const button of digits)
  button.addEventListener("click", () => choose(Number(button.dataset.digit)));
challenge.addEventListener("click", () => {
  choose(Number(challenge.dataset.choose));
  canvas.focus();
});
submit.addEventListener("click", submitDrawing);
anew.addEventListener("click", startAnew);
pad.addEventListener("change", changed);
onKeys({
  ...Object.fromEntries(
    Array.from(digits, ({ dataset: { digit } }) => [digit, () => choose(Number(digit))]),
  ),
  enter: submitDrawing,
  n: startAnew,
});
canvas.addEventListener("pointerdown", () => {
  if (target === null) digits[0].focus();
});
if (livePreview) {
  new Preview(predictionsUrl, pad, (answer) => {
    if (judged || sending) return;
    if (answer) bars.show(answer.probabilities, target);
    else bars.reset(target);
  });
}
resume();
