// What replayers of known answers read. They run the package whose randomness comes from a script: EVANESCE_SCRIPTED names
// its directory; without, it is where `build` leaves it.
//
// The answers are those of tests/vectors, or of the directory that EVANESCE_VECTORS names.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { resolve } from "node:path";

const root = resolve(import.meta.dirname, "../../..");
process.env.EVANESCE_PACKAGE =
  process.env.EVANESCE_SCRIPTED ?? resolve(process.env.CARGO_TARGET_DIR ?? resolve(root, "target"), "web/pkg-scripted");

const { evanesce, part } = await import("./package.js");
const module = await part("wasm.js");
export { evanesce };

const directory = process.env.EVANESCE_VECTORS ?? resolve(root, "tests/vectors");

/** Known answers by their file's name. Whole numbers above 2^53 become a bigint. */
export function answers(name) {
  const text = readFileSync(resolve(directory, name), "utf8").replace(/(?<=[:[,]\s*)\d{16,}(?=\s*[,}\]])/g, '"bigint:$&"');
  return JSON.parse(text, (_, value) => (typeof value === "string" && value.startsWith("bigint:") ? BigInt(value.slice(7)) : value));
}

/** The files whose names match, of which there must be some. */
export function files(pattern) {
  const names = readdirSync(directory).filter((name) => pattern.test(name)).sort();
  assert.notEqual(names.length, 0, `no ${pattern} in ${directory}`);
  return names;
}

/** Fails on a section that is neither replayed nor excused here: nothing is passed over in silence. */
export function sections(name, replayed, excused) {
  const all = answers(name);
  for (const section of Object.keys(all)) {
    if (section === "format" || section === "comment") continue;
    assert.ok(section in replayed || section in excused, `${name}: nobody knows the section ${section}`);
    assert.ok(!(section in replayed && section in excused), `${name}: ${section} is replayed and excused`);
    if (section in excused) continue;
    assert.notEqual(all[section].length, 0, `${name}: ${section} is empty`);
    for (const [place, answer] of all[section].entries()) {
      try {
        replayed[section](answer, all);
      } catch (error) {
        error.message = `${name}, ${section} ${place} (${answer.comment ?? ""}): ${error.message}`;
        throw error;
      }
    }
  }
}

/** Just these fields, and a comment. */
export function fields(object, known) {
  for (const field of Object.keys(object)) assert.ok(field === "comment" || known.includes(field), `unknown field ${field}`);
}

export function bytes(hex) {
  assert.match(hex, /^([0-9a-f]{2})*$/);
  return Uint8Array.from(Buffer.from(hex, "hex"));
}

export function hex(bytes) {
  return Buffer.from(bytes).toString("hex");
}

/** Bytes in hex, or as the pattern that they repeat: `{"start", "repeat", "length"}`. */
export function long(value) {
  if (typeof value === "string") return bytes(value);
  fields(value, ["start", "repeat", "length"]);
  const start = value.start === undefined ? new Uint8Array() : bytes(value.start);
  const whole = new Uint8Array(value.length);
  whole.fill(bytes(value.repeat)[0] ?? 0);
  const pattern = Buffer.from(value.repeat, "hex");
  Buffer.from(whole.buffer).fill(pattern);
  const shifted = Buffer.from(whole.buffer).subarray(0, value.length - start.length);
  const out = new Uint8Array(value.length);
  out.set(start);
  out.set(shifted, start.length);
  return out;
}

export function sha256(...parts) {
  const hash = createHash("sha256");
  parts.forEach((part) => hash.update(part));
  return hash.digest("hex");
}

/** Compares bytes with their hex, or with `{"sha256", "length"}`. */
export function is(actual, expected) {
  if (typeof expected === "string") return assert.equal(hex(actual), expected);
  fields(expected, ["sha256", "length"]);
  assert.deepEqual([actual.length, sha256(actual)], [expected.length, expected.sha256]);
}

/** Calls it with just these draws, all of which it must use. */
export function drawing(draws, call) {
  module.script_draws(bytes(draws));
  const result = call();
  assert.equal(module.draws_left(), 0, "not all of the script was drawn");
  return result;
}

/** The code with which it is refused. */
export function code(call) {
  try {
    call();
  } catch (error) {
    assert.ok(error instanceof evanesce.EvanesceError, error.stack);
    return error.code;
  }
  return assert.fail("it is not refused");
}

/** The bytes from each place on replaced by others; then cut. */
export function patched(original, value) {
  let whole = original;
  for (const [at, patch] of value.patches ?? []) {
    const other = bytes(patch);
    const longer = new Uint8Array(Math.max(whole.length, at + other.length));
    longer.set(whole);
    longer.set(other, at);
    whole = longer;
  }
  return value.length === undefined ? whole : whole.slice(0, value.length);
}
