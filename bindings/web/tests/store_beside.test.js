// What goes along with the calls of a store: rows and effects, as they are or by functions, and what is left where a call is refused.

import assert from "node:assert/strict";
import { test } from "node:test";

import { IDBDatabase } from "fake-indexeddb";

import { clubs } from "./club.js";
import { NOW, device, evanesce } from "./package.js";
import { UNSTORABLE, everything, freed, house, reopened, sent, stored, taken } from "./stores.js";

const { EvanesceError, ExpiryScheduler, Groups, HeldMessages, OwnDevices, Peer, allEffects, conversationIdNamed, utf8 } = evanesce;
const CHAT = conversationIdNamed(utf8("chat"));
const ALL = ["account", "own", "contacts", "expiry", "groups"];

/** Anna, with all of hers in a store, who is in a group with Ben. */
async function pairInGroup() {
  const { anna, ben } = clubs(["anna", "ben"], { suite: "classical" });
  for (const party of [anna, ben]) await stored(party);
  const { group: { id }, outgoing } = anna.own.createGroup(anna.account, anna.contacts, anna.groups, [ben.owner], utf8("x"), NOW);
  await anna.store.sendOut(house(anna), outgoing);
  const [[, invitation]] = await sent(anna);
  await ben.store.receiveFrom(house(ben), "anna", invitation, NOW);
  for (const one of ben.groups.invitations(ben.own, NOW)) await ben.store.joinGroup(house(ben), one, NOW);
  return { anna, ben, id };
}

/** Ben invites Anna to a group of his. */
async function invited({ anna, ben }) {
  const { outgoing } = ben.own.createGroup(ben.account, ben.contacts, ben.groups, [anna.owner], utf8("his"), NOW);
  const { message } = outgoing.pairwise[0];
  await anna.store.receiveFrom(house(anna), "ben", message, NOW);
}

/**
 * Each call: what it needs beforehand; how it is made, of what Anna has then; what its function of rows and its scheduler are called
 * with, if that is not what it resolves to; and what is freed if it is not stored.
 */
const CALLS = {
  send: {
    call: ({ anna }, rows, along) => anna.store.send(anna.contacts.peer("ben"), utf8("x"), NOW, rows, along),
    frees: ["contacts", "expiry"],
  },
  receive: {
    before: ({ ben }) => ben.contacts.peer("anna").encrypt(utf8("x"), NOW).message,
    call: ({ anna, made }, rows, along) => anna.store.receive(anna.account, anna.contacts.peer("ben"), made, NOW, rows, along),
    frees: ["account", "contacts", "expiry"],
  },
  sendTo: { call: ({ anna, ben }, rows, along) => anna.store.sendTo(house(anna), ben.owner, utf8("x"), NOW, rows, along) },
  receiveFrom: {
    before: ({ anna, ben }) => ben.own.to(anna.owner).encrypt(ben.contacts, utf8("x"), NOW).messages[0].message,
    call: ({ anna, made }, rows, along) => anna.store.receiveFrom(house(anna), "ben", made, NOW, rows, along),
    asked: ({ effects, untold, ...rest }) => rest,
  },
  sendToGroup: {
    call: ({ anna, id }, rows, along) => anna.store.sendToGroup(house(anna), anna.groups.group(id), utf8("x"), NOW, rows, along),
  },
  sendOut: {
    call: ({ anna, ben, outgoings }, rows, along) => {
      const { outgoing } = anna.own.createGroup(anna.account, anna.contacts, anna.groups, [ben.owner], utf8("y"), NOW);
      outgoings.push(outgoing);
      return anna.store.sendOut(house(anna), outgoing, rows, along);
    },
    shown: (_, { outgoings }) => outgoings.at(-1),
  },
  receiveFromGroup: {
    before: async ({ anna, ben, id }) => {
      const { pairwise, broadcasts } = ben.own.inGroup(ben.account, ben.groups.group(id)).encrypt(ben.contacts, utf8("x"), NOW);
      for (const { message } of pairwise) await anna.store.receiveFrom(house(anna), "ben", message, NOW);
      return broadcasts[0].message;
    },
    call: ({ anna, made }, rows, along) => anna.store.receiveFromGroup(house(anna), made, NOW, rows, along),
    asked: ({ effects, untold, ...rest }) => rest,
  },
  joinGroup: {
    before: invited,
    call: ({ anna }, rows, along) => anna.store.joinGroup(house(anna), anna.groups.invitations(anna.own, NOW)[0], NOW, rows, along),
    asked: ({ effects, untold, ...rest }) => rest,
  },
  lookAfterGroups: {
    call: ({ anna }, rows, along) => anna.store.lookAfterGroups(house(anna), NOW, rows, along),
    asked: ({ effects, untold, ...rest }) => rest,
  },
  tell: {
    call: ({ anna, ben }, rows, { effects } = {}) =>
      anna.store.tell(house(anna), anna.contacts.refuse(anna.own, ben.owner, NOW), NOW, rows, effects),
    asked: () => undefined,
  },
  commit: {
    call: ({ anna: { store, account, own, contacts, groups, expiry } }, rows, { effects } = {}) =>
      store.commit({ account, own, contacts, groups, rows, effects, scheduler: expiry }),
    shown: () => undefined,
  },
};

async function made(name) {
  const it = { ...(await pairInGroup()), outgoings: [] };
  it.made = await CALLS[name]?.before?.(it);
  return it;
}

const set = ({ expiry }, ttl) => expiry.set(CHAT, { kind: "afterRead", ttl }, new Uint8Array(8).fill(1), NOW);
const ttlOf = async ({ store }) => (await store.scheduler()).setting(CHAT)?.policy.ttl;
const along = (effects, { expiry }) => ({ effects, scheduler: expiry });

for (const [name, { call, shown, asked, frees = ALL }] of Object.entries(CALLS)) {
  test(`rows and effects of ${name} may be functions of what it gives, called once, before anything is stored`, async (context) => {
    const it = await made(name);
    const { anna } = it;
    const order = [];
    const { transaction } = IDBDatabase.prototype;
    context.mock.method(IDBDatabase.prototype, "transaction", function (tables, mode, ...given) {
      if (mode === "readwrite") order.push(["writes"]);
      return Reflect.apply(transaction, this, [tables, mode, ...given]);
    });
    const rows = (...given) => {
      order.push(["rows", ...given]);
      return new Map([["row", "by a function"]]);
    };
    const effects = (...given) => {
      order.push(["effects", ...given]);
      return set(anna, 5_000);
    };
    const result = await call(it, rows, along(effects, anna));
    context.mock.restoreAll();
    assert.deepEqual(order.map(([what]) => what), ["effects", "rows", "writes"]);
    const [[, ...ofEffects], [, ...ofRows]] = order;
    const its = shown === undefined ? result : shown(result, it);
    assert.deepEqual([ofEffects.length, ofRows.length], [1, 1]);
    assert.equal(ofRows[0], its);
    assert.deepEqual(ofEffects[0], asked === undefined ? its : asked(its));
    assert.deepEqual([await anna.store.row("row"), await ttlOf(anna)], ["by a function", 5_000]);
  });

  test(`rows and effects of ${name} may be given as they are`, async () => {
    const it = await made(name);
    const row = ["row", "as it is"];
    const calling = call(it, [row], along(set(it.anna, 7_000), it.anna));
    row[1] = "changed since";
    await calling;
    assert.deepEqual([await it.anna.store.row("row"), await ttlOf(it.anna)], ["as it is", 7_000]);
  });

  test(`where a function of ${name} fails nothing is stored, and all goes on from the store`, async () => {
    const it = await made(name);
    const { anna } = it;
    const before = await everything(anna);
    const [theirs, refusal] = [new RangeError("the application's"), new EvanesceError("other", "the application's")];
    const throws = (what) => () => {
      throw what;
    };
    const isTheirs = ({ code, cause }) => code === "store_failed" && cause === theirs;
    const isRefused = { code: "invalid_argument" };
    const failing = [
      [throws(theirs), isTheirs], [throws(refusal), (thrown) => thrown === refusal], [async () => [], isRefused],
      [() => Promise.reject(theirs), isRefused], [() => ({ then: () => {} }), isRefused],
    ];
    const none = [5, null, "rows", ["ab"], [["key"], [1, 2]], [undefined]].map((value) => [() => value, isRefused]);
    function* half() {
      yield ["row", 1];
      throw theirs;
    }
    const ofRows = [...failing, ...none, [() => undefined, isRefused], [half, isTheirs], [() => UNSTORABLE, { code: "store_failed" }]];
    const ofEffects = [...failing, ...[undefined, 5, null, {}, { writes: [{ key: 1 }], events: [], tell: [] }].map((value) => [() => value, isRefused])];
    for (const [rows, given, expected] of [
      ...ofRows.map(([rows, expected]) => [rows, {}, expected]),
      ...ofEffects.map(([effects, expected]) => [[], along(effects, anna), expected]),
    ]) {
      if (given.effects !== undefined) given.scheduler = anna.expiry;
      let isAsked = false;
      const functions = { ...given, ...(given.effects && { effects: (shown) => ((isAsked = true), given.effects(shown)) }) };
      const ofThese = typeof rows === "function" ? (shown) => ((isAsked = true), rows(shown)) : rows;
      await assert.rejects(call(it, ofThese, functions), expected);
      assert.equal(isAsked, true);
      assert.deepEqual(await everything(anna), before);
      const its = frees.filter((one) => one !== "expiry" || given.scheduler !== undefined || frees === ALL);
      assert.deepEqual(freed(anna).filter((one) => its.includes(one)), its);
      await taken(anna);
    }
    await call(it, [["row", "at last"]], along(() => set(anna, 9_000), anna));
    assert.deepEqual([await anna.store.row("row"), await ttlOf(anna)], ["at last", 9_000]);
  });

  test(`what ${name} refuses beforehand frees a scheduler that was asked, and nothing else`, async () => {
    const it = await made(name);
    const { anna } = it;
    // What the caller itself changes for the call is no part of it.
    const caller = name === "sendOut" || name === "tell";
    const states = () => [anna.account, anna.own, ...anna.contacts.addresses.map((one) => anna.contacts.peer(one))].map((one) => one.snapshot());
    const before = [await everything(anna), states()];
    const isSame = async () => {
      assert.deepEqual(await everything(anna), before[0]);
      if (!caller) assert.deepEqual(states(), before[1]);
    };
    for (const rows of [5, null, [1], [["row"], [1, 2]]]) {
      await assert.rejects(call(it, rows, along(set(anna, 1_000), anna)), { code: "invalid_argument" });
      assert.deepEqual(freed(anna), ["expiry"]);
      anna.expiry = await anna.store.scheduler();
      await isSame();
      // One that is asked at the turn has not been.
      await assert.rejects(call(it, rows, along(() => assert.fail("asked"), anna)), { code: "invalid_argument" });
      assert.deepEqual(freed(anna), []);
      await isSame();
    }
    await call(it, [["row", 1]], along(set(anna, 6_000), anna));
    assert.equal(await ttlOf(anna), 6_000);
  });

  test(`what ${name} had asked of a scheduler goes with a store that is closed`, async () => {
    const it = await made(name);
    const { anna } = it;
    const calling = call(it, [], along(set(anna, 1_000), anna));
    anna.store.close();
    await assert.rejects(calling, { code: "store_closed" });
    assert.ok(freed(anna).includes("expiry"));
    // What the call itself would have changed is as it was.
    if (!["sendOut", "tell", "commit"].includes(name)) assert.deepEqual(freed(anna), ["expiry"]);
  });
}

const HOUSEHOLDS = ["sendTo", "receiveFrom", "sendToGroup", "sendOut", "receiveFromGroup", "joinGroup", "lookAfterGroups", "tell"];

test("a call of a household that is not stored frees all of it", async () => {
  for (const name of HOUSEHOLDS) {
    const it = await made(name);
    await assert.rejects(CALLS[name].call(it, UNSTORABLE), { code: "store_failed" });
    assert.deepEqual(freed(it.anna), ALL, name);
  }
});

test("a refusal that could not be noted frees all that the call had", async (context) => {
  for (const [name, frees] of [["receive", ["account", "contacts"]], ["receiveFrom", ALL]]) {
    const it = await made(name);
    const { anna } = it;
    // From somebody else at Ben's address.
    it.made = clubs(["anna", "ben"], { suite: "classical" }).ben.contacts.peer("anna").encrypt(utf8("x"), NOW).message;
    const { transaction } = IDBDatabase.prototype;
    context.mock.method(IDBDatabase.prototype, "transaction", function (tables, mode, ...given) {
      if (mode === "readwrite") throw new RangeError("no room");
      return Reflect.apply(transaction, this, [tables, mode, ...given]);
    });
    await assert.rejects(CALLS[name].call(it), { code: "store_failed" });
    context.mock.restoreAll();
    assert.deepEqual(freed(anna), frees);
  }
});

test("a household of which something was freed before its turn is refused, and keeps the rest", async () => {
  for (const name of HOUSEHOLDS.filter((one) => one !== "sendOut" && one !== "tell")) {
    const it = await made(name);
    const before = await everything(it.anna);
    for (const one of ALL) {
      const calling = CALLS[name].call(it, []);
      it.anna[one].free();
      await assert.rejects(calling, { code: "freed" });
      assert.deepEqual([freed(it.anna), await everything(it.anna)], [[one], before], name);
      await taken(it.anna);
    }
    await CALLS[name].call(it, []);
  }
});

/** Which copies of people a call takes that it does not free. */
async function copiesLeft(context, { own, contacts }, call) {
  const copies = [];
  const { person } = contacts;
  context.mock.method(contacts, "person", (owner) => {
    const copy = Reflect.apply(person, contacts, [owner]);
    copies.push(copy);
    return copy;
  });
  const { get } = Object.getOwnPropertyDescriptor(OwnDevices.prototype, "person");
  Object.defineProperty(own, "person", {
    configurable: true,
    get() {
      const copy = Reflect.apply(get, own, []);
      copies.push(copy);
      return copy;
    },
  });
  await call().catch(() => {});
  context.mock.restoreAll();
  delete own.person;
  return copies.filter((copy) => {
    try {
      return copy?.owner !== undefined;
    } catch (refusal) {
      assert.equal(refusal.code, "freed");
      return false;
    }
  });
}

test("no copy of a person outlives the call that took it, whether it is stored or fails", async (context) => {
  const fails = () => {
    throw new RangeError("the application's");
  };
  for (const [name, { call }] of Object.entries(CALLS)) {
    for (const rows of [[], fails, UNSTORABLE, () => []]) {
      const it = await made(name);
      assert.deepEqual(await copiesLeft(context, it.anna, async () => call(it, rows)), [], name);
    }
  }
  const { anna, ben } = await pairInGroup();
  const changes = { account: false, own: false, people: [ben.owner, device("nobody").account.device.identity], peers: [], tell: [] };
  const weak = { ...changes, people: [ben.owner, new Uint8Array(64)] };
  for (const call of [
    () => anna.store.commit({ contacts: anna.contacts, changes: weak }), () => anna.store.commit({ contacts: anna.contacts, changes }),
    () => anna.store.tell(house(anna), changes, NOW),
    () => anna.store.commit({
      contacts: anna.contacts, changes: { ...changes, people: [ben.owner] }, groups: anna.groups, rows: () => (anna.groups.free(), []),
    }),
  ]) {
    assert.deepEqual(await copiesLeft(context, anna, async () => call()), [], String(call));
    await taken(anna);
  }
});

test("what a store remembers of messages that wait is freed when it reads that anew, and when it is closed", async (context) => {
  const { anna, ben } = await pairInGroup();
  const waits = async () => {
    const { outgoing, group } = ben.own.createGroup(ben.account, ben.contacts, ben.groups, [anna.owner], utf8("his"), NOW);
    const { broadcasts: [{ message }] } = ben.own.inGroup(ben.account, group).encrypt(ben.contacts, utf8("early"), NOW);
    assert.equal((await anna.store.receiveFromGroup(house(anna), message, NOW)).waits, true);
    return outgoing.pairwise[0].message;
  };
  await waits();
  await reopened(anna);
  const read = [];
  const { restore } = HeldMessages;
  context.mock.method(HeldMessages, "restore", (row) => {
    const messages = Reflect.apply(restore, HeldMessages, [row]);
    read.push(messages);
    return messages;
  });
  const left = () => read.filter((messages) => {
    try {
      return messages.length >= 0;
    } catch (refusal) {
      assert.equal(refusal.code, "freed");
      return false;
    }
  }).length;
  const invitation = await waits();
  assert.ok(left() > 0);
  await assert.rejects(anna.store.receiveFrom(house(anna), "ben", invitation, NOW, UNSTORABLE), { code: "store_failed" });
  assert.equal(left(), 0);
  await taken(anna);
  await anna.store.receiveFrom(house(anna), "ben", invitation, NOW);
  await anna.store.lookAfterGroups(house(anna), NOW);
  assert.ok(left() > 0);
  // What waited there is stored as it was, and opens.
  const [joined] = anna.groups.invitations(anna.own, NOW);
  assert.equal((await anna.store.joinGroup(house(anna), joined, NOW)).delivered.length, 1);
  await reopened(anna);
  assert.equal(left(), 0);
});

test("no function is called for what an earlier call has freed", async () => {
  const ofPeers = ({ anna }, rows, { effects, scheduler }) =>
    anna.store.commit({ peers: [anna.contacts.peer("ben")], rows, effects, scheduler });
  for (const [name, { call }] of Object.entries({ ...CALLS, "commit of peers": { call: ofPeers } })) {
    const it = await made(name);
    const { anna } = it;
    const before = await everything(anna);
    const failing = anna.store.lookAfterGroups(house(anna), NOW, UNSTORABLE);
    const never = () => assert.fail(`${name} asks`);
    // Of the peers alone nobody else says that they are freed.
    const calling = call(it, never, name === "commit of peers" ? {} : along(never, anna));
    await assert.rejects(failing, { code: "store_failed" });
    await assert.rejects(calling, { code: "freed" }, name);
    assert.deepEqual([freed(anna), await everything(anna)], [ALL, before], name);
  }
});

test("an invitation that was freed before its turn is refused, and the household is kept", async () => {
  const it = await made("joinGroup");
  const { anna } = it;
  const before = await everything(anna);
  for (const [effects, frees] of [[undefined, []], [() => assert.fail("asked"), []], [set(anna, 1_000), ["expiry"]]]) {
    const [invitation] = anna.groups.invitations(anna.own, NOW);
    const joining = anna.store.joinGroup(house(anna), invitation, NOW, [], { effects });
    invitation.free();
    await assert.rejects(joining, { code: "freed" });
    assert.deepEqual([freed(anna), await everything(anna)], [frees, before]);
  }
  await taken(anna);
  assert.notEqual(await CALLS.joinGroup.call(it, []), undefined);
});

test("each refusal frees a scheduler that was asked beforehand: of the household, or one that is said", async () => {
  const it = await made("joinGroup");
  const { anna, ben, id } = it;
  const { store } = anna;
  const stranger = device("stranger").account.device.identity;
  const [message, other] = [new Uint8Array(200), new Peer("nobody")];
  const [invitation] = anna.groups.invitations(anna.own, NOW);
  const { message: seen } = ben.contacts.peer("anna").encrypt(utf8("x"), NOW);
  await store.receiveFrom(house(anna), "ben", seen, NOW);
  const group = anna.groups.group(id);
  const others = new Groups();
  const elsewhere = anna.own.createGroup(anna.account, anna.contacts, others, [ben.owner], utf8("z"), NOW).outgoing;
  const rest = (given) => ({ ...house(anna), ...given });
  const refused = [
    ["send, of no peer", (a) => store.send({}, utf8("x"), NOW, [], a), "invalid_argument"],
    ["send, at no time", (a) => store.send(anna.contacts.peer("ben"), utf8("x"), "now", [], a), "invalid_argument"],
    ["send, of no body", (a) => store.send(anna.contacts.peer("ben"), "x", NOW, [], a), "invalid_argument"],
    ["send, bound to nothing", (a) => store.send(anna.contacts.peer("ben"), utf8("x"), NOW, [], { ...a, ad: 1 }), "invalid_argument"],
    ["send, without a session", (a) => store.send(other, utf8("x"), NOW, [], a), "needs_session"],
    ["receive, of no account", (a) => store.receive({}, anna.contacts.peer("ben"), message, NOW, [], a), "invalid_argument"],
    ["receive, of no message", (a) => store.receive(anna.account, anna.contacts.peer("ben"), "x", NOW, [], a), "invalid_argument"],
    ["receive, again", (a) => store.receive(anna.account, anna.contacts.peer("ben"), seen, NOW, [], a), "duplicate"],
    ["sendTo, of half a household", (a) => store.sendTo(rest({ own: {} }), ben.owner, utf8("x"), NOW, [], a), "invalid_argument"],
    ["sendTo, to nobody", (a) => store.sendTo(house(anna), "ben", utf8("x"), NOW, [], a), "invalid_argument"],
    ["sendTo, to no address", (a) => store.sendTo(house(anna), ben.owner, utf8("x"), NOW, [], { ...a, only: [""] }), "invalid_argument"],
    ["sendTo, to a stranger", (a) => store.sendTo(house(anna), stranger, utf8("x"), NOW, [], a), "nobody_reached"],
    ["receiveFrom, from nowhere", (a) => store.receiveFrom(house(anna), "", seen, NOW, [], a), "invalid_argument"],
    ["receiveFrom, of no age", (a) => store.receiveFrom(house(anna), "ben", seen, NOW, [], { ...a, age: "old" }), "invalid_argument"],
    ["receiveFrom, again", (a) => store.receiveFrom(house(anna), "ben", seen, NOW, [], a), "duplicate"],
    ["sendToGroup, to none", (a) => store.sendToGroup(house(anna), {}, utf8("x"), NOW, [], a), "invalid_argument"],
    ["sendToGroup, of another household", (a) => store.sendToGroup(rest({ groups: others }), group, utf8("x"), NOW, [], a), "invalid_argument"],
    ["sendToGroup, without groups", (a) => store.sendToGroup(rest({ groups: undefined }), group, utf8("x"), NOW, [], a), "invalid_argument"],
    ["sendToGroup, too much", (a) => store.sendToGroup(house(anna), group, new Uint8Array(17_000_000), NOW, [], a), "too_large"],
    ["sendOut, of another household", (a) => store.sendOut(house(anna), elsewhere, [], a), "invalid_argument"],
    ["sendOut, of nothing", (a) => store.sendOut(house(anna), {}, [], a), "invalid_argument"],
    ["receiveFromGroup, of no message", (a) => store.receiveFromGroup(house(anna), 5, NOW, [], a), "invalid_argument"],
    ["receiveFromGroup, of no age", (a) => store.receiveFromGroup(house(anna), message, NOW, [], { ...a, age: -1 }), "invalid_argument"],
    ["joinGroup, by nothing", (a) => store.joinGroup(house(anna), {}, NOW, [], a), "invalid_argument"],
    ["joinGroup, at no time", (a) => store.joinGroup(house(anna), invitation, NaN, [], a), "invalid_argument"],
    ["lookAfterGroups, at no time", (a) => store.lookAfterGroups(house(anna), -1, [], a), "invalid_argument"],
    ["tell, of nothing", (a) => store.tell(house(anna), {}, NOW, [], a.effects), "invalid_argument"],
    ["commit, of no peer", (a) => store.commit({ peers: [{}], ...a }), "invalid_argument"],
    ["commit, of what is not given", (a) => store.commit({ forgotten: { people: [1] }, ...a }), "invalid_argument"],
  ];
  const before = await everything(anna);
  for (const [what, call, code] of refused) {
    for (const isSaid of [false, true]) {
      const ofHousehold = /^(sendTo|receiveFrom|sendOut|join|look|tell)/.test(what);
      if (!ofHousehold && !isSaid) continue;
      const effects = set(anna, 1_000);
      await assert.rejects(call(isSaid ? { effects, scheduler: anna.expiry } : { effects }), { code }, what);
      assert.deepEqual(freed(anna), ["expiry"], what);
      anna.expiry = await store.scheduler();
      // Refusals are noted; nothing else is stored.
      if (code !== "duplicate") assert.deepEqual(await everything(anna), before, what);
      await assert.rejects(call({ effects: () => assert.fail(`${what} asks`), scheduler: anna.expiry }), { code }, what);
      assert.deepEqual(freed(anna), [], what);
    }
  }
  await store.sendToGroup(house(anna), group, utf8("x"), NOW, [], { effects: set(anna, 3_000) });
  assert.equal(await ttlOf(anna), 3_000);
});

test("effects of a scheduler that nobody says are refused before anything changes", async () => {
  for (const [name, { call }] of Object.entries(CALLS)) {
    const it = await made(name);
    const { anna } = it;
    const before = await everything(anna);
    for (const effects of [set(anna, 1_000), () => assert.fail("asked")]) {
      // `commit` and `tell` take the scheduler of the party that they are made for.
      const its = { ...it, anna: { ...anna, expiry: undefined } };
      await assert.rejects(async () => call(its, [], { effects }), { code: "invalid_argument" }, name);
      assert.deepEqual([freed(anna), await everything(anna)], [[], before], name);
    }
  }
});

test("nothing but undefined is taken for what is absent", async () => {
  const it = await made("receiveFromGroup");
  const { anna } = it;
  const before = await everything(anna);
  for (const none of [null, "", 0, false, NaN]) {
    const write = { key: Uint8Array.of(0), value: undefined, id: undefined };
    for (const its of [{ ...write, value: none }, { ...write, id: none }]) {
      const effects = () => ({ writes: [its], events: [], tell: [] });
      assert.throws(() => allEffects(effects()), { code: "invalid_argument" });
      await assert.rejects(anna.store.commit({ effects, scheduler: ExpiryScheduler.create(NOW) }), { code: "invalid_argument" });
    }
    for (const { call } of ["send", "sendTo", "receive", "receiveFrom", "receiveFromGroup", "sendToGroup"].map((name) => CALLS[name])) {
      await assert.rejects(async () => call(it, [], { ad: none }), { code: "invalid_argument" });
    }
    await assert.rejects(anna.store.commit({ groups: anna.groups, groupChanges: none }), { code: "invalid_argument" });
    assert.deepEqual([freed(anna), await everything(anna)], [[], before]);
  }
  await CALLS.receiveFromGroup.call(it, [], along(set(anna, 1_000), anna));
  assert.equal(await ttlOf(anna), 1_000);
});

test("an invitation that another one has taken the place of stores nothing, and frees a scheduler that was asked", async () => {
  const it = await made("joinGroup");
  const { anna } = it;
  const [invitation] = anna.groups.invitations(anna.own, NOW);
  anna.groups.decline(invitation.group);
  const never = () => assert.fail("asked");
  assert.equal(await anna.store.joinGroup(house(anna), invitation, NOW, never, along(never, anna)), undefined);
  assert.deepEqual(freed(anna), []);
  assert.equal(await anna.store.joinGroup(house(anna), invitation, NOW, [["row", 1]], along(set(anna, 1_000), anna)), undefined);
  assert.deepEqual([freed(anna), await anna.store.row("row"), await ttlOf(anna)], [["expiry"], undefined, undefined]);
});

test("a message to a group that is refused stores what goes along all the same", async () => {
  const { anna } = await pairInGroup();
  const malformed = Uint8Array.of(0x13, 1);
  const rows = ({ delivered, waits }) => [["row", [delivered.length, waits]]];
  await assert.rejects(anna.store.receiveFromGroup(house(anna), malformed, NOW, rows, { effects: set(anna, 4_000) }), { code: "malformed" });
  assert.deepEqual([await anna.store.row("row"), await ttlOf(anna), freed(anna)], [[0, false], 4_000, []]);
});

/** Writes zeros over all bytes in it, and empties all lists. */
function spoils(value) {
  if (value instanceof Uint8Array) value.fill(0);
  else if (typeof value === "object" && value !== null) Object.values(value).forEach(spoils);
  if (Array.isArray(value)) value.splice(0);
  return [];
}

test("what the application does to what it is shown changes nothing of what is stored and sent", async () => {
  for (const [name, { call }] of Object.entries(CALLS)) {
    const it = await made(name);
    const { anna, ben } = it;
    await sent(anna);
    await call(it, spoils, along((shown) => (spoils(shown), set(anna, 5_000)), anna));
    const states = () => [
      anna.account, anna.own, anna.contacts.peer("ben"), anna.contacts.person(ben.owner),
      ...anna.groups.ids.sort().map((id) => anna.groups.group(id)),
    ].map((state) => state.snapshot());
    const there = states();
    await taken(anna);
    assert.deepEqual(states(), there, name);
    assert.equal(await ttlOf(anna), 5_000, name);
    // What leaves is read.
    const texts = [];
    for (const [to, message] of await sent(anna)) {
      assert.equal(to, "ben", name);
      if (message[0] === 0x13) texts.push(await ben.store.receiveFromGroup(house(ben), message, NOW));
      else texts.push(await ben.store.receiveFrom(house(ben), "anna", message, NOW));
    }
    if (name.startsWith("send")) assert.ok(texts.length > 0, name);
  }
});

test("what is done since to the moment and the age that a message came with changes nothing of it", async () => {
  const it = await made("receiveFrom");
  const { anna } = it;
  const before = await everything(anna);
  const [now, age] = [{ wall: NOW, monotonic: { boot: new Uint8Array(16), elapsed: 5 } }, { claimed: 5 }];
  const receiving = anna.store.receiveFrom(house(anna), "ben", it.made, now, [], { age });
  [now.wall, now.monotonic.boot, age.claimed] = [NaN, "none", -1];
  assert.equal(evanesce.text((await receiving).received.body), "x");
  assert.notDeepEqual(await everything(anna), before);
});

test("timers of what had waited for an invitation, or for looking after, go along with that", async () => {
  const { anna, ben } = await pairInGroup();
  const { group, outgoing } = ben.own.createGroup(ben.account, ben.contacts, ben.groups, [anna.owner], utf8("his"), NOW);
  const { broadcasts: [{ message }] } = ben.own.inGroup(ben.account, group).encrypt(ben.contacts, utf8("early"), NOW);
  assert.equal((await anna.store.receiveFromGroup(house(anna), message, NOW)).waits, true);
  await anna.store.receiveFrom(house(anna), "ben", outgoing.pairwise[0].message, NOW);
  const [invitation] = anna.groups.invitations(anna.own, NOW);
  const effects = ({ delivered }) => (assert.equal(delivered.length, 1), set(anna, 8_000));
  const rows = ({ delivered, effects: { events }, untold }) => [["row", [delivered.length, events.length, untold.to.length]]];
  const joined = await anna.store.joinGroup(house(anna), invitation, NOW, rows, { effects });
  assert.deepEqual([joined.delivered.length, joined.effects.tell.map(({ kind }) => kind)], [1, ["setting"]]);
  assert.deepEqual(await anna.store.row("row"), [1, joined.effects.events.length, 0]);
  assert.equal(await ttlOf(anna), 8_000);
  const looked = await anna.store.lookAfterGroups(house(anna), NOW, [], { effects: () => set(anna, 9_000) });
  assert.deepEqual([looked.effects.tell.length, await ttlOf(anna)], [1, 9_000]);
});
