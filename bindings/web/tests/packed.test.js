// What is published: all that is promised is in it, and what it says of itself holds there.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { test } from "node:test";

const directory = process.env.EVANESCE_PACKAGE ?? resolve(import.meta.dirname, "../pkg");
const manifest = JSON.parse(readFileSync(resolve(directory, "package.json"), "utf8"));

const [{ files }] = JSON.parse(execFileSync("npm", ["pack", "--json", "--dry-run"], { cwd: directory, encoding: "utf8" }));
const packed = new Set(files.map(({ path }) => `./${path}`));

test("the licences are published with the code", () => {
  for (const name of ["./LICENSE-MIT", "./LICENSE-APACHE", "./README.md"]) assert.ok(packed.has(name), name);
});

test("all that is exported is published, and so is what that imports", () => {
  const targets = (value) => (typeof value === "string" ? [value] : Object.values(value).flatMap(targets));
  const waiting = targets(manifest.exports);
  assert.ok(waiting.includes("./dist/wasm_bg.wasm") && waiting.includes("./package.json"));
  for (const file of waiting) {
    assert.ok(packed.has(file), `${file} is not published`);
    if (!/\.(d\.ts|js)$/.test(file)) continue;
    for (const [, name] of readFileSync(resolve(directory, file), "utf8").matchAll(/from ['"](\.[^'"]+)['"]/g)) {
      const imported = `./${resolve("/", file, "..", name).slice(1)}`.replace(/\.js$/, file.endsWith(".d.ts") ? ".d.ts" : ".js");
      if (!waiting.includes(imported)) waiting.push(imported);
    }
  }
});

test("README.md links to nothing that is not published", () => {
  const readme = readFileSync(resolve(directory, "README.md"), "utf8");
  for (const [, target] of readme.matchAll(/\]\(([^)#]+)[^)]*\)/g)) {
    assert.ok(/^https:/.test(target) || existsSync(resolve(directory, target)), `README.md links to ${target}`);
  }
});
