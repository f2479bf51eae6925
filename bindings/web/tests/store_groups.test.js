// Groups over IndexedDB: what a message brings of them is one transaction, and what waits is kept and opens.

import assert from "node:assert/strict";
import { test } from "node:test";

import { clubs } from "./club.js";
import { NOW, evanesce } from "./package.js";
import { UNSTORABLE, house, reopened, sent, stored } from "./stores.js";

const { Groups, Person, Stamp, StorageKey, conversationIdNamed, text, utf8 } = evanesce;
const DAY = 86_400_000;

const lines = (of) => (of?.delivered ?? []).filter(({ isControl }) => !isControl).map(({ received }) => text(received.body));

/** Takes in one message, and joins wherever it is invited. Gives the lines that it brought. */
async function taken(party, from, message) {
  const rows = (of) => lines(of).map((line) => [`messages/${line}`, line]);
  const of = message[0] === 0x13
    ? await party.store.receiveFromGroup(house(party), message, NOW, rows)
    : (await party.store.receiveFrom(house(party), from, message, NOW, ({ ofGroups }) => rows(ofGroups))).ofGroups;
  await reopened(party);
  const brought = lines(of);
  for (const invitation of party.groups.invitations(party.own, NOW)) {
    brought.push(...lines(await party.store.joinGroup(house(party), invitation, NOW, rows)));
    await reopened(party);
  }
  return brought;
}

/** Delivers all that stands in the outboxes, until nothing does. */
async function settled(parties) {
  const brought = [];
  for (let isAny = true; isAny; ) {
    isAny = false;
    for (const party of parties) {
      for (const [to, message] of await sent(party)) {
        const other = parties.find(({ name }) => name === to);
        if (other === undefined) continue;
        isAny = true;
        for (const line of await taken(other, party.name, message)) brought.push([to, line]);
      }
    }
  }
  return brought;
}

for (const key of [undefined, new StorageKey(new Uint8Array(32).fill(7))]) {
  const sealed = key === undefined ? "plain" : "sealed";

  test(`three people in a group, each tab closed after every step (${sealed})`, async () => {
    const { anna, ben, carla } = clubs(["anna", "ben", "carla"]);
    const all = [anna, ben, carla];
    for (const party of all) await stored(party, key);
    const { group, outgoing } = anna.own.createGroup(anna.account, anna.contacts, anna.groups, [ben.owner], utf8("Hiking"), NOW);
    const { id } = group;
    await anna.store.sendOut(house(anna), outgoing, [["title", "Hiking"]]);
    await reopened(anna);
    assert.deepEqual(await settled(all), []);
    assert.deepEqual(ben.groups.ids, [id]);
    await ben.store.sendToGroup(house(ben), ben.groups.group(id), utf8("Hello"), NOW, [["messages/Hello", "Hello"]]);
    await reopened(ben);
    assert.deepEqual(await settled(all), [["anna", "Hello"]]);
    assert.equal(await anna.store.row("messages/Hello"), "Hello");

    const changed = anna.own.inGroup(anna.account, anna.groups.group(id)).change(anna.contacts, { kind: "add", person: carla.owner }, NOW);
    await anna.store.sendOut(house(anna), changed);
    await settled(all);
    assert.equal(carla.groups.group(id).members.length, 3);
    await carla.store.sendToGroup(house(carla), carla.groups.group(id), utf8("I am new"), NOW);
    assert.deepEqual((await settled(all)).sort(), [["anna", "I am new"], ["ben", "I am new"]]);
    const looked = await anna.store.lookAfterGroups(house(anna), NOW);
    assert.deepEqual([looked.lost, looked.delivered, looked.unreached], [0, [], []]);

    // Whoever leaves and deletes it has nothing of it any more.
    await carla.store.sendOut(house(carla), carla.own.inGroup(carla.account, carla.groups.group(id)).leave(carla.contacts, NOW));
    await settled(all);
    carla.groups.remove(id);
    await carla.store.commit({ forgotten: { groups: [id] } });
    await reopened(carla);
    assert.deepEqual(carla.groups.ids, []);
    assert.deepEqual(carla.contacts.addresses.map(text).sort(), ["anna", "ben"]);
  });

  test(`what comes before its chain waits, over a closed tab too, and opens with it (${sealed})`, async () => {
    const { anna, ben } = clubs(["anna", "ben"]);
    for (const party of [anna, ben]) await stored(party, key);
    const { group, outgoing } = anna.own.createGroup(anna.account, anna.contacts, anna.groups, [ben.owner], utf8("x"), NOW);
    const { id } = group;
    await anna.store.sendOut(house(anna), outgoing);
    await settled([anna, ben]);
    for (const line of ["one", "two"]) await ben.store.sendToGroup(house(ben), ben.groups.group(id), utf8(line), NOW);
    const wire = await sent(ben);
    const [chain, ...messages] = wire.map(([, message]) => message);
    for (const message of messages) {
      const heard = await anna.store.receiveFromGroup(house(anna), message, NOW);
      assert.deepEqual([heard.waits, heard.delivered, heard.events], [true, [], []]);
      await reopened(anna);
    }
    // The carrier repeats one.
    assert.equal((await anna.store.receiveFromGroup(house(anna), messages[0], NOW)).waits, true);
    assert.deepEqual((await sent(anna)).map(([to]) => to), ["ben"], "it asks for the chain");
    await reopened(anna);
    assert.deepEqual(await taken(anna, "ben", chain), ["one", "two"]);
    assert.deepEqual(await anna.store.rows("messages/"), [["messages/one", "one"], ["messages/two", "two"]]);
    await assert.rejects(anna.store.receiveFromGroup(house(anna), messages[0], NOW), { code: "duplicate" });

    // What waits in vain goes.
    ben.own.inGroup(ben.account, ben.groups.group(id)).renew(ben.contacts);
    const another = ben.own.inGroup(ben.account, ben.groups.group(id)).encrypt(ben.contacts, utf8("lost"), NOW);
    assert.equal((await anna.store.receiveFromGroup(house(anna), another.broadcasts[0].message, NOW)).waits, true);
    assert.equal((await anna.store.lookAfterGroups(house(anna), NOW + 15 * DAY)).lost, 1);
    assert.equal((await anna.store.lookAfterGroups(house(anna), NOW + 15 * DAY)).lost, 0);
  });
}

/** Two in a group, of whom ben has written a line: his chain, and his message. */
async function waiting(line, key) {
  const { anna, ben } = clubs(["anna", "ben"]);
  for (const party of [anna, ben]) await stored(party, key);
  const { group: { id }, outgoing } = anna.own.createGroup(anna.account, anna.contacts, anna.groups, [ben.owner], utf8("x"), NOW);
  await anna.store.sendOut(house(anna), outgoing);
  await settled([anna, ben]);
  await ben.store.sendToGroup(house(ben), ben.groups.group(id), utf8(line), NOW);
  const [[, chain], [, message]] = await sent(ben);
  return { anna, ben, id, chain, message };
}

test("a message that waited is as old as it was when it came, and as it has waited since", async () => {
  const { anna, ben, id, chain, message } = await waiting("timed");
  const MINUTE = 60_000;
  const early = await anna.store.receiveFromGroup(house(anna), message, NOW, () => [], { age: 2 * MINUTE });
  assert.deepEqual([early.waits, early.delivered], [true, []]);
  await reopened(anna);
  // The carrier repeats it, and the clock is set back and forth.
  await anna.store.receiveFromGroup(house(anna), message, NOW - MINUTE);
  await reopened(anna);
  const chat = conversationIdNamed(id), stamp = Stamp.none().withPolicy({ kind: "afterSend", ttl: 60 * MINUTE });
  const effects = ({ ofGroups: { delivered: [{ age, author }] } }) => {
    const its = { id: new Uint8Array(16).fill(1), conversation: chat, author };
    return anna.expiry.received(its, stamp, age, NOW + 10 * MINUTE).effects;
  };
  const { ofGroups } = await anna.store.receiveFrom(house(anna), "ben", chain, NOW + 10 * MINUTE, () => [], { effects });
  assert.deepEqual(ofGroups.delivered.map(({ age }) => age), [12 * MINUTE]);
  assert.equal(anna.expiry.remaining(new Uint8Array(16).fill(1), NOW + 10 * MINUTE), 48 * MINUTE);
  // What opens at once is as old as it is said to be.
  await ben.store.sendToGroup(house(ben), ben.groups.group(id), utf8("another"), NOW);
  const [[, another]] = await sent(ben);
  const heard = await anna.store.receiveFromGroup(house(anna), another, NOW, () => [], { age: MINUTE });
  assert.deepEqual(heard.delivered.map(({ age }) => age), [MINUTE]);
  await assert.rejects(anna.store.receiveFromGroup(house(anna), another, NOW, () => [], { age: "old" }), { code: "invalid_argument" });
});

test("what waits is bounded in bytes: first goes what anybody can make up, then what has come first", async () => {
  const MOST = 16 * 1024 * 1024;
  const { anna, ben, id, chain, message } = await waiting("kept");
  assert.equal((await anna.store.receiveFromGroup(house(anna), message, NOW)).waits, true);
  const noise = (number, length) => {
    const made = new Uint8Array(length).fill(number);
    made[0] = 0x13;
    return made;
  };
  let lost = 0;
  const offered = async (bytes, now = NOW) => {
    const heard = await anna.store.receiveFromGroup(house(anna), bytes, now);
    lost += heard.lost;
    return heard.waits;
  };
  for (let number = 1; number <= 5; number++) {
    assert.equal(await offered(noise(number, MOST / 4)), true);
    await reopened(anna);
  }
  assert.equal(lost, 2);
  // There is no room for one beside what is of the group itself, and nothing goes for it.
  await assert.rejects(offered(noise(9, MOST)), { code: "undecryptable" });
  await assert.rejects(offered(noise(9, MOST + 1)), { code: "undecryptable" });
  // Of what is of the group itself the first goes, and only where nothing else does.
  ben.own.inGroup(ben.account, ben.groups.group(id)).renew(ben.contacts);
  const { pairwise, broadcasts: [{ message: second }] } =
    ben.own.inGroup(ben.account, ben.groups.group(id)).encrypt(ben.contacts, new Uint8Array(60_000), NOW);
  assert.equal(await offered(second), true);
  assert.equal(await offered(noise(6, MOST / 2)), true);
  assert.equal(lost, 4);
  const bound = { ad: new Uint8Array(MOST - second.length - 1_000) };
  const heard = await anna.store.receiveFromGroup(house(anna), second, NOW, () => [], bound);
  assert.deepEqual([heard.waits, heard.lost], [true, 4]);
  for (const of of [chain, pairwise[0].message]) {
    assert.deepEqual(lines((await anna.store.receiveFrom(house(anna), "ben", of, NOW)).ofGroups), []);
  }
});

test("with a key nothing that the application said of a message that waits stands in the clear", async () => {
  const { anna, message } = await waiting("x", new StorageKey(new Uint8Array(32).fill(7)));
  const ad = utf8("conversation with the lawyer");
  assert.equal((await anna.store.receiveFromGroup(house(anna), message, NOW, () => [], { ad })).waits, true);
  anna.store.close();
  const request = anna.options.indexedDB.open("account");
  const database = await new Promise((resolve) => (request.onsuccess = () => resolve(request.result)));
  const states = database.transaction("states").objectStore("states").getAll();
  const rows = await new Promise((resolve) => (states.onsuccess = () => resolve(states.result)));
  database.close();
  assert.equal(rows.filter(({ kept }) => kept).length, 1);
  const inBytes = (value) => (value instanceof Uint8Array ? [...value] : typeof value === "object" && value ? Object.values(value).flatMap(inBytes) : []);
  assert.equal(Buffer.from(rows.flatMap(inBytes)).includes(Buffer.from(ad)), false);
  assert.equal(Buffer.from(rows.flatMap(inBytes)).includes(Buffer.from(ad.slice(0, 8))), false);
  await reopened(anna);
  assert.equal((await anna.store.receiveFromGroup(house(anna), message, NOW, () => [], { ad })).waits, true);
  assert.equal(await anna.store.lookAfterGroups(house(anna), NOW + 15 * DAY).then(({ lost }) => lost), 1);
});

test("a copy that was altered, or is bound to something else, keeps out no message that waits", async () => {
  const { anna, chain, message } = await waiting("the message");
  const altered = message.slice();
  altered[60] ^= 1;
  assert.equal((await anna.store.receiveFromGroup(house(anna), altered, NOW)).waits, true);
  const ad = new Uint8Array(40).fill(1), longer = new Uint8Array(41).fill(1);
  for (const bound of [ad, longer, ad]) {
    assert.equal((await anna.store.receiveFromGroup(house(anna), message, NOW, () => [], { ad: bound })).waits, true);
  }
  assert.equal((await anna.store.receiveFromGroup(house(anna), message, NOW)).waits, true);
  await reopened(anna);
  const { ofGroups } = await anna.store.receiveFrom(house(anna), "ben", chain, NOW);
  assert.deepEqual([lines(ofGroups), ofGroups.lost], [["the message"], 3]);
});

test("a message that waits and is repeated by the carrier when it opens waits no more", async () => {
  const { anna, ben, id } = await waiting("one");
  // Of another chain, whose list comes with nothing that the store hears of.
  anna.contacts.removePerson(ben.owner);
  anna.contacts.addPerson(new Person(ben.owner));
  await anna.store.commit({ contacts: anna.contacts });
  ben.own.inGroup(ben.account, ben.groups.group(id)).renew(ben.contacts);
  const { pairwise: [{ message: chain }], broadcasts: [{ message }] } =
    ben.own.inGroup(ben.account, ben.groups.group(id)).encrypt(ben.contacts, utf8("two"), NOW);
  assert.equal((await anna.store.receiveFromGroup(house(anna), message, NOW)).waits, true);
  await anna.store.tell(house(anna), anna.contacts.adopt(anna.own, ben.own.person.list, NOW).changes, NOW);
  const { ofGroups } = await anna.store.receiveFrom(house(anna), "ben", chain, NOW);
  assert.deepEqual(lines(ofGroups), []);
  assert.deepEqual(lines(await anna.store.receiveFromGroup(house(anna), message, NOW)), ["two"]);
  await reopened(anna);
  assert.equal((await anna.store.lookAfterGroups(house(anna), NOW + 15 * DAY)).lost, 0);
});

test("a message that waited before its group was known is the same when the carrier repeats it", async () => {
  const { anna, ben } = clubs(["anna", "ben"]);
  for (const party of [anna, ben]) await stored(party);
  const { group, outgoing } = anna.own.createGroup(anna.account, anna.contacts, anna.groups, [ben.owner], utf8("x"), NOW);
  await anna.store.sendOut(house(anna), outgoing);
  const [[, invitation]] = await sent(anna);
  anna.own.inGroup(anna.account, group).renew(anna.contacts);
  await anna.store.sendToGroup(house(anna), group, utf8("early"), NOW);
  const [[, chain], [, message]] = await sent(anna);
  assert.equal((await ben.store.receiveFromGroup(house(ben), message, NOW)).waits, true);
  assert.deepEqual(await taken(ben, "anna", invitation), []);
  assert.equal((await ben.store.receiveFromGroup(house(ben), message, NOW)).waits, true);
  const { ofGroups } = await ben.store.receiveFrom(house(ben), "anna", chain, NOW);
  assert.deepEqual([lines(ofGroups), ofGroups.lost], [["early"], 0]);
  assert.equal((await ben.store.lookAfterGroups(house(ben), NOW + 15 * DAY)).lost, 0);
});

test("what comes before the invitation waits for that", async () => {
  const { anna, ben } = clubs(["anna", "ben"]);
  for (const party of [anna, ben]) await stored(party);
  const { group, outgoing } = anna.own.createGroup(anna.account, anna.contacts, anna.groups, [ben.owner], utf8("x"), NOW);
  await anna.store.sendOut(house(anna), outgoing);
  await anna.store.sendToGroup(house(anna), group, utf8("early"), NOW);
  const [[, invitation], [, message]] = await sent(anna);
  assert.equal((await ben.store.receiveFromGroup(house(ben), message, NOW)).waits, true);
  await reopened(ben);
  assert.deepEqual(await taken(ben, "anna", invitation), ["early"]);
});

for (const isLookedAfterFirst of [true, false]) {
  test(`what waits for a list that is fetched opens, looked after ${isLookedAfterFirst ? "before" : "after"} the chain comes`, async () => {
    const { anna, ben, carla } = clubs(["anna", "ben", "carla"]);
    const all = [anna, ben, carla], { list } = carla.own.person;
    for (const party of all) await stored(party);
    const { group: { id }, outgoing } =
      ben.own.createGroup(ben.account, ben.contacts, ben.groups, [anna.owner, carla.owner], utf8("x"), NOW);
    await ben.store.sendOut(house(ben), outgoing);
    await settled(all);
    // As if carla's list had never come.
    anna.contacts.removePerson(carla.owner);
    anna.contacts.addPerson(new Person(carla.owner));
    await anna.store.commit({ contacts: anna.contacts });
    await carla.store.sendToGroup(house(carla), carla.groups.group(id), utf8("Hello"), NOW);
    const wire = (await sent(carla)).filter(([to]) => to === "anna").map(([, message]) => message);
    const [message, chain] = [wire.find(([kind]) => kind === 0x13), wire.find(([kind]) => kind !== 0x13)];
    assert.equal((await anna.store.receiveFromGroup(house(anna), message, NOW)).waits, true);
    assert.deepEqual(anna.groups.group(id).listsNeeded(anna.own, anna.contacts), [carla.owner]);
    await anna.store.tell(house(anna), anna.contacts.adopt(anna.own, list.bytes, NOW).changes, NOW);
    await reopened(anna);
    const lookedAfter = async () => lines(await anna.store.lookAfterGroups(house(anna), NOW));
    const steps = [lookedAfter, () => taken(anna, "carla", chain)];
    const brought = [];
    for (const step of isLookedAfterFirst ? steps : steps.reverse()) brought.push(await step());
    assert.deepEqual(brought, [[], ["Hello"]]);
    assert.equal((await anna.store.lookAfterGroups(house(anna), NOW + 15 * DAY)).lost, 0);
  });
}

test("what could not be stored of groups is freed, and the store is as it was", async () => {
  const { anna, ben } = clubs(["anna", "ben"]);
  for (const party of [anna, ben]) await stored(party);
  const { group, outgoing } = anna.own.createGroup(anna.account, anna.contacts, anna.groups, [ben.owner], utf8("x"), NOW);
  const { id } = group;
  await anna.store.sendOut(house(anna), outgoing);
  await settled([anna, ben]);
  await assert.rejects(ben.store.sendToGroup(house(ben), ben.groups.group(id), utf8("lost"), NOW, UNSTORABLE), { code: "store_failed" });
  assert.throws(() => ben.groups.ids, { code: "freed" });
  await reopened(ben);
  await ben.store.sendToGroup(house(ben), ben.groups.group(id), utf8("kept"), NOW);
  const [[, chain], [, message]] = await sent(ben);
  await anna.store.receiveFrom(house(anna), "ben", chain, NOW);
  await assert.rejects(anna.store.receiveFromGroup(house(anna), message, NOW, () => UNSTORABLE), { code: "store_failed" });
  for (const gone of [() => anna.groups.ids, () => anna.contacts.owners, () => anna.own.device]) assert.throws(gone, { code: "freed" });
  await reopened(anna);
  assert.deepEqual(lines(await anna.store.receiveFromGroup(house(anna), message, NOW)), ["kept"]);
});

test("no message leaves whose state is not stored: not after a peer, a person or a group has gone or moved before its turn", async () => {
  for (const goes of [
    ({ contacts }) => contacts.peer("ben").changeAddress("ben's new one", NOW),
    ({ contacts }) => contacts.removePeer("ben"),
    ({ groups }, { id }) => groups.remove(id),
  ]) {
    const { anna, ben } = clubs(["anna", "ben"]);
    await stored(anna);
    const before = anna.contacts.peer("ben").snapshot();
    const { group, outgoing } = anna.own.createGroup(anna.account, anna.contacts, anna.groups, [ben.owner], utf8("x"), NOW);
    const sending = anna.store.sendOut(house(anna), outgoing);
    goes(anna, group);
    await assert.rejects(sending, { code: "invalid_argument" });
    for (const gone of [() => anna.groups.ids, () => anna.contacts.owners, () => anna.own.device]) assert.throws(gone, { code: "freed" });
    assert.deepEqual(await anna.store.outbox(), []);
    assert.deepEqual((await anna.store.peer("ben")).snapshot(), before);
  }
  const { anna, ben } = clubs(["anna", "ben"]);
  await stored(anna);
  const telling = anna.store.tell(house(anna), anna.contacts.refuse(anna.own, ben.owner, NOW), NOW);
  anna.contacts.removePerson(ben.owner);
  await assert.rejects(telling, { code: "invalid_argument" });
  await reopened(anna);
  const { outgoing: { changes, pairwise } } =
    anna.own.createGroup(anna.account, anna.contacts, anna.groups, [ben.owner], utf8("x"), NOW);
  anna.contacts.removePeer("ben");
  const commit = { account: anna.account, own: anna.own, contacts: anna.contacts, groups: anna.groups, groupChanges: changes, outgoing: pairwise };
  await assert.rejects(anna.store.commit(commit), { code: "invalid_argument" });
  assert.deepEqual(await anna.store.outbox(), []);
  assert.throws(() => anna.groups.ids, { code: "freed" });
});

test("changes of groups keep no other people from being stored", async () => {
  const { anna, ben, carla } = clubs(["anna", "ben", "carla"]);
  await stored(anna);
  anna.contacts.removePerson(carla.owner);
  await anna.store.commit({ contacts: anna.contacts, forgotten: { people: [carla.owner] } });
  const { account, own, contacts, groups } = anna;
  contacts.accept(own, carla.owner, NOW);
  const { outgoing: { changes } } = own.createGroup(account, contacts, groups, [ben.owner], utf8("x"), NOW);
  await anna.store.commit({ account, own, contacts, groups, groupChanges: changes });
  await reopened(anna);
  assert.deepEqual(anna.contacts.owners, [ben.owner, carla.owner]);
});

test("what goes in the same transaction needs not be there", async () => {
  const { anna, ben } = clubs(["anna", "ben"]);
  await stored(anna);
  const { group: { id }, outgoing: { changes } } =
    anna.own.createGroup(anna.account, anna.contacts, anna.groups, [ben.owner], utf8("x"), NOW);
  const refused = anna.contacts.refuse(anna.own, ben.owner, NOW);
  anna.contacts.removePeer("ben");
  anna.contacts.removePerson(ben.owner);
  anna.groups.remove(id);
  await anna.store.commit({
    account: anna.account, own: anna.own, contacts: anna.contacts, groups: anna.groups, changes: refused, groupChanges: changes,
    forgotten: { peers: ["ben"], people: [ben.owner], groups: [id] },
  });
  await reopened(anna);
  assert.deepEqual([anna.contacts.addresses, anna.contacts.owners, anna.groups.ids], [[], [], []]);
});

test("nothing is written to a group of other groups than the household's", async () => {
  const { anna, ben } = clubs(["anna", "ben"]);
  await stored(anna);
  const { group, outgoing } = anna.own.createGroup(anna.account, anna.contacts, anna.groups, [ben.owner], utf8("x"), NOW);
  await anna.store.sendOut(house(anna), outgoing);
  await sent(anna);
  const before = group.snapshot();
  for (const groups of [new Groups(), await anna.store.groups()]) {
    await assert.rejects(anna.store.sendToGroup({ ...house(anna), groups }, group, utf8("x"), NOW), { code: "invalid_argument" });
    await assert.rejects(anna.store.sendOut({ ...house(anna), groups }, outgoing), { code: "invalid_argument" });
  }
  for (const other of [{ account: await anna.store.account() }, { own: await anna.store.ownDevices() }, { contacts: await anna.store.contacts() }]) {
    await assert.rejects(anna.store.sendOut({ ...house(anna), ...other }, outgoing), { code: "invalid_argument" });
  }
  assert.deepEqual([group.snapshot(), await anna.store.outbox()], [before, []]);
  await anna.store.sendToGroup(house(anna), group, utf8("x"), NOW);
});

test("what is called for a store is copied, and a group's name is nobody else's", async () => {
  const { anna, ben } = clubs(["anna", "ben"]);
  await stored(anna);
  const { group, outgoing } = anna.own.createGroup(anna.account, anna.contacts, anna.groups, [ben.owner], utf8("x"), NOW);
  const { id } = group;
  const sending = anna.store.sendOut(house(anna), outgoing);
  const { groups, people } = outgoing.changes;
  for (const name of [...groups, ...people.people, ...people.peers]) name.fill(0);
  assert.deepEqual(group.members.length, 2);
  await sending;
  await reopened(anna);
  assert.deepEqual(anna.groups.ids, [id]);
});

test("a timer goes along with a message to a group, and what came says whether it counts", async () => {
  const { anna, ben } = clubs(["anna", "ben"]);
  for (const party of [anna, ben]) await stored(party);
  const { group, outgoing } = anna.own.createGroup(anna.account, anna.contacts, anna.groups, [ben.owner], utf8("x"), NOW);
  const { id } = group;
  await anna.store.sendOut(house(anna), outgoing);
  await settled([anna, ben]);
  const chat = conversationIdNamed(id);
  await anna.store.commit({ effects: anna.expiry.set(chat, { kind: "afterRead", ttl: 60_000 }, anna.own.person.memberTag, NOW), scheduler: anna.expiry });
  const payload = { body: utf8("timed"), stamp: anna.expiry.stamp(chat) };
  await anna.store.sendToGroup(house(anna), anna.groups.group(id), payload, NOW);
  for (const [, message] of await sent(anna)) {
    if (message[0] !== 0x13) {
      await ben.store.receiveFrom(house(ben), "anna", message, NOW);
      continue;
    }
    const effects = ({ delivered: [got] }) => ben.expiry.received(
      { id: new Uint8Array(16).fill(1), conversation: chat, author: got.author, maySet: got.maySetTimer }, got.received.stamp, 0, NOW,
    ).effects;
    const heard = await ben.store.receiveFromGroup(house(ben), message, NOW, () => [], { effects });
    assert.deepEqual(heard.effects.events.map(({ kind }) => kind), ["settingChanged"]);
  }
  await reopened(ben);
  assert.equal(ben.expiry.setting(chat).policy.ttl, 60_000);
});

test("what is no household with groups is refused before anything changes", async () => {
  const { anna, ben } = clubs(["anna", "ben"]);
  const { store } = await stored(anna);
  const { group, outgoing } = anna.own.createGroup(anna.account, anna.contacts, anna.groups, [ben.owner], utf8("x"), NOW);
  const [its, before] = [house(anna), group.snapshot()];
  const without = { ...its, groups: undefined };
  const { changes } = outgoing;
  for (const call of [
    () => store.sendToGroup(without, group, utf8("x"), NOW), () => store.sendToGroup(its, {}, utf8("x"), NOW),
    () => store.sendToGroup(its, group, "x", NOW), () => store.sendToGroup(its, group, utf8("x"), "now"),
    () => store.sendOut(its, {}), () => store.sendOut(its, null), () => store.sendOut(without, outgoing),
    () => store.receiveFromGroup(its, "x", NOW), () => store.receiveFromGroup(without, new Uint8Array(200), NOW),
    () => store.receiveFromGroup(its, new Uint8Array(200), NOW, 5), () => store.joinGroup(its, {}, NOW), () => store.lookAfterGroups({}, NOW),
    () => store.commit({ groups: {} }), () => store.commit({ groupChanges: changes }), () => store.commit({ groupChanges: {} }),
    () => store.commit({ forgotten: { groups: [new Uint8Array(3)] } }),
  ]) await assert.rejects(async () => call(), { code: "invalid_argument" });
  await assert.rejects(store.receiveFromGroup(its, Uint8Array.of(0x13, 1), NOW), { code: "malformed" });
  assert.deepEqual(group.snapshot(), before);
});
