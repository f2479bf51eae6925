// The relay of examples/chat, over WebSocket: each question is one binary message, and so is each answer.
//
// It keeps the relay's rule by itself: what names its asker, what names nobody, and each blob go over connections of their own, so
// that none of them tells that they belong together. A question may be asked again after any failure: the relay knows again what it
// has done.

import { Malformed } from "./postcard.js";
import { LARGEST_BODY, decodeReply, encodeRequest } from "./requests.js";

/** @typedef {import("./postcard.js").Bytes} Bytes */
/** @typedef {import("./requests.js").Kind} Kind */

/** A question, or what makes it where it hangs on whether the connection is a new one. @typedef {Kind | ((isNew: boolean) => Kind)} Ask */

/** How long an answer may take, beyond what the relay is asked to wait. */
const PATIENCE = 15_000;

/** The first pause after a failure; each one more doubles it. */
const FIRST_PAUSE = 100;

/** Somebody sits before it, and waits to be online again. */
const LONGEST_PAUSE = 4_000;

/** A connection about a blob that is asked nothing for so long is closed: the relay has few. */
const LONGEST_SILENCE = 5_000;

/** How many answers to no question are passed over, one after the other: a relay that talks without end keeps nobody busy. */
const MOST_STRAYS = 100;

const CLOSED_HERE = "the relay was closed here";

/** The relay does not do it, and nothing has changed there. */
export class RelayRefusal extends Error {
  /**
   * @param {string} kind `unknown`, `not_yours`, `bad_upload`, `too_large`, `queue_full`, `too_often`, `fault`, `no_blob`, `no_room`, `gap`,
   * `bad_list`, `older_list`; or what would be a fault of this file: `malformed`, `mixed`
   * @param {number} [seconds] of `too_often`: in so many there is another bundle
   */
  constructor(kind, seconds) {
    super(`the relay refuses: ${kind}${seconds === undefined ? "" : `, again in ${seconds} s`}`);
    this.name = "RelayRefusal";
    this.kind = kind;
    this.seconds = seconds;
  }
}

/** Nothing is known of what became of the question: there was no connection, it broke, or no answer came in time. Ask again. */
export class RelayOffline extends Error {
  /** @param {string} why */
  constructor(why) {
    super(why);
    this.name = "RelayOffline";
  }
}

/**
 * One relay. Every method may be given an `AbortSignal` last; what is thrown then is its reason, and whether the relay has done what was
 * asked is not known. Otherwise what is thrown is a `RelayRefusal` or a `RelayOffline`; a `TypeError` is a mistake of the caller's.
 *
 * Methods that are called at the same time wait for each other where they use one connection: those that fetch; those that publish or
 * report; those that send, and ask for bundles and lists; those about one blob. After a failure the next question over the same
 * connection waits for a tenth of a second to four, longer each time, so a caller may ask again at once.
 *
 * Names are texts of 1 to 32 of `a-z 0-9 . _ -`, tokens 32 random bytes, ids 16; all bytes are `Uint8Array`.
 *
 * An event `reachable` tells that `isReachable` has changed.
 */
export class Relay extends EventTarget {
  #url;
  #patience;
  /** @type {Map<string, Channel>} */
  #channels = new Map();
  /** @type {boolean | undefined} */
  #isReachable = undefined;
  #isClosed = false;

  /**
   * @param {string} url as `ws://127.0.0.1:7411`
   * @param {{ patience?: number }} [options] how long an answer may take, in milliseconds: 15,000
   */
  constructor(url, { patience = PATIENCE } = {}) {
    super();
    this.#url = url;
    this.#patience = patience;
  }

  /** Whether the last question was answered; `undefined` before there was one. */
  get isReachable() {
    return this.#isReachable;
  }

  /**
   * Publishes prekeys: `Account.maintain(…).upload`. The first time it claims the address for this token.
   *
   * @param {string} address
   * @param {Uint8Array} token
   * @param {Uint8Array} upload
   * @param {AbortSignal} [signal]
   * @throws `not_yours`, `bad_upload`
   */
  async publish(address, token, upload, signal) {
    await this.#ask("publishing", { kind: "publish", address, token, upload }, "published", { signal });
  }

  /**
   * Deletes all letters up to the number `acknowledged` (0 at first), and gives those after it, in their order, one batch at a time; if
   * there is none, waits for so many seconds, at most 30. Acknowledge what is stored, or refused for good.
   *
   * Numbers are of one relay: over a new connection, which may be to one that has lost its store, none is acknowledged, and
   * `acknowledged` of the answer is 0. What comes again then is known again.
   *
   * `stock` is for `Account.maintain`. Of each letter `mark` proves to a moderator that it was delivered.
   *
   * @param {string} address
   * @param {Uint8Array} token
   * @param {number} acknowledged
   * @param {number} waitSeconds
   * @param {AbortSignal} [signal]
   * @returns {Promise<{ acknowledged: number, stock: Bytes, letters: { number: number, message: Bytes,
   *   mark?: { context: Bytes, postmark: Bytes } }[] }>}
   * @throws `unknown` while nothing was published, `not_yours`
   */
  async fetch(address, token, acknowledged, waitSeconds, signal) {
    let told = acknowledged;
    const ask = (/** @type {boolean} */ isNew) => {
      told = isNew ? 0 : acknowledged;
      return { kind: "fetch_marked", address, token, acknowledged: told, waitSeconds };
    };
    const { stock, letters } = await this.#ask("fetching", ask, "marked_mail", { wait: waitSeconds * 1_000, signal });
    return { acknowledged: told, stock, letters };
  }

  /**
   * A bundle of somebody's prekeys, for `VerifiedBundle.verify`.
   *
   * @param {string} address
   * @param {AbortSignal} [signal]
   * @returns {Promise<Bytes>}
   * @throws `unknown`, `too_often`
   */
  async bundle(address, signal) {
    return (await this.#ask("sending", { kind: "bundle", address }, "bundle", { signal })).bundle;
  }

  /**
   * Leaves a message for somebody: 64 KiB at most. The same `id`, 16 random bytes, again changes nothing.
   *
   * @param {string} recipient
   * @param {Uint8Array} id
   * @param {Uint8Array} message
   * @param {AbortSignal} [signal]
   * @throws `unknown`, `too_large`, `queue_full`
   */
  async deposit(recipient, id, message, signal) {
    await this.#ask("sending", { kind: "deposit", recipient, id, message }, "deposited", { signal });
  }

  /**
   * Makes room for a blob, or asks about one that was begun with the same token and length. How many bytes of it are stored.
   *
   * @param {Uint8Array} id
   * @param {Uint8Array} token
   * @param {number} length
   * @param {AbortSignal} [signal]
   * @returns {Promise<number>}
   * @throws `no_room`, `too_large` above 68 MiB, `not_yours`
   */
  async beginBlob(id, token, length, signal) {
    const ask = { kind: "begin_blob", id, token, length };
    return (await this.#ask(hex(id), ask, "blob_stored", { signal })).length;
  }

  /**
   * Writes on where a blob ends: 132 KiB at most. How many bytes of it are stored; what was stored already stays as it is.
   *
   * @param {Uint8Array} id
   * @param {Uint8Array} token
   * @param {number} offset
   * @param {Uint8Array} bytes
   * @param {AbortSignal} [signal]
   * @returns {Promise<number>}
   * @throws `no_blob`, `gap`, `not_yours`, `too_large`
   */
  async putBlob(id, token, offset, bytes, signal) {
    const ask = { kind: "put_blob", id, token, offset, bytes };
    return (await this.#ask(hex(id), ask, "blob_stored", { signal })).length;
  }

  /**
   * A part of a blob that is whole, of 132 KiB at most, and how long all of it is. **Nothing proves that the relay did not alter it**, or
   * give more or less than was asked for.
   *
   * @param {Uint8Array} id
   * @param {number} offset
   * @param {number} length
   * @param {AbortSignal} [signal]
   * @returns {Promise<{ length: number, bytes: Bytes }>}
   * @throws `no_blob`, `too_large`
   */
  async getBlob(id, offset, length, signal) {
    const ask = { kind: "get_blob", id, offset, length };
    const part = await this.#ask(hex(id), ask, "blob_part", { signal });
    return { length: part.length, bytes: part.bytes };
  }

  /**
   * Deletes a blob; one that is not there is not.
   *
   * @param {Uint8Array} id
   * @param {Uint8Array} token
   * @param {AbortSignal} [signal]
   * @throws `not_yours`
   */
  async deleteBlob(id, token, signal) {
    await this.#ask(hex(id), { kind: "delete_blob", id, token }, "blob_deleted", { signal });
  }

  /**
   * Reports messages to the moderators: what `Report` of the package gives. The same `id`, 16 random bytes, again changes nothing.
   *
   * @param {string} address
   * @param {Uint8Array} token
   * @param {Uint8Array} id
   * @param {Uint8Array} report
   * @param {AbortSignal} [signal]
   * @throws `not_yours`, `too_large`
   */
  async report(address, token, id, report, signal) {
    await this.#ask("publishing", { kind: "report", address, token, id, report }, "reported", { signal });
  }

  /**
   * The list of the devices of the person who has this address; `undefined` if none was published, as of a person with one device.
   *
   * @param {string} address
   * @param {AbortSignal} [signal]
   * @returns {Promise<Bytes | undefined>}
   */
  async list(address, signal) {
    return (await this.#ask("sending", { kind: "list", address }, "list", { signal })).list;
  }

  /**
   * Publishes the list of a person's devices, one of which has this address.
   *
   * @param {string} address
   * @param {Uint8Array} token
   * @param {Uint8Array} list
   * @param {AbortSignal} [signal]
   * @throws `not_yours`, `bad_list`, `older_list`
   */
  async publishList(address, token, list, signal) {
    await this.#ask("publishing", { kind: "publish_list", address, token, list }, "list_published", { signal });
  }

  /** Ends all connections. What waits, and what is asked from now on, is a `RelayOffline`. */
  close() {
    this.#isClosed = true;
    for (const channel of this.#channels.values()) channel.close();
    this.#channels.clear();
  }

  /**
   * @param {string} purpose
   * @param {Ask} ask
   * @param {string} expected
   * @param {{ wait?: number, signal: AbortSignal | undefined }} how
   */
  async #ask(purpose, ask, expected, { wait = 0, signal }) {
    if (this.#isClosed) throw new RelayOffline(CLOSED_HERE);
    const channel = this.#channels.get(purpose) ?? new Channel(this.#url, () => this.#channels.delete(purpose));
    this.#channels.set(purpose, channel);
    const silence = typeof ask !== "function" && ask.kind.endsWith("_blob") ? LONGEST_SILENCE : undefined;
    try {
      const answer = await channel.ask(ask, { expected, patience: this.#patience + wait, signal, silence });
      this.#tell(true);
      return answer;
    } catch (error) {
      if (error instanceof RelayRefusal) this.#tell(true);
      if (error instanceof RelayOffline) this.#tell(false);
      throw error;
    }
  }

  /** @param {boolean} isReachable */
  #tell(isReachable) {
    if (this.#isClosed || this.#isReachable === isReachable) return;
    this.#isReachable = isReachable;
    this.dispatchEvent(new Event("reachable"));
  }
}

/** One connection, made anew when it breaks. One question at a time, so that patience is about that one. */
class Channel {
  #url;
  #forget;
  /** @type {WebSocket | undefined} */
  #socket;
  /** @type {any} a timer, in browsers and in Node */
  #silence;
  #asked = 0;
  #failures = 0;
  /** Answers to no question, since the last one that was to one. */
  #strays = 0;
  /**
   * The question that is not answered: its number, its bytes, and what ends the wait.
   *
   * @type {{ number: number, body: Bytes, answered: (answer: Kind) => void, failed: (why: unknown) => void } | undefined}
   */
  #waiting;
  /** @type {Promise<void>} until who asked last has been answered */
  #last = Promise.resolve();
  #queued = 0;
  #isClosed = false;

  /**
   * @param {string} url
   * @param {() => void} forget
   */
  constructor(url, forget) {
    this.#url = url;
    this.#forget = forget;
  }

  /**
   * @param {Ask} ask
   * @param {{ expected: string, patience: number, signal: AbortSignal | undefined, silence: number | undefined }} how
   */
  async ask(ask, { expected, patience, signal, silence }) {
    signal?.throwIfAborted();
    const before = this.#last;
    let next = () => {};
    this.#last = new Promise((resolve) => (next = resolve));
    this.#queued += 1;
    clearTimeout(this.#silence);
    try {
      await unlessAborted(before, signal);
      if (this.#failures > 0) await unlessAborted(pause(this.#failures), signal);
      const answer = await this.#askNow(ask, patience, signal);
      this.#failures = 0;
      return fitting(answer, expected);
    } catch (error) {
      if (error instanceof RelayOffline) this.#failures += 1;
      throw error;
    } finally {
      this.#queued -= 1;
      // Who was aborted in the queue leaves it to those before.
      before.then(next);
      if (silence !== undefined && this.#queued === 0) this.#closeAfter(silence);
    }
  }

  close() {
    this.#isClosed = true;
    clearTimeout(this.#silence);
    this.#end(new RelayOffline(CLOSED_HERE));
  }

  /** @param {number} silence */
  #closeAfter(silence) {
    this.#silence = setTimeout(() => {
      this.close();
      this.#forget();
    }, silence);
    // In Node it keeps no process from ending.
    this.#silence.unref?.();
  }

  /**
   * @param {Ask} ask
   * @param {number} patience
   * @param {AbortSignal | undefined} signal
   * @returns {Promise<Kind>}
   */
  #askNow(ask, patience, signal) {
    signal?.throwIfAborted();
    if (this.#isClosed) throw new RelayOffline(CLOSED_HERE);
    const number = (this.#asked += 1);
    const body = encodeRequest({ number, ask: typeof ask === "function" ? ask(this.#socket === undefined) : ask });
    if (body.length > LARGEST_BODY) throw new RelayRefusal("too_large");
    return new Promise((resolve, reject) => {
      // An answer that is not waited for any more would stand before those to come.
      const aborted = () => this.#end(signal?.reason);
      const timer = setTimeout(() => this.#end(new RelayOffline("no answer in time")), patience);
      signal?.addEventListener("abort", aborted);
      const settled = (/** @type {(value: any) => void} */ settle) => (/** @type {any} */ value) => {
        this.#waiting = undefined;
        clearTimeout(timer);
        signal?.removeEventListener("abort", aborted);
        settle(value);
      };
      this.#waiting = { number, body, answered: settled(resolve), failed: settled(reject) };
      if (this.#socket === undefined) this.#open();
      else if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(body);
      else if (this.#socket.readyState !== WebSocket.CONNECTING) this.#end(new RelayOffline("the connection was closed"));
      // Otherwise it is sent as soon as there is a connection.
    });
  }

  #open() {
    /** @type {WebSocket} */
    let socket;
    try {
      socket = new WebSocket(this.#url);
    } catch (error) {
      this.#waiting?.failed(new TypeError(`${this.#url} is no address of a relay`, { cause: error }));
      return;
    }
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    // Of a connection that was given up nothing counts.
    const ifCurrent = (/** @type {(event: any) => void} */ heard) => (/** @type {Event} */ event) => {
      if (this.#socket === socket) heard(event);
    };
    socket.onopen = ifCurrent(() => this.#waiting && socket.send(this.#waiting.body));
    socket.onmessage = ifCurrent(({ data }) => this.#heard(data));
    socket.onerror = ifCurrent(() => this.#end(new RelayOffline("there is no connection")));
    socket.onclose = ifCurrent(() => this.#end(new RelayOffline("the connection was closed")));
  }

  /** @param {unknown} data */
  #heard(data) {
    let reply;
    try {
      // A browser takes messages of any length; none that is longer is looked at.
      if (!(data instanceof ArrayBuffer) || data.byteLength > LARGEST_BODY) throw new Malformed();
      reply = decodeReply(new Uint8Array(data));
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      this.#end(new RelayOffline("the answer is malformed"));
      return;
    }
    const { number, answer } = reply;
    const waiting = this.#waiting;
    if (waiting !== undefined && waiting.number === number) {
      this.#strays = 0;
      waiting.answered(answer);
    } else if (number === 0 && answer.kind === "refused") {
      this.#end(asClosed(answer.refusal));
    } else if ((this.#strays += 1) > MOST_STRAYS) {
      this.#end(new RelayOffline("the relay talks without being asked"));
    }
    // Otherwise what answers no question is passed over.
  }

  /**
   * Ends the connection, and the wait of whoever waits with this.
   *
   * @param {unknown} why
   */
  #end(why) {
    const socket = this.#socket;
    this.#socket = undefined;
    this.#strays = 0;
    socket?.close();
    this.#waiting?.failed(why);
  }
}

/** The relay closes, and says why: another time, or it is a fault that asking again does not mend. */
const asClosed = (/** @type {Kind} */ { kind, seconds }) => (kind === "busy" ? new RelayOffline("the relay is busy") : new RelayRefusal(kind, seconds));

/**
 * @param {Kind} answer
 * @param {string} expected
 */
function fitting(answer, expected) {
  if (answer.kind === "refused") throw new RelayRefusal(answer.refusal.kind, answer.refusal.seconds);
  if (answer.kind !== expected) throw new RelayOffline("the answer is to another question");
  return answer;
}

/** Between half and all of a time that doubles, so that not all clients come back at one moment. */
function pause(/** @type {number} */ failures) {
  const longest = Math.min(FIRST_PAUSE * 2 ** (failures - 1), LONGEST_PAUSE);
  return new Promise((resolve) => setTimeout(resolve, longest * (0.5 + Math.random() / 2)));
}

/**
 * @param {Promise<void>} promise
 * @param {AbortSignal | undefined} signal
 */
async function unlessAborted(promise, signal) {
  if (signal === undefined) return promise;
  signal.throwIfAborted();
  let aborted = () => {};
  const isAborted = new Promise((_, reject) => (aborted = () => reject(signal.reason)));
  signal.addEventListener("abort", aborted);
  await Promise.race([promise, isAborted]).finally(() => signal.removeEventListener("abort", aborted));
}

function hex(/** @type {Uint8Array} */ bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
