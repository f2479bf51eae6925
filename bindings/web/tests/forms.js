// The forms of bytes in attachments.json and reports.json, and the cases that take long.

import assert from "node:assert/strict";

import { bytes, fields, sha256 } from "./replay.js";

/** Bytes of one of the forms; `blobs` has the output of earlier cases, by name. */
export function formed(value, blobs = new Map()) {
  if (typeof value === "string") return bytes(value);
  if (value.parts !== undefined) {
    fields(value, ["parts"]);
    return Uint8Array.from(Buffer.concat(value.parts.map((part) => formed(part, blobs))));
  }
  if (value.blob !== undefined) {
    fields(value, ["blob", "at", "length"]);
    return blobs.get(value.blob).slice(value.at, value.at + value.length);
  }
  fields(value, ["repeat", "length"]);
  return value.length === 0 ? new Uint8Array() : new Uint8Array(Buffer.alloc(value.length, Buffer.from(value.repeat, "hex")));
}

/** Compares with a result: bytes of a form, or their hash and length. */
export function isResult(actual, result, blobs) {
  if (result.sha256 === undefined) return assert.ok(Buffer.from(actual).equals(formed(result, blobs)), "other bytes");
  fields(result, ["sha256", "length"]);
  assert.deepEqual([actual.length, sha256(actual)], [result.length, result.sha256]);
}

/** Bytes in pieces of these lengths, over and over. */
export function* inPieces(whole, lengths) {
  for (let start = 0, turn = 0; start < whole.length; turn += 1) {
    const end = start + lengths[turn % lengths.length];
    yield whole.subarray(start, end);
    start = end;
  }
}

/** Those of many megabytes are for who has time: EVANESCE_HEAVY=1. */
export function light(replay) {
  return (answer, ...rest) => {
    if (answer.heavy === true && process.env.EVANESCE_HEAVY === undefined) return;
    replay(answer, ...rest);
  };
}
