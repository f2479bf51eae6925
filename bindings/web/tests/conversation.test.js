// Two devices talk: what is said arrives, what changed is said, and what is stored comes back.

import assert from "node:assert/strict";
import { test } from "node:test";

import { NOW, device, evanesce, pair } from "./package.js";

const { Account, EvanesceError, Peer, SafetyNumber, Stamp, StorageKey, VerifiedBundle, text, utf8 } = evanesce;

test("a message goes each way, and each call says what to store", () => {
  const [alice, bob] = [device("user-17/device-1"), device("user-23/device-1")];
  const bobsPhone = new Peer("user-23/device-1");
  assert.equal(bobsPhone.sessionNeed(NOW), "noSession");
  const begun = bobsPhone.initiate(alice.account, VerifiedBundle.verify(bob.server.handOut(), NOW), NOW);
  assert.deepEqual([begun.account, begun.peer], [false, true]);
  const sent = bobsPhone.encrypt(utf8("Hello Bob"), NOW);
  assert.deepEqual([sent.changes.account, sent.changes.peer, sent.sessionNeed], [false, true, undefined]);

  const alicesLaptop = new Peer("user-17/device-1");
  const delivered = alicesLaptop.decrypt(bob.account, sent.message, NOW);
  assert.equal(text(delivered.received.body), "Hello Bob");
  assert.equal(delivered.beganSession, true);
  assert.deepEqual(delivered.author, alice.account.device.identity);
  assert.deepEqual([delivered.changes.account, delivered.changes.peer], [true, true]);
  assert.equal(delivered.changes.spentPrekey.kind, "oneTime");
  assert.equal(alicesLaptop.contact.kind, "request");
  assert.throws(() => alicesLaptop.encrypt(utf8("too soon"), NOW), { code: "request" });
  assert.equal(alicesLaptop.acceptRequest().peer, true);
  const answer = alicesLaptop.encrypt(utf8("Hello Alice"), NOW);
  assert.equal(text(bobsPhone.decrypt(alice.account, answer.message, NOW).received.body), "Hello Alice");
});

test("what is stored comes back, plain and sealed, and goes on", () => {
  const { alice, bob, bobs, alices } = pair();
  const key = new StorageKey(crypto.getRandomValues(new Uint8Array(32)));
  const row = key.rowName(utf8("peers/bob"));
  const restored = Peer.unseal(bobs.seal(key, row), key, row);
  const account = Account.restore(alice.account.snapshot());
  const { message } = alices.encrypt(utf8("still here"), NOW);
  assert.equal(text(restored.decrypt(account, message, NOW).received.body), "still here");
  assert.deepEqual(account.device, alice.account.device);
  assert.throws(() => Peer.unseal(bobs.seal(key, row), key, utf8("elsewhere")), { code: "undecryptable" });
  assert.throws(() => Account.restore(bobs.snapshot()), { code: "wrong_kind" });
  assert.throws(() => Account.unseal(bobs.seal(key), key), { code: "wrong_kind" });
  const damaged = bob.account.snapshot();
  damaged[damaged.length - 1] ^= 1;
  assert.throws(() => Account.restore(damaged), { code: "corrupt" });
});

test("a refusal changes nothing, is noted, and a session that was lost is begun anew", () => {
  const { alice, bob, bobs, alices } = pair();
  const lost = bobs.encrypt(utf8("lost"), NOW).message;
  const before = alices.snapshot();
  const altered = lost.slice();
  altered[altered.length - 1] ^= 1;
  assert.throws(() => alices.decrypt(bob.account, altered, NOW), { code: "undecryptable" });
  assert.deepEqual(alices.snapshot(), before);
  alices.decrypt(bob.account, lost, NOW);
  assert.throws(() => alices.decrypt(bob.account, lost, NOW), { code: "duplicate" });

  const { message } = alices.encrypt(utf8("for one who forgot"), NOW);
  bobs.dropSessions();
  const refusal = thrown(() => bobs.decrypt(alice.account, message, NOW));
  assert.ok(refusal instanceof EvanesceError && refusal.mayMeanLostSession);
  bobs.noteRefusal(message, refusal, NOW);
  assert.equal(bobs.sessionNeed(NOW), "lost");
});

test("another identity is refused, told, and taken once the user agrees", () => {
  const { alice, bob, bobs, alices } = pair();
  const anew = device("alice");
  const other = new Peer("bob");
  other.initiate(anew.account, VerifiedBundle.verify(bob.server.handOut(), NOW), NOW);
  const { message } = other.encrypt(utf8("my new phone"), NOW);
  const refusal = thrown(() => alices.decrypt(bob.account, message, NOW));
  assert.equal(refusal.code, "identity_changed");
  assert.deepEqual(refusal.identity, anew.account.device.identity);
  alices.noteRefusal(message, refusal, NOW);
  assert.deepEqual(alices.undecidedDevice.identity, refusal.identity);
  assert.throws(() => alices.encrypt(utf8("?"), NOW), { code: "identity_undecided" });
  alices.acceptIdentity(refusal.identity);
  assert.equal(text(alices.decrypt(bob.account, message, NOW).received.body), "my new phone");
  void bobs, alice;
});

test("safety numbers are the same on both sides, and another device's are not", () => {
  const [alice, bob, eve] = ["alice", "bob", "eve"].map((name) => device(name).account.device);
  const [ours, theirs] = [SafetyNumber.between(alice, bob), SafetyNumber.between(bob, alice)];
  assert.equal(ours.digits, theirs.digits);
  assert.match(String(ours), /^(\d{5} ){11}\d{5}$/);
  assert.ok(ours.matches(String(theirs)));
  ours.verifyScanned(theirs.scannable);
  assert.throws(() => ours.verifyScanned(SafetyNumber.between(eve, alice).scannable), { code: "mismatch" });
  assert.throws(() => ours.verifyScanned(new Uint8Array(3)), { code: "malformed" });
});

test("a stamp travels inside, and says what it said", () => {
  const { alice, bob, bobs, alices } = pair();
  const stamp = Stamp.none().withPolicy({ kind: "afterRead", ttl: 60_000 }).withOpens("once");
  const { message } = bobs.encrypt({ body: utf8("read me"), stamp }, NOW, utf8("chat 7"));
  assert.throws(() => alices.decrypt(bob.account, message, NOW), { code: "undecryptable" });
  const { received } = alices.decrypt(bob.account, message, NOW, utf8("chat 7"));
  assert.deepEqual(received.stamp.ownPolicy, { kind: "afterRead", ttl: 60_000 });
  assert.equal(received.stamp.opens, "once");
  assert.deepEqual(Stamp.decode(received.stamp.encode()).encode(), stamp.encode());
  void alice;
});

test("bare sessions talk without a peer, also after a handshake of one's own", () => {
  const { RatchetKeyPair, Session } = evanesce;
  const [alice, bob] = [device("alice"), device("bob")];
  const ours = alice.account.initiate(VerifiedBundle.verify(bob.server.handOut(), NOW));
  const accepted = bob.account.accept(ours.encrypt(utf8("one")).message, NOW);
  assert.equal(text(accepted.received.body), "one");
  assert.deepEqual(accepted.session.id, ours.id);
  assert.deepEqual([ours.role, accepted.session.role], ["initiator", "responder"]);

  const pair = RatchetKeyPair.generate();
  const handshake = { secret: new Uint8Array(32).fill(9), initiator: alice.account.device, responder: bob.account.device };
  const begun = Session.initiateExternal(handshake, pair.publicKey);
  const taken = Session.acceptExternal(handshake, pair);
  assert.throws(() => taken.encrypt(utf8("first?")), { code: "waiting" });
  assert.equal(text(taken.decrypt(begun.encrypt(utf8("two")).message, NOW).body), "two");
  assert.throws(() => pair.publicKey, { code: "freed" });
});

function thrown(call) {
  try {
    call();
  } catch (error) {
    return error;
  }
  assert.fail("it does not throw");
}
