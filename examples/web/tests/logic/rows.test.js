// State at rest: under a key that the browser holds, each row in its own place.

import assert from "node:assert/strict";
import { test } from "node:test";

import { StorageKey, utf8 } from "evanesce";
import { IDBFactory, IDBKeyRange } from "fake-indexeddb";

import { Chat } from "../../chat/chat.js";
import { namedBy } from "../../chat/names.js";
import { openRow, rowName, sealRow } from "../../chat/rows.js";
import { storageKey } from "../../chat/storage-key.js";

globalThis.IDBKeyRange ??= IDBKeyRange;
// Locks go by a name alone, and here each of one name has a database of their own: what later Nodes have of locks is not for them.
Object.defineProperty(globalThis, "navigator", { value: undefined, configurable: true });

const request = (asked) => new Promise((resolve, reject) => {
  asked.onsuccess = () => resolve(asked.result);
  asked.onerror = () => reject(asked.error);
});

/** What is held of an account's key. */
async function heldKey(factory, account) {
  const database = await request(factory.open("evanesce chat keys", 1));
  const held = await request(database.transaction("keys").objectStore("keys").get(account));
  database.close();
  return held;
}

test("the storage key is wrapped by one that cannot be carried away, and is the same each time", async () => {
  const factory = new IDBFactory();
  const sealed = (await storageKey("alice", factory)).seal(utf8("secret"), 64);
  assert.deepEqual((await storageKey("alice", factory)).open(sealed, 64), utf8("secret"));
  const { wrapping, wrapped } = await heldKey(factory, "alice");
  assert.equal(wrapping.extractable, false);
  await assert.rejects(crypto.subtle.exportKey("raw", wrapping));
  assert.equal(wrapped.length, 32 + 16);
  assert.throws(() => new StorageKey(wrapped.slice(0, 32)).open(sealed, 64), { code: "undecryptable" });
});

test("a wrapped key opens for its own account alone", async () => {
  const factory = new IDBFactory();
  await storageKey("alice", factory);
  const held = await heldKey(factory, "alice");
  const database = await request(factory.open("evanesce chat keys", 1));
  await request(database.transaction("keys", "readwrite").objectStore("keys").add(held, "bob"));
  database.close();
  await assert.rejects(storageKey("bob", factory));
});

test("a row opens in its own place, and says all that was put in", () => {
  const key = new StorageKey(new Uint8Array(32).fill(7));
  const [one, other] = [rowName(key, "contact", "alice"), rowName(key, "contact", "bob")];
  const value = { name: "alice", bytes: Uint8Array.of(0, 255, 7), none: undefined, nested: { list: [1, "two"] } };
  const sealed = sealRow(key, "contact", one, value);
  assert.deepEqual(openRow(key, "contact", one, sealed), { name: "alice", bytes: Uint8Array.of(0, 255, 7), nested: { list: [1, "two"] } });
  assert.throws(() => openRow(key, "contact", other, sealed), { code: "undecryptable" });
  assert.throws(() => openRow(key, "message", one, sealed), { code: "wrong_kind" });
});

test("a fragment of an address names somebody, or nobody", () => {
  for (const [fragment, name] of [["#bob", "bob"], ["#a.b-c_1", "a.b-c_1"], ["", undefined], ["#", undefined], ["#%", undefined], ["#%62ob", undefined]]) {
    assert.equal(namedBy(fragment), name);
  }
});

test("an account whose key is gone is refused, and left as it is", async () => {
  const factory = new IDBFactory();
  const options = { indexedDB: factory, soleHolder: true, clock: () => 1_800_000_000_000 };
  const chat = await Chat.open("alice", options);
  await chat.meet("bob");
  await chat.close();
  await request(factory.deleteDatabase("evanesce chat keys"));
  await assert.rejects(Chat.open("alice", options), { code: "undecryptable" });
});
