// Each code can be met: those that no other test here meets, and that there is no other.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { resolve } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

import { IDBFactory } from "fake-indexeddb";

import { NOW, device, evanesce, pair, part } from "./package.js";

const { ExpiryScheduler, OwnDevices, Peer, Stamp, VerifiedBundle, conversationIdNamed, messageIdBy, readUpload, utf8 } = evanesce;

const CLASSICAL = { suite: "classical" };

/** What a program prints that tries something before the module is there. */
function inAnotherProcess(file, before, work) {
  const directory = process.env.EVANESCE_PACKAGE ?? resolve(import.meta.dirname, "../pkg");
  const url = pathToFileURL(resolve(directory, "dist", file)).href;
  const program = `${before}; import("${url}").then((it) => { ${work} }).catch(({ code }) => console.log(code));`;
  return execFileSync(process.execPath, ["--eval", program], { encoding: "utf8" }).trim();
}

test("before it is loaded everything says so", () => {
  assert.equal(inAnotherProcess("manual.js", "", 'it.Account.generate("a", 0)'), "not_loaded");
  assert.equal(inAnotherProcess("manual.js", "", "it.conversationIdNamed(new Uint8Array(1))"), "not_loaded");
});

test("without randomness nothing is loaded", () => {
  const without = 'Object.defineProperty(globalThis, "crypto", { value: undefined })';
  assert.equal(inAnotherProcess("node.js", without, ""), "no_randomness");
});

test("a second tab does not get the store", async () => {
  const held = new Set();
  const locks = {
    request: async (name, _, grant) => {
      if (held.has(name)) return grant(null);
      held.add(name);
      return grant({ name }).finally(() => held.delete(name));
    },
  };
  const before = Object.getOwnPropertyDescriptor(globalThis, "navigator");
  Object.defineProperty(globalThis, "navigator", { value: { locks }, configurable: true });
  try {
    const [{ Store }, indexedDB] = [await part("store.js"), new IDBFactory()];
    const store = await Store.open("account", { indexedDB });
    await assert.rejects(Store.open("account", { indexedDB }), { code: "store_in_use" });
    store.close();
    await new Promise(setImmediate);
    (await Store.open("account", { indexedDB })).close();
  } finally {
    if (before === undefined) delete globalThis.navigator;
    else Object.defineProperty(globalThis, "navigator", before);
  }
});

test("a peer that was refused, and one that went back", () => {
  const { bob, bobs, alices } = pair(CLASSICAL);
  const older = Peer.restore(bobs.snapshot());
  alices.decrypt(bob.account, bobs.encrypt(utf8("one"), NOW).message, NOW);
  assert.throws(() => alices.decrypt(bob.account, older.encrypt(utf8("other"), NOW).message, NOW), { code: "number_reused" });
  alices.refuse();
  assert.throws(() => alices.decrypt(bob.account, bobs.encrypt(utf8("two"), NOW).message, NOW), { code: "refused" });
});

test("who is somewhere else, or nobody else", () => {
  const { alice, bob, bobs, alices } = pair(CLASSICAL);
  const first = (account, server) => {
    const peer = new Peer("bob");
    peer.initiate(account, VerifiedBundle.verify(server.handOut(), NOW), NOW);
    return peer.encrypt(utf8("first"), NOW).message;
  };
  assert.throws(() => new Peer("mallory").decrypt(bob.account, first(alice.account, bob.server), NOW), { code: "other_address" });
  assert.throws(() => alices.decryptEstablished(first(alice.account, bob.server), NOW), { code: "needs_account" });
  const own = VerifiedBundle.verify(alice.server.handOut(), NOW);
  assert.throws(() => new Peer("alice").initiate(alice.account, own, NOW), { code: "own_device" });
  assert.equal(own.suite, "classical", "a bundle that was refused is not used up");
  alice.account.changeAddress("alice's new one", NOW);
  bobs.ownAddressChanged();
  const moved = first(alice.account, bob.server);
  assert.throws(() => alices.decrypt(bob.account, moved, NOW), { code: "address_changed" });
  alices.changeAddress("alice's new one", NOW);
  alices.decrypt(bob.account, moved, NOW);
});

test("too many handshakes without a one-time prekey", () => {
  const alice = device("alice", CLASSICAL).account;
  const bob = evanesce.Account.generate("bob", NOW, CLASSICAL);
  const bundle = Uint8Array.from([...readUpload(bob.maintain(undefined, NOW).upload).signedPart, 0]);
  const first = () => alice.initiate(VerifiedBundle.verify(bundle, NOW)).encrypt(utf8("first")).message;
  const repeated = first();
  bob.accept(repeated, NOW);
  for (let number = 1; number < 1_024; number += 1) bob.accept(first(), NOW).session.free();
  assert.throws(() => bob.accept(repeated, NOW), { code: "replayed" });
  assert.throws(() => bob.accept(first(), NOW), { code: "replay_record_full" });
});

test("what may be opened once, and cannot be yet, or is one's own", () => {
  const expiry = ExpiryScheduler.create(NOW);
  const [once, conversation, author] = [Stamp.none().withOpens("once"), conversationIdNamed(utf8("bob")), new Uint8Array(8)];
  const id = (number) => messageIdBy(author, Uint8Array.of(number));
  expiry.received({ id: id(1), conversation, author, awaitingMedia: true }, once, 0, NOW);
  assert.throws(() => expiry.open(id(1), NOW), { code: "not_ready" });
  expiry.queued({ id: id(2), conversation, author }, once, NOW);
  assert.throws(() => expiry.open(id(2), NOW), { code: "ours" });
  expiry.catchingUp(NOW);
  expiry.received({ id: id(3), conversation, author }, once, 0, NOW);
  assert.throws(() => expiry.open(id(3), NOW), { code: "withheld" });
});

test("an owner whose lists have the last version signs no more", () => {
  const { account } = device("alice", CLASSICAL);
  const own = new OwnDevices(account);
  const { bytes } = own.refresh(account, NOW);
  // Only who holds the key could sign one. A snapshot has the list that was verified, and a check behind all of it.
  const snapshot = Buffer.from(own.snapshot());
  snapshot.fill(0xff, snapshot.indexOf(bytes) + 65, snapshot.indexOf(bytes) + 69);
  const framed = snapshot.subarray(0, -16);
  createHash("sha256").update("evanesce/v1 stored state").update(framed).digest().copy(snapshot, framed.length, 0, 16);
  const last = OwnDevices.restore(snapshot);
  assert.equal(last.person.list.version, 2 ** 32 - 1);
  assert.throws(() => last.refresh(account, NOW + 8 * 86_400_000), { code: "versions_used_up" });
});

test("every code is met by a test or by a known answer", () => {
  const source = readFileSync(resolve(import.meta.dirname, "../ts/errors.ts"), "utf8");
  const codes = source.slice(source.indexOf("export type ErrorCode")).split(";")[0].match(/(?<=")\w+(?=")/g);
  const vectors = resolve(import.meta.dirname, "../../../tests/vectors");
  const read = (directory, pattern) =>
    readdirSync(directory).filter((name) => pattern.test(name)).map((name) => readFileSync(resolve(directory, name), "utf8"));
  const met = [...read(import.meta.dirname, /\.js$/), ...read(vectors, /conversation|^(pieces|reports|attachments|devices.*|groups.*)\.json/)].join("");
  assert.ok(codes.length > 40);
  assert.deepEqual(codes.filter((code) => !met.includes(`"${code}"`) && code !== "other"), []);
});
