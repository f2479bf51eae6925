// Somebody with an account of their own, a database in memory, and a clock that is set by hand.

import { setTimeout as wait } from "node:timers/promises";

import { Account, Peer, Stamp, VerifiedBundle } from "evanesce";
import { IDBFactory, IDBKeyRange } from "fake-indexeddb";

import { random } from "../../chat/bytes.js";
import { Carrier } from "../../chat/carrier.js";
import { Chat } from "../../chat/chat.js";
import { encodeContent } from "../../wire/content.js";
import { PATIENCE } from "../world.js";

globalThis.IDBKeyRange ??= IDBKeyRange;
// Locks go by a name alone, and here each of one name has a database of their own: what later Nodes have of locks is not for them.
Object.defineProperty(globalThis, "navigator", { value: undefined, configurable: true });

/** A moment in 2027. */
export const START = 1_800_000_000_000;

export class Person {
  notices = [];
  indexedDB = new IDBFactory();

  constructor(name, relay, time) {
    this.name = name;
    this.relay = relay;
    this.time = time;
  }

  static async begin(name, relay, time) {
    const person = new Person(name, relay, time);
    await person.start();
    return person;
  }

  /** Begins with nothing but what is stored. */
  async start() {
    this.chat = await Chat.open(this.name, { indexedDB: this.indexedDB, soleHolder: true, clock: () => this.time.now });
    this.chat.addEventListener("notice", ({ detail }) => this.notices.push(detail));
    this.chat.addEventListener("broken", ({ detail }) => (this.fault = detail));
    this.carrier = new Carrier(this.chat, this.relay.connection());
    this.running = this.carrier.run().catch((fault) => (this.fault = fault));
  }

  async stop() {
    this.carrier.stop();
    await this.running;
    await this.chat.close();
  }

  async restart() {
    await this.stop();
    await this.start();
  }

  /** What may be shown of a conversation, which is open from now on. */
  async reads(name) {
    await this.chat.open(name);
    return this.lines();
  }

  lines() {
    return this.chat.view.conversation?.lines.map(({ author, kind, text, file }) =>
      `${author === "us" ? "> " : ""}${kind === "text" ? text : kind === "file" ? `${file.name} ${file.state}` : kind}`) ?? [];
  }

  contact(name) {
    return this.chat.view.contacts.find((contact) => contact.name === name);
  }

  /** Waits until something is so. */
  async until(what, isSo) {
    const deadline = Date.now() + PATIENCE;
    for (;;) {
      if (this.fault !== undefined) throw this.fault;
      if (isSo()) return;
      if (Date.now() >= deadline) throw new Error(`${this.name} waits in vain until ${what}`);
      await wait(5);
    }
  }

  hears(kind, name) {
    return this.until(`there is a notice ${kind}`, () => {
      const place = this.notices.findIndex((notice) => notice.kind === kind && (name === undefined || notice.name === name));
      return place >= 0 && this.notices.splice(place, 1).length > 0;
    });
  }

  /** Until the relay has all that was written. */
  isDone() {
    return this.until("all is sent", () => this.chat.state.drafts.size + this.chat.state.parcels.size === 0);
  }

  /** Everything in the database, as one text: what is gone is not in it. */
  async rows() {
    return this.chat.state.store.rows();
  }
}

/** Somebody who can do what no page would: a device in memory, with whose messages a test does what it likes. */
export class Stranger {
  constructor(name, relay, to, time) {
    Object.assign(this, { relay, to, time, account: Account.generate(name, time.now), peer: new Peer(to) });
    this.account.maintain(undefined, time.now);
    this.peer.initiate(this.account, VerifiedBundle.verify(relay.bundle(to), time.now), time.now);
  }

  /** A message with this body; the relay has not got it. */
  sealed(body, stamp = Stamp.none()) {
    return this.peer.encrypt({ body, stamp }, this.time.now).message;
  }

  send(body, stamp) {
    this.relay.deposit(this.to, random(16), this.sealed(body, stamp));
  }

  say(text, chosen = random(16)) {
    this.send(encodeContent({ kind: "text", chosen, text }));
    return chosen;
  }
}

/** Two who have accepted each other. */
export async function introduced(relay, time) {
  const [alice, bob] = [await Person.begin("alice", relay, time), await Person.begin("bob", relay, time)];
  await bob.until("they are there", () => relay.mailboxes.has("alice") && relay.mailboxes.has("bob"));
  await alice.chat.meet("bob");
  await alice.chat.write("bob", "hello");
  await bob.hears("request", "alice");
  await bob.chat.accept("alice");
  await bob.chat.write("alice", "hello too");
  await alice.hears("unread", "bob");
  return [alice, bob];
}

export const clock = () => ({ now: START });
