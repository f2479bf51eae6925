// Whatever JavaScript passes, a call answers or refuses by a code; the module goes on.

import assert from "node:assert/strict";
import { test } from "node:test";

import { households, of } from "./household.js";
import { NOW, device, evanesce, pair } from "./package.js";

const { Account, EvanesceError, Peer, PublishedPrekeys, SafetyNumber, Session, Stamp, StorageKey, VerifiedBundle, utf8 } =
  evanesce;

/** What is passed where something else is due. */
const NONSENSE = [
  undefined, null, true, 0, -1, 1.5, NaN, Infinity, 2 ** 53, 1n, "", "text", Symbol("s"), {}, [], [1, 2], () => 1,
  new Uint8Array(0), new Uint8Array(7), new Uint8Array(32), new Uint8Array(64), new Uint8Array(100_000),
  new Uint16Array(32), new Float64Array(10), new ArrayBuffer(32), new DataView(new ArrayBuffer(32)), new Date(), new Map(),
  { code: "malformed" }, { identity: new Uint8Array(64), address: "x" }, { body: new Uint8Array(3), stamp: {} },
  Object.create(Uint8Array.prototype), Object.create(Account.prototype), Object.create(Peer.prototype),
  new Proxy(new Uint8Array(32), {}), new Proxy({}, { get() { throw new RangeError("a getter of the caller's"); } }),
];

/** An array that says of itself what it is not. */
function liar(length, says) {
  const array = new Uint8Array(length);
  Object.defineProperty(array, "length", { value: says });
  Object.defineProperty(array, "byteLength", { value: says });
  return array;
}

/** Calls it, and takes only refusals of ours, or what a getter of the caller's threw. */
function refusesOrAnswers(call, what) {
  try {
    call();
  } catch (error) {
    if (error instanceof RangeError && error.message === "a getter of the caller's") return;
    assert.ok(error instanceof EvanesceError, `${what}: ${error?.stack ?? error}`);
    assert.equal(typeof error.code, "string");
    assert.ok(error.message.length > 0);
  }
}

/** All methods, getters and setters of an object, with its classes up to the first of ours. */
function members(object) {
  const found = new Map();
  for (let type = object; type !== null && type !== Object.prototype && type !== Function.prototype; type = Object.getPrototypeOf(type)) {
    for (const name of Reflect.ownKeys(type)) {
      if (!found.has(name)) found.set(name, Object.getOwnPropertyDescriptor(type, name));
    }
  }
  return [...found].filter(([name]) => !["constructor", "free", Symbol.dispose, "length", "name", "prototype"].includes(name));
}

/** Every member with every nonsense at each place, and plausible values at the others. */
function tryAll(object, name, plausible) {
  for (const [member, { value, get }] of members(object)) {
    const what = `${name}.${String(member)}`;
    if (get !== undefined) refusesOrAnswers(() => object[member], what);
    if (typeof value !== "function") continue;
    for (const nonsense of NONSENSE) {
      for (let place = 0; place < 5; place += 1) {
        for (const other of plausible) {
          const given = [other, other, other, other, other];
          given[place] = nonsense;
          refusesOrAnswers(() => object[member](...given), what);
        }
      }
      refusesOrAnswers(() => object[member](nonsense, nonsense, nonsense, nonsense, nonsense), what);
    }
  }
}

test("no argument of any type stops the module", () => {
  const { alice, bob, bobs, alices } = pair({ suite: "classical" });
  const session = alice.account.initiate(VerifiedBundle.verify(bob.server.handOut(), NOW));
  const plausible = [NOW, utf8("bytes"), alice.account, { identity: alice.account.device.identity, address: "x" }];
  for (const [name, type] of Object.entries(evanesce)) {
    if (typeof type !== "function") continue;
    const make = (...given) => (/^[A-Z]/.test(name) ? Reflect.construct(type, given) : type(...given));
    for (const nonsense of NONSENSE) {
      if (name === "EvanesceError") continue;
      refusesOrAnswers(() => make(nonsense, nonsense, nonsense), name);
      for (const other of plausible) refusesOrAnswers(() => make(other, nonsense, other), name);
    }
    if (name !== "EvanesceError" && /^[A-Z]/.test(name)) tryAll(type, name, plausible);
  }
  const { server } = device("carol", { suite: "classical" });
  const objects = {
    account: Account.restore(alice.account.snapshot()), peer: Peer.restore(bobs.snapshot()), session, server,
    bundle: VerifiedBundle.verify(bob.server.handOut(), NOW), key: new StorageKey(new Uint8Array(32)),
    number: SafetyNumber.between(alice.account.device, bob.account.device), stamp: Stamp.none(),
  };
  for (const [name, object] of Object.entries(objects)) tryAll(object, name, plausible);
  // It goes on.
  const { message } = bobs.encrypt(utf8("still here"), NOW);
  assert.deepEqual(alices.decrypt(bob.account, message, NOW).received.body, utf8("still here"));
  void PublishedPrekeys, Session;
});

test("no argument of any type stops what people have", () => {
  const { alices: [alice], bobs: [bob], lists: [, list] } = households();
  const plausible = [
    NOW, utf8("bytes"), alice.account, alice.own, alice.contacts, alice.expiry, bob.owner, list, alice.account.device, "bob/1",
    VerifiedBundle.verify(bob.server.handOut(), NOW), [{ kind: "contact", owner: bob.owner, version: 1n, decision: "refused" }],
  ];
  const copies = [evanesce.OwnDevices.restore(alice.own.snapshot()), alice.contacts.person(bob.owner), new evanesce.Contacts()];
  copies[2].addPeer(Peer.restore(alice.contacts.peer("bob/1").snapshot()));
  const objects = {
    own: copies[0], person: copies[1], contacts: copies[2], peer: copies[2].peer("bob/1"), recipients: copies[0].to(bob.owner),
  };
  for (const [name, object] of Object.entries(objects)) tryAll(object, name, plausible);
  for (const call of [evanesce.noteIn, evanesce.allChanges, evanesce.readLinkCode, evanesce.verifyDeviceList]) {
    for (const nonsense of NONSENSE) for (const other of plausible) refusesOrAnswers(() => call(nonsense, other, nonsense, other), call.name);
  }
  const groups = new evanesce.Groups();
  const { group } = copies[0].createGroup(alice.account, copies[2], groups, [bob.owner], utf8("x"), NOW);
  plausible.push(groups, group, [{ kind: "about", about: utf8("x") }]);
  const others = { groups, group, inGroup: copies[0].inGroup(alice.account, group), held: new evanesce.HeldMessages() };
  for (const [name, object] of Object.entries(others)) tryAll(object, name, plausible);
  for (const nonsense of NONSENSE) refusesOrAnswers(() => evanesce.unblockedByPeople(nonsense), "unblockedByPeople");
  // It goes on.
  const sent = alice.own.to(bob.owner).encrypt(alice.contacts, utf8("still here"), NOW);
  const { received } = bob.own.decrypt(bob.account, bob.contacts, "alice/1", of(sent.messages, bob), NOW);
  assert.deepEqual(received.body, utf8("still here"));
});

test("contacts that are freed by a getter of what is passed are freed, and the module goes on", () => {
  const { alices: [alice], bobs: [bob] } = households();
  const frees = (object, fields) => Object.defineProperties({}, Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, { enumerable: true, get: () => (object.free(), value) }])));
  const { own, contacts, account } = alice;
  const copy = evanesce.OwnDevices.restore(own.snapshot());
  assert.throws(() => copy.to(bob.owner).encrypt(contacts, frees(copy, { body: utf8("x") }), NOW), { code: "freed" });
  assert.throws(() => copy.confirm(frees(copy, account.device)), { code: "freed" });
  const peer = contacts.peer("bob/1");
  assert.throws(() => peer.encrypt(frees(contacts, { body: utf8("x") }), NOW), { code: "freed" });
  assert.throws(() => own.to(bob.owner).obstacles(contacts, NOW), { code: "freed" });
});

test("nothing that is passed is taken for an object of the module", () => {
  const { ContentKey, Session } = evanesce;
  const made = { encrypt() {}, free() {}, __wbg_ptr: 8 };
  for (const type of [Session, ContentKey]) assert.throws(() => type.of(made), { code: "invalid_argument" });
  for (const type of [Peer, SafetyNumber, Stamp]) assert.deepEqual([type.of, type.bytesOf], [undefined, undefined]);
  assert.throws(() => new Peer({ raw: made }), { code: "invalid_argument" });
});

test("a refusal whose code is none is not noted", () => {
  const { alices } = pair({ suite: "classical" });
  for (const code of [5, undefined, null, {}, "x".repeat(65), "no such code", "other"]) {
    const refusal = Object.defineProperty(new EvanesceError("undecryptable", "?"), "code", { value: code });
    assert.throws(() => alices.noteRefusal(new Uint8Array(200), refusal, NOW), { code: "invalid_argument" });
  }
});

test("what is freed by a getter of what is passed is freed, and the module goes on", () => {
  const { alice, bob, bobs, alices } = pair({ suite: "classical" });
  const frees = (object, fields) => Object.defineProperties({}, Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, { enumerable: true, get: () => (object.free(), value) }])));
  const copies = () => [Peer.restore(bobs.snapshot()), Account.restore(alice.account.snapshot())];
  const [peer, account] = copies();
  assert.throws(() => peer.encrypt(frees(peer, { body: utf8("x") }), NOW), { code: "freed" });
  assert.throws(() => account.setLimits(frees(account, { session: {} })), { code: "freed" });
  const [other] = copies();
  assert.throws(() => other.setLimits(frees(other, { silence: 1_000 })), { code: "freed" });
  const expiry = evanesce.ExpiryScheduler.create(NOW);
  const [id, by] = [new Uint8Array(16), new Uint8Array(8)];
  assert.throws(() => expiry.set(id, frees(expiry, { kind: "onClose" }), by, NOW), { code: "freed" });
  const late = evanesce.ExpiryScheduler.create(NOW);
  assert.throws(() => late.deleted(id, frees(late, { wall: NOW })), { code: "freed" });
  const { message } = bobs.encrypt(utf8("still here"), NOW);
  assert.deepEqual(alices.decrypt(bob.account, message, NOW).received.body, utf8("still here"));
});

test("times are milliseconds that a Date can have", () => {
  const { bobs } = pair({ suite: "classical" });
  for (const time of [NaN, -1, Infinity, 8.64e15 + 1, "1800000000000", 1n, undefined, null, new Date()]) {
    assert.throws(() => bobs.encrypt(utf8("when?"), time), { code: "invalid_argument" });
  }
  for (const time of [NOW, NOW + 0.5, NOW + 1_000]) bobs.encrypt(utf8("then"), time);
  assert.throws(() => bobs.encrypt(utf8("far too late"), 8.64e15), { code: "needs_session" });
});

test("an array that lies about its length is taken for what it is", () => {
  const { bob, bobs, alices } = pair({ suite: "classical" });
  for (const [length, says] of [[1_000_000, 1], [10, 1_000_000], [10, -1], [10, NaN], [10, "x"]]) {
    const { message } = bobs.encrypt(liar(length, says), NOW);
    assert.equal(alices.decrypt(bob.account, message, NOW).received.body.length, length);
  }
});

test("a list is taken item by item, whatever it says of itself", () => {
  const { alices: [alice, tablet] } = households();
  const told = (events) => alice.own.to(alice.own.person).tellEvents(alice.contacts, events, 0, NOW);
  const events = () => [{ kind: "read", id: new Uint8Array(16) }];
  const lying = [];
  for (const name of ["map", "flatMap", "reduce", "filter", Symbol.iterator, "entries"]) {
    lying.push(Object.defineProperty(events(), name, { value: () => ({ length: 0, reduce: () => 1_000_000, *[Symbol.iterator]() {} }) }));
  }
  class Own extends Array {
    map() {
      return { length: 2 ** 31, reduce: () => 3, [Symbol.iterator]: () => events()[Symbol.iterator]() };
    }
  }
  lying.push(Own.from(events()));
  for (const list of lying) {
    const { messages } = told(list);
    assert.deepEqual(tablet.hear(alice, of(messages, tablet)).told.map(({ event }) => event.kind), ["read"]);
  }
  const proxies = [-1, 0.5, NaN, "1", 2 ** 60, undefined].map((length) =>
    new Proxy([], { get: (target, name) => (name === "length" ? length : target[name]) }));
  for (const list of [...proxies, new Array(3), [undefined], [{}]]) assert.throws(() => told(list), EvanesceError);
  const changes = { account: false, own: false, people: [], peers: [], tell: [1] };
  assert.throws(() => evanesce.allChanges(changes), { code: "invalid_argument" });
});

test("a detached or shared array is refused or copied", () => {
  const { bob, bobs, alices } = pair({ suite: "classical" });
  const detached = new Uint8Array(10);
  structuredClone(detached.buffer, { transfer: [detached.buffer] });
  refusesOrAnswers(() => bobs.encrypt(detached, NOW), "detached");
  const shared = new Uint8Array(new SharedArrayBuffer(10)).fill(7);
  const { message } = bobs.encrypt(shared, NOW);
  assert.deepEqual(alices.decrypt(bob.account, message, NOW).received.body, new Uint8Array(10).fill(7));
  assert.deepEqual(alices.decrypt(bob.account, bobs.encrypt(Buffer.from("buffer"), NOW).message, NOW).received.body, utf8("buffer"));
});

test("what is too large is refused, and nothing stops", () => {
  const { bob, bobs, alices } = pair({ suite: "classical" });
  assert.throws(() => bobs.encrypt(new Uint8Array(16 * 1_048_576), NOW), { code: "too_large" });
  assert.throws(() => bobs.encrypt(new Uint8Array(100_000_000), NOW), { code: "too_large" });
  const largest = new Uint8Array(15 * 1_048_576).fill(5);
  const { message } = bobs.encrypt(largest, NOW);
  assert.deepEqual(alices.decrypt(bob.account, message, NOW).received.body, largest);
  assert.throws(() => Account.generate("x".repeat(65), NOW), { code: "invalid_argument" });
  assert.throws(() => Account.generate("", NOW), { code: "invalid_argument" });
});

test("what is freed says so, and freeing twice is nothing", () => {
  const { bob, bobs } = pair({ suite: "classical" });
  bobs.free();
  bobs.free();
  assert.throws(() => bobs.encrypt(utf8("late"), NOW), { code: "freed" });
  assert.throws(() => bobs.snapshot(), { code: "freed" });
  const bundle = VerifiedBundle.verify(bob.server.handOut(), NOW);
  {
    const peer = new Peer("bob");
    peer.initiate(device("dave", { suite: "classical" }).account, bundle, NOW);
    assert.throws(() => bundle.suite, { code: "freed" });
    peer[Symbol.dispose]();
    assert.throws(() => peer.address, { code: "freed" });
  }
  bob.account.free();
  assert.throws(() => new Peer("alice").decrypt(bob.account, new Uint8Array(200), NOW), { code: "freed" });
});

test("thousands of refusals leave the module as it was", () => {
  const { bob, bobs, alices } = pair({ suite: "classical" });
  for (let index = 0; index < 20_000; index += 1) {
    assert.throws(() => alices.decrypt(bob.account, new Uint8Array(200).fill(0x11), NOW), EvanesceError);
  }
  const { message } = bobs.encrypt(utf8("still here"), NOW);
  assert.deepEqual(alices.decrypt(bob.account, message, NOW).received.body, utf8("still here"));
});
