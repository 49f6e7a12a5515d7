import assert from "node:assert/strict";
import { test } from "node:test";
import { gettext, ngettext, withElements } from "../../static/js/words.js";

const GERMAN = {
  "Submit as a %(digit)s": "Als %(digit)s einreichen",
  "%(count)s drawing": ["%(count)s Zeichnung", "%(count)s Zeichnungen"],
};
Object.assign(globalThis, { document: { documentElement: { lang: "de" } } });
const german = await import("../../static/js/words.js?german");

/** As Django's catalogue does, while `what` is said. */
function withCatalogue(what) {
  globalThis.django = {
    gettext: (sentence) => GERMAN[sentence] ?? sentence,
    ngettext: (one, many, count) =>
      GERMAN[one]?.[Number(count !== 1)] ?? (count === 1 ? one : many),
  };
  try {
    return what();
  } finally {
    delete globalThis.django;
  }
}

test("without a catalogue a sentence is English, and knows an 8 from a 4", () => {
  assert.equal(gettext("Submit as a %(digit)s", { digit: 4 }), "Submit as a 4");
  assert.equal(gettext("Submit as a %(digit)s", { digit: "8" }), "Submit as an 8");
  assert.equal(gettext("A %(digit)s, or a %(other)s", { digit: 8, other: 80 }), "An 8, or a 80");
  assert.equal(ngettext("%(count)s drawing", "%(count)s drawings", 1), "1 drawing");
  assert.equal(ngettext("%(count)s drawing", "%(count)s drawings", 1204), "1,204 drawings");
});

test("with one, words and numbers are those of the page's language", () => {
  withCatalogue(() => {
    assert.equal(german.gettext("Submit as a %(digit)s", { digit: 8 }), "Als 8 einreichen");
    const counted = german.ngettext("%(count)s drawing", "%(count)s drawings", 1204);
    assert.equal(counted, "1.204 Zeichnungen");
    assert.equal(german.gettext("%(share)s %", { share: 99.5 }), "99,5 %");
    assert.equal(german.gettext("Nobody said a %(digit)s.", { digit: 8 }), "Nobody said a 8.");
  });
});

test("elements stand where the sentence has them, in its order and with its words", () => {
  const [blue, amber] = [{}, {}];
  const parts = withElements("<blue>Blau</blue> für 9, <amber>Gelb</amber> für 4", { blue, amber });
  assert.deepEqual(
    parts.map((part) => part.textContent ?? part),
    ["", "Blau", " für 9, ", "Gelb", " für 4"],
  );
  assert.equal(parts[1], blue);
  assert.equal(parts[3], amber);
  assert.deepEqual(withElements("Nichts davon.", {}), ["Nichts davon."]);
});
