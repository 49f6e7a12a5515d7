import assert from "node:assert/strict";
import { test } from "node:test";

// keys.js looks for the page's dialog of keys, and the box that switches them off; here is none.
Object.assign(globalThis, { document: { querySelector: () => null, querySelectorAll: () => [] } });
const { nameOf } = await import("../../static/js/keys.js");

const named = (key, code = "", shiftKey = false) => nameOf({ key, code, shiftKey });

test("a digit is the one that is written, in any script", () => {
  assert.equal(named("4", "Numpad4"), "4");
  assert.equal(named("8", "Digit4"), "8");
  for (const zero of ["٠", "۰", "०", "０", "𝟎"]) {
    const point = zero.codePointAt(0);
    assert.equal(named(zero), "0");
    assert.equal(named(String.fromCodePoint(point + 9)), "9");
  }
});

test("where a digit's key writes something else, its place says the digit", () => {
  assert.equal(named("&", "Digit1"), "1");
  assert.equal(named("à", "Digit0"), "0");
  assert.equal(named("ě", "Digit2"), "2");
  assert.equal(named("Dead", "Digit7"), "7");
  assert.equal(named("Process", "Digit7"), "7");
  assert.equal(named("!", "Digit1", true), "!");
  assert.equal(named("End", "Numpad1"), "end", "without NumLock it moves");
});

test("a letter is what is written, and of another alphabet the one in its place", () => {
  assert.equal(named("Z", "KeyY", true), "z");
  assert.equal(named("w", "KeyZ"), "w");
  assert.equal(named("я", "KeyZ"), "z");
  assert.equal(named("ζ", "KeyZ"), "z");
  assert.equal(named("ö", "Semicolon"), "ö");
  assert.equal(named(";", "KeyQ"), ";");
  assert.equal(named("Enter", "NumpadEnter"), "enter");
  assert.equal(named("ArrowUp", "Numpad8"), "arrowup");
  assert.equal(named("؟", "Slash", true), "?", "Arabic's");
});
