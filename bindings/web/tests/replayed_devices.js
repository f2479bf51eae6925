// A conversation of people with several devices, of the known answers, step by step.

import assert from "node:assert/strict";

import { bytes, drawing, evanesce, fields, hex, is } from "./replay.js";
import { generated } from "./replayed_conversation.js";

const {
  Account, Contacts, EvanesceError, OwnDevices, Peer, Person, Stamp, VerifiedBundle, readLinkCode, verifyDeviceList,
} = evanesce;

/** One device with all that it holds. */
class Party {
  constructor(account, own, contacts) {
    Object.assign(this, { account, own, contacts });
  }

  rows() {
    const { account, own, contacts } = this;
    return {
      account: account.snapshot(), own: own.snapshot(),
      people: contacts.owners.map((owner) => contacts.person(owner).snapshot()),
      peers: contacts.addresses.map((address) => contacts.peer(address).snapshot()),
    };
  }

  static restored({ account, own, people, peers }) {
    const contacts = new Contacts();
    people.forEach((row) => contacts.addPerson(Person.restore(row)));
    peers.forEach((row) => contacts.addPeer(Peer.restore(row)));
    return new Party(Account.restore(account), OwnDevices.restore(own), contacts);
  }

  /** A person, made when first named. */
  person(owner) {
    if (hex(this.own.person.owner) === hex(owner)) return this.own.person;
    if (this.contacts.person(owner) === undefined) this.contacts.addPerson(new Person(owner));
    return this.contacts.person(owner);
  }

  peer(address) {
    if (this.contacts.peer(address) === undefined) this.contacts.addPeer(new Peer(address));
    return this.contacts.peer(address);
  }

  /** No peer waits as a request. */
  acceptAll() {
    this.contacts.addresses.forEach((address) => this.contacts.peer(address).acceptRequest());
  }
}

const FIELDS = {
  sign: ["by", "now", "version", "expires", "list", "as"],
  refresh: ["by", "now", "list", "as"],
  remove: ["by", "address", "now", "list", "as"],
  belong: ["by", "person"],
  adopt: ["by", "list", "now", "expect"],
  initiate: ["by", "to", "bundle", "now", "rng", "session_id"],
  drop: ["by", "to"],
  fan_out: ["by", "person", "only", "stamp", "body", "ad", "now", "rng", "expect"],
  control: ["by", "to", "ad", "now", "rng", "expect"],
  deliver: ["to", "sender", "id", "wire", "ad", "now", "expect"],
  standing: ["by", "person", "address", "ident", "now", "expect"],
  list_need: ["by", "person", "now", "expect"],
  marked: ["by", "person", "expect"],
  save: ["by", "as"],
  restore: ["by", "from"],
  link_code: ["by", "now", "rng", "code"],
  link_offer: ["by", "code", "bundle", "now", "rng", "expect"],
  link_open: ["by", "id", "wire", "now", "expect"],
  link_answer: ["by", "rng", "id", "wire"],
  link_finish: ["by", "id", "wire", "now", "expect"],
};

/** One conversation, step by step. With restarts everything is stored and taken back after each. */
export class Replay {
  parties = new Map();
  identities = new Map();
  saved = new Map();
  messages = new Map();
  lists = new Map();

  constructor(conversation) {
    fields(conversation, ["format", "devices", "steps"]);
    for (const [name, device] of Object.entries(conversation.devices)) {
      const { account, upload } = generated(device);
      account.markPublished(upload);
      this.identities.set(name, account.device.identity);
      this.parties.set(name, new Party(account, new OwnDevices(account), new Contacts()));
    }
  }

  step(step) {
    const { op } = step;
    assert.ok(Object.hasOwn(FIELDS, op), `unknown step ${op}`);
    fields(step, ["op", ...FIELDS[op]]);
    this[op](step);
  }

  restart() {
    for (const [name, party] of this.parties) {
      const rows = party.rows();
      const again = Party.restored(rows);
      assert.deepEqual(again.rows(), rows, "a row came back different");
      this.parties.set(name, again);
    }
  }

  by(step) {
    return this.parties.get(step.by);
  }

  owner({ person }) {
    return this.identities.get(person) ?? bytes(person);
  }

  person(step) {
    return this.by(step).person(this.owner(step));
  }

  /** Keeps a list that was signed under its name, if it has one. */
  keep(step, list) {
    const name = step.as ?? step.expect?.as;
    if (name !== undefined) this.lists.set(name, list);
  }

  /** Calls it; a refusal, by its code, changes nothing of these. */
  told(party, call) {
    const before = party.rows();
    try {
      return call();
    } catch (refusal) {
      assert.ok(refusal instanceof EvanesceError, refusal.stack);
      assert.deepEqual(party.rows(), before, "a refusal changed something");
      return { error: refusal.code };
    }
  }

  /** The package signs no devices but those that were linked: the list is taken as the user's own. */
  sign(step) {
    const { own } = this.by(step);
    const now = step.now * 1_000;
    const list = verifyDeviceList(bytes(step.list), now);
    assert.deepEqual([list.version, list.expires, list.created], [step.version, step.expires * 1_000, now]);
    own.adopt(list, now);
    own.confirmAll();
    this.keep(step, list.bytes);
  }

  refresh(step) {
    const { account, own } = this.by(step);
    const list = own.refresh(account, step.now * 1_000)?.bytes;
    assert.equal(list === undefined ? null : hex(list), step.list);
    if (list !== undefined) this.keep(step, list);
  }

  remove(step) {
    const { account, own } = this.by(step);
    const list = own.remove(account, bytes(step.address), step.now * 1_000).bytes;
    assert.equal(hex(list), step.list);
    this.keep(step, list);
  }

  belong(step) {
    const party = this.by(step);
    party.own = OwnDevices.belongingTo(party.account, this.owner(step));
  }

  adopt(step) {
    const [party, now] = [this.by(step), step.now * 1_000];
    const list = this.lists.get(step.list) ?? bytes(step.list);
    const before = party.rows();
    let told;
    try {
      const { owner, expires } = verifyDeviceList(list, now);
      let event;
      if (hex(party.own.person.owner) === hex(owner)) {
        event = party.own.adopt(list, now);
      } else {
        // The package takes no expired one as the first of a person; the answers ask what one that is held comes to.
        const isFirst = party.person(owner).list === undefined;
        const { events, changes } = party.contacts.adopt(party.own, list, isFirst ? Math.min(now, expires - 1_000) : now);
        event = events.find(({ kind }) => kind !== "listedTwice");
        assert.equal(changes.people.length, event === undefined ? 0 : 1);
      }
      told = { event: event === undefined ? null : Replay.event(event) };
    } catch (refusal) {
      assert.deepEqual(party.rows(), before);
      told = { error: refusal.code };
    }
    assert.deepEqual(told, step.expect);
  }

  initiate(step) {
    const [party, now] = [this.by(step), step.now * 1_000];
    const bundle = VerifiedBundle.verify(bytes(step.bundle), now);
    const peer = party.peer(bytes(step.to));
    const { session } = drawing(step.rng, () => peer.initiate(party.account, bundle, now));
    assert.equal(hex(session), step.session_id);
  }

  drop(step) {
    this.by(step).peer(bytes(step.to)).dropSessions();
  }

  fan_out(step) {
    const [party, now] = [this.by(step), step.now * 1_000];
    party.person(this.owner(step));
    const all = party.own.to(this.owner(step));
    const recipients = step.only === null ? all : all.only(step.only.map(bytes));
    const payload = { body: bytes(step.body), stamp: Stamp.decode(bytes(step.stamp)) };
    const sent = drawing(step.rng, () =>
      this.told(party, () => recipients.encrypt(party.contacts, payload, now, bytes(step.ad))));
    if (sent.error !== undefined) return assert.deepEqual(sent, step.expect);
    const { messages, unreached, ...rest } = step.expect;
    fields(rest, []);
    assert.deepEqual(sent.unreached.map(({ to, reason }) => ({ to: hex(to), reason: snake(reason) })), unreached);
    assert.deepEqual(sent.messages.map(({ to }) => hex(to)), messages.map(({ to }) => to));
    sent.messages.forEach(({ to, message }, place) => {
      fields(messages[place], ["to", "id", "parts", "wire"]);
      assert.ok(sent.changes.peers.some((address) => hex(address) === hex(to)));
      this.sent(message, messages[place]);
    });
  }

  /** Compares a message that was made, and keeps it. Its parts are in the bytes. */
  sent(message, { id, wire }) {
    is(message, wire);
    this.messages.set(id, message);
  }

  control(step) {
    const [party, now, to] = [this.by(step), step.now * 1_000, bytes(step.to)];
    const { device } = party.peer(to);
    const owner = party.contacts.personOf(device, now)?.owner ?? device.identity;
    party.person(owner);
    const before = party.rows().peers;
    const told = drawing(step.rng, () => party.own.to(owner).tell(party.contacts, to, now, bytes(step.ad)));
    assert.deepEqual(told.unreached, []);
    fields(step.expect, ["message"]);
    if (step.expect.message === null) {
      assert.deepEqual([told.messages, party.rows().peers], [[], before]);
    } else {
      fields(step.expect.message, ["id", "parts", "wire"]);
      assert.equal(told.messages.length, 1);
      this.sent(told.messages[0].message, step.expect.message);
    }
  }

  message({ id, wire }) {
    return id === undefined ? bytes(wire) : this.messages.get(id);
  }

  deliver(step) {
    const [party, now] = [this.parties.get(step.to), step.now * 1_000];
    const told = this.told(party, () => delivered(
      party.own.decrypt(party.account, party.contacts, bytes(step.sender), this.message(step), now, bytes(step.ad)),
    ));
    party.acceptAll();
    assert.deepEqual(told, step.expect);
  }

  standing(step) {
    const device = { identity: bytes(step.ident), address: bytes(step.address) };
    assert.equal(this.person(step).standing(device, step.now * 1_000), step.expect);
  }

  list_need(step) {
    assert.equal(this.person(step).listNeed(step.now * 1_000), step.expect);
  }

  marked(step) {
    assert.equal(this.person(step).isMarked, step.expect);
  }

  save(step) {
    this.saved.set(`${step.by} ${step.as}`, this.by(step).rows());
  }

  restore(step) {
    this.parties.set(step.by, Party.restored(this.saved.get(`${step.by} ${step.from}`)));
  }

  link_code(step) {
    const shown = drawing(step.rng, () => this.by(step).own.showLinkCode(step.now * 1_000));
    assert.equal(hex(shown.bytes), step.code);
  }

  link_offer(step) {
    const [party, now] = [this.by(step), step.now * 1_000];
    const told = drawing(step.rng, () => this.told(party, () => {
      const { digits } = readLinkCode(bytes(step.code));
      const bundle = VerifiedBundle.verify(bytes(step.bundle), now);
      const { session, message } = party.own.offerLink(party.account, party.contacts, bytes(step.code), bundle, now);
      return { digits, session_id: hex(session), message };
    }));
    const { id, wire, ...expect } = step.expect;
    const { message, ...rest } = told;
    assert.deepEqual(rest, expect);
    if (message !== undefined) this.sent(message, { id, wire });
  }

  link_open(step) {
    const party = this.by(step);
    const told = this.told(party, () => {
      const { owner, digits } = party.own.openLinkOffer(party.account, party.contacts, this.message(step), step.now * 1_000);
      return { owner: hex(owner.identity), address: hex(owner.address), digits };
    });
    assert.deepEqual(told, step.expect);
  }

  link_answer(step) {
    const { account, own, contacts } = this.by(step);
    // Nothing of it hangs on the time.
    const { message } = drawing(step.rng, () => own.answerLinkOffer(account, contacts, 1_800_000_000_000));
    this.sent(message, step);
  }

  link_finish(step) {
    const party = this.by(step);
    const told = this.told(party, () => {
      const { list, changes } =
        party.own.finishLink(party.account, party.contacts, this.message(step), step.now * 1_000);
      assert.deepEqual([changes.own, changes.peers.length], [true, 1]);
      this.keep(step, list.bytes);
      return { list: hex(list.bytes) };
    });
    const { as, ...expect } = step.expect;
    assert.deepEqual(told, expect);
  }

  /** An event as the answers have it. */
  static event(event) {
    const addresses = (devices) => devices.map(({ address }) => hex(address));
    switch (event.kind) {
      case "adopted": {
        const { owner, version, came, went, unknownOwn } = event;
        const all = { event: "adopted", owner: hex(owner), version, came: addresses(came), went: addresses(went) };
        return unknownOwn ? { ...all, unknown_own: true } : all;
      }
      case "joined":
        return { event: "joins", owner: hex(event.owner) };
      case "given":
        return { event: "given", owner: hex(event.list.owner), version: event.list.version };
      case "equivocation": {
        const { held, other } = event;
        return { event: "equivocation", owner: hex(held.owner), version: held.version, held: hex(held.digest), other: hex(other.digest) };
      }
      case "listBehind":
      case "listsDiffer":
        return { event: snake(event.kind), of: event.of, version: event.version };
      case "refused":
        return { event: "refused", part: event.part, reason: event.reason };
      default:
        return assert.fail(`${event.kind} has no name`);
    }
  }
}

function delivered(told) {
  const { received, standing, beganSession, isControl, skippedParts, copyOf } = told;
  const all = { body: hex(received.body), standing };
  if (received.stamp === "malformed") all.malformed_stamp = true;
  else all.stamp = hex(received.stamp.encode());
  if (beganSession) all.began = true;
  if (isControl) all.control = true;
  if (skippedParts.length > 0) all.unknown = skippedParts;
  if (copyOf !== undefined) all.copy_of = hex(copyOf);
  // Told beside what the known answers have: the library's own tests are about it.
  const events = told.events.filter(({ kind }) => kind !== "listedTwice").map(Replay.event);
  if (events.length > 0) all.events = events;
  return all;
}

function snake(name) {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
