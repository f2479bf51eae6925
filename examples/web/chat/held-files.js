// Files as far as they are here: what a row says of one, and what goes with its message.

import { fileSize } from "../wire/content.js";

/** @typedef {import("./turn.js").Turn} Turn */
/** @typedef {import("./shapes.js").AttachedFile} AttachedFile */
/** @typedef {import("./shapes.js").HeldFile} HeldFile */
/** @typedef {import("./state.js").State} State */

/** Bytes of a file in one row: a chunk of the library's. */
export const PIECE = 65_536;

/** Bytes of a file that fits into a blob of the relay's. */
export const LARGEST_FILE = 64 << 20;

/** Bytes of files of others that are here or coming, in all and of one person: nobody fills the disk, or takes the room of others. */
const MOST_ROOM = 512 << 20, MOST_ROOM_OF_ONE = 256 << 20;

/**
 * How many rows a file has.
 *
 * @param {number} size
 */
export const piecesOf = (size) => Math.ceil(size / PIECE);

/**
 * What a message that came says of a file. Its name and type were cleaned where it was read.
 *
 * @param {State} state
 * @param {string} from
 * @param {AttachedFile} file
 * @returns {HeldFile}
 */
export function heldFile(state, from, { reference, blob, token, name, mediaType }) {
  const size = fileSize(reference);
  const why = whyNot(state, from, size);
  return { name, mediaType, size, blob, token, reference, pieces: 0, state: why === undefined ? "going" : "stopped", why };
}

/**
 * Why a file is not fetched; absent if it may be.
 *
 * @param {State} state
 * @param {string} from
 * @param {number} size
 */
export function whyNot(state, from, size) {
  if (size > LARGEST_FILE) return "it is too large";
  return hasRoom(state, from, size) ? undefined : "there is no room for more files";
}

/**
 * Whether a file fits beside all others. Those of strangers are not fetched, and take none.
 *
 * @param {State} state
 * @param {string} from
 * @param {number} size
 */
function hasRoom(state, from, size) {
  let [all, ofOne] = [size, size];
  for (const { author, body, with: name } of state.messages.values()) {
    if (author !== "them" || body.kind !== "file" || body.file.state === "stopped") continue;
    if (name === from) ofOne += body.file.size;
    if (state.standing(name) === "accepted") all += body.file.size;
  }
  return all <= MOST_ROOM && ofOne <= MOST_ROOM_OF_ONE;
}

/**
 * Deletes what is here of a message's file.
 *
 * @param {Turn} turn
 * @param {string} id
 * @param {HeldFile} file
 */
export function dropFile(turn, id, file) {
  for (let piece = 0; piece < file.pieces; piece += 1) turn.put("piece", `${id}/${piece}`);
  turn.state.pending.progress.delete(id);
}

/**
 * Nobody is to have a file any more: the relay deletes its blob.
 *
 * @param {Turn} turn
 * @param {HeldFile} file
 */
export function disposeOf(turn, { blob, token }) {
  const number = turn.number();
  turn.put("disposal", number, { number, blob, token });
}
