// Disappearing messages through the package: two schedulers agree, and what is due is said once it is.

import assert from "node:assert/strict";
import { test } from "node:test";

import { NOW, evanesce } from "./package.js";

const {
  ContentKey, ExpiryScheduler, Stamp, StorageKey, allEffects, conversationIdNamed, messageIdBy, openRecord, sealRecord, utf8,
} = evanesce;

const [ALICE, BOB] = [new Uint8Array(8).fill(1), new Uint8Array(8).fill(2)];
const [WITH_BOB, WITH_ALICE] = ["bob", "alice"].map((name) => conversationIdNamed(utf8(name)));
const SECOND = 1_000;

const id = (number) => messageIdBy(ALICE, Uint8Array.of(number));
const message = (number, conversation, rest = {}) => ({ id: id(number), conversation, author: ALICE, ...rest });

test("a timer travels in the stamp, and both copies end by it", () => {
  const [alices, bobs] = [ExpiryScheduler.create(NOW), ExpiryScheduler.create(NOW)];
  const set = alices.set(WITH_BOB, { kind: "afterRead", ttl: 60 * SECOND }, ALICE, NOW);
  assert.ok(set.writes.length > 0);
  assert.deepEqual(set.tell[0].kind, "setting");
  const stamp = alices.stamp(WITH_BOB);
  assert.deepEqual(stamp.setting, { version: 1n, policy: { kind: "afterRead", ttl: 60 * SECOND }, by: ALICE });
  assert.equal(alices.queued(message(1, WITH_BOB), stamp, NOW + SECOND).verdict, "keep");
  alices.sent(id(1), 0, NOW + 2 * SECOND);

  const arrival = bobs.received(message(1, WITH_ALICE, { parts: ["notification"] }), stamp, 0, NOW + 10 * SECOND);
  assert.equal(arrival.verdict, "keep");
  assert.deepEqual(arrival.effects.events.map(({ kind }) => kind), ["settingChanged"]);
  bobs.read(id(1), NOW + 100 * SECOND);
  assert.equal(bobs.nextWakeup(NOW + 100 * SECOND), 60 * SECOND);
  assert.equal(bobs.visibility(id(1), NOW + 159 * SECOND), "shown");
  assert.equal(bobs.remaining(id(1), NOW + 159 * SECOND), SECOND);
  assert.equal(bobs.visibility(id(1), NOW + 160 * SECOND), "gone");
  const { due } = bobs.poll(10, NOW + 160 * SECOND);
  assert.deepEqual(due, [{ id: id(1), conversation: WITH_ALICE, parts: ["body", "notification"], ended: true, unsent: false }]);
  bobs.done(id(1), due[0].parts, NOW + 160 * SECOND);
  assert.equal(bobs.heldMessages, 0);
  assert.equal(bobs.received(message(1, WITH_ALICE), stamp, 0, NOW + 200 * SECOND).verdict, "late");
  assert.equal(alices.poll(10, NOW + 62 * SECOND).due.length, 1);
});

test("what several calls brought about is joined in their order, and copied", () => {
  const expiry = ExpiryScheduler.create(NOW);
  const before = expiry.records;
  const calls = [
    expiry.set(WITH_BOB, { kind: "afterRead", ttl: 60 * SECOND }, ALICE, NOW), expiry.read(id(1), NOW),
    expiry.set(WITH_BOB, { kind: "afterRead", ttl: 30 * SECOND }, ALICE, NOW),
  ];
  const joined = allEffects(calls[0], undefined, calls[1], calls[2]);
  for (const name of ["writes", "events", "tell"]) assert.deepEqual(joined[name], calls.flatMap((one) => one[name]));
  for (const { writes } of calls) for (const { value } of writes) value?.fill(0);
  const rows = new Map([...before, ...joined.writes].map(({ key, value }) => [key.join(), [key, value]]));
  const restored = ExpiryScheduler.fromRecords([...rows.values()].filter(([, value]) => value !== undefined));
  assert.equal(restored.setting(WITH_BOB).policy.ttl, 30 * SECOND);
  assert.deepEqual([allEffects(), allEffects(undefined)], [1, 2].map(() => ({ writes: [], events: [], tell: [] })));
  const none = { writes: [], events: [], tell: [] };
  for (const wrong of [
    5, null, {}, { ...none, writes: "x" }, { ...none, writes: [{ key: 1 }] }, { ...none, writes: [{ key: new Uint8Array(1), value: 1 }] },
    { ...none, events: [1] }, { ...none, tell: undefined },
  ]) assert.throws(() => allEffects(none, wrong), { code: "invalid_argument" });
});

test("rows written one by one bring back the scheduler, sealed ones too", () => {
  const key = new StorageKey(new Uint8Array(32).fill(3));
  const expiry = ExpiryScheduler.create({ wall: NOW, monotonic: { boot: new Uint8Array(16).fill(9), elapsed: 1 } });
  const rows = new Map();
  const store = (writes) => writes.forEach((write) => {
    const name = Buffer.from(write.key).toString("hex");
    const sealed = sealRecord(key, write, utf8("mine"));
    if (sealed === undefined) rows.delete(name);
    else rows.set(name, [write.key, sealed]);
  });
  const now = { wall: NOW, monotonic: { boot: new Uint8Array(16).fill(9), elapsed: 1_000 } };
  store(expiry.records);
  store(expiry.set(WITH_BOB, { kind: "afterSend", ttl: 3_600 * SECOND }, ALICE, now).writes);
  store(expiry.queued(message(1, WITH_BOB), expiry.stamp(WITH_BOB), now).effects.writes);
  const opened = [...rows.values()].map(([name, sealed]) => [name, openRecord(key, name, sealed, utf8("mine"))]);
  const restored = ExpiryScheduler.fromRecords(opened);
  assert.deepEqual(restored.snapshot(), expiry.snapshot());
  assert.deepEqual(ExpiryScheduler.restore(expiry.snapshot()).heldMessages, 1);
  assert.throws(() => ExpiryScheduler.fromRecords([]), { code: "no_head" });
  const [[name, sealed]] = rows.values();
  assert.throws(() => openRecord(key, name, sealed, utf8("another's")), { code: "undecryptable" });
});

test("what may be opened once gives its key once", () => {
  const expiry = ExpiryScheduler.create(NOW);
  const key = ContentKey.generate();
  const sealed = key.seal(id(1), "body", utf8("look"));
  const once = Stamp.none().withOpens("once");
  expiry.received(message(1, WITH_ALICE, { sealedUnder: key, author: BOB }), once, 0, NOW);
  assert.throws(() => key.seal(id(1), "body", utf8("again")), { code: "freed" });
  assert.equal(expiry.visibility(id(1), NOW), "placeholder");
  const opening = expiry.open(id(1), NOW);
  assert.ok(opening.effects.writes.length > 0);
  assert.deepEqual(opening.key.open(id(1), "body", sealed), utf8("look"));
  assert.throws(() => opening.key.open(id(1), "file", sealed), { code: "undecryptable" });
  assert.throws(() => expiry.open(id(1), NOW), { code: "gone" });
  assert.throws(() => expiry.open(id(2), NOW), { code: "unknown_message" });
});

test("a key is not used up by a call that is refused", () => {
  const expiry = ExpiryScheduler.create(NOW);
  const key = ContentKey.generate();
  const its = message(1, WITH_ALICE, { sealedUnder: key, author: BOB });
  const once = Stamp.none().withOpens("once");
  for (const [stamp, age, now] of [["none", 0, NOW], [once, -1, NOW], [once, 0, NaN]]) {
    assert.throws(() => expiry.received(its, stamp, age, now), { code: "invalid_argument" });
    assert.throws(() => expiry.sentElsewhere(its, stamp, age, now), { code: "invalid_argument" });
  }
  assert.throws(() => expiry.queued(its, undefined, NOW), { code: "invalid_argument" });
  expiry.received(its, once, 0, NOW);
  assert.throws(() => key.seal(id(1), "body", utf8("x")), { code: "freed" });
});

test("authors alone take back and edit, and own devices hear of it", () => {
  const [here, there] = [ExpiryScheduler.create(NOW), ExpiryScheduler.create(NOW)];
  const stamp = Stamp.none().withPolicy({ kind: "afterSend", ttl: 3_600 * SECOND });
  for (const device of [here, there]) device.received(message(1, WITH_ALICE), stamp, { claimed: 5 * SECOND }, NOW);
  assert.equal(here.unsent(id(1), BOB, NOW).kind, "notAuthor");
  assert.throws(() => here.edited(id(1), BOB, undefined, NOW), { code: "not_author" });
  here.edited(id(1), ALICE, { kind: "afterSend", ttl: 60 * SECOND }, NOW);
  for (const event of here.deleted(id(1), NOW).tell) there.toldByOwnDevice(event, 0, NOW);
  assert.equal(there.visibility(id(1), NOW), "gone");
  assert.equal(here.unsent(id(3), ALICE, NOW).kind, "unknown");
  assert.equal(here.received(message(3, WITH_ALICE), stamp, 0, NOW).verdict, "late");
  assert.equal(here.partsAdded(id(5), ["thumbnail"], NOW).kind, "notHeld");
  assert.deepEqual(here.heard(WITH_ALICE, "malformed", 0, NOW).events, []);
  assert.ok(Array.isArray(here.eventsForNewDevice(NOW)));
});
