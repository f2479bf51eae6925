// People with several devices over IndexedDB: all that a message changed is one transaction, and comes back.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Party, households, link, of } from "./household.js";
import { NOW, evanesce } from "./package.js";
import { UNSTORABLE, house, reopened, stored } from "./stores.js";

const { Peer, Stamp, StorageKey, conversationIdNamed, messageIdBy, text, utf8 } = evanesce;

/** Sends what stands in the outboxes to whom it is for, until nothing does. Gives what was shown. */
async function exchanged(parties) {
  const shown = [];
  for (let isAny = true; isAny; ) {
    isAny = false;
    for (const party of parties) {
      const wire = [];
      await party.store.flush((to, message) => void wire.push([text(to), message]));
      for (const [to, message] of wire) {
        const other = parties.find(({ name }) => name === to);
        if (other === undefined) continue;
        isAny = true;
        const heard = await other.store.receiveFrom(house(other), party.name, message, NOW, ({ received, isControl }) =>
          isControl ? [] : [[`messages/${party.name}`, text(received.body)]]);
        shown.push([party.name, to, heard]);
        await reopened(other);
      }
    }
  }
  return shown;
}

for (const key of [undefined, new StorageKey(new Uint8Array(32).fill(7))]) {
  const sealed = key === undefined ? "plain" : "sealed";

  test(`two people with two devices each talk, each tab closed after every step (${sealed})`, async () => {
    const { alices, bobs } = households();
    const all = [...alices, ...bobs];
    for (const party of all) await stored(party, key);
    const [alice, tablet] = alices;
    const [bob, laptop] = bobs;
    await reopened(alice);
    const sent = await alice.store.sendTo(house(alice), bob.owner, utf8("Hello Bob"), NOW, [["messages/1", "Hello Bob"]]);
    assert.deepEqual([sent.messages.length, sent.unreached], [3, []]);
    await reopened(alice);
    assert.equal(await alice.store.row("messages/1"), "Hello Bob");
    const shown = await exchanged(all);
    assert.deepEqual(shown.map(([from, to]) => [from, to]), [["alice/1", "bob/1"], ["alice/1", "bob/2"], ["alice/1", "alice/2"]]);
    assert.equal(await laptop.store.row("messages/alice/1"), "Hello Bob");
    assert.deepEqual(shown[2][2].copyOf, bob.owner);

    // What is decided and read on one device is on the other.
    const [id, me] = [messageIdBy(bob.own.person.memberTag, utf8("1")), bob.own.person.memberTag];
    const stamp = Stamp.none().withPolicy({ kind: "afterRead", ttl: 60_000 });
    const message = { id, conversation: conversationIdNamed(bob.owner), author: me };
    for (const { store, expiry } of alices) await store.commit({ effects: expiry.received(message, stamp, 0, NOW).effects, scheduler: expiry });
    const read = alice.expiry.read(id, NOW);
    const changes = alice.contacts.verify(alice.own, bob.owner, true);
    assert.deepEqual(await alice.store.tell(house(alice), changes, NOW, [["read", 1]], read), { to: [], events: [] });
    await reopened(alice);
    const [[, , heard]] = await exchanged(all);
    assert.deepEqual([heard.isControl, heard.events.map(({ kind }) => kind)], [true, ["decidedElsewhere"]]);
    assert.equal(tablet.contacts.person(bob.owner).isVerified, true);
    assert.equal(tablet.expiry.remaining(id, NOW), 60_000);

    // A device goes, and its row when it is forgotten.
    bob.begin(alice);
    await bob.store.commit({ contacts: bob.contacts });
    const list = bob.own.remove(bob.account, "bob/2", NOW);
    await bob.store.commit({ own: bob.own, rows: [["list", list.bytes]] });
    await bob.store.sendTo(house(bob), alice.owner, utf8("My laptop is gone."), NOW);
    const [[, , told]] = await exchanged([alice, bob]);
    assert.deepEqual(told.events.map(({ kind }) => kind), ["adopted"]);
    await reopened(alice);
    assert.equal(alice.contacts.person(bob.owner).list.version, 2);
    alice.contacts.removePeer("bob/2");
    await alice.store.commit({ forgotten: { peers: ["bob/2"] } });
    await reopened(alice);
    assert.deepEqual(alice.contacts.addresses.map(text).sort(), ["alice/2", "bob/1"]);
    alice.contacts.removePerson(bob.owner);
    await alice.store.commit({ forgotten: { people: [bob.owner] } });
    await reopened(alice);
    assert.deepEqual(alice.contacts.owners, []);
  });

  test(`a device that was just linked comes to know all contacts (${sealed})`, async () => {
    const { alices: [alice], bobs: [bob] } = households();
    const third = new Party("alice/3");
    link(alice, third);
    await stored(alice, key);
    await stored(third, key);
    const told = alice.own.introduce(alice.contacts, alice.expiry, "alice/3", NOW);
    await alice.store.commit({ contacts: alice.contacts, changes: told.changes, outgoing: told.messages });
    const [[, , heard]] = await exchanged([alice, third]);
    assert.deepEqual(heard.events.map(({ kind }) => kind), ["adopted", "decidedElsewhere"]);
    await reopened(third);
    const person = third.contacts.person(bob.owner);
    assert.deepEqual([person.decision, person.list.version], ["accepted", 1]);
  });

  test(`people come back in the order in which they became known (${sealed})`, async () => {
    const party = await stored(new Party("alice"), key);
    const owners = [];
    for (const name of ["c", "a", "b", "d"]) {
      const { owner } = new Party(name);
      owners.push(owner);
      party.know(owner);
      await party.store.tell(house(party), party.contacts.accept(party.own, owner, NOW), NOW);
      if (name === "a") await reopened(party);
    }
    await reopened(party);
    assert.deepEqual(party.contacts.owners, owners);
    party.contacts.removePerson(owners[3]);
    await party.store.commit({ forgotten: { people: [owners[3]] } });
    party.know(owners[3]);
    await party.store.commit({ contacts: party.contacts });
    await reopened(party);
    assert.deepEqual(party.contacts.owners, owners);
  });
}

test("people come back in their order, in whatever order they were stored, forgotten and known again", async () => {
  const party = await stored(new Party("alice"));
  const names = ["a", "b", "c", "d", "e"];
  const owners = names.map((name) => new Party(name).owner);
  const [a, b, c, d, e] = owners;
  const accept = (owner) => party.contacts.accept(party.own, owner, NOW);
  const tell = (changes) => party.store.tell(house(party), changes, NOW);
  await tell(accept(a));
  // Later ones are stored first.
  const changes = [b, c, d].map(accept);
  for (const one of changes.reverse()) await tell(one);
  await reopened(party);
  assert.deepEqual(party.contacts.owners, [a, b, c, d]);
  // Somebody is forgotten, and known again.
  party.contacts.removePerson(b);
  await party.store.commit({ contacts: party.contacts, forgotten: { people: [b] } });
  await tell(accept(b));
  assert.deepEqual(party.contacts.owners, [a, c, d, b]);
  await reopened(party);
  assert.deepEqual(party.contacts.owners, [a, c, d, b]);
  party.contacts.removePerson(c);
  accept(c);
  await party.store.commit({ contacts: party.contacts, forgotten: { people: [c] } });
  await reopened(party);
  assert.deepEqual(party.contacts.owners, [a, d, b, c]);
  // Who could not be stored takes no place.
  await assert.rejects(party.store.tell(house(party), accept(e), NOW, UNSTORABLE), { code: "store_failed" });
  await reopened(party);
  const f = new Party("f").owner;
  for (const owner of [f, e]) await tell(accept(owner));
  assert.deepEqual(party.contacts.owners, [a, d, b, c, f, e]);
  await reopened(party);
  assert.deepEqual(party.contacts.owners, [a, d, b, c, f, e]);
});

test("whoever could not be forgotten keeps their place", async () => {
  const party = await stored(new Party("alice"));
  const owners = ["x", "y"].map((name) => new Party(name).owner);
  for (const owner of owners) await party.store.tell(house(party), party.contacts.accept(party.own, owner, NOW), NOW);
  party.contacts.removePerson(owners[0]);
  await assert.rejects(party.store.commit({ forgotten: { people: [owners[0]] }, rows: UNSTORABLE }), { code: "store_failed" });
  party.contacts = await party.store.contacts();
  assert.deepEqual(party.contacts.owners, owners);
  await party.store.tell(house(party), party.contacts.refuse(party.own, owners[0], NOW), NOW);
  await reopened(party);
  assert.deepEqual(party.contacts.owners, owners);
});

test("people of whom some could not be stored come back in their order without a restart", async () => {
  const party = await stored(new Party("alice"));
  const [x, y] = ["x", "y"].map((name) => new Party(name).owner);
  await assert.rejects(party.store.tell(house(party), party.contacts.accept(party.own, x, NOW), NOW, UNSTORABLE), { code: "store_failed" });
  const again = async () => {
    const [account, own, contacts, expiry] =
      [await party.store.account(), await party.store.ownDevices(), await party.store.contacts(), await party.store.scheduler()];
    Object.assign(party, { account, own, contacts, expiry });
  };
  await again();
  for (const owner of [y, x]) await party.store.tell(house(party), party.contacts.accept(party.own, owner, NOW), NOW);
  await again();
  assert.deepEqual(party.contacts.owners, [y, x]);
});

test("a peer that moves leaves no row behind that could be taken for it", async () => {
  const party = await stored(new Party("alice"));
  const peer = new Peer("bob");
  party.contacts.addPeer(peer);
  await party.store.commit({ contacts: party.contacts });
  peer.changeAddress("bob's new one", NOW);
  await party.store.commit({ peers: [party.contacts.peer("bob's new one")] });
  await reopened(party);
  assert.deepEqual(party.contacts.addresses.map(text), ["bob's new one"]);
  party.contacts.peer("bob's new one").changeAddress("bob's newest", NOW);
  await party.store.commit({ contacts: party.contacts });
  assert.equal(await party.store.peer("bob's new one"), undefined);
});

test("a peer that has moved takes no row of whoever stands where it was", async () => {
  const { alices: [alice] } = households();
  await stored(alice);
  for (const isOpenedAgain of [false, true]) {
    if (isOpenedAgain) await reopened(alice);
    const [from, to] = isOpenedAgain ? ["bob/2", "bob/4"] : ["bob/1", "bob/3"];
    const moved = alice.contacts.peer(from);
    moved.changeAddress(to, NOW);
    alice.contacts.addPeer(new Peer(from));
    await alice.store.commit({ peers: [alice.contacts.peer(from)] });
    await alice.store.commit({ peers: [moved] });
    assert.deepEqual((await Promise.all([from, to].map((address) => alice.store.peer(address)))).map((peer) => peer?.contact.kind), ["none", "accepted"]);
  }
  await reopened(alice);
  // Its own it takes, though it was looked at meanwhile.
  (await alice.store.peer("bob/1")).free();
  alice.contacts.peer("bob/1").changeAddress("bob/6", NOW);
  await alice.store.commit({ contacts: alice.contacts });
  assert.equal(await alice.store.peer("bob/1"), undefined);
  // Two that move by turns, in one transaction.
  const [one, other] = ["bob/3", "bob/4"].map((address) => alice.contacts.peer(address));
  const identities = [other, one].map(({ contact }) => contact.identity);
  one.changeAddress("bob/5", NOW);
  other.changeAddress("bob/3", NOW);
  one.changeAddress("bob/4", NOW);
  await alice.store.commit({ contacts: alice.contacts });
  await reopened(alice);
  assert.deepEqual(["bob/3", "bob/4"].map((address) => alice.contacts.peer(address).contact.identity), identities);
});

test("two peers at one address are not stored", async () => {
  const party = await stored(new Party("alice"));
  const [one, other] = [new Peer("bob"), new Peer("bob")];
  await party.store.commit({ peers: [one, one] });
  await assert.rejects(party.store.commit({ peers: [one, other] }), { code: "invalid_argument" });
  for (const peer of [one, other]) assert.throws(() => peer.address, { code: "freed" });
  party.contacts.addPeer(new Peer("bob"));
  await assert.rejects(party.store.commit({ contacts: party.contacts, peers: [new Peer("bob")] }), { code: "invalid_argument" });
});

test("what could not be stored of people is freed, and the store is as it was", async () => {
  const { alices: [alice], bobs: [bob] } = households();
  await stored(alice);
  await stored(bob);
  await assert.rejects(alice.store.sendTo(house(alice), bob.owner, utf8("lost"), NOW, UNSTORABLE), { code: "store_failed" });
  for (const gone of [() => alice.account.device, () => alice.own.device, () => alice.contacts.owners, () => alice.expiry.limits]) {
    assert.throws(gone, { code: "freed" });
  }
  await reopened(alice);
  const sent = await alice.store.sendTo(house(alice), bob.owner, utf8("kept"), NOW);
  const { message } = sent.messages.find(({ to }) => text(to) === "bob/1");
  await assert.rejects(bob.store.receiveFrom(house(bob), "alice/1", message, NOW, () => UNSTORABLE), { code: "store_failed" });
  assert.throws(() => bob.contacts.owners, { code: "freed" });
  await reopened(bob);
  const heard = await bob.store.receiveFrom(house(bob), "alice/1", message, NOW);
  assert.equal(text(heard.received.body), "kept");
  await assert.rejects(bob.store.receiveFrom(house(bob), "alice/1", message, NOW), { code: "duplicate" });
  assert.deepEqual(bob.contacts.owners, [alice.owner]);
});

test("what an application's own functions throw frees what is ahead of the store, and is the cause", async () => {
  const { alices: [alice], bobs: [bob] } = households();
  await stored(alice);
  await stored(bob);
  const theirs = new RangeError("the application's");
  const fails = () => {
    throw theirs;
  };
  const isFreed = ({ account, own, contacts, expiry }) => {
    for (const gone of [() => account.device, () => own.device, () => contacts.owners, () => expiry.limits]) assert.throws(gone, { code: "freed" });
  };
  const isTheirs = ({ code, cause }) => code === "store_failed" && cause === theirs;
  await assert.rejects(alice.store.sendTo(house(alice), bob.owner, utf8("x"), NOW, [], { effects: fails }), isTheirs);
  isFreed(alice);
  await reopened(alice);
  const { messages } = await alice.store.sendTo(house(alice), bob.owner, utf8("x"), NOW);
  const { message } = messages.find(({ to }) => text(to) === "bob/1");
  for (const [rows, along] of [[fails, {}], [() => [], { effects: fails }]]) {
    await assert.rejects(bob.store.receiveFrom(house(bob), "alice/1", message, NOW, rows, along), isTheirs);
    isFreed(bob);
    await reopened(bob);
  }
  assert.equal(text((await bob.store.receiveFrom(house(bob), "alice/1", message, NOW)).received.body), "x");
});

test("no refused call leaves a copy of what was to be said", async (context) => {
  const { alices: [alice], bobs: [bob] } = households();
  const { store } = await stored(alice);
  const [its, peer] = [house(alice), alice.contacts.peer("bob/1")];
  const copies = [];
  const { slice } = Uint8Array.prototype;
  context.mock.method(Uint8Array.prototype, "slice", function (...given) {
    const copy = Reflect.apply(slice, this, given);
    if (text(this).startsWith("secret")) copies.push(copy);
    return copy;
  });
  const secret = utf8("secret that nobody is told");
  for (const call of [
    () => store.send(peer, secret, NOW, [[1, 2]]), () => store.send(peer, secret, NOW, [], { ad: 1 }),
    () => store.sendTo(its, bob.owner, secret, NOW, [[1, 2]]), () => store.sendTo(its, bob.owner, secret, NOW, [], { ad: 1 }),
    () => store.sendTo(its, bob.owner, secret, NOW, [], { only: [""] }), () => store.sendTo(its, bob.owner, secret, NOW, [], { effects: 5 }),
  ]) await assert.rejects(async () => call(), { code: "invalid_argument" });
  await store.sendTo(its, bob.owner, secret, NOW);
  await store.send(alice.contacts.peer("bob/1"), secret, NOW);
  store.close();
  await assert.rejects(store.sendTo(its, bob.owner, secret, NOW), { code: "store_closed" });
  assert.equal(text(secret), "secret that nobody is told");
  assert.ok(copies.length >= 3);
  for (const copy of copies) assert.deepEqual(copy, new Uint8Array(copy.length));
});

test("what came of groups is freed once it is taken, or nothing is stored", async () => {
  const { alices: [alice], bobs: [bob] } = households();
  await stored(alice);
  await stored(bob);
  const said = async () => {
    const { messages } = await alice.store.sendTo(house(alice), bob.owner, utf8("x"), NOW);
    return messages.find(({ to }) => text(to) === "bob/1").message;
  };
  const groups = new evanesce.Groups();
  const take = (parts) => groups.hear(bob.own, bob.contacts, { groupParts: parts }, NOW);
  const without = await bob.store.receiveFrom(house(bob), "alice/1", await said(), NOW);
  take(without.groupParts);
  const heard = await bob.store.receiveFrom({ ...house(bob), groups }, "alice/1", await said(), NOW);
  assert.throws(() => take(heard.groupParts), { code: "freed" });
  let kept;
  const failing = bob.store.receiveFrom(house(bob), "alice/1", await said(), NOW, ({ groupParts }) => {
    kept = groupParts;
    return UNSTORABLE;
  });
  await assert.rejects(failing, { code: "store_failed" });
  await reopened(bob);
  assert.throws(() => take(kept), { code: "freed" });
});

test("a peer of contacts that could not be stored takes them with it", async () => {
  const { alices: [alice] } = households();
  await stored(alice);
  const peer = alice.contacts.peer("bob/1");
  await assert.rejects(alice.store.send(peer, utf8("lost"), NOW, UNSTORABLE), { code: "store_failed" });
  assert.throws(() => alice.contacts.peer("bob/1"), { code: "freed" });
});

test("a refusal is noted in the peer of a household, and stored", async () => {
  const { alices: [alice], bobs: [bob] } = households();
  await stored(bob);
  const { message } = alice.say(bob.owner, "x").messages[0];
  await bob.store.receiveFrom(house(bob), "alice/1", message, NOW);
  const other = new Party("alice/1");
  other.begin(bob);
  const another = other.contacts.peer("bob/1").encrypt(utf8("?"), NOW).message;
  await assert.rejects(bob.store.receiveFrom(house(bob), "alice/1", another, NOW), { code: "identity_changed" });
  await reopened(bob);
  assert.deepEqual(bob.contacts.peer("alice/1").undecidedDevice, other.account.device);
});

test("own devices that are not reached are named, with what they are to be told", async () => {
  const { alices: [alice, tablet], bobs: [bob] } = households();
  await stored(alice);
  alice.contacts.peer("alice/2").dropSessions();
  const untold = await alice.store.tell(house(alice), alice.contacts.refuse(alice.own, bob.owner, NOW), NOW);
  assert.deepEqual([untold.to.map(text), untold.events.map(({ kind }) => kind)], [["alice/2"], ["contact"]]);
  await alice.store.commit({ rows: [["untold", untold]] });
  const { events } = await alice.store.row("untold");
  alice.begin(tablet);
  const told = alice.own.to(alice.owner).only(untold.to).tellEvents(alice.contacts, events, 5_000, NOW);
  assert.equal(tablet.hear(alice, told.messages[0].message).events[0].contact, "refused");
});

for (const isAlone of [false, true]) {
  const whom = isAlone ? "nobody is told since the list without the owner's device has expired" : "one is not told since the list has expired";
  test(`what ${whom} is stored with what it is about, and told after a restart`, async () => {
    const { alices: [alice, tablet], bobs: [bob] } = households();
    const third = new Party("alice/3");
    tablet.own.adopt(link(alice, third), NOW);
    tablet.begin(third);
    third.hear(tablet, of(tablet.say(tablet.owner, "?").messages, third));
    tablet.hear(third, of(third.say(third.owner, "!").messages, tablet));
    const without = isAlone ? alice.own.remove(alice.account, "alice/1", NOW) : undefined;
    if (isAlone) for (const party of [tablet, third]) party.own.adopt(without, NOW);
    const [teller, hearer] = isAlone ? [tablet, third] : [alice, tablet];
    for (const party of [teller, hearer]) await stored(party, isAlone ? new StorageKey(new Uint8Array(32).fill(7)) : undefined);
    const [DAY, id] = [86_400_000, new Uint8Array(16).fill(4)];
    const [later, afterwards] = [NOW + 31 * DAY, NOW + 32 * DAY];
    const isTo = (to) => text(to) === hearer.name;
    const changes = teller.contacts.refuse(teller.own, bob.owner, later);
    const rows = ({ to, events }) => [["untold", { to, events, since: later }]];
    const untold = await teller.store.tell(house(teller), changes, later, rows, () => teller.expiry.read(id, later));
    assert.ok(untold.to.some(isTo));
    assert.deepEqual(untold.events.map(({ kind }) => kind), ["contact", "seen"]);
    assert.deepEqual(await teller.store.outbox(), []);
    await reopened(teller);

    // The owner's device signs another list, and the page goes on from its rows.
    const list = alice.own.refresh(alice.account, afterwards);
    for (const party of [teller, hearer]) {
      if (party !== alice) party.own.adopt(list, afterwards);
      await party.store.commit({ own: party.own });
      await reopened(party);
    }
    const { to, events, since } = await teller.store.row("untold");
    const told = teller.own.to(teller.owner).only(to).tellEvents(teller.contacts, events, afterwards - since, afterwards);
    assert.ok(told.unreached.every((one) => !isTo(one.to)));
    await teller.store.commit({
      account: teller.account, own: teller.own, contacts: teller.contacts, changes: told.changes, outgoing: told.messages, rows: [["untold", undefined]],
    });
    await reopened(teller);
    const wire = [];
    await teller.store.flush((address, message) => void wire.push([address, message]));
    const [[, message], ...more] = wire.filter(([address]) => isTo(address));
    assert.deepEqual([more, await teller.store.row("untold")], [[], undefined]);
    const heard = await hearer.store.receiveFrom(house(hearer), teller.name, message, afterwards);
    assert.deepEqual(heard.events.filter(({ kind }) => kind === "decidedElsewhere").map(({ contact }) => contact), ["refused"]);
    assert.deepEqual(heard.told, [{ event: { kind: "seen", id }, age: DAY }]);
    await reopened(hearer);
    assert.equal(hearer.contacts.person(bob.owner)?.decision, "refused");
    await reopened(teller);
    assert.deepEqual(await teller.store.outbox(), []);
  });
}

test("what nobody is told because this device was removed is given back", async () => {
  const { alices: [alice, tablet], bobs: [bob] } = households();
  await stored(tablet);
  tablet.own.adopt(alice.own.remove(alice.account, "alice/2", NOW), NOW);
  await tablet.store.commit({ own: tablet.own });
  const removed = await tablet.store.tell(house(tablet), tablet.contacts.refuse(tablet.own, bob.owner, NOW), NOW);
  assert.deepEqual([removed.to.map(text), removed.events.map(({ kind }) => kind)], [["alice/1"], ["contact"]]);
  await reopened(tablet);
  assert.equal(tablet.contacts.person(bob.owner).decision, "refused");
  const nothing = await tablet.store.tell(house(tablet), { account: false, own: false, people: [], peers: [], tell: [] }, NOW);
  assert.deepEqual(nothing, { to: [], events: [] });
});

test("what is not of a household is refused before anything changes", async () => {
  const { alices: [alice], bobs: [bob] } = households();
  const { store } = await stored(alice);
  const [its, before] = [house(alice), alice.own.snapshot()];
  const message = new Uint8Array(200);
  const changes = { account: false, own: false, people: [], peers: [], tell: [] };
  for (const call of [
    () => store.sendTo({}, bob.owner, utf8("x"), NOW), () => store.sendTo({ ...its, own: alice.account }, bob.owner, utf8("x"), NOW),
    () => store.sendTo(its, "bob", utf8("x"), NOW), () => store.sendTo(its, bob.owner, "x", NOW), () => store.sendTo(its, bob.owner, utf8("x"), "now"),
    () => store.sendTo(its, bob.owner, utf8("x"), NOW, [[1, 2]]), () => store.sendTo(its, bob.owner, utf8("x"), NOW, [], { only: "x" }),
    () => store.receiveFrom(null, "bob/1", message, NOW), () => store.receiveFrom(its, "", message, NOW),
    () => store.receiveFrom(its, "bob/1", "message", NOW), () => store.receiveFrom(its, "bob/1", message, "now"),
    () => store.receiveFrom(its, "bob/1", message, NOW, 5), () => store.receiveFrom(its, "bob/1", message, NOW, () => [], { age: "old" }),
    () => store.tell(its, {}, NOW), () => store.tell(its, { ...changes, tell: [{}] }, NOW), () => store.tell({}, changes, NOW), () => store.tell(its, changes, "now"),
    () => store.commit({ own: alice.account }), () => store.commit({ contacts: {} }), () => store.commit({ changes: { ...changes, own: true } }),
    () => store.commit({ changes: { ...changes, account: true } }), () => store.commit({ changes: { ...changes, peers: [utf8("bob/1")] } }),
    () => store.commit({ forgotten: { peers: [""] } }), () => store.commit({ forgotten: { people: [new Uint8Array(3)] } }),
  ]) await assert.rejects(async () => call(), { code: "invalid_argument" });
  assert.deepEqual(alice.own.snapshot(), before);
});
