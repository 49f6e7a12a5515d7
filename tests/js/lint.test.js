import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test } from "node:test";

const BIOME = resolve("node_modules/.bin/biome");

/**
 * Which of the lines a rule of ours finds.
 * @param {string} rule
 * @param {string} name of the file in which they stand
 * @param {string[]} lines
 */
function found(rule, name, lines) {
  const folder = mkdtempSync(join(tmpdir(), "lint-"));
  try {
    const settings = { plugins: [resolve("scripts", rule)] };
    writeFileSync(join(folder, "biome.json"), JSON.stringify(settings));
    writeFileSync(join(folder, name), lines.join("\n"));
    const { stdout, stderr } = spawnSync(BIOME, ["lint", "--colors=off", "."], {
      cwd: folder,
      encoding: "utf8",
    });
    const places = `${stdout}${stderr}`.matchAll(/^\S+?:(\d+):\d+ plugin /gm);
    return [...new Set([...places].map(([, line]) => lines[Number(line) - 1]))];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("lint finds what people read and gettext does not say, and nothing else", () => {
  const said = [
    'say("Pause");',
    'say("Pen down");',
    'say("it was not taken");',
    'say("drawings still waiting, " + count);',
    'say(more ? " waits" : "s wait");',
    'const WHY = { InvalidStateError: "This passkey is among yours already." };',
  ];
  const silent = [
    'say(gettext("Pen down"));',
    'say(ngettext("%(count)s drawing waits", "%(count)s drawings wait", count));',
    'const page = document.querySelector("button#submit");',
    'const isDark = matchMedia("(prefers-color-scheme: dark)").matches;',
    'if (event.key !== "Escape") throw new Error("no such key");',
  ];
  assert.deepEqual(found("sentences.grit", "page.js", [...silent, ...said]), said);
});

test("lint finds a side that is named left or right", () => {
  const physical = [
    "left: 0;",
    "padding-left: 1em;",
    "border-right-width: 2px;",
    "text-align: right;",
  ];
  const logical = ["top: 0;", "inset-inline-start: 0;", "padding: 1em;", "text-align: end;"];
  const lines = [".a {", ...logical, ...physical, "}"];
  assert.deepEqual(found("sides.grit", "page.css", lines), physical);
});
