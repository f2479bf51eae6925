// The store over IndexedDB: nothing leaves before it is stored, and what failed to be stored goes.

import assert from "node:assert/strict";
import { test } from "node:test";

import { IDBFactory, IDBKeyRange } from "fake-indexeddb";

import { NOW, device, evanesce, part } from "./package.js";

globalThis.IDBKeyRange = IDBKeyRange;
const { ExpiryScheduler, Peer, StorageKey, VerifiedBundle, conversationIdNamed, text, utf8 } = evanesce;
const { Store } = await part("store.js");
// There are no locks here: see package.js.
const soleHolder = true;

for (const key of [undefined, new StorageKey(new Uint8Array(32).fill(7))]) {
  const sealed = key === undefined ? "plain" : "sealed";

  test(`two tabs talk, each from what it stored (${sealed})`, async () => {
    const [alices, bobs] = [new IDBFactory(), new IDBFactory()];
    const [alice, bob] = [device("alice"), device("bob")];
    let store = await Store.open("account", { key, indexedDB: alices, soleHolder });
    assert.equal(await store.account(), undefined);
    const peer = new Peer("bob");
    peer.initiate(alice.account, VerifiedBundle.verify(bob.server.handOut(), NOW), NOW);
    await store.commit({ account: alice.account, peers: [peer] });
    await store.send(peer, utf8("Hello Bob"), NOW, [["messages/1", "Hello Bob"]]);
    store.close();

    // The tab is closed before anything was sent, and opened again.
    store = await Store.open("account", { key, indexedDB: alices, soleHolder });
    assert.deepEqual(await store.rows("messages/"), [["messages/1", "Hello Bob"]]);
    const wire = [];
    await assert.rejects(store.flush(async () => { throw new Error("no network"); }), { message: "no network" });
    await store.flush(async (to, message) => void wire.push([text(to), message]));
    assert.deepEqual(wire.map(([to]) => to), ["bob"]);
    assert.deepEqual(await store.outbox(), []);

    const other = await Store.open("account", { key, indexedDB: bobs, soleHolder });
    const delivered = await other.receive(bob.account, new Peer("alice"), wire[0][1], NOW, ({ received }) => [
      ["messages/1", text(received.body)],
    ]);
    assert.equal(delivered.beganSession, true);
    assert.equal(await other.row("messages/1"), "Hello Bob");
    const [account, restored] = [await other.account(), await other.peer("alice")];
    assert.deepEqual(account.device, bob.account.device);
    await assert.rejects(other.receive(account, restored, wire[0][1], NOW), { code: "duplicate" });
    restored.acceptRequest();
    await other.send(restored, utf8("Hello Alice"), NOW);
    const [answer] = await other.outbox();
    await store.receive(await store.account(), await store.peer("bob"), answer.message, NOW);
    store.close();
    other.close();
  });
}

test("what could not be stored is freed, and the store is as it was", async () => {
  const [alice, bob] = [device("alice"), device("bob")];
  const store = await Store.open("account", { indexedDB: new IDBFactory(), soleHolder });
  const peer = new Peer("bob");
  peer.initiate(alice.account, VerifiedBundle.verify(bob.server.handOut(), NOW), NOW);
  await store.commit({ account: alice.account, peers: [peer] });
  // No store takes a function.
  await assert.rejects(store.send(peer, utf8("lost"), NOW, [["messages/1", () => 1]]), { code: "store_failed" });
  assert.throws(() => peer.address, { code: "freed" });
  assert.deepEqual([await store.outbox(), await store.rows()], [[], []]);
  const again = await store.peer("bob");
  await store.send(again, utf8("kept"), NOW, [["messages/1", "kept"]]);
  const [{ message }] = await store.outbox();
  const bobsPeer = new Peer("alice");
  assert.equal(text(bobsPeer.decrypt(bob.account, message, NOW).received.body), "kept");
  await store.send(again, utf8("another"), NOW);

  // What the application makes of a message belongs to the transaction too.
  const bobs = await Store.open("other", { indexedDB: new IDBFactory(), soleHolder });
  const another = (await store.outbox())[1].message;
  await assert.rejects(
    bobs.receive(bob.account, bobsPeer, another, NOW, () => { throw new Error("mine"); }),
    ({ code, cause }) => code === "store_failed" && cause.message === "mine",
  );
  assert.throws(() => bobsPeer.address, { code: "freed" });
});

test("a refusal is noted and stored before it is thrown", async () => {
  const [alice, bob] = [device("alice"), device("bob")];
  const store = await Store.open("account", { indexedDB: new IDBFactory(), soleHolder });
  const first = new Peer("bob");
  first.initiate(alice.account, VerifiedBundle.verify(bob.server.handOut(), NOW), NOW);
  const peer = new Peer("alice");
  await store.receive(bob.account, peer, first.encrypt(utf8("one"), NOW).message, NOW);
  peer.acceptRequest();
  const other = new Peer("bob");
  other.initiate(device("alice").account, VerifiedBundle.verify(bob.server.handOut(), NOW), NOW);
  await assert.rejects(store.receive(bob.account, peer, other.encrypt(utf8("?"), NOW).message, NOW), { code: "identity_changed" });
  assert.notEqual((await store.peer("alice")).undecidedDevice, undefined);
});

test("the rows of a scheduler go along, and come back", async () => {
  const [me, chat] = [new Uint8Array(8).fill(1), conversationIdNamed(utf8("bob"))];
  for (const key of [undefined, new StorageKey(new Uint8Array(32).fill(7))]) {
    const store = await Store.open("account", { key, indexedDB: new IDBFactory(), soleHolder });
    assert.equal(await store.scheduler(), undefined);
    const expiry = ExpiryScheduler.create(NOW);
    await store.commit({ effects: { writes: expiry.records, events: [], tell: [] }, scheduler: expiry });
    await store.commit({ effects: expiry.set(chat, { kind: "afterRead", ttl: 60_000 }, me, NOW), scheduler: expiry });
    const restored = await store.scheduler();
    assert.deepEqual(restored.setting(chat), expiry.setting(chat));
  }
});

/** A store with Alice in it, who has begun with Bob, and what Bob's side is. */
async function stored(options = {}) {
  const [alice, bob] = [device("alice"), device("bob")];
  const indexedDB = new IDBFactory();
  const store = await Store.open("account", { indexedDB, soleHolder, ...options });
  const peer = new Peer("bob");
  peer.initiate(alice.account, VerifiedBundle.verify(bob.server.handOut(), NOW), NOW);
  await store.commit({ account: alice.account, peers: [peer] });
  return { alice, bob, indexedDB, store, peer, alices: new Peer("alice") };
}

/** A function is no value that IndexedDB takes. */
const UNSTORABLE = [["row", () => 1]];

test("another key, one too many and none refuse the store, in place of showing it empty", async () => {
  const [key, other] = [1, 2].map((byte) => new StorageKey(new Uint8Array(32).fill(byte)));
  for (const [its, wrong] of [[key, other], [key, undefined], [undefined, key]]) {
    const { indexedDB, store } = await stored({ key: its });
    store.close();
    await assert.rejects(Store.open("account", { key: wrong, indexedDB, soleHolder }), { code: "undecryptable" });
    const again = await Store.open("account", { key: its, indexedDB, soleHolder });
    assert.notEqual(await again.account(), undefined);
  }
});

test("calls that are made at once take their turns, and what comes behind a failed one fails too", async () => {
  const { bob, store, peer, alices, indexedDB } = await stored();
  const sent = await Promise.all(["one", "two", "three"].map((body) => store.send(peer, utf8(body), NOW)));
  const outbox = await store.outbox();
  assert.deepEqual(outbox.map(({ message }) => message), sent.map(({ message }) => message));

  const bobs = await Store.open("bobs", { indexedDB, soleHolder });
  const [first, second] = await Promise.allSettled([
    bobs.receive(bob.account, alices, outbox[0].message, NOW, () => UNSTORABLE),
    bobs.receive(bob.account, alices, outbox[1].message, NOW),
  ]);
  assert.deepEqual([first.reason.code, second.reason.code], ["store_failed", "freed"]);
  // Nothing of them counts: they are there to be had again.
  assert.deepEqual([await bobs.account(), await bobs.peer("alice")], [undefined, undefined]);

  // A commit that waited is of what is freed as well.
  const results = await Promise.allSettled([store.send(peer, utf8("lost"), NOW, UNSTORABLE), store.commit({ peers: [peer] })]);
  assert.deepEqual(results.map(({ reason }) => reason.code), ["store_failed", "freed"]);
  assert.equal((await store.outbox()).length, 3);
  const restored = await store.peer("bob");
  await store.send(restored, utf8("four"), NOW);
});

test("what is changed after a call was made is not what it takes", async () => {
  const { bob, store, peer, alices } = await stored();
  const [body, row] = [utf8("as it was"), ["row", "as it was"]];
  const before = store.commit({ peers: [peer] });
  const sending = store.send(peer, body, NOW, [row]);
  body.fill(0);
  row[1] = "another";
  await before;
  const { message } = await sending;
  assert.equal(text(alices.decrypt(bob.account, message, NOW).received.body), "as it was");
  assert.equal(await store.row("row"), "as it was");
});

test("a scheduler whose effects were not stored is freed, and one that is asked in its turn is not ahead", async () => {
  const { bob, store, peer, alices } = await stored();
  const [me, chat] = [new Uint8Array(8).fill(1), conversationIdNamed(utf8("bob"))];
  const scheduler = ExpiryScheduler.create(NOW);
  await store.commit({ effects: { writes: scheduler.records, events: [], tell: [] }, scheduler });
  const set = (it, ttl) => it.set(chat, { kind: "afterRead", ttl }, me, NOW);
  await store.commit({ effects: set(scheduler, 60_000), scheduler });

  // It waits behind one that fails: what it was asked is of a state that nobody stores.
  const results = await Promise.allSettled([
    store.commit({ effects: set(scheduler, 5_000), scheduler, rows: UNSTORABLE }),
    store.commit({ effects: set(scheduler, 9_000), scheduler }),
  ]);
  assert.deepEqual(results.map(({ reason }) => reason.code), ["store_failed", "freed"]);
  assert.throws(() => scheduler.setting(chat), { code: "freed" });
  const restored = await store.scheduler();
  assert.equal(restored.setting(chat).policy.ttl, 60_000);

  // A message that is refused asks nothing.
  const asked = { scheduler: restored, effects: () => set(restored, 7_000) };
  await assert.rejects(store.send(new Peer("nobody"), utf8("x"), NOW, [], asked), { code: "needs_session" });
  assert.equal(restored.setting(chat).policy.ttl, 60_000);
  await store.send(peer, utf8("x"), NOW, [], asked);
  assert.equal((await store.scheduler()).setting(chat).policy.ttl, 7_000);

  // One that was asked before is ahead.
  const early = { scheduler: restored, effects: set(restored, 8_000) };
  await assert.rejects(store.send(new Peer("nobody"), utf8("x"), NOW, [], early), { code: "needs_session" });
  assert.throws(() => restored.setting(chat), { code: "freed" });

  // What came in says its stamp once it is open.
  const arrived = ExpiryScheduler.create(NOW);
  const [{ message }] = await store.outbox();
  const bobs = await Store.open("bobs", { indexedDB: new IDBFactory(), soleHolder });
  const effects = ({ received, author }) => {
    const id = new Uint8Array(16).fill(3);
    return arrived.received({ id, conversation: chat, author: evanesce.memberTag(author) }, received.stamp, 0, NOW).effects;
  };
  await bobs.receive(bob.account, alices, message, NOW, () => [], { effects, scheduler: arrived });
  await assert.rejects(bobs.receive(bob.account, alices, message, NOW, () => [], { effects: () => ({}) }), { code: "invalid_argument" });
});

test("three quick messages are transmitted three times", async () => {
  const { store, peer } = await stored();
  const sent = [];
  const transmit = async (_, message) => {
    await new Promise(setImmediate);
    sent.push(message);
  };
  await Promise.all([1, 2, 3].map(async (number) => {
    await store.send(peer, Uint8Array.of(number), NOW);
    await store.flush(transmit);
  }));
  assert.equal(sent.length, 3);
  await store.send(peer, utf8("x"), NOW);
  const results = await Promise.allSettled([store.flush(() => { throw new Error("no network"); }), store.flush(transmit)]);
  assert.deepEqual(results.map(({ status }) => status), ["rejected", "fulfilled"]);
  assert.equal(sent.length, 4);
});

test("whom a message in the outbox is for is sealed with it", async () => {
  const key = new StorageKey(new Uint8Array(32).fill(7));
  const { store, peer, indexedDB } = await stored({ key });
  await store.send(peer, utf8("one"), NOW);
  await store.send(peer, utf8("two"), NOW);
  assert.deepEqual((await store.outbox()).map(({ to }) => text(to)), ["bob", "bob"]);
  store.close();
  const database = await opened(indexedDB);
  const outbox = () => database.transaction(["outbox"], "readwrite").objectStore("outbox");
  const rows = await answer(outbox().getAll());
  assert.ok(rows.every(({ to }) => !Buffer.from(to).includes("bob") && to.length === rows[0].to.length));
  await answer(outbox().put({ ...rows[0], to: rows[1].to }));
  database.close();
  const again = await Store.open("account", { key, indexedDB, soleHolder });
  await assert.rejects(again.outbox(), { code: "undecryptable" });
});

test("without locks a store opens only for who is its sole holder", async () => {
  await assert.rejects(Store.open("account", { indexedDB: new IDBFactory() }), { code: "no_locks" });
  await assert.rejects(Store.open("account", { indexedDB: new IDBFactory(), soleHolder: 1 }), { code: "invalid_argument" });
});

test("a store that is refused, or closed, lets go of its lock", async () => {
  const taken = new Set();
  const request = async (name, { ifAvailable }, grant) => {
    assert.equal(ifAvailable, true);
    if (taken.has(name)) return grant(null);
    taken.add(name);
    return Promise.resolve(grant({ name })).finally(() => taken.delete(name));
  };
  const before = Object.getOwnPropertyDescriptor(globalThis, "navigator");
  Object.defineProperty(globalThis, "navigator", { value: { locks: { request } }, configurable: true });
  try {
    const [indexedDB, key] = [new IDBFactory(), new StorageKey(new Uint8Array(32))];
    const store = await Store.open("account", { indexedDB });
    await assert.rejects(Store.open("account", { indexedDB }), { code: "store_in_use" });
    store.close();
    await new Promise(setImmediate);
    await assert.rejects(Store.open("account", { indexedDB, key }), { code: "undecryptable" });
    const broken = { open: () => { throw new RangeError("no room"); } };
    await new Promise(setImmediate);
    await assert.rejects(Store.open("account", { indexedDB: broken }), { code: "store_failed" });
    await new Promise(setImmediate);
    (await Store.open("account", { indexedDB })).close();
    await new Promise(setImmediate);
    assert.equal(taken.size, 0);
  } finally {
    if (before === undefined) delete globalThis.navigator;
    else Object.defineProperty(globalThis, "navigator", before);
  }
});

test("the lock of a page that was left just now is waited for", async () => {
  let asked = 0;
  const request = async (name, { ifAvailable }, grant) => {
    assert.equal(ifAvailable, true);
    asked += 1;
    return grant(asked < 3 ? null : { name });
  };
  const before = Object.getOwnPropertyDescriptor(globalThis, "navigator");
  Object.defineProperty(globalThis, "navigator", { value: { locks: { request } }, configurable: true });
  try {
    (await Store.open("account", { indexedDB: new IDBFactory() })).close();
    assert.equal(asked, 3);
  } finally {
    if (before === undefined) delete globalThis.navigator;
    else Object.defineProperty(globalThis, "navigator", before);
  }
});

test("who was followed by another holder writes no more", async () => {
  const { store, peer, indexedDB } = await stored();
  const later = await Store.open("account", { indexedDB, soleHolder });
  await assert.rejects(store.send(peer, utf8("too late"), NOW), { code: "store_closed" });
  assert.throws(() => peer.address, { code: "freed" });
  assert.deepEqual(await later.outbox(), []);
  await later.send(await later.peer("bob"), utf8("in time"), NOW);
  assert.equal((await later.outbox()).length, 1);
});

test("a lock that is stolen closes the store, and so does a database that is to be deleted", async () => {
  let steal;
  const locks = { request: (name, _, grant) => Promise.race([grant({ name }), new Promise((_, reject) => (steal = reject))]) };
  const before = Object.getOwnPropertyDescriptor(globalThis, "navigator");
  Object.defineProperty(globalThis, "navigator", { value: { locks }, configurable: true });
  try {
    const { store, peer } = await stored({ soleHolder: false });
    steal(new DOMException("stolen", "AbortError"));
    await new Promise(setImmediate);
    await everyCallSays(store, peer);
  } finally {
    if (before === undefined) delete globalThis.navigator;
    else Object.defineProperty(globalThis, "navigator", before);
  }
  const { store, peer, indexedDB } = await stored();
  await answer(indexedDB.deleteDatabase("account"));
  await everyCallSays(store, peer);
  const other = await stored();
  other.store.close();
  await everyCallSays(other.store, other.peer);
});

async function everyCallSays(store, peer) {
  const { alice, bob } = { alice: device("alice"), bob: device("bob") };
  const calls = [
    () => store.account(), () => store.peer("bob"), () => store.scheduler(), () => store.row("x"), () => store.rows(),
    () => store.outbox(), () => store.flush(() => {}), () => store.send(peer, utf8("x"), NOW),
    () => store.receive(alice.account, peer, new Uint8Array(200), NOW), () => store.commit({ account: bob.account }),
  ];
  for (const call of calls) await assert.rejects(call, { code: "store_closed" });
  // What was not begun has changed nothing; what was to be committed is ahead.
  assert.equal(text(peer.address), "bob");
  assert.throws(() => bob.account.device, { code: "freed" });
  store.close();
}

test("whatever is passed to a store is refused before anything changes", async () => {
  const { store, peer, alice } = await stored();
  const before = peer.snapshot();
  const message = new Uint8Array(200);
  for (const call of [
    () => store.send(peer, "text", NOW), () => store.send(peer, utf8("x"), "now"), () => store.send({}, utf8("x"), NOW),
    () => store.send(peer, utf8("x"), NOW, [[1, 2]]), () => store.send(peer, utf8("x"), NOW, [], null),
    () => store.send(peer, utf8("x"), NOW, [], { effects: () => ({}) }), () => store.send(peer, utf8("x"), NOW, [], { ad: 1 }),
    () => store.receive({}, peer, message, NOW), () => store.receive(alice.account, {}, message, NOW),
    () => store.receive(alice.account, peer, "message", NOW), () => store.receive(alice.account, peer, message, NOW, 5),
    () => store.commit(null), () => store.commit({ account: peer }), () => store.commit({ peers: [{}] }),
    () => store.commit({ peers: [peer], outgoing: [{ to: "", message }] }), () => store.commit({ peers: [peer], rows: [[1, 2]] }),
    () => store.commit({ peers: [peer], scheduler: {} }), () => store.commit({ peers: [peer], effects: { writes: [{ key: 1 }] } }),
    () => store.peer(5), () => store.row(5), () => store.rows(5), () => store.flush(5), () => Store.open(5),
  ]) await assert.rejects(call, { code: "invalid_argument" });
  assert.deepEqual(peer.snapshot(), before);
});

function answer(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function opened(indexedDB) {
  return answer(indexedDB.open("account", 1));
}
