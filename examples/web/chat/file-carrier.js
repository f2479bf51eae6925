// Files on their way between the store and the relay. After a page was closed both sides go on where they were.

import { AttachmentLayout, AttachmentOpener, AttachmentSealer, EvanesceError, readCheckpoint } from "evanesce";

import { LARGEST_PIECE } from "../wire/requests.js";
import { RelayRefusal } from "../wire/relay.js";
import { nextFetch } from "./fetches.js";
import { PIECE, piecesOf } from "./held-files.js";
import { blobLength, nextUpload } from "./uploads.js";

/** @typedef {import("./chat.js").Chat} Chat */
/** @typedef {import("../wire/relay.js").Relay} Relay */
/** @typedef {import("./shapes.js").Upload} Upload */
/** @typedef {import("./shapes.js").HeldFile} HeldFile */
/** @typedef {import("./uploads.js").FileMessage} FileMessage */
/** @typedef {import("evanesce").Range} Range */

/** How many pieces one turn stores: of each, the disk is waited for. */
const AT_ONCE = 16;

/** How often a file is fetched that the relay gives altered. What was altered on its disk stays so. */
const MOST_ATTEMPTS = 3;

export class FileCarrier {
  #chat;
  #relay;
  #signal;
  /** How often a file came altered, one time after the other. @type {Map<string, number>} */
  #attempts = new Map();

  /**
   * @param {Chat} chat
   * @param {Relay} relay
   * @param {AbortSignal} signal
   */
  constructor(chat, relay, signal) {
    this.#chat = chat;
    this.#relay = relay;
    this.#signal = signal;
  }

  /** Sends the next file of ours. Whether there was one. */
  async send() {
    const upload = await this.#chat.ask(nextUpload);
    if (upload === undefined) return false;
    try {
      await this.#send(upload);
    } catch (cause) {
      if (!(cause instanceof RelayRefusal)) throw cause;
      switch (cause.kind) {
        // It was dropped as unfinished, or the relay went back.
        case "no_blob":
        case "not_yours":
        case "gap":
          await this.#chat.uploadBeginsAnew(upload.number);
          break;
        case "no_room":
        case "too_large":
          await this.#chat.giveUp(upload.number, "the relay has no room for a file of this size");
          break;
        default:
      }
      throw cause;
    }
    return true;
  }

  /** @param {Upload & { file: HeldFile }} upload */
  async #send({ number, message: id, checkpoint, file: { blob, token, size } }) {
    const length = blobLength(size);
    const { feedFrom, outputFrom } = readCheckpoint(checkpoint);
    let stored = await this.#relay.beginBlob(blob, token, length, this.#signal);
    if (stored < outputFrom) throw new RelayRefusal("gap");
    let place = outputFrom;
    const sealer = AttachmentSealer.resume(checkpoint);
    try {
      const put = async (/** @type {Uint8Array} */ sealed) => {
        for (let start = Math.max(stored - place, 0); start < sealed.length; start += LARGEST_PIECE) {
          stored = await this.#relay.putBlob(blob, token, place + start, sealed.subarray(start, start + LARGEST_PIECE), this.#signal);
        }
        place += sealed.length;
        this.#chat.progressed(id, place / length);
      };
      for (let piece = Math.floor(feedFrom / PIECE), skip = feedFrom % PIECE; piece < piecesOf(size); piece += 1, skip = 0) {
        const bytes = await this.#chat.piece(id, piece);
        if (bytes === undefined) return;
        await put(sealer.push(bytes.subarray(skip)));
        bytes.fill(0);
        const isStep = (piece + 1) % AT_ONCE === 0;
        if (isStep && !(await this.#chat.uploadCameOn(number, sealer.checkpoint(), place))) return;
      }
      const { rest, reference } = sealer.finish();
      await put(rest);
      await this.#chat.uploadEnded(number, reference);
    } finally {
      sealer.free();
    }
  }

  /** Fetches the next file of somebody else. Whether there was one. */
  async fetch() {
    const message = await this.#chat.ask(nextFetch);
    if (message === undefined) return false;
    const { id } = message;
    try {
      await this.#fetch(message);
      this.#attempts.delete(id);
    } catch (cause) {
      const attempts = (this.#attempts.get(id) ?? 0) + 1;
      if (cause instanceof RelayRefusal && cause.kind === "no_blob") {
        await this.#chat.stopFetch(id, "the relay does not have it any more");
      } else if (cause instanceof EvanesceError && cause.code === "altered") {
        this.#attempts.set(id, attempts);
        if (attempts >= MOST_ATTEMPTS) {
          this.#attempts.delete(id);
          await this.#chat.stopFetch(id, "the relay has altered it");
        }
      } else if (cause instanceof EvanesceError && BROKEN.has(cause.code)) {
        await this.#chat.stopFetch(id, "its sender made it so that it does not open");
      } else {
        throw cause;
      }
    }
    return true;
  }

  /** @param {FileMessage} message */
  async #fetch({ id, body: { file } }) {
    const { reference, size, blob } = file;
    if (reference === undefined) return;
    const layout = AttachmentLayout.ofReference(reference);
    const get = (/** @type {Range} */ range) => this.#get(blob, layout.blobLength, range);
    const opener = new AttachmentOpener(reference, await get(layout.top));
    try {
      let next = file.pieces;
      /** @type {Uint8Array[]} */
      let opened = [];
      const store = async () => {
        const first = next - opened.length;
        const isWanted = await this.#chat.piecesCame(id, first, opened);
        opened = [];
        return isWanted;
      };
      for (const { page, pageBytes, chunks } of size === 0 ? [] : layout.covering(next * PIECE, size)) {
        opener.addPage(page, await get(pageBytes));
        for (let chunk = chunks.start; chunk < chunks.end; chunk += 1) {
          opened.push(opener.open(chunk, await get(/** @type {Range} */ (layout.chunk(chunk)))));
          next += 1;
          this.#chat.progressed(id, next / piecesOf(size));
          if (opened.length === AT_ONCE && !(await store())) return;
        }
        opener.removePage(page);
      }
      await store();
    } finally {
      opener.free();
      layout.free();
    }
  }

  /**
   * A stretch of a blob, which must be as long as its reference says.
   *
   * @param {Uint8Array} blob
   * @param {number} whole
   * @param {Range} range
   */
  async #get(blob, whole, { start, end }) {
    const all = new Uint8Array(end - start);
    for (let place = start; place < end; place += LARGEST_PIECE) {
      const wanted = Math.min(end - place, LARGEST_PIECE);
      const { length, bytes } = await this.#relay.getBlob(blob, place, wanted, this.#signal);
      if (length !== whole || bytes.length !== wanted) throw new EvanesceError("altered", "the blob has another length");
      all.set(bytes, place - start);
    }
    return all;
  }

  /** Has the relay delete the next blob that nobody is to have any more. Whether there was one. */
  async dispose() {
    const [disposal] = await this.#chat.ask(({ disposals }) => [...disposals.values()]);
    if (disposal === undefined) return false;
    try {
      await this.#relay.deleteBlob(disposal.blob, disposal.token, this.#signal);
    } catch (cause) {
      // If the relay does not do it, its days do.
      if (!(cause instanceof RelayRefusal)) throw cause;
    }
    await this.#chat.disposed(disposal.number);
    return true;
  }
}

/** What a sender alone can have done. */
const BROKEN = new Set(["malformed", "unsupported", "undecryptable", "no_such_chunk", "no_page"]);
