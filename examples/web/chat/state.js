// All that is held of an account, in memory as it is stored.

import { conversationIdNamed, utf8 } from "evanesce";

import { HELD, openRow, rowName } from "./rows.js";

/** @typedef {import("evanesce").Account} Account */
/** @typedef {import("evanesce").Peer} Peer */
/** @typedef {import("evanesce").StorageKey} StorageKey */
/** @typedef {import("evanesce").ExpiryScheduler} ExpiryScheduler */
/** @typedef {import("evanesce/store").Store} Store */
/** @typedef {import("./rows.js").Table} Table */

/**
 * How far somebody is known.
 *
 * @typedef {"new" | "request" | "accepted" | "blocked"} Standing
 */

/** How many lines of a conversation are shown at first, and how many more each time. */
export const DEPTH = 200;

/** What may change at any time and need not outlive the page. */
export class Pending {
  /** Since when and until when nothing is asked for somebody, by name. @type {Map<string, { since: number, until: number }>} */
  resting = new Map();
  /** What is offered again: it came under an identity that the user has agreed to. @type {Uint8Array[]} */
  offeredAgain = [];
  /** Who does not know the timer. @type {Set<string>} */
  echoes = new Set();
  /** When the relay was last believed what it has left of our prekeys. @type {number | undefined} */
  toldOfStock;
  /** When peers and account were last kept in order. @type {number | undefined} */
  maintained;
  /** How far something has come that is on its way, by message: from 0 to 1. @type {Map<string, number>} */
  progress = new Map();
}

export class State {
  /** @type {Map<string, Peer>} */
  peers = new Map();
  /** @type {Map<string, import("./shapes.js").Contact>} */
  contacts = new Map();
  /** @type {Map<string, import("./shapes.js").Message>} */
  messages = new Map();
  /** @type {Map<number, import("./shapes.js").Draft>} */
  drafts = new Map();
  /** @type {Map<number, import("./shapes.js").Parcel>} */
  parcels = new Map();
  /** @type {Map<number, import("./shapes.js").Parked>} */
  parked = new Map();
  /** @type {Map<number, import("./shapes.js").Upload>} */
  uploads = new Map();
  /** @type {Map<number, import("./shapes.js").Disposal>} */
  disposals = new Map();
  /** @type {Map<number, import("./shapes.js").DueReport>} */
  reports = new Map();
  /** The same messages, by whose conversation they are of. @type {Map<string, Map<string, import("./shapes.js").Message>>} */
  #conversations = new Map();
  pending = new Pending();
  /** Which conversation is open. @type {string | undefined} */
  window;
  /** How many lines of it are shown, the last ones. */
  depth = DEPTH;
  /** Whether somebody looks at it: then what is in it counts as read. */
  isLooking = true;
  /** The next place in a conversation, and number of a row. */
  next = 1;

  /**
   * @param {Store} store
   * @param {StorageKey} key
   * @param {Account} account
   * @param {ExpiryScheduler} expiry
   * @param {import("./shapes.js").Profile} profile
   */
  constructor(store, key, account, expiry, profile) {
    this.store = store;
    this.key = key;
    this.account = account;
    this.expiry = expiry;
    this.profile = profile;
    /** How stamps name us. */
    this.tag = account.memberTag;
  }

  /** Who we are. */
  get name() {
    return this.profile.name;
  }

  /** Takes all rows in, in the order in which they were written. */
  async load() {
    for (const table of HELD) {
      const held = this.#map(table);
      if (held === undefined) continue;
      for (const [name, sealed] of await this.store.rows(`${table}/`)) {
        const row = openRow(this.key, table, name, sealed);
        held.set(idOf(table, row), row);
        this.next = Math.max(this.next, (row.number ?? 0) + 1);
      }
    }
    for (const table of /** @type {const} */ (["messages", "drafts", "parcels", "parked", "uploads", "disposals", "reports"])) {
      const rows = /** @type {Map<any, { number: number }>} */ (this[table]);
      const sorted = [...rows].sort(([, one], [, other]) => one.number - other.number);
      rows.clear();
      for (const [id, row] of sorted) rows.set(id, row);
    }
    for (const [id, message] of this.messages) this.#place(id, message);
    for (const name of this.contacts.keys()) {
      const peer = await this.store.peer(name);
      if (peer !== undefined) this.peers.set(name, peer);
    }
  }

  /**
   * Where the rows of a table are held.
   *
   * @param {Table} table
   * @returns {Map<any, any> | undefined}
   */
  #map(table) {
    switch (table) {
      case "contact": return this.contacts;
      case "message": return this.messages;
      case "draft": return this.drafts;
      case "parcel": return this.parcels;
      case "parked": return this.parked;
      case "upload": return this.uploads;
      case "disposal": return this.disposals;
      case "report": return this.reports;
      default: return undefined;
    }
  }

  /**
   * Puts a row where it is held, or takes it away. Turns do, which store it too.
   *
   * @param {Table} table
   * @param {string | number} id
   * @param {unknown} row
   */
  hold(table, id, row) {
    const held = this.#map(table);
    if (table === "message") this.#place(String(id), /** @type {import("./shapes.js").Message | undefined} */ (row));
    if (row === undefined) held?.delete(id);
    else held?.set(id, row);
  }

  /**
   * @param {string} id
   * @param {import("./shapes.js").Message | undefined} message
   */
  #place(id, message) {
    const name = message?.with ?? this.messages.get(id)?.with;
    if (name === undefined) return;
    const conversation = this.#conversations.get(name) ?? new Map();
    this.#conversations.set(name, conversation);
    if (message === undefined) conversation.delete(id);
    else conversation.set(id, message);
  }

  /** @param {string} name */
  conversation(name) {
    return conversationIdNamed(utf8(name));
  }

  /**
   * @param {string} name
   * @returns {Standing}
   */
  standing(name) {
    switch (this.peers.get(name)?.contact.kind) {
      case "request": return "request";
      case "accepted": return "accepted";
      case "refused": return "blocked";
      default: return "new";
    }
  }

  /** Whether another identity uses the name, and the user has not decided. @param {string} name */
  isChanged(name) {
    return this.peers.get(name)?.undecidedDevice !== undefined;
  }

  /** Whether something may leave for somebody now. @param {string} name */
  mayBeWrittenTo(name) {
    const standing = this.standing(name);
    return (standing === "new" || standing === "accepted") && !this.isChanged(name);
  }

  /** Those of a conversation, the first one first. @param {string} name */
  messagesWith(name) {
    return [...(this.#conversations.get(name)?.values() ?? [])];
  }

  /** Whether a request was refused, and nothing came since: nobody sees it. @param {string} name */
  isForgotten(name) {
    return this.standing(name) === "request" && !this.isChanged(name) && this.messagesWith(name).length === 0
      && ![...this.drafts.values()].some((draft) => draft.to === name);
  }

  /** @param {string} name @param {number} now */
  rests(name, now) {
    const rest = this.pending.resting.get(name);
    // Before its beginning is where a clock is that was set back: that prolongs none.
    return rest !== undefined && rest.since <= now && now < rest.until;
  }

  /** A row that is not held in memory. @param {Table} table @param {string} id */
  async aside(table, id) {
    const name = rowName(this.key, table, id);
    const sealed = await this.store.row(name);
    return sealed === undefined ? undefined : openRow(this.key, table, name, sealed);
  }
}

/** @param {Table} table @param {any} row */
const idOf = (table, row) => (table === "contact" ? row.name : table === "message" ? row.id : row.number);
