// Copies the browser libraries out of node_modules, so that the site runs and tests without npm.
// With --check it copies nothing and fails when a committed copy differs from the installed package.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const folders = {
  "static/vendor": {
    "bootstrap-reboot.min.css": "bootstrap/dist/css/bootstrap-reboot.min.css",
    "bootstrap.LICENSE": "bootstrap/LICENSE",
    "chart.umd.min.js": "chart.js/dist/chart.umd.min.js",
    "chart.LICENSE.md": "chart.js/LICENSE.md",
  },
  "tests/vendor": {
    "axe.min.js": "axe-core/axe.min.js",
    "axe.LICENSE": "axe-core/LICENSE",
    "axe.LICENSE-3RD-PARTY.txt": "axe-core/LICENSE-3RD-PARTY.txt",
  },
};

/**
 * The file's bytes without its pointer to a source map: the maps are not copied, and a dangling
 * pointer breaks collectstatic.
 */
function contents(source) {
  const bytes = readFileSync(join(root, "node_modules", source));
  if (!/\.(css|js)$/.test(source)) return bytes;
  const text = bytes
    .toString("utf8")
    .replace(/\n?(\/\/|\/\*)# sourceMappingURL=\S+( \*\/)?\s*$/, "\n");
  return Buffer.from(text, "utf8");
}

function wanted(files) {
  const copies = Object.entries(files).map(([name, source]) => [name, contents(source)]);
  const sums = copies.map(
    ([name, bytes]) => `${createHash("sha256").update(bytes).digest("hex")}  ${name}\n`,
  );
  return [...copies, ["SHA256SUMS", Buffer.from(sums.join(""), "utf8")]];
}

const checking = process.argv.includes("--check");
let different = 0;
for (const [folder, files] of Object.entries(folders)) {
  mkdirSync(join(root, folder), { recursive: true });
  for (const [name, bytes] of wanted(files)) {
    const path = join(root, folder, name);
    if (!checking) {
      writeFileSync(path, bytes);
      continue;
    }
    let current = null;
    try {
      current = readFileSync(path);
    } catch (error) {
      if (error.code !== "ENOENT") throw error;
    }
    if (current === null || !current.equals(bytes)) {
      console.error(`${folder}/${name} differs from the installed package: run npm run vendor`);
      different += 1;
    }
  }
}
process.exitCode = different ? 1 : 0;
