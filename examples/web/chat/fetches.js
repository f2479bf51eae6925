// Files of others, piece by piece. What is stored of one is final: the sender's, at its place.

import { unhex } from "./bytes.js";
import { Cannot } from "./cannot.js";
import { piecesOf, whyNot } from "./held-files.js";
import { fileMessage, hold } from "./uploads.js";

/** @typedef {import("./turn.js").Turn} Turn */
/** @typedef {import("./state.js").State} State */
/** @typedef {import("./uploads.js").FileMessage} FileMessage */

/**
 * The next file to fetch, of those whose senders are accepted: to fetch is to be seen by the relay.
 *
 * @param {State} state
 * @returns {FileMessage | undefined}
 */
export function nextFetch(state) {
  for (const message of state.messages.values()) {
    const { author, body } = message;
    if (author === "them" && body.kind === "file" && body.file.state === "going" && state.standing(message.with) === "accepted") {
      return /** @type {FileMessage} */ (message);
    }
  }
  return undefined;
}

/**
 * Pieces came, behind those that are here.
 *
 * @param {Turn} turn
 * @param {string} id
 * @param {number} first
 * @param {Uint8Array[]} bytes
 * @returns {boolean} Whether more of it is to be fetched
 */
export function piecesCame(turn, id, first, bytes) {
  const message = fileMessage(turn, id);
  if (message === undefined || message.body.file.state !== "going" || message.body.file.pieces !== first) return false;
  bytes.forEach((piece, place) => turn.put("piece", `${id}/${first + place}`, piece));
  const pieces = first + bytes.length;
  const isWhole = pieces === piecesOf(message.body.file.size);
  // What opened it is needed no more.
  hold(turn, message, isWhole ? { pieces, state: "whole", reference: undefined } : { pieces });
  if (!isWhole) return true;
  turn.state.pending.progress.delete(id);
  turn.absorb(turn.state.expiry.ready(unhex(id), turn.now));
  turn.notice({ kind: "file", name: message.with, id, text: `File ${message.body.file.name} of ${message.with} is here.` });
  return false;
}

/**
 * It is not fetched any more, unless the user says so. What is here of it stays: it is final.
 *
 * @param {Turn} turn
 * @param {string} id
 * @param {string} why
 */
export function stopFetch(turn, id, why) {
  const message = fileMessage(turn, id);
  if (message === undefined) return;
  hold(turn, message, { state: "stopped", why });
  turn.state.pending.progress.delete(id);
  turn.notice({ kind: "file", name: message.with, id, text: `File ${message.body.file.name} does not come: ${why}.` });
}

/**
 * The user wants what was stopped to be fetched once more.
 *
 * @param {Turn} turn
 * @param {string} id
 */
export function fetchAgain(turn, id) {
  const message = fileMessage(turn, id);
  if (message === undefined || message.body.file.state !== "stopped" || message.body.file.reference === undefined) {
    throw new Cannot("There is nothing to be fetched.");
  }
  const why = whyNot(turn.state, message.with, message.body.file.size);
  if (why !== undefined) throw new Cannot(`The file cannot be fetched: ${why}.`);
  hold(turn, message, { state: "going", why: undefined });
}
