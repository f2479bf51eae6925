// The carrier: takes what is stored to the relay, and what the relay has to the account. Where there is no relay, all of it waits.

import { RelayOffline, RelayRefusal } from "../wire/relay.js";

import { hasResting, isDue, nextErrand } from "./errands.js";
import { FileCarrier } from "./file-carrier.js";

/** @typedef {import("./chat.js").Chat} Chat */
/** @typedef {import("../wire/relay.js").Relay} Relay */

/** How long the relay may wait for something to come, in seconds. */
const WAIT = 25;

/** How long to wait before something is asked again that was refused, or had no answer, or one that no relay gives that keeps to its word. */
const PAUSE = 1_000;

/** The longest pause before all is published anew at a relay that forgets it again and again: each time keys are made. */
const LONGEST_PAUSE = 60_000;

/**
 * Whether the relay answers: nobody knows yet, it does, it does not, or somebody else has this name there.
 *
 * @typedef {"connecting" | "online" | "offline" | "taken"} Reach
 */

export class Carrier extends EventTarget {
  #chat;
  #relay;
  #ending = new AbortController();
  /** @type {Reach} */
  #reach = "connecting";
  /** Up to which letter all is stored. */
  #acknowledged = 0;
  /** How often the relay has forgotten us since it last waited for letters. */
  #forgotten = 0;
  /** What wakes those who have nothing to do. @type {Set<() => void>} */
  #sleepers = new Set();
  /** How often something has changed: who looked before the last time looks again. */
  #changes = 0;

  /**
   * @param {Chat} chat
   * @param {Relay} relay
   */
  constructor(chat, relay) {
    super();
    this.#chat = chat;
    this.#relay = relay;
    chat.addEventListener("changed", () => {
      this.#changes += 1;
      this.#wake();
    });
  }

  get reach() {
    return this.#reach;
  }

  /** Carries until `stop`. What is thrown here is a fault of this program's, and then nothing is carried any more. */
  async run() {
    const files = new FileCarrier(this.#chat, this.#relay, this.#ending.signal);
    try {
      await Promise.all([
        this.#again(() => this.#mail(), true),
        this.#again(() => this.#publish(), true),
        this.#again(() => this.#errand()),
        this.#again(() => this.#report()),
        this.#again(() => files.send()),
        this.#again(() => files.fetch()),
        this.#again(() => files.dispose()),
      ]);
    } catch (fault) {
      this.stop();
      throw fault;
    }
  }

  stop() {
    this.#ending.abort(new RelayOffline("it was stopped"));
    this.#relay.close();
    this.#wake();
  }

  get #isStopped() {
    return this.#ending.signal.aborted;
  }

  /**
   * Does it again and again. It says whether there was something to do.
   *
   * @param {() => Promise<boolean>} work
   * @param {boolean} [isMail] Whether it is refused if somebody else has the name
   */
  async #again(work, isMail = false) {
    while (!this.#isStopped) {
      const before = this.#changes;
      try {
        const isBusy = await work();
        if (isBusy) continue;
        const longest = (await this.#chat.ask(hasResting)) ? PAUSE : undefined;
        if (this.#changes === before) await this.#sleep(longest);
      } catch (cause) {
        if (this.#isStopped) return;
        if (cause instanceof RelayOffline) this.#reached("offline");
        else if (cause instanceof RelayRefusal) this.#reached(isMail && cause.kind === "not_yours" ? "taken" : "online");
        else throw cause;
        await this.#pause();
      }
    }
  }

  /** Fetches letters, and acknowledges those that are stored with the next question. */
  async #mail() {
    const { name, token } = await this.#profile();
    // Without prekeys at the relay there is no mail.
    if (this.#reach !== "online") await this.#publish();
    const wait = this.#reach === "online" ? WAIT : 0;
    try {
      const asked = performance.now();
      const { acknowledged, stock, letters } = await this.#relay.fetch(name, token, this.#acknowledged, wait, this.#ending.signal);
      const waited = performance.now() - asked;
      this.#reached("online");
      // Over a new connection all that was not acknowledged comes again.
      const isAgain = acknowledged < this.#acknowledged;
      this.#acknowledged = acknowledged;
      let isNews = false;
      for (const { number, message, mark } of letters) {
        // In their order, and none again that was acknowledged.
        if (number <= this.#acknowledged) continue;
        await this.#chat.takeIn(message, mark);
        this.#acknowledged = number;
        isNews = true;
      }
      if (letters.length === 0) await this.#chat.relayHas(stock);
      // Who was asked to wait, and did not, though there was nothing to say, would be asked again without end; and so would one whose
      // connections end with each answer.
      if ((!isNews || isAgain) && waited < wait * 500) await this.#pause();
      // One that knows us for so long has not forgotten us each second time.
      if (wait > 0 && waited >= wait * 500) this.#forgotten = 0;
    } catch (cause) {
      // What it counted counts no more.
      this.#acknowledged = 0;
      if (!(cause instanceof RelayRefusal) || cause.kind !== "unknown") throw cause;
      const pause = Math.min(PAUSE * 2 ** this.#forgotten, LONGEST_PAUSE);
      this.#forgotten += 1;
      try {
        // It has nothing of us: it is new, or has lost its store.
        if (!(await this.#publish())) {
          await this.#chat.relayHasForgotten();
          await this.#publish();
        }
      } finally {
        // Also if that breaks off: keys were made.
        await this.#pause(pause);
      }
    }
    return true;
  }

  async #publish() {
    const upload = await this.#chat.ask(({ account }) => account.pendingUpload);
    if (upload === undefined) return false;
    const { name, token } = await this.#profile();
    await this.#relay.publish(name, token, upload, this.#ending.signal);
    this.#reached("online");
    await this.#chat.published(upload);
    return true;
  }

  async #errand() {
    const errand = await this.#chat.ask(nextErrand);
    if (errand === undefined) return false;
    try {
      await this.#carry(errand);
    } catch (cause) {
      if (!(cause instanceof RelayRefusal)) throw cause;
      await this.#chat.errandRefused(errand, cause);
    }
    return true;
  }

  /** @param {import("./errands.js").Errand} errand */
  async #carry(errand) {
    if (errand.kind === "bundle") {
      const bundle = await this.#whileDue(errand, (signal) => this.#relay.bundle(errand.name, signal));
      if (bundle !== undefined) await this.#chat.bundleCame(errand.name, bundle);
      return;
    }
    const { number, to, id, bytes } = errand.parcel;
    const isThere = await this.#whileDue(errand, (signal) => this.#relay.deposit(to, id, bytes, signal).then(() => true));
    if (isThere) await this.#chat.deposited(number);
  }

  /**
   * What the relay answers to an errand; nothing if what it is for goes, or may not leave any more, while it waits for its connection: then
   * it stays.
   *
   * @template Answer
   * @param {import("./errands.js").Errand} errand
   * @param {(signal: AbortSignal) => Promise<Answer>} ask
   * @returns {Promise<Answer | undefined>}
   */
  async #whileDue(errand, ask) {
    const staying = new AbortController();
    const heed = () => isDue(this.#chat.state, errand, this.#chat.now) || staying.abort();
    this.#chat.addEventListener("changed", heed);
    try {
      return await ask(AbortSignal.any([this.#ending.signal, staying.signal]));
    } catch (cause) {
      if (cause === staying.signal.reason && !this.#isStopped) return undefined;
      throw cause;
    } finally {
      this.#chat.removeEventListener("changed", heed);
    }
  }

  async #report() {
    const [due] = await this.#chat.ask(({ reports }) => [...reports.values()]);
    if (due === undefined) return false;
    const { name, token } = await this.#profile();
    try {
      await this.#relay.report(name, token, due.id, due.report, this.#ending.signal);
      await this.#chat.reported(due.number);
    } catch (cause) {
      if (!(cause instanceof RelayRefusal)) throw cause;
      await this.#chat.reported(due.number, cause.kind);
    }
    return true;
  }

  #profile() {
    return this.#chat.ask(({ profile }) => profile);
  }

  /** @param {Reach} reach */
  #reached(reach) {
    if (this.#reach === reach || this.#isStopped) return;
    this.#reach = reach;
    this.dispatchEvent(new Event("reach"));
  }

  #wake() {
    for (const wake of [...this.#sleepers]) wake();
  }

  /** Before something that failed is asked again: whatever changes meanwhile, or what fails here and works there would go round at once. */
  #pause(length = PAUSE) {
    return /** @type {Promise<void>} */ (new Promise((resolve) => {
      const { signal } = this.#ending;
      const end = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", end);
        resolve();
      };
      const timer = setTimeout(end, length);
      signal.addEventListener("abort", end);
      if (signal.aborted) end();
    }));
  }

  /**
   * Until something has changed, or for so long.
   *
   * @param {number | undefined} longest
   */
  #sleep(longest) {
    return /** @type {Promise<void>} */ (new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.#sleepers.delete(wake);
        resolve();
      };
      const timer = longest === undefined ? undefined : setTimeout(wake, longest);
      this.#sleepers.add(wake);
      if (this.#isStopped) wake();
    }));
  }
}
