// The front door: one account, and what its user does.

import { Account, ExpiryScheduler } from "evanesce";
import { Store } from "evanesce/store";

import { random } from "./bytes.js";
import * as deciding from "./deciding.js";
import { Desk } from "./desk.js";
import { maintain } from "./errands.js";
import { fetchAgain } from "./fetches.js";
import { PIECE } from "./held-files.js";
import { close, deleteConversation, deleteDue } from "./lives.js";
import { look, mayBeShown, open, openOnce } from "./reading.js";
import { report } from "./reporting.js";
import { openRow, rowName } from "./rows.js";
import { keepTyped, meet, remove, unsend, write } from "./sending.js";
import { DEPTH, State } from "./state.js";
import { storageKey } from "./storage-key.js";
import { setTimer } from "./timers.js";
import * as uploads from "./uploads.js";

/** @typedef {import("./shapes.js").Life} Life */

/**
 * @typedef {object} Options
 * @property {IDBFactory | undefined} [indexedDB] Another one than the browser's: for tests
 * @property {boolean | undefined} [soleHolder] Where there are no locks: for tests
 * @property {(() => number) | undefined} [clock] `Date.now`, if absent
 */

/** What the databases of all accounts are called, before their names. */
export const DATABASE = "evanesce chat of ";

/** Bytes of a file that are taken in at once. */
const AT_ONCE = 16 * PIECE;

export class Chat extends Desk {
  /**
   * Opens the account of this name, or makes it.
   *
   * @param {string} name
   * @param {Options} [options]
   * @throws `store_in_use` while another tab has it
   */
  static async open(name, { indexedDB = globalThis.indexedDB, soleHolder, clock = Date.now } = {}) {
    const key = await storageKey(name, indexedDB);
    const store = await Store.open(`${DATABASE}${name}`, { key, indexedDB, soleHolder });
    try {
      const row = rowName(key, "profile", "self");
      const held = await store.account();
      const account = held ?? Account.generate(name, clock());
      const expiry = (await store.scheduler()) ?? ExpiryScheduler.create(clock());
      const sealed = await store.row(row);
      const profile = sealed === undefined ? { name, token: random(32) } : openRow(key, "profile", row, sealed);
      const state = new State(store, key, account, expiry, profile);
      await state.load();
      const chat = new Chat(state, clock);
      await chat.#begin(held === undefined);
      return chat;
    } catch (cause) {
      store.close();
      throw cause;
    }
  }

  /** @param {boolean} isNew */
  async #begin(isNew) {
    await this.run((turn) => {
      if (isNew) {
        turn.changed(turn.state.account.maintain(undefined, turn.now).changes);
        turn.absorb({ writes: turn.state.expiry.records, events: [], tell: [] });
        turn.put("profile", "self", turn.state.profile);
      }
      uploads.dropUnread(turn, "the page was closed before the file was read");
      maintain(turn);
      deleteDue(turn);
    });
  }

  /** @param {string} name */
  meet(name) {
    return this.run((turn) => meet(turn, name));
  }

  /**
   * @param {string} to
   * @param {string} text
   * @param {Life} [life]
   */
  write(to, text, life = { kind: "asConversation" }) {
    return this.run((turn) => write(turn, to, text, life));
  }

  /** Keeps what was begun to be written. @param {string} to @param {string} text */
  keepTyped(to, text) {
    return this.run((turn) => keepTyped(turn, to, text));
  }

  /** The conversation is on the screen. @param {string} name */
  open(name) {
    return this.run((turn) => open(turn, name));
  }

  /** More of the open conversation is shown. */
  showEarlier() {
    return this.run((turn) => {
      turn.state.depth += DEPTH;
      look(turn);
    });
  }

  /** Whether somebody looks at the screen: if not, what comes does not count as read. @param {boolean} isLooking */
  look(isLooking) {
    return this.run((turn) => {
      turn.state.isLooking = isLooking;
      look(turn);
    });
  }

  /** The user leaves the conversation. @param {string} name */
  leave(name) {
    return this.run((turn) => close(turn, name));
  }

  /**
   * What can be opened once, opened: it is gone from the store.
   *
   * @param {string} id
   */
  openOnce(id) {
    return this.run((turn) => openOnce(turn, id));
  }

  /** @param {string} id */
  unsend(id) {
    return this.run((turn) => unsend(turn, id));
  }

  /** @param {string} id */
  remove(id) {
    return this.run((turn) => remove(turn, id));
  }

  /**
   * @param {string} name
   * @param {import("evanesce").Policy | undefined} policy
   */
  setTimer(name, policy) {
    return this.run((turn) => setTimer(turn, name, policy));
  }

  /** @param {string} name */
  accept(name) {
    return this.run((turn) => deciding.accept(turn, name));
  }

  /** @param {string} name */
  refuse(name) {
    return this.run((turn) => deciding.refuse(turn, name));
  }

  /** @param {string} name */
  block(name) {
    return this.run((turn) => deciding.block(turn, name));
  }

  /** All that was said with somebody goes, here. @param {string} name */
  deleteConversation(name) {
    return this.run((turn) => deleteConversation(turn, name));
  }

  /** @param {string} name */
  acceptIdentity(name) {
    return this.run((turn) => deciding.acceptIdentity(turn, name));
  }

  /** @param {string} name */
  keepIdentity(name) {
    return this.run((turn) => deciding.keepIdentity(turn, name));
  }

  /** @param {string} name @param {boolean} isVerified */
  verified(name, isVerified) {
    return this.run((turn) => deciding.verified(turn, name, isVerified));
  }

  /** @param {string} id */
  async report(id) {
    const held = await this.state.aside("evidence", id);
    return this.run((turn) => report(turn, id, held));
  }

  /**
   * Sends a file. It is taken in first, so that it goes on when the page was closed.
   *
   * @param {string} to
   * @param {File} file
   * @param {Life} [life]
   */
  async sendFile(to, file, life = { kind: "asConversation" }) {
    const begun = await this.run((turn) => uploads.beginFile(turn, to, file, life));
    for (let start = 0; start < file.size; start += AT_ONCE) {
      const bytes = new Uint8Array(await file.slice(start, start + AT_ONCE).arrayBuffer());
      if (!(await this.run((turn) => uploads.takePieces(turn, begun.message, bytes)))) return;
      bytes.fill(0);
      this.progressed(begun.message, 0);
    }
    await this.run((turn) => uploads.beginUpload(turn, begun));
  }

  /**
   * A file that is whole, as bytes; absent if its message has ended, or not all of it is here.
   *
   * @param {string} id
   */
  async file(id) {
    const body = this.state.messages.get(id)?.body;
    if (body?.kind !== "file" || body.file.state !== "whole") return undefined;
    const bytes = new Uint8Array(body.file.size);
    for (let piece = 0; piece < body.file.pieces; piece += 1) {
      const part = await this.piece(id, piece);
      if (part === undefined || part.length > bytes.length - piece * PIECE) return undefined;
      bytes.set(part, piece * PIECE);
      part.fill(0);
    }
    return this.state.messages.has(id) && mayBeShown(this.state, id, this.now) ? bytes : undefined;
  }

  /** @param {string} id */
  fetchAgain(id) {
    return this.run((turn) => fetchAgain(turn, id));
  }
}
