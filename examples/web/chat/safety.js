// Safety numbers: what two people compare, in digits and as a code that one shows and the other scans.

import { EvanesceError, Person } from "evanesce";

/** @typedef {import("./state.js").State} State */

/**
 * The number of one identity that uses a name.
 *
 * @typedef {object} NumberView
 * @property {string} digits Twelve groups of five
 * @property {Uint8Array} scannable What this device shows, for a QR code of bytes
 */

/**
 * The numbers of the identities that use a name: of the one that is pinned, and of another one while the user has to decide.
 * Absent while there is none.
 *
 * @param {State} state
 * @param {string} name
 * @returns {{ known: NumberView | undefined, waiting: NumberView | undefined }}
 */
export function safetyNumbers(state, name) {
  const peer = state.peers.get(name);
  return { known: shown(state, peer?.contact.identity), waiting: shown(state, peer?.undecidedDevice?.identity) };
}

/**
 * Compares what the other device shows. `foreign` is what is no safety number of this kind.
 *
 * @param {State} state
 * @param {string} name
 * @param {Uint8Array} scanned
 * @returns {"same" | "other" | "foreign"}
 */
export function compareScanned(state, name, scanned) {
  const identity = state.peers.get(name)?.contact.identity;
  if (identity === undefined) return "foreign";
  const number = between(state, identity);
  try {
    number.verifyScanned(scanned);
    return "same";
  } catch (refusal) {
    if (!(refusal instanceof EvanesceError)) throw refusal;
    return refusal.code === "mismatch" ? "other" : "foreign";
  } finally {
    number.free();
  }
}

/** @param {State} state @param {Uint8Array | undefined} identity */
function shown(state, identity) {
  if (identity === undefined) return undefined;
  const number = between(state, identity);
  const view = { digits: String(number), scannable: number.scannable };
  number.free();
  return view;
}

/**
 * That of two people, who are the identities of their first devices: it is what the terminal shows too, and stays as further
 * devices come and go.
 *
 * @param {State} state
 * @param {Uint8Array} identity
 */
function between({ account }, identity) {
  const person = new Person(identity);
  const number = person.number(account.device.identity);
  person.free();
  return number;
}
