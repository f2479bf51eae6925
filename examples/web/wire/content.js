// What a message says: the body of a payload of the library's, as `src/content.rs` of examples/chat has it.
//
//     | version: 1 | postcard |
//
// A payload without a body says nothing but its stamp: a change of the timer, or an echo of it. It is not decoded here.

import { Malformed, bytes, choice, counted, decode, encode, fixed, record, text } from "./postcard.js";

/** The format's version. Another one is shown as such, and not guessed at. */
const VERSION = 1;

/** Bytes of a text, so that a message with its padding is one that the relay carries. */
export const LONGEST_TEXT = 16 * 1024;

/** Bytes of a body: no payload of the relay's has more. */
const LONGEST_BODY = 64 * 1024;

/** The largest file that a reference can be of: 4 TiB. */
const LARGEST_FILE = 2n ** 42n;

/** What came is none of this release. */
export class NotReadable extends Error {
  constructor() {
    super("the message is of another application, or of a newer release");
    this.name = "NotReadable";
  }
}

/** @typedef {import("./postcard.js").Bytes} Bytes */

/** @typedef {{ reference: Uint8Array, blob: Uint8Array, token: Uint8Array, name: string, mediaType: string }} AttachedFile */

/**
 * @typedef {{ kind: "text", chosen: Uint8Array, text: string } | { kind: "unsend", message: Uint8Array }
 *   | { kind: "file", chosen: Uint8Array, file: AttachedFile } | { kind: "take_back", message: Uint8Array, author: Uint8Array }} Content
 */

/** @returns {import("./postcard.js").Codec<string>} What others wrote is cleaned where it is read, and what is written is clean. */
const cleaned = (/** @type {(text: string) => string} */ clean) => {
  const any = text(LONGEST_BODY);
  return { write: (writer, value) => any.write(writer, clean(value)), read: (reader) => clean(any.read(reader)) };
};

const file = record({
  reference: bytes(73, 73),
  blob: fixed(16),
  token: fixed(32),
  name: cleaned(cleanedFileName),
  mediaType: cleaned(cleanedMediaType),
});

const messageId = counted(16);

const content = choice({
  text: { chosen: fixed(16), text: text(LONGEST_TEXT) },
  unsend: { message: messageId },
  file: { chosen: fixed(16), file },
  take_back: { message: messageId, author: counted(8) },
});

/**
 * The bytes of what is said, one of
 *
 * - `{ kind: "text", chosen, text }`: `chosen` is 16 random bytes; with the author's tag they make the message's id
 *   (`messageIdBy(account.memberTag, chosen)` of the package)
 * - `{ kind: "unsend", message }`: takes back the message of this id, 16 bytes
 * - `{ kind: "file", chosen, file: { reference, blob, token, name, mediaType } }`: `reference` is that of the package's
 *   attachments; `blob` and `token` are 16 and 32 random bytes, what the relay knows the blob by and deletes it for
 * - `{ kind: "take_back", message, author }`: in a group alone
 *
 * @param {Content} value
 * @returns {Bytes}
 */
export function encodeContent(value) {
  const body = encode(content, value);
  const all = new Uint8Array(1 + body.length);
  all[0] = VERSION;
  all.set(body, 1);
  return all;
}

/**
 * What a body says.
 *
 * @param {Uint8Array} body
 * @returns {Content}
 * @throws {NotReadable}
 */
export function decodeContent(body) {
  if (body[0] !== VERSION) throw new NotReadable();
  let value;
  try {
    value = decode(content, body.subarray(1));
  } catch (error) {
    if (error instanceof Malformed) throw new NotReadable();
    throw error;
  }
  if (value.kind === "file" && !isReference(value.file.reference)) throw new NotReadable();
  return value;
}

/** Bytes of the file of a reference, which says it by itself: `| version: 1 | key: 32 | root: 32 | size: 8 |`. */
export function fileSize(/** @type {Uint8Array} */ reference) {
  return Number(sizeOf(reference));
}

const isReference = (/** @type {Uint8Array} */ reference) => reference[0] === 1 && sizeOf(reference) <= LARGEST_FILE;

const sizeOf = (/** @type {Uint8Array} */ reference) => new DataView(reference.buffer, reference.byteOffset).getBigUint64(65);

/** What Windows takes for a device, with any ending; and ports, which have a digit behind their name. */
const RESERVED = /^(con|prn|aux|nul|(com|lpt)[0-9])$/;

/** What orders a terminal about, turns the direction of writing round, or divides paths. */
const UNSAFE = /[\p{Cc}\u2028-\u202e\u2066-\u2069\u200e\u200f:*?"<>|]/gu;

/** Bytes of a name of a file. */
const LONGEST_NAME = 100;

/** What is left of the name of a file that anybody may have made up: one component, not hidden, safe to show and to save as. */
export function cleanedFileName(/** @type {string} */ name) {
  const last = name.slice(Math.max(name.lastIndexOf("/"), name.lastIndexOf("\\")) + 1);
  let [kept, length] = ["", 0];
  for (const character of last.replace(UNSAFE, "").replace(/^[.\- ]+/, "")) {
    length += utf8Length(character);
    if (length > LONGEST_NAME) break;
    kept += character;
  }
  kept = kept.replace(/[. ]+$/, "");
  const stem = kept.replace(/\..*$/s, "").replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  return kept === "" || RESERVED.test(stem) ? "file" : kept;
}

const utf8Length = (/** @type {string} */ character) => new TextEncoder().encode(character).length;

/** A media type in small letters; anything else is unknown bytes. It is what its sender says. */
export function cleanedMediaType(/** @type {string} */ type) {
  return type.length <= 64 && /^[a-z0-9+.-]+\/[a-z0-9+.-]+$/.test(type) ? type : "application/octet-stream";
}
