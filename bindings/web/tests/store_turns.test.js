// What a scheduler said later holds in its rows, whichever call of the store had its turn first.

import assert from "node:assert/strict";
import { test } from "node:test";

import { households, of } from "./household.js";
import { NOW, evanesce } from "./package.js";
import { UNSTORABLE, everything, freed, house, stored, taken } from "./stores.js";

const { Stamp, StorageKey, allChanges, allEffects, conversationIdNamed, utf8 } = evanesce;
const CHAT = conversationIdNamed(utf8("chat"));
const ID = new Uint8Array(16).fill(5);
const AFTER_READ = Stamp.none().withPolicy({ kind: "afterRead", ttl: 60_000 });

const set = ({ expiry, own }, ttl) => expiry.set(CHAT, { kind: "afterRead", ttl }, own.person.memberTag, NOW);
const hex = (bytes) => Buffer.from(bytes).toString("hex");

/** Alice's phone, with all of it in a store, her tablet, and Bob. */
async function three(key) {
  const { alices: [phone, tablet], bobs: [bob] } = households();
  await stored(phone, key);
  return { phone, tablet, bob };
}

/** What the tablet tells the phone. */
function told({ phone, tablet }, events) {
  return of(tablet.own.to(tablet.owner).tellEvents(tablet.contacts, events, 0, NOW).messages, phone);
}

/** The tablet has set the timer three times. */
function tells({ phone, tablet }) {
  const [, , last] = [1_000, 2_000, 3_000].map((ttl) => set(tablet, ttl).tell);
  return told({ phone, tablet }, last);
}

/** A message of Bob's that goes a minute after it is read is on the phone. */
async function holds({ phone, bob }) {
  const message = { id: ID, conversation: CHAT, author: bob.own.person.memberTag };
  await phone.store.commit({ effects: phone.expiry.received(message, AFTER_READ, 0, NOW).effects, scheduler: phone.expiry });
}

/** What stands in the store, row for row, is what the scheduler holds: these rows, if nothing else is said. */
async function isStored({ expiry, options }, rows = expiry.records) {
  const [, [keys, values]] = (await everything({ options })).find(([name]) => name === "records");
  const expected = rows.filter(({ value }) => value !== undefined).map(({ key, value }) => [hex(key), hex(value)]).sort();
  assert.deepEqual(keys.map((key, place) => [hex(new Uint8Array(key)), hex(values[place])]), expected);
}

test("what a message makes a scheduler say comes behind what that was asked before the call", async () => {
  const it = await three();
  const { phone, tablet } = it;
  const message = tells(it);
  const effects = set(phone, 60_000);
  const heard = await phone.store.receiveFrom(house(phone), tablet.name, message, NOW, [], { effects });
  assert.deepEqual(heard.effects.events.map(({ setting }) => setting.version), [1n, 3n]);
  await isStored(phone);
});

const BETWEEN = {
  "a timer is set": { says: tells, asks: ({ phone }) => set(phone, 60_000) },
  "a notification is shown": {
    before: holds, says: (it) => told(it, [{ kind: "seen", id: ID }]),
    asks: ({ phone }) => phone.expiry.partsAdded(ID, ["notification"], NOW).effects,
  },
  "a message is read that is deleted elsewhere": {
    before: holds, says: (it) => told(it, [{ kind: "deleted", id: ID }]), asks: ({ phone }) => phone.expiry.read(ID, NOW),
  },
};

const WAYS = { "as they are": (effects) => effects, joined: (effects) => allEffects(undefined, effects), copied: structuredClone };

for (const [what, { before, says, asks }] of Object.entries(BETWEEN)) {
  for (const [way, wraps] of Object.entries(WAYS)) {
    test(`where ${what} while a message waits for its turn, the store has what the scheduler has (effects ${way})`, async () => {
      for (const call of [
        ({ phone: { store, expiry } }, effects) => store.commit({ effects, scheduler: expiry }),
        ({ phone, bob }, effects) => phone.store.sendTo(house(phone), bob.owner, utf8("x"), NOW, [], { effects }),
        ({ phone }, effects) => phone.store.tell(house(phone), allChanges(), NOW, [], effects),
        ({ phone, bob }, effects) =>
          phone.store.send(phone.contacts.peer(bob.name), utf8("x"), NOW, [], { effects, scheduler: phone.expiry }),
      ]) {
        const it = await three();
        await before?.(it);
        const { phone, tablet } = it;
        const receiving = phone.store.receiveFrom(house(phone), tablet.name, says(it), NOW);
        await Promise.all([receiving, call(it, wraps(asks(it)))]);
        await isStored(phone);
      }
    });
  }

  test(`where ${what} and that is given to the store after a message has come, the store has what the scheduler has`, async () => {
    const it = await three();
    await before?.(it);
    const { phone, tablet } = it;
    const message = says(it);
    const effects = asks(it);
    await phone.store.receiveFrom(house(phone), tablet.name, message, NOW);
    await phone.store.commit({ effects, scheduler: phone.expiry });
    await isStored(phone);
  });
}

test("effects that are told after a message has left bring back nothing that was set since", async () => {
  for (const key of [undefined, new StorageKey(new Uint8Array(32).fill(7))]) {
    const { phone, tablet, bob } = await three(key);
    const effects = set(phone, 60_000);
    await phone.store.sendTo(house(phone), bob.owner, utf8("x"), NOW, [], { effects });
    await phone.store.commit({ effects: set(phone, 5_000), scheduler: phone.expiry });
    await phone.store.tell(house(phone), allChanges(), NOW, [], effects);
    assert.equal((await phone.store.scheduler()).setting(CHAT).policy.ttl, 5_000);
    // What they have to tell is told.
    const [message] = (await phone.store.outbox()).filter(({ to }) => evanesce.text(to) === tablet.name).slice(-1);
    assert.equal(tablet.hear(phone, message.message).told[0].event.setting.policy.ttl, 60_000);
  }
});

test("a scheduler that is taken from the store again is stored, though what was not stored was given later", async () => {
  const { phone, bob } = await three();
  const early = set(phone, 1_000);
  await phone.store.commit({ effects: early, scheduler: phone.expiry });
  const failing = phone.store.commit({ effects: set(phone, 2_000), scheduler: phone.expiry, rows: UNSTORABLE });
  await assert.rejects(failing, { code: "store_failed" });
  phone.expiry = await phone.store.scheduler();
  await phone.store.sendTo(house(phone), bob.owner, utf8("x"), NOW, [], { effects: set(phone, 3_000) });
  await isStored(phone);
  assert.equal(phone.expiry.setting(CHAT).policy.ttl, 3_000);
});

test("effects that are older than the rows that a store remembers are refused, and free the scheduler", async () => {
  const { phone, bob } = await three();
  const early = [1_000, 2_000].map((ttl) => set(phone, ttl));
  const writes = Array.from({ length: 10_001 }, (_, place) => {
    const key = new Uint8Array(25);
    new DataView(key.buffer).setUint32(0, place);
    return { key, value: undefined, id: undefined };
  });
  await phone.store.commit({ effects: { writes, events: [], tell: [] }, scheduler: phone.expiry });
  const before = await everything(phone);
  const sends = (along) => phone.store.sendTo(house(phone), bob.owner, utf8("x"), NOW, [], along);
  await assert.rejects(sends({ effects: early[0] }), { code: "invalid_argument" });
  assert.deepEqual(freed(phone), ["expiry"]);
  await taken(phone);
  // A function of them is called when there is something that is not stored.
  await assert.rejects(sends({ effects: () => early[1] }), { code: "invalid_argument" });
  assert.deepEqual(freed(phone), ["account", "own", "contacts", "expiry"]);
  assert.deepEqual(await everything(phone), before);
  await taken(phone);
  await sends({ effects: set(phone, 3_000) });
  await isStored(phone);
});

test("in whatever order a scheduler's effects come to the store, that has what the scheduler has", async () => {
  const { phone } = await three();
  const { store, expiry } = phone;
  let seed = 7;
  const below = (most) => (seed = (seed * 48_271) % 0x7fff_ffff) % most;
  const idOf = (number) => new Uint8Array(16).fill(number);
  const [author, me] = [new Uint8Array(8).fill(9), phone.own.person.memberTag];
  let now = NOW;
  // A clock that goes on is not written each time: what is to be there is what was said last.
  const said = new Map(expiry.records.map((write) => [hex(write.key), write]));
  const asks = [
    () => expiry.received({ id: idOf(below(9)), conversation: CHAT, author, parts: ["body", "file"] }, AFTER_READ, 0, now).effects,
    () => expiry.received({ id: idOf(below(9)), conversation: CHAT, author: me }, AFTER_READ, 0, now).effects,
    () => expiry.read(idOf(below(9)), now), () => expiry.deleted(idOf(below(9)), now), () => set(phone, 1_000 * (1 + below(60))),
    () => expiry.toldByOwnDevice({ kind: ["read", "seen", "deleted", "sent"][below(4)], id: idOf(below(9)) }, 0, now),
    () => expiry.partsAdded(idOf(below(9)), ["quote"], now).effects, () => expiry.poll(3, now).effects,
    () => expiry.done(idOf(below(9)), ["body"], now), () => expiry.unsent(idOf(below(9)), author, now).effects,
    () => expiry.closed(CHAT, now), () => expiry.conversationDeleted(CHAT, now), () => expiry.trustTime(now, now),
  ];
  for (let round = 0; round < 30; round += 1) {
    const [calls, kept] = [[], []];
    for (let step = 0; step < 20; step += 1) {
      now += below(30_000);
      const ask = asks[below(asks.length)];
      const asked = () => {
        const effects = allEffects(ask());
        for (const write of effects.writes) said.set(hex(write.key), write);
        return effects;
      };
      const way = below(4);
      if (way === 0) calls.push(store.commit({ effects: asked, scheduler: expiry }));
      else if (way === 1) calls.push(store.commit({ effects: asked(), scheduler: expiry }));
      else if (way === 2) kept.push(asked());
      else await calls[below(calls.length + 1)];
      if (kept.length > 0 && below(3) === 0) {
        const [effects] = kept.splice(below(kept.length), 1);
        calls.push(store.commit({ effects: below(2) === 0 ? effects : () => effects, scheduler: expiry }));
      }
    }
    for (const effects of kept) calls.push(store.commit({ effects, scheduler: expiry }));
    await Promise.all(calls);
    await isStored(phone, [...said.values()]);
  }
  assert.ok(expiry.heldMessages > 0);
});
