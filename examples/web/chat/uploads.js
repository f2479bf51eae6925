// Files of ours: taken in piece by piece, carried to the relay, and then said of.

import { AttachmentLayout, AttachmentSealer, Stamp } from "evanesce";

import { cleanedFileName, cleanedMediaType, encodeContent } from "../wire/content.js";
import { LARGEST_BLOB } from "../wire/requests.js";
import { random } from "./bytes.js";
import { Cannot } from "./cannot.js";
import { PIECE, disposeOf } from "./held-files.js";
import { fail } from "./lives.js";
import { checkWritable, post, queue, stampFor } from "./sending.js";

/** @typedef {import("./turn.js").Turn} Turn */
/** @typedef {import("./state.js").State} State */
/** @typedef {import("./shapes.js").Life} Life */
/** @typedef {import("./shapes.js").Message} Message */
/** @typedef {import("./shapes.js").HeldFile} HeldFile */

/** How many files may be on their way. */
const MOST_UPLOADS = 20;

/**
 * What is known of a file before any of it is read, and what its message will be.
 *
 * @typedef {{ message: string, chosen: Uint8Array, stamp: Uint8Array }} BegunFile
 */

/**
 * Puts a file into its conversation, of which nothing is here yet.
 *
 * @param {Turn} turn
 * @param {string} to
 * @param {{ name: string, type: string, size: number }} file
 * @param {Life} life
 * @returns {BegunFile}
 */
export function beginFile(turn, to, file, life) {
  const { state } = turn;
  checkWritable(state, to);
  if (life.kind === "once") throw new Cannot("A file cannot be viewed once. Choose another life for it.");
  if (blobLength(file.size) > LARGEST_BLOB) throw new Cannot("The file is too large: 64 MB or so are the most.");
  if (state.uploads.size >= MOST_UPLOADS) throw new Cannot("Too many files are on their way. Wait until some are there.");
  const chosen = random(16);
  const stamp = stampFor(state, to, life);
  const message = queue(turn, to, chosen, stamp, { kind: "file", file: {
    name: cleanedFileName(file.name), mediaType: cleanedMediaType(file.type), size: file.size, blob: random(16), token: random(32),
    reference: undefined, pieces: 0, state: "going", why: undefined,
  } });
  return { message, chosen, stamp: stamp.encode() };
}

/**
 * Stores some pieces of a file of ours.
 *
 * @param {Turn} turn
 * @param {string} id
 * @param {Uint8Array} bytes Whole pieces, unless they are the last
 * @returns {boolean} Whether it is still to be sent
 */
export function takePieces(turn, id, bytes) {
  const message = fileMessage(turn, id);
  if (message === undefined || message.progress === "failed") return false;
  let { pieces } = message.body.file;
  for (let start = 0; start < bytes.length; start += PIECE) turn.put("piece", `${id}/${pieces++}`, bytes.slice(start, start + PIECE));
  hold(turn, message, { pieces });
  return true;
}

/**
 * All of a file is here: it may be seen, and goes to the relay. The key is stored before anything leaves.
 *
 * @param {Turn} turn
 * @param {BegunFile} begun
 */
export function beginUpload(turn, { message: id, chosen, stamp }) {
  const message = fileMessage(turn, id);
  if (message === undefined || message.progress === "failed") return;
  hold(turn, message, { state: "whole" });
  const number = turn.number();
  turn.put("upload", number, { number, to: message.with, message: id, chosen, stamp, checkpoint: firstCheckpoint(), sent: 0 });
}

/**
 * Files of ours that have not been taken in whole, and will not be.
 *
 * @param {Turn} turn
 * @param {string} why
 * @param {string} [to] Those for somebody alone
 */
export function dropUnread(turn, why, to) {
  for (const { id } of [...turn.state.messages.values()].filter((it) => it.author === "us" && (to === undefined || it.with === to))) {
    const message = fileMessage(turn, id);
    if (message?.body.file.state !== "going") continue;
    hold(turn, message, { state: "stopped", why });
    fail(turn, id, why);
  }
}

/**
 * The next file to send, of those whose recipients may be written to.
 *
 * @param {State} state
 * @returns {(import("./shapes.js").Upload & { file: HeldFile }) | undefined}
 */
export function nextUpload(state) {
  for (const upload of state.uploads.values()) {
    const body = state.messages.get(upload.message)?.body;
    if (body?.kind === "file" && state.mayBeWrittenTo(upload.to)) return { ...upload, file: body.file };
  }
  return undefined;
}

/**
 * So much of a blob is at the relay, and how to go on from there.
 *
 * @param {Turn} turn
 * @param {number} number
 * @param {Uint8Array} checkpoint
 * @param {number} sent
 * @returns {boolean} Whether it is still to be sent
 */
export function uploadCameOn(turn, number, checkpoint, sent) {
  const upload = turn.state.uploads.get(number);
  if (upload === undefined) return false;
  turn.put("upload", number, { ...upload, checkpoint, sent });
  return true;
}

/**
 * All of it is there: key and checkpoint go, and the message says what opens it.
 *
 * @param {Turn} turn
 * @param {number} number
 * @param {Uint8Array} reference
 */
export function uploadEnded(turn, number, reference) {
  const upload = turn.state.uploads.get(number);
  if (upload === undefined) return;
  turn.put("upload", number);
  turn.state.pending.progress.delete(upload.message);
  const message = fileMessage(turn, upload.message);
  if (message === undefined) return;
  const { blob, token, name, mediaType } = message.body.file;
  post(turn, upload.to, upload.message, encodeContent({
    kind: "file", chosen: upload.chosen, file: { reference, blob, token, name, mediaType },
  }), Stamp.decode(upload.stamp));
}

/**
 * The relay has lost what it had: the file goes under another key, since the same bytes under the same key are all that a key is
 * for.
 *
 * @param {Turn} turn
 * @param {number} number
 */
export function uploadBeginsAnew(turn, number) {
  const upload = turn.state.uploads.get(number);
  const message = upload && fileMessage(turn, upload.message);
  if (upload === undefined || message === undefined) return;
  hold(turn, message, { blob: random(16), token: random(32) });
  turn.put("upload", number, { ...upload, checkpoint: firstCheckpoint(), sent: 0 });
}

/**
 * It will not be sent, and the relay is to forget what it has.
 *
 * @param {Turn} turn
 * @param {number} number
 * @param {string} why
 */
export function giveUp(turn, number, why) {
  const upload = turn.state.uploads.get(number);
  const message = upload && fileMessage(turn, upload.message);
  turn.put("upload", number);
  if (message === undefined) return;
  disposeOf(turn, message.body.file);
  turn.state.pending.progress.delete(message.id);
  fail(turn, message.id, why);
}

/** Bytes of the blob of a file. @param {number} size */
export function blobLength(size) {
  const layout = AttachmentLayout.ofSize(size);
  const length = layout.blobLength;
  layout.free();
  return length;
}

/** That of a new key, before the first piece. */
function firstCheckpoint() {
  const sealer = AttachmentSealer.generate();
  const checkpoint = sealer.checkpoint();
  sealer.free();
  return checkpoint;
}

/** @typedef {Message & { body: { kind: "file", file: HeldFile } }} FileMessage */

/**
 * @param {Turn} turn
 * @param {string} id
 * @returns {FileMessage | undefined}
 */
export function fileMessage(turn, id) {
  const message = turn.state.messages.get(id);
  return message?.body.kind === "file" ? /** @type {FileMessage} */ (message) : undefined;
}

/**
 * @param {Turn} turn
 * @param {FileMessage} message
 * @param {Partial<HeldFile>} changes
 */
export function hold(turn, message, changes) {
  turn.put("message", message.id, { ...message, body: { kind: "file", file: { ...message.body.file, ...changes } } });
}

