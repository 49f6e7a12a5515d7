// Moderating: one drawing at a time, one key each. The next is fetched ahead (two leases at most), and a reading leaves
// the browser late, so that it can be taken back: when the next one is read, after some seconds, or on leaving.
import { ApiError, post, Unreachable } from "./api.js";
import { named } from "./bars.js";
import { drawPixels, drawStrokes } from "./ink.js";
import { onKeys } from "./studio.js";

const UNDO_TIME = 2000; // short: only once a reading has left may the drawing after the next be leased
const POLL_FIRST = 10000;
const POLL_LONGEST = 60000;
const RETRY = 4000;

const page = document.getElementById("moderate");
const panel = document.getElementById("assignment");
const empty = document.getElementById("empty");
const pause = document.getElementById("break");
const goOn = document.getElementById("go-on");
const notice = document.getElementById("notice");
const spoken = document.getElementById("spoken");
const toast = document.getElementById("undo-toast");
const undoButton = document.getElementById("undo");
const counter = document.getElementById("count");
const answers = [...panel.querySelectorAll("[data-answer]")];

let current = null;
let next = null;
let unsent = null;
let delivering = null;
let given = 0;
let pausing = false;
let fetching = false;
let nothingToDo = false;
let lookFailed = false;
let pollWait = POLL_FIRST;
let pollTimer;
let arrived = Number(page.dataset.practiceDone ?? 0);
let concluded = false;

const breakEvery = Number(page.dataset.breakEvery);
const practiceOf = Number(page.dataset.practiceOf ?? 0);
const practiced = arrived;

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const expired = (assignment) => Date.parse(assignment.expires) <= Date.now();
const inWords = (reading) => (/^\d$/.test(reading) ? named(reading) : reading);
const held = () => [current, next, unsent?.assignment, delivering].filter(Boolean);
const complain = (problem) => {
  if (!(problem instanceof ApiError || problem instanceof Unreachable)) throw problem;
  notice.textContent = problem.message;
};

function paint() {
  panel.hidden = nothingToDo || pausing;
  empty.hidden = !nothingToDo || pausing;
  pause.hidden = !pausing;
  answers.forEach((button) => {
    button.disabled = !current;
  });
  toast.hidden = !unsent;
  toast.querySelector("[data-part='said']").textContent = unsent
    ? `Read as ${inWords(unsent.reading)}.`
    : "";
  if (practiceOf) counter.textContent = `Practice: ${practiced + given} of ${practiceOf}`;
  else counter.textContent = given ? `${given} read in this sitting` : "";
  if (panel.dataset.id === (current?.id ?? "")) return;
  panel.dataset.id = current?.id ?? "";
  if (!current) {
    drawStrokes(panel.querySelector("[data-drawn]"), [], 0);
    drawPixels(panel.querySelector("[data-seen]"), []);
    return;
  }
  drawStrokes(panel.querySelector("[data-drawn]"), current.attempt.strokes, current.attempt.width);
  drawPixels(panel.querySelector("[data-seen]"), current.attempt.pixels);
  spoken.textContent = "A new drawing.";
}

/** Keeps one drawing on screen and one ready, while there are any; a reading not yet sent still holds its lease. */
async function fill() {
  if (fetching || concluded) return;
  fetching = true;
  try {
    while (held().length < 2) {
      const { status, data } = await post(page.dataset.assignmentsUrl);
      if (status === 204 || held().some(({ id }) => id === data.id)) break;
      pollWait = POLL_FIRST;
      nothingToDo = false;
      if (current) next = data;
      else current = data;
      paint();
    }
    if (lookFailed) notice.textContent = "";
    lookFailed = false;
    nothingToDo = !current;
  } catch (problem) {
    complain(problem);
    lookFailed = true;
  } finally {
    fetching = false;
    paint();
    if (!current) pollLater();
  }
}

function pollLater() {
  clearTimeout(pollTimer);
  pollTimer = setTimeout(() => {
    if (document.hidden) pollLater();
    else fill();
  }, pollWait);
  pollWait = Math.min(pollWait * 1.5, POLL_LONGEST);
}

/** Sends the reading for good, again and again while there is no network; what the server refuses is said and let go. */
async function deliver({ assignment, reading }, options) {
  delivering = assignment;
  const url = page.dataset.readingUrl.replace(
    "00000000-0000-0000-0000-000000000000",
    assignment.id,
  );
  for (let tries = 0; ; tries += 1) {
    try {
      await post(url, { reading }, options);
      if (tries) notice.textContent = "";
      arrived += 1;
      break;
    } catch (problem) {
      complain(problem);
      if (problem instanceof ApiError && problem.status !== 429) {
        given -= 1;
        break;
      }
    }
    await sleep(RETRY);
  }
  delivering = null;
  conclude();
}

/** Once the last practice reading has arrived, the server tells how it went. */
function conclude() {
  if (!practiceOf || arrived < practiceOf) return;
  concluded = true;
  window.location.assign(page.dataset.resultUrl);
}

async function settle() {
  if (!unsent) return;
  const late = unsent;
  clearTimeout(late.timer);
  unsent = null;
  paint();
  await deliver(late);
  await fill();
}

async function answer(reading) {
  if (!current || pausing) return;
  const reply = { assignment: current, reading };
  const before = unsent;
  if (before) clearTimeout(before.timer);
  notice.textContent = "";
  given += 1;
  unsent = reply;
  reply.timer = setTimeout(settle, UNDO_TIME);
  current = next && !expired(next) ? next : null;
  next = null;
  pausing = given % breakEvery === 0;
  pause.querySelector("[data-part='given']").textContent = given;
  paint();
  if (pausing) goOn.focus();
  if (before) await deliver(before);
  await fill();
}

function undo() {
  if (!unsent) return;
  clearTimeout(unsent.timer);
  next = current;
  nothingToDo = false;
  current = unsent.assignment;
  unsent = null;
  given -= 1;
  pausing = false;
  paint();
  spoken.textContent = "Taken back. The drawing is here again.";
}

/** The page is going away: what is unsent goes now, in a request that outlives it. */
function flush() {
  if (!unsent) return;
  clearTimeout(unsent.timer);
  const late = unsent;
  unsent = null;
  deliver(late, { keepalive: true });
}

/** Back after a while: what has expired meanwhile is somebody else's. */
function resume() {
  if (current && expired(current)) current = null;
  if (next && expired(next)) next = null;
  paint();
  fill();
}

answers.forEach((button) => button.addEventListener("click", () => answer(button.dataset.answer)));
goOn.addEventListener("click", () => {
  pausing = false;
  resume();
});
undoButton.addEventListener("click", undo);
window.addEventListener("pagehide", flush);
document.addEventListener("visibilitychange", () => {
  if (document.hidden) flush();
  else resume();
});
new ResizeObserver(() => {
  if (current)
    drawStrokes(
      panel.querySelector("[data-drawn]"),
      current.attempt.strokes,
      current.attempt.width,
    );
}).observe(panel.querySelector("[data-drawn]"));
onKeys({
  ...Object.fromEntries(
    answers.map((button) => [button.dataset.key, () => answer(button.dataset.answer)]),
  ),
  u: undo,
  backspace: undo,
});
fill();
