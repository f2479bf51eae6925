// Turns, one after the other: nothing is shown or sent of one before it is stored.

import { EvanesceError } from "evanesce";

import { Cannot } from "./cannot.js";
import * as errands from "./errands.js";
import { deleteDue } from "./lives.js";
import { contacts, conversation } from "./reading.js";
import { takeIn } from "./receiving.js";
import { heed } from "./timers.js";
import { Turn } from "./turn.js";

/** @typedef {import("./shapes.js").Notice} Notice */
/** @typedef {import("./state.js").State} State */

/**
 * What a screen draws. Nothing of it is ahead of what is stored.
 *
 * @typedef {object} View
 * @property {string} name Who we are
 * @property {import("./reading.js").ContactView[]} contacts
 * @property {import("./reading.js").ConversationView | undefined} conversation The one that is open
 */

/** How long nothing is looked at by itself, at most: browsers let timers sleep. */
const LONGEST_SLEEP = 60_000;

/**
 * Events: `changed`, when something is stored and `view` is another one; `notice`, with a `Notice` as its `detail`; `broken`, when
 * something could not be stored, and all is to be begun anew.
 */
export class Turns extends EventTarget {
  #state;
  #clock;
  /** @type {Promise<unknown>} */
  #last = Promise.resolve();
  /** How many turns have begun, or wait, and are not stored. */
  #pending = 0;
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

  /** What is held, ahead of what is stored while a turn is being made: all that is to leave is asked for by `ask`. */
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
    await this.#last;
    this.#state.store.close();
  }

  /** Time has passed. */
  tick() {
    return this.run((turn) => {
      errands.maintain(turn);
      deleteDue(turn);
    });
  }

  /** How far a file has come. It is not stored. @param {string} id @param {number} done From 0 to 1 */
  progressed(id, done) {
    this.#state.pending.progress.set(id, done);
    if (this.#broken === undefined && this.#pending === 0) this.#tell([]);
  }

  /**
   * Makes a turn, once those before it are stored: nothing is shown or sent of it before that.
   *
   * @template Result
   * @param {(turn: Turn) => Result} work
   * @returns {Promise<Result>}
   */
  run(work) {
    this.#pending += 1;
    const mine = this.#last.then(async () => {
      const turn = new Turn(this.#state, this.#clock());
      let result;
      try {
        if (this.#broken !== undefined) throw this.#broken;
        result = work(turn);
        settle(turn);
        if (!turn.isIdle) await turn.commit();
      } catch (cause) {
        throw this.#refusal(cause, turn);
      } finally {
        this.#pending -= 1;
      }
      this.#tell(turn.notices);
      return result;
    });
    this.#last = mine.catch(() => {});
    return mine;
  }

  /**
   * Asks what is held, once all turns before are stored, and before the next one begins: so nothing that a turn made leaves before
   * it is stored.
   *
   * @template Result
   * @param {(state: State, now: number) => Result} question
   * @returns {Promise<Result>}
   */
  ask(question) {
    const mine = this.#last.then(() => {
      if (this.#broken !== undefined) throw this.#broken;
      return question(this.#state, this.#clock());
    });
    this.#last = mine.catch(() => {});
    return mine;
  }

  /**
   * What nothing was changed by is for the user to know. After all else memory is not what is stored, and nothing goes on.
   *
   * @param {unknown} cause
   * @param {Turn} turn
   */
  #refusal(cause, turn) {
    if (this.#broken !== undefined) return this.#broken;
    if (turn.isIdle && cause instanceof Cannot) return cause;
    if (turn.isIdle && cause instanceof EvanesceError && !FATAL.test(cause.code)) {
      return new Cannot(GONE.has(cause.code) ? "It is not there any more." : `It cannot be done (${cause.code}).`);
    }
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

/** Refusals after which memory may be ahead of what is stored, or nothing can be called any more. */
const FATAL = /^(store_.*|broken|freed)$/;

/** What the scheduler refuses of messages that have ended meanwhile. */
const GONE = new Set(["unknown_message", "gone", "not_ready", "withheld", "ours"]);

/** What follows from what a turn did. @param {Turn} turn */
function settle(turn) {
  const { pending } = turn.state;
  heed(turn);
  for (const bytes of pending.offeredAgain.splice(0)) takeIn(turn, bytes);
  heed(turn);
}
