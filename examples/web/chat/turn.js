// A turn: one event, with all that it changes, stored in one transaction before anybody hears of it.

import { rowName, sealRow } from "./rows.js";

/** @typedef {import("evanesce").Changes} Changes */
/** @typedef {import("evanesce").Effects} Effects */
/** @typedef {import("evanesce").Peer} Peer */
/** @typedef {import("./rows.js").Table} Table */
/** @typedef {import("./shapes.js").Notice} Notice */
/** @typedef {import("./state.js").State} State */

export class Turn {
  /** @type {Map<string, { table: Table, name: string, value: unknown }>} */
  #rows = new Map();
  /** @type {Set<Peer>} */
  #peers = new Set();
  /** Whose sessions go. @type {Set<string>} */
  #forgotten = new Set();
  #isAccountChanged = false;
  /** @type {import("evanesce").RecordWrite[]} */
  #writes = [];
  /** What the screen is to be told, once all of it is stored. @type {Notice[]} */
  notices = [];
  /** What the scheduler tells, until `lives.js` has dealt with it. @type {import("evanesce").ExpiryEvent[]} */
  told = [];

  /**
   * @param {State} state
   * @param {number} now
   */
  constructor(state, now) {
    this.state = state;
    this.now = now;
  }

  /** What a call to the library changed. @param {Changes} changes @param {Peer} [peer] */
  changed(changes, peer) {
    this.#isAccountChanged ||= changes.account;
    if (changes.peer && peer !== undefined) this.#peers.add(peer);
  }

  /** The sessions with somebody go. @param {string} name */
  forget(name) {
    const peer = this.state.peers.get(name);
    if (peer === undefined) return;
    this.#peers.delete(peer);
    this.#forgotten.add(name);
    this.state.peers.delete(name);
    peer.free();
  }

  /** What the scheduler wants to be stored. @param {Effects} effects */
  absorb(effects) {
    this.#writes.push(...effects.writes);
    this.told.push(...effects.events);
  }

  /**
   * Writes a row, or drops it if there is no value.
   *
   * @param {Table} table
   * @param {string | number} id
   * @param {unknown} [value]
   */
  put(table, id, value) {
    const name = rowName(this.state.key, table, id);
    this.#rows.set(name, { table, name, value });
    this.state.hold(table, id, value);
  }

  /** A number that no row has had. */
  number() {
    return this.state.next++;
  }

  /** @param {Notice} notice */
  notice(notice) {
    this.notices.push(notice);
  }

  /** Whether there is anything to be stored. */
  get isIdle() {
    return this.#rows.size === 0 && this.#peers.size === 0 && this.#forgotten.size === 0 && !this.#isAccountChanged && this.#writes.length === 0;
  }

  /** Stores it. If that fails, the store frees account, peers and scheduler, and the page has to begin anew. */
  async commit() {
    const { store, key, account, expiry } = this.state;
    const sealed = [...this.#rows.values()].map(({ table, name, value }) =>
      /** @type {const} */ ([name, value === undefined ? undefined : sealRow(key, table, name, value)]));
    await store.commit({
      account: this.#isAccountChanged ? account : undefined,
      peers: this.#peers,
      forgotten: { peers: this.#forgotten },
      effects: { writes: this.#writes, events: [], tell: [] },
      scheduler: expiry,
      rows: sealed,
    });
  }
}
