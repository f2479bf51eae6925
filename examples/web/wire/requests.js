// What clients ask of the relay, and what it answers: as `src/request.rs` of examples/chat has it, which says what each is for.

import { Malformed, bytes, choice, counted, decode, encode, fixed, list, option, record, text, u32, u64, u8 } from "./postcard.js";

/** Bytes of a message between client and relay, in either direction. */
export const LARGEST_BODY = 512 * 1024;

/** Bytes of a message that the relay carries from one to another. */
export const LARGEST_MESSAGE = 64 * 1024;

/** Bytes of a blob that travel in one message. */
export const LARGEST_PIECE = 132 * 1024;

/** Bytes of a whole blob. */
export const LARGEST_BLOB = 68 * 1024 * 1024;

/** Whether it is what somebody can be called: the relay knows them by it, and it is their address inside of the encryption. */
export const isName = (/** @type {unknown} */ name) => typeof name === "string" && /^[a-z0-9._-]{1,32}$/.test(name);

/** @typedef {{ kind: string, [field: string]: any }} Kind one of several, with its fields */

const address = text(32, isName);
const token = fixed(32);
const blobId = fixed(16);
// What is read is bounded by the message that it stands in; what is written, by who sends it.
const any = bytes(0xffff_ffff);

const fetching = { address, token, acknowledged: u64, waitSeconds: u8 };

const request = record({
  number: u64,
  ask: choice({
    publish: { address, token, upload: any },
    fetch: fetching,
    bundle: { address },
    deposit: { recipient: address, id: fixed(16), message: any },
    begin_blob: { id: blobId, token, length: u64 },
    put_blob: { id: blobId, token, offset: u64, bytes: any },
    get_blob: { id: blobId, offset: u64, length: u32 },
    delete_blob: { id: blobId, token },
    fetch_marked: fetching,
    report: { address, token, id: fixed(16), report: any },
    publish_list: { address, token, list: any },
    list: { address },
    list_of: { owner: counted(64) },
  }),
});

/** In the order of `Refusal`. */
const refusal = choice({
  malformed: {}, busy: {}, mixed: {}, unknown: {}, not_yours: {}, bad_upload: {}, too_large: {}, queue_full: {},
  too_often: { seconds: u32 }, fault: {}, no_blob: {}, no_room: {}, gap: {}, bad_list: {}, older_list: {},
});

const letter = { number: u64, message: any };

/** @type {import("./postcard.js").Codec} */
const marked = {
  write: (writer, { number, message, mark }) => markedAsSent.write(writer, { letter: { number, message }, mark }),
  read(reader) {
    const { letter, mark } = markedAsSent.read(reader);
    return { ...letter, mark };
  },
};
const markedAsSent = record({
  letter: record(letter),
  mark: option(record({ context: any, postmark: counted(32) })),
});

/**
 * What the relay has left of prekeys, in the library's own bytes: `Account.maintain` of the package takes them as they are, and has
 * nothing to refuse of what is read here.
 *
 *     | version: 1 | device: 16 | signed prekey id: 4 | digest: 16 | one-time prekeys: 4 |
 *     | 0, or 1 and the highest id: 4 | the lowest id: 4, if any is left |
 *
 * @type {import("./postcard.js").Codec<Uint8Array>}
 */
const stock = {
  write: (writer, value) => anyStock.write(writer, value),
  read(reader) {
    const value = anyStock.read(reader);
    if (!isStock(value)) throw new Malformed();
    return value;
  },
};
const anyStock = bytes(50, 42);

/** Whether a server can have this: no more left than there are ids from the lowest to the highest. */
function isStock(/** @type {Uint8Array} */ value) {
  const view = new DataView(value.buffer, value.byteOffset);
  const [left, hasHighest] = [view.getUint32(37), view.getUint8(41)];
  const length = 42 + (hasHighest === 1 ? 4 : 0) + (left > 0 ? 4 : 0);
  if (view.getUint8(0) !== 1 || hasHighest > 1 || value.length !== length) return false;
  if (left === 0) return true;
  return hasHighest === 1 && view.getUint32(42) - view.getUint32(46) >= left - 1;
}

const reply = record({
  number: u64,
  answer: choice({
    published: {},
    mail: { stock, letters: list(record(letter)) },
    bundle: { bundle: any },
    deposited: {},
    refused: { refusal },
    blob_stored: { length: u64 },
    blob_part: { length: u64, bytes: any },
    blob_deleted: {},
    marked_mail: { stock, letters: list(marked) },
    reported: {},
    list_published: {},
    list: { list: option(any) },
  }),
});

/** The bytes of a question: `{ number, ask: { kind, … } }`, with the fields of `Ask`. */
export const encodeRequest = (/** @type {{ number: number, ask: Kind }} */ value) => encode(request, value);

/** @throws {import("./postcard.js").Malformed} */
export const decodeRequest = (/** @type {Uint8Array} */ body) => decode(request, body);

/** The bytes of an answer: `{ number, answer: { kind, … } }`. */
export const encodeReply = (/** @type {{ number: number, answer: Kind }} */ value) => encode(reply, value);

/** @throws {import("./postcard.js").Malformed} */
export const decodeReply = (/** @type {Uint8Array} */ body) => decode(reply, body);
