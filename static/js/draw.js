// The draw page: draw a digit and say which it is, in either order, submit, see the verdict at once,
// go on from the same picture or start anew.
import { ApiError, failed, get } from "./api.js";
import { Bars } from "./bars.js";
import { Drafts } from "./draft.js";
import { Game } from "./game.js";
import { Hints } from "./hints.js";
import { bring } from "./kept.js";
import { onKeys } from "./keys.js";
import { Outbox } from "./outbox.js";
import { Preview } from "./preview.js";
import { Reason } from "./reason.js";
import { Sound } from "./sound.js";
import { openStudio } from "./studio.js";
import { Thanks } from "./thanks.js";
import { Told } from "./told.js";
import { Verdict } from "./verdict.js";
import { gettext } from "./words.js";

const page = document.querySelector("div#studio");
const chooser = page.querySelector("fieldset#chooser");
const digits = chooser.querySelectorAll("button[data-digit]");
const hint = page.querySelector("p#hint");
const submit = page.querySelector("button#submit");
const anew = page.querySelector("button#anew");
const canvas = page.querySelector("canvas#canvas");
const spoken = page.querySelector("p#spoken");
const challenge = page.querySelector("button[data-choose]");

const { attemptsUrl = "", predictionsUrl = "", livePreview } = page.dataset;
const person = `${document.documentElement.dataset.person}`;
const isJudged = page.dataset.thanks === undefined;
const verdict = isJudged ? new Verdict(page) : new Thanks(page);
const bars = isJudged ? new Bars(page.querySelector("ol#bars")) : null;
const told = new Told(page);
const hints = new Hints(page);
const sound = isJudged ? new Sound(page.querySelector("input[data-sound]")) : null;
const game = isJudged ? new Game(page, person) : null;
const reason = isJudged ? new Reason(page, canvas, keepDraft) : null;
const drafts = new Drafts(person);
const outbox = new Outbox(attemptsUrl, person);
const pad = openStudio((text) => {
  spoken.textContent = text;
});

/** @type {("draw" | "choose" | "submit")[]} */
const HINTS = ["draw", "choose", "submit"];
/** @type {number | null} */
let target = null;
/** @type {KeyedSubmission | null} what was submitted of the picture as it is */
let sent = null;
/** @type {Attempt | null} the verdict on it */
let answer = null;
/** @type {"" | "sending" | "waiting"} */
let going = "";
/** @type {Set<string>} the keys of what this tab is sending */
const underWay = new Set();

function refresh() {
  for (const button of digits)
    button.setAttribute("aria-pressed", String(Number(button.dataset.digit) === target));
  hint.textContent =
    target === null
      ? gettext("Draw a digit here, and say which one it is.")
      : gettext("Draw a %(digit)s here.", { digit: target });
  pad.enabled = !going;
  submit.disabled = going !== "" || answer !== null || !pad.isReadable;
  submit.textContent = submitText();
  anew.disabled = going === "sending" || (pad.isEmpty && !verdict.shown);
  // The button that one wants next stands out.
  submit.classList.toggle("button--primary", !answer);
  anew.classList.toggle("button--primary", !!answer);
}

/** Says how many drawings wait beside the one on the pad. */
function count() {
  told.kept(outbox.waiting.filter(({ client_key }) => client_key !== sent?.client_key).length);
}

function submitText() {
  if (going) return going === "sending" ? gettext("Sending…") : gettext("Waiting…");
  if (answer) return gettext("Submitted");
  return target === null ? gettext("Submit") : gettext("Submit as a %(digit)s", { digit: target });
}

function keepDraft() {
  drafts.keep({ target, strokes: pad.strokes, width: pad.width, sent, answer });
}

/** @param {number} digit */
function choose(digit) {
  if (going) return;
  chooser.classList.remove("chooser--asking");
  hints.done("choose");
  if (digit !== target) changed(digit);
  spoken.textContent = gettext("You are drawing a %(digit)s.", { digit });
}

/** The picture or its target is another now: what was said about the old one no longer holds. */
function changed(digit = target) {
  target = digit;
  [sent, answer] = [null, null];
  reason?.hide();
  told.quiet();
  if (verdict.shown) {
    verdict.fade();
    if (!livePreview) bars?.reset(target);
  } else {
    bars?.reset(target);
  }
  keepDraft();
  refresh();
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

/**
 * Sends what is on the pad, and shows the verdict, unless another picture is there by then.
 * @param {KeyedSubmission} body
 */
async function send(body) {
  [sent, going] = [body, "sending"];
  underWay.add(body.client_key);
  const isHere = () => sent === body;
  told.quiet();
  keepDraft();
  refresh();
  try {
    const verdict = await outbox.send(body, (message) => {
      if (!isHere()) return;
      going = "waiting";
      told.waits(message);
      refresh();
    });
    if (verdict.fooled && verdict.status !== "practice")
      verdict.original = await isOriginal(verdict.id);
    if (isHere()) judge(verdict);
    else told.arrived(verdict);
  } catch (problem) {
    if (!(problem instanceof ApiError)) throw problem;
    const isKept = outbox.keeps(body);
    if (isHere()) told.refused(problem);
    else if (!isKept) told.refusedLater(body, problem);
    if (isHere() && !isKept) sent = null;
  } finally {
    underWay.delete(body.client_key);
    if (!sent || isHere()) going = "";
    keepDraft();
    refresh();
    count();
  }
}

/** @param {Attempt} about the picture on the pad */
function judge(about, isNews = true) {
  answer = about;
  told.quiet();
  if (about.probabilities) {
    bars?.show(about.probabilities, about.target_label);
    verdict.show(about, isNews);
    reason?.show(about);
  } else if (verdict instanceof Thanks) {
    verdict.show(about);
  }
  for (const hint of HINTS) hints.done(hint);
  if (isNews && about.fooled) sound?.cheer();
  if (isNews) game?.look(true);
}

function submitDrawing() {
  if (submit.disabled) return;
  if (target === null) {
    chooser.classList.add("chooser--asking");
    told.error(gettext("Which digit is it? Choose it, then submit."));
    return;
  }
  const drawing = { target_label: target, strokes: pad.strokes, width: pad.width };
  send(sent ?? outbox.keep(drawing));
}

function startAnew() {
  if (anew.disabled) return;
  [sent, going] = [null, ""];
  pad.enabled = true;
  pad.clear();
  verdict.clear();
  changed();
  count();
  window.scrollTo({ top: 0 });
}

/** @param {KeyedSubmission} body left by another tab, or an earlier visit */
async function sendLeft(body) {
  underWay.add(body.client_key);
  try {
    const arrived = await outbox.sendLeft(body, () => {});
    if (arrived) told.arrived(arrived);
  } catch (problem) {
    if (!(problem instanceof ApiError)) throw problem;
    if (!outbox.keeps(body)) told.refusedLater(body, problem);
  }
  underWay.delete(body.client_key);
  count();
}

function sendRest() {
  count();
  for (const body of outbox.waiting) if (!underWay.has(body.client_key)) sendLeft(body);
}

/** Whether the page is where it was; else somebody has come, or come back, to draw another. */
function wasReloaded() {
  const [navigation] = performance.getEntriesByType("navigation");
  return navigation instanceof PerformanceNavigationTiming && navigation.type === "reload";
}

function resume() {
  bring(`${page.dataset.username}`, drafts, outbox);
  const draft = drafts.kept;
  const isOver = !!draft?.answer && !wasReloaded();
  if (draft) {
    target = draft.target;
    pad.load(isOver ? [] : draft.strokes, draft.width);
  }
  const asked = new URLSearchParams(location.search).get("digit");
  if (/^\d$/.test(asked ?? "") && pad.isEmpty) {
    target = Number(asked);
    history.replaceState(null, "", location.pathname); // once; a reload shows what is there then
  }
  bars?.reset(target);
  if (draft?.answer && !isOver) {
    sent = draft.sent;
    judge(draft.answer, false);
  } else if (draft?.sent && !isOver) {
    send(outbox.keep(draft.sent));
  }
  keepDraft();
  refresh();
  sendRest();
}

for (const button of digits)
  button.addEventListener("click", () => choose(Number(button.dataset.digit)));
challenge?.addEventListener("click", () => {
  choose(Number(challenge.dataset.choose));
  canvas.focus();
});
submit.addEventListener("click", submitDrawing);
anew.addEventListener("click", startAnew);
pad.addEventListener("change", () => {
  if (pad.isReadable) hints.done("draw");
  changed();
});
pad.addEventListener("ink", refresh);
// What the browser had put aside whole is about to be loaded again, which is then no reload.
window.addEventListener("pageshow", ({ persisted }) => {
  if (persisted && answer)
    drafts.keep({ target, strokes: [], width: pad.width, sent: null, answer: null });
});
outbox.watch(navigator.locks ? sendRest : count);
onKeys({
  ...Object.fromEntries(
    Array.from(digits, ({ dataset: { digit } }) => [digit, () => choose(Number(digit))]),
  ),
  enter: submitDrawing,
  n: startAnew,
  w: () => reason?.focus(),
});
if (livePreview) {
  new Preview(predictionsUrl, pad, (seen) => {
    if (answer || going) return;
    if (seen) bars?.show(seen.probabilities, target);
    else bars?.reset(target);
  });
}
resume();
