// The application's own rows: sealed under the storage key, and called by names that tell nobody without it whose they are.

import { utf8, text as string } from "evanesce";

import { base64, hex, unbase64 } from "./bytes.js";

/** @typedef {import("evanesce").StorageKey} StorageKey */

/** What kinds of rows there are, with their numbers among all that is sealed (`StorageKey.seal`). */
const KINDS = {
  profile: 64, contact: 65, message: 66, draft: 67, parcel: 68, parked: 69, evidence: 70, report: 71, upload: 72,
  disposal: 73, piece: 74,
};

/** @typedef {keyof typeof KINDS} Table */

/** Those that are not held in memory: as many as files have pieces, and what proves messages. */
const ASIDE = new Set(["piece", "evidence"]);

/** @type {Table[]} */
export const HELD = /** @type {Table[]} */ (Object.keys(KINDS)).filter((table) => !ASIDE.has(table));

/**
 * What a row is called in the database.
 *
 * @param {StorageKey} key
 * @param {Table} table
 * @param {string | number} id
 */
export const rowName = (key, table, id) => `${table}/${hex(key.rowName(utf8(`${table}/${id}`)))}`;

/**
 * @param {StorageKey} key
 * @param {Table} table
 * @param {string} name What the row is called: a row opens in its own place alone
 * @param {unknown} value
 */
export function sealRow(key, table, name, value) {
  const plain = value instanceof Uint8Array ? value : utf8(JSON.stringify(value, bytesOut));
  const sealed = key.seal(plain, KINDS[table], utf8(name));
  if (plain !== value) plain.fill(0);
  return sealed;
}

/**
 * @param {StorageKey} key
 * @param {Table} table
 * @param {string} name
 * @param {unknown} sealed
 * @throws `undecryptable` of a row that was altered, or put into another's place
 */
export function openRow(key, table, name, sealed) {
  const plain = key.open(/** @type {Uint8Array} */ (sealed), KINDS[table], utf8(name));
  if (table === "piece") return plain;
  const value = JSON.parse(string(plain), bytesIn);
  plain.fill(0);
  return value;
}

/**
 * Bytes stand in JSON as an object whose one field has no name.
 *
 * @param {string} _
 * @param {unknown} value
 */
const bytesOut = (_, value) => (value instanceof Uint8Array ? { "": base64(value) } : value);

/**
 * @param {string} _
 * @param {any} value
 */
const bytesIn = (_, value) =>
  value !== null && typeof value === "object" && typeof value[""] === "string" ? unbase64(value[""]) : value;
