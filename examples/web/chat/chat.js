// The front door: one account, its turns one after the other, and what a screen may show of it.

import { Account, EvanesceError, ExpiryScheduler } from "evanesce";
import { Store } from "evanesce/store";

import { random } from "./bytes.js";
import { Cannot } from "./cannot.js";
import * as deciding from "./deciding.js";
import * as errands from "./errands.js";
import { close, deleteConversation, deleteDue } from "./lives.js";
import { contacts, conversation, look, open, openOnce } from "./reading.js";
import { takeIn } from "./receiving.js";
import { report, reported } from "./reporting.js";
import { openRow, rowName } from "./rows.js";
import { deposited, meet, remove, unsend, write } from "./sending.js";
import { State } from "./state.js";
import { storageKey } from "./storage-key.js";
import { heed, setTimer } from "./timers.js";
import { Turn } from "./turn.js";

/** @typedef {import("./shapes.js").Notice} Notice */
/** @typedef {import("./shapes.js").Life} Life */
/** @typedef {import("./shapes.js").Mark} Mark */

/**
 * What a screen draws. Nothing of it is ahead of what is stored.
 *
 * @typedef {object} View
 * @property {string} name Who we are
 * @property {import("./reading.js").ContactView[]} contacts
 * @property {import("./reading.js").ConversationView | undefined} conversation The one that is open
 */

/**
 * @typedef {object} Options
 * @property {IDBFactory | undefined} [indexedDB] Another one than the browser's: for tests
 * @property {boolean | undefined} [soleHolder] Where there are no locks: for tests
 * @property {(() => number) | undefined} [clock] `Date.now`, if absent
 */

/** How long nothing is looked at by itself, at most: browsers let timers sleep. */
const LONGEST_SLEEP = 60_000;

export class Chat extends EventTarget {
  #state;
  #clock;
  /** @type {Promise<unknown>} */
  #turns = Promise.resolve();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #alarm;
  /** @type {View} */
  #view;
  /** Why no turn is made any more. @type {unknown} */
  #broken;
  #isClosed = false;

  /**
   * @param {State} state
   * @param {() => number} clock
   */
  constructor(state, clock) {
    super();
    this.#state = state;
    this.#clock = clock;
    this.#view = this.#drawn();
  }

  /**
   * Opens the account of this name, or makes it.
   *
   * @param {string} name
   * @param {Options} [options]
   * @throws `store_in_use` while another tab has it
   */
  static async open(name, { indexedDB = globalThis.indexedDB, soleHolder, clock = Date.now } = {}) {
    const key = await storageKey(name, indexedDB);
    const store = await Store.open(`evanesce chat of ${name}`, { key, indexedDB, soleHolder });
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
    await this.#run((turn) => {
      if (isNew) {
        turn.changed(turn.state.account.maintain(undefined, turn.now).changes);
        turn.absorb({ writes: turn.state.expiry.records, events: [], tell: [] });
        turn.put("profile", "self", turn.state.profile);
      }
      errands.maintain(turn);
      deleteDue(turn);
    });
  }

  /** What is held, for who carries it to the relay: nobody else reads or changes it. */
  get state() {
    return this.#state;
  }

  /** What may be shown, as of the last turn that is stored. */
  get view() {
    return this.#view;
  }

  get now() {
    return this.#clock();
  }

  /** Ends it. What was begun is stored. */
  async close() {
    this.#isClosed = true;
    clearTimeout(this.#alarm);
    await this.#turns;
    this.#state.store.close();
  }

  // What the user does.

  /** @param {string} name */
  meet(name) {
    return this.#run((turn) => meet(turn, name));
  }

  /**
   * @param {string} to
   * @param {string} text
   * @param {Life} [life]
   */
  write(to, text, life = { kind: "asConversation" }) {
    return this.#run((turn) => write(turn, to, text, life));
  }

  /** The conversation is on the screen. @param {string} name */
  open(name) {
    return this.#run((turn) => open(turn, name));
  }

  /** Whether somebody looks at the screen: if not, what comes does not count as read. @param {boolean} isLooking */
  look(isLooking) {
    return this.#run((turn) => {
      turn.state.isLooking = isLooking;
      look(turn);
    });
  }

  /** The user leaves the conversation. @param {string} name */
  leave(name) {
    return this.#run((turn) => close(turn, name));
  }

  /**
   * What can be opened once, opened: it is gone from the store.
   *
   * @param {string} id
   */
  openOnce(id) {
    return this.#run((turn) => openOnce(turn, id));
  }

  /** @param {string} id */
  unsend(id) {
    return this.#run((turn) => unsend(turn, id));
  }

  /** @param {string} id */
  remove(id) {
    return this.#run((turn) => remove(turn, id));
  }

  /**
   * @param {string} name
   * @param {import("evanesce").Policy | undefined} policy
   */
  setTimer(name, policy) {
    return this.#run((turn) => setTimer(turn, name, policy));
  }

  /** @param {string} name */
  accept(name) {
    return this.#run((turn) => deciding.accept(turn, name));
  }

  /** @param {string} name */
  refuse(name) {
    return this.#run((turn) => deciding.refuse(turn, name));
  }

  /** @param {string} name */
  block(name) {
    return this.#run((turn) => deciding.block(turn, name));
  }

  /** All that was said with somebody goes, here. @param {string} name */
  deleteConversation(name) {
    return this.#run((turn) => deleteConversation(turn, name));
  }

  /** @param {string} name */
  acceptIdentity(name) {
    return this.#run((turn) => deciding.acceptIdentity(turn, name));
  }

  /** @param {string} name */
  keepIdentity(name) {
    return this.#run((turn) => deciding.keepIdentity(turn, name));
  }

  /** @param {string} name @param {boolean} isVerified */
  verified(name, isVerified) {
    return this.#run((turn) => deciding.verified(turn, name, isVerified));
  }

  /** @param {string} id */
  async report(id) {
    const held = await this.#state.aside("evidence", id);
    return this.#run((turn) => report(turn, id, held));
  }

  // What comes of the relay and of time.

  /** @param {Uint8Array} bytes @param {Mark} [mark] */
  takeIn(bytes, mark) {
    return this.#run((turn) => takeIn(turn, bytes, mark));
  }

  /** @param {number} number */
  deposited(number) {
    return this.#run((turn) => deposited(turn, number));
  }

  /** @param {string} name @param {Uint8Array} bytes */
  bundleCame(name, bytes) {
    return this.#run((turn) => errands.bundleCame(turn, name, bytes));
  }

  /** @param {errands.Errand} errand @param {{ kind: string, seconds?: number | undefined }} refusal */
  errandRefused(errand, refusal) {
    return this.#run((turn) => errands.errandRefused(turn, errand, refusal));
  }

  /** @param {Uint8Array} upload */
  published(upload) {
    return this.#run((turn) => errands.published(turn, upload));
  }

  /** @param {Uint8Array} stock */
  relayHas(stock) {
    return this.#run((turn) => errands.relayHas(turn, stock));
  }

  relayHasForgotten() {
    return this.#run((turn) => errands.relayHasForgotten(turn));
  }

  /** @param {number} number @param {string} [refusal] */
  reported(number, refusal) {
    return this.#run((turn) => reported(turn, number, refusal));
  }

  /** Time has passed. */
  tick() {
    return this.#run((turn) => {
      errands.maintain(turn);
      deleteDue(turn);
    });
  }

  /**
   * Makes a turn, once those before it are stored: nothing is shown or sent of it before that.
   *
   * @template Result
   * @param {(turn: Turn) => Result} work
   * @returns {Promise<Result>}
   */
  #run(work) {
    const mine = this.#turns.then(async () => {
      if (this.#broken !== undefined) throw this.#broken;
      const turn = new Turn(this.#state, this.#clock());
      let result;
      try {
        result = work(turn);
        settle(turn);
        if (!turn.isIdle) await turn.commit();
      } catch (cause) {
        throw this.#refusal(cause, turn);
      }
      this.#tell(turn.notices);
      return result;
    });
    this.#turns = mine.catch(() => {});
    return mine;
  }

  /**
   * What nothing was changed by is for the user to know. After all else memory is not what is stored, and nothing goes on.
   *
   * @param {unknown} cause
   * @param {Turn} turn
   */
  #refusal(cause, turn) {
    if (turn.isIdle && cause instanceof Cannot) return cause;
    if (turn.isIdle && cause instanceof EvanesceError && REFUSALS.has(cause.code)) return new Cannot("It is not there any more.");
    this.#broken = cause;
    this.#state.store.close();
    this.dispatchEvent(new CustomEvent("broken", { detail: cause }));
    return cause;
  }

  /** @param {Notice[]} notices */
  #tell(notices) {
    this.#view = this.#drawn();
    this.dispatchEvent(new Event("changed"));
    for (const notice of notices) this.dispatchEvent(new CustomEvent("notice", { detail: notice }));
    this.#sleep();
  }

  #drawn() {
    const [state, now] = [this.#state, this.#clock()];
    return {
      name: state.name, contacts: contacts(state, now),
      conversation: state.window === undefined ? undefined : conversation(state, state.window, now),
    };
  }

  #sleep() {
    clearTimeout(this.#alarm);
    if (this.#isClosed) return;
    const until = Math.min(this.#state.expiry.nextWakeup(this.#clock()) ?? LONGEST_SLEEP, LONGEST_SLEEP);
    this.#alarm = setTimeout(() => void this.tick().catch(() => {}), until);
    // In Node it keeps no process from ending.
    /** @type {{ unref?: () => void }} */ (/** @type {unknown} */ (this.#alarm)).unref?.();
  }
}

/** What the scheduler refuses of messages that have ended meanwhile. */
const REFUSALS = new Set(["unknown_message", "gone", "not_ready", "withheld", "ours"]);

/** What follows from what a turn did. @param {Turn} turn */
function settle(turn) {
  const { pending } = turn.state;
  heed(turn);
  for (const bytes of pending.offeredAgain.splice(0)) takeIn(turn, bytes);
  heed(turn);
}
