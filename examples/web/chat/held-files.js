// Files as far as they are here: what a row says of one, and what goes with its message.

import { fileSize } from "../wire/content.js";

/** @typedef {import("./turn.js").Turn} Turn */
/** @typedef {import("./shapes.js").AttachedFile} AttachedFile */
/** @typedef {import("./shapes.js").HeldFile} HeldFile */
/** @typedef {import("./shapes.js").Message} Message */

/** Bytes of a file in one row: a chunk of the library's. */
export const PIECE = 65_536;

/** Bytes of a file that fits into a blob of the relay's. */
export const LARGEST_FILE = 64 << 20;

/**
 * How many rows a file has.
 *
 * @param {number} size
 */
export const piecesOf = (size) => Math.ceil(size / PIECE);

/**
 * What a message that came says of a file.
 *
 * @param {AttachedFile} file
 * @returns {HeldFile}
 */
export function heldFile({ reference, blob, token, name, mediaType }) {
  const size = fileSize(reference);
  const isTooLarge = size > LARGEST_FILE;
  return {
    name, mediaType, size, blob, token, reference, pieces: 0, state: isTooLarge ? "stopped" : "going",
    why: isTooLarge ? "it is too large" : undefined,
  };
}

/**
 * Deletes what is here of a message's file; and at the relay too, if nobody else is to have it.
 *
 * @param {Turn} turn
 * @param {Message} message
 * @param {boolean} isForAll
 */
export function dropFile(turn, message, isForAll) {
  if (message.body.kind !== "file") return;
  const { file } = message.body;
  for (let piece = 0; piece < file.pieces; piece += 1) turn.put("piece", `${message.id}/${piece}`);
  turn.state.pending.progress.delete(message.id);
  if (!isForAll) return;
  const number = turn.number();
  turn.put("disposal", number, { number, blob: file.blob, token: file.token });
}
