// The store over IndexedDB: nothing leaves before it is stored, and what failed to be stored goes.

import assert from "node:assert/strict";
import { test } from "node:test";

import { IDBFactory, IDBKeyRange } from "fake-indexeddb";

import { NOW, device, evanesce, part } from "./package.js";

globalThis.IDBKeyRange = IDBKeyRange;
const { ExpiryScheduler, Peer, StorageKey, VerifiedBundle, conversationIdNamed, text, utf8 } = evanesce;
const { Store } = await part("store.js");
// There are no locks in Node 20.
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
    await store.commit({ effects: { writes: expiry.records, events: [], tell: [] } });
    await store.commit({ effects: expiry.set(chat, { kind: "afterRead", ttl: 60_000 }, me, NOW) });
    const restored = await store.scheduler();
    assert.deepEqual(restored.setting(chat), expiry.setting(chat));
  }
});
