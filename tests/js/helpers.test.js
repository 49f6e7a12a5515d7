import assert from "node:assert/strict";
import { test } from "node:test";
import { percent, percentInWords } from "../../static/js/bars.js";
import { isRound, justUnder, ticked } from "../../static/js/ticks.js";

// replay.js looks for drawings to play; here are none.
Object.assign(globalThis, { document: { querySelectorAll: () => [] } });
const { paced, until } = await import("../../static/js/replay.js");

const upTo = (last) => Array.from({ length: last }, (_, i) => i + 1);

test("a share in percent is never a false 0 or 100", () => {
  assert.equal(percent(0), "0 %");
  assert.equal(percent(0.0004), "< 1 %");
  assert.equal(percent(0.034), "3 %");
  assert.equal(percent(0.996), "> 99 %");
  assert.equal(percent(1), "100 %");
  assert.equal(percentInWords(0.0004), "under 1 %");
  assert.equal(percentInWords(0.996), "over 99 %");
});

test("a drawing is played in its own time, without its long pauses", () => {
  const strokes = [
    { x: [0, 4], y: [0, 0], t: [0, 100] },
    { x: [4, 8], y: [0, 0], t: [9100, 9200] },
  ];
  assert.deepEqual(paced(strokes), [
    [0, 100],
    [500, 600],
  ]);
});

test("no drawing is played faster than it can be followed, nor longer than six seconds", () => {
  assert.deepEqual(paced([{ x: [0, 100], y: [0, 0], t: [0, 0] }]), [[0, 250]]);
  const slow = { x: upTo(1000), y: upTo(1000), t: upTo(1000).map((n) => 300 * n) };
  const [times] = paced([slow]);
  assert.ok(Math.abs(times[999] - 6000) < 1e-6);
});

test("a stroke is there as far as its time has come, the tip between two points too", () => {
  const stroke = { x: [0, 10, 20], y: [0, 0, 40] };
  const times = [100, 200, 300];
  assert.equal(until(stroke, times, 99), null);
  assert.deepEqual(until(stroke, times, 100), { x: [0, 0], y: [0, 0] });
  assert.deepEqual(until(stroke, times, 250), { x: [0, 10, 15], y: [0, 0, 20] });
  assert.deepEqual(until(stroke, times, 300), stroke);
});

test("an axis has as many ticks as there is room for, and every one is a round", () => {
  const values = (last, width) => ticked(upTo(last), width).map(({ value }) => value);
  assert.deepEqual(values(5, 140), [1, 2, 3, 4, 5]);
  assert.deepEqual(values(5, 139), [2, 4]);
  assert.deepEqual(values(20, 112), [5, 10, 15, 20]);
  assert.deepEqual(values(300, 28), [100, 200, 300]);
});

test("a logarithmic axis keeps 1, 2 and 5 of each power of ten", () => {
  const kept = [0.1, 0.3, 1, 2, 4, 5, 10, 15, 20, 500].filter((value) => isRound({ value }));
  assert.deepEqual(kept, [0.1, 1, 2, 5, 10, 20, 500]);
});

test("an axis begins just under its lowest whisker, or where the chart likes", () => {
  assert.equal(justUnder(10)([83, 47]), 40);
  assert.equal(justUnder(0.5)([98.2]), 98);
  assert.equal(justUnder(10)([]), undefined);
});
