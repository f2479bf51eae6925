// Two people with two devices each: linked, written to, removed, put back; and what is refused on the way.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Party, households, link, of } from "./household.js";
import { NOW, evanesce } from "./package.js";

const {
  Contacts, EvanesceError, OwnDevices, Peer, Person, PublishedPrekeys, Report, SafetyNumber, ServerKey, StorageKey, VerifiedBundle,
  allChanges, conversationIdNamed, messageIdBy, noteIn, readLinkCode, text, utf8, verifyDeviceList,
} = evanesce;

const DAY = 86_400_000;

test("a device is linked by a code, and the list names both", () => {
  const [phone, laptop] = [new Party("bob/phone", {}), new Party("bob/laptop", {})];
  assert.deepEqual([phone.own.isOwner, phone.own.isListed, laptop.own.isOwner], [true, false, true]);
  const shown = laptop.own.showLinkCode(NOW);
  const scanned = readLinkCode(shown.bytes);
  assert.deepEqual(scanned, shown);
  assert.match(scanned.digits, /^\d{30}$/);
  assert.deepEqual(scanned.device, laptop.account.device);

  const bundle = VerifiedBundle.verify(laptop.server.handOut(), NOW);
  const offer = phone.own.offerLink(phone.account, phone.contacts, shown.bytes, bundle, NOW);
  assert.throws(() => bundle.suite, { code: "freed" });
  assert.equal(text(offer.to), "bob/laptop");
  assert.deepEqual([offer.changes.own, offer.changes.peers.map(text)], [true, ["bob/laptop"]]);
  const opened = laptop.own.openLinkOffer(laptop.account, laptop.contacts, offer.message, NOW);
  assert.equal(opened.digits, phone.own.digits);
  assert.deepEqual([opened.isNew, opened.changes.account, opened.changes.own], [true, true, true]);
  const answer = laptop.own.answerLinkOffer(laptop.account, laptop.contacts, NOW);
  const { list, changes } = phone.own.finishLink(phone.account, phone.contacts, answer.message, NOW);
  assert.deepEqual([changes.own, changes.peers.map(text)], [true, ["bob/laptop"]]);
  assert.deepEqual(verifyDeviceList(list.bytes, NOW), list);
  assert.deepEqual([list.version, list.created, list.expires], [1, NOW, NOW + 30 * DAY]);
  assert.deepEqual(list.owner, phone.account.device.identity);
  assert.deepEqual(list.devices.map(({ device }) => text(device.address)), ["bob/laptop", "bob/phone"]);

  assert.deepEqual([laptop.own.isOwner, laptop.own.isListed], [false, false]);
  const event = laptop.own.adopt(list.bytes, NOW);
  assert.deepEqual([event.kind, event.version, event.unknownOwn, event.went], ["adopted", 1, false, []]);
  assert.equal(laptop.own.adopt(list, NOW), undefined);
  assert.deepEqual([laptop.own.isListed, laptop.own.isRemoved], [true, false]);
  assert.deepEqual(laptop.owner, phone.owner);
});

test("one call writes to all devices of a person, and copies go to one's own", () => {
  const { alices: [alice, tablet], bobs: [bob, laptop] } = households({});
  const sent = alice.say(bob.owner, "Hello Bob");
  assert.deepEqual(sent.messages.map(({ to }) => text(to)), ["bob/1", "bob/2", "alice/2"]);
  assert.deepEqual(sent.unreached, []);
  assert.deepEqual(new Set(sent.changes.peers.map(text)), new Set(["bob/1", "bob/2", "alice/2"]));
  assert.equal(sent.changes.peers.length, 3);
  for (const party of [bob, laptop]) {
    const got = party.hear(alice, of(sent.messages, party));
    assert.equal(text(got.received.body), "Hello Bob");
    assert.deepEqual([got.standing, got.isControl, got.isRefused, got.copyOf, got.beganSession], ["listed", false, false, undefined, true]);
    assert.deepEqual([got.person, got.device], [alice.owner, alice.account.device]);
    assert.deepEqual(got.author, alice.own.person.memberTag);
  }
  const copy = tablet.hear(alice, of(sent.messages, tablet));
  assert.deepEqual([copy.copyOf, text(copy.received.body)], [bob.owner, "Hello Bob"]);
  assert.deepEqual(copy.author, tablet.own.person.memberTag);

  // Whoever answers reaches all, and what was said does not travel twice.
  const answer = laptop.say(alice.owner, "Hello Alice");
  assert.deepEqual(answer.messages.map(({ to }) => text(to)), ["alice/1", "bob/1"]);
  assert.deepEqual(answer.unreached.map(({ to, reason }) => [text(to), reason]), [["alice/2", "needsSession"]]);
  laptop.begin(tablet);
  const missed = laptop.own.to(alice.owner).only(["alice/2"]).encrypt(laptop.contacts, utf8("Hello Alice"), NOW);
  assert.deepEqual(missed.messages.map(({ to }) => text(to)), ["alice/2"]);
  assert.equal(text(tablet.hear(laptop, of(missed.messages, tablet)).received.body), "Hello Alice");
  assert.equal(text(alice.hear(laptop, of(answer.messages, alice)).received.body), "Hello Alice");
  const note = alice.own.to(alice.own.person).encrypt(alice.contacts, utf8("milk"), NOW);
  assert.deepEqual(tablet.hear(alice, of(note.messages, tablet)).copyOf, alice.owner);
});

test("a device that is removed gets nothing more, whatever a server says", () => {
  const { alices: [alice], bobs: [bob, lost], lists } = households();
  bob.begin(alice);
  const list = bob.own.remove(bob.account, "bob/2", NOW);
  assert.deepEqual([list.version, list.devices.length], [2, 1]);
  assert.throws(() => bob.own.remove(bob.account, "bob/2", NOW), { code: "not_listed" });
  assert.throws(() => lost.own.remove(lost.account, "bob/1", NOW), { code: "not_the_owner" });
  // She cannot know yet.
  assert.equal(alice.say(bob.owner, "Are you at home?").messages.length, 3);
  const { messages } = bob.say(alice.owner, "I am.");
  const got = alice.hear(bob, of(messages, alice));
  const [event] = got.events;
  assert.deepEqual([event.kind, event.version, event.went.map(({ address }) => text(address))], ["adopted", 2, ["bob/2"]]);
  assert.deepEqual(got.changes.people, [bob.owner]);
  assert.throws(() => alice.contacts.adopt(alice.own, lists[1], NOW), { code: "older_list" });
  assert.deepEqual(alice.say(bob.owner, "Then I am coming.").messages.map(({ to }) => text(to)), ["bob/1", "alice/2"]);
  assert.deepEqual(alice.contacts.personOf(lost.account.device, NOW), { owner: bob.owner, standing: "removed" });
  assert.equal(alice.contacts.person(bob.owner).standing(lost.account.device, NOW), "removed");

  // It is told, and stops.
  bob.begin(lost);
  const told = bob.own.to(bob.owner).tell(bob.contacts, "bob/2", NOW);
  const heard = lost.hear(bob, of(told.messages, lost));
  assert.deepEqual([heard.isControl, lost.own.isRemoved], [true, true]);
  assert.throws(() => lost.say(alice.owner, "still me"), { code: "removed" });
  assert.deepEqual(bob.own.to(bob.owner).tell(bob.contacts, "nobody", NOW).messages, []);
});

test("what is decided on one device holds on the others, and what happened there is told", () => {
  const { alices: [alice, tablet], bobs: [bob] } = households();
  const changes = allChanges(
    alice.contacts.refuse(alice.own, bob.owner, NOW), alice.contacts.verify(alice.own, bob.owner, true),
  );
  assert.deepEqual(changes.tell.map(({ kind }) => kind), ["contact", "verification"]);
  assert.deepEqual([changes.people, changes.peers.map(text)], [[bob.owner], ["bob/1", "bob/2"]]);
  assert.throws(() => alice.say(bob.owner, "?"), { code: "nobody_reached" });
  const obstacles = alice.own.to(bob.owner).obstacles(alice.contacts, NOW);
  assert.deepEqual(obstacles.map(({ reason }) => reason), ["request", "request"]);

  const [id, chat] = [messageIdBy(bob.own.person.memberTag, utf8("1")), conversationIdNamed(bob.owner)];
  const message = { id, conversation: chat, author: bob.own.person.memberTag };
  const stamp = evanesce.Stamp.none().withPolicy({ kind: "afterRead", ttl: 60_000 });
  for (const { expiry } of [alice, tablet]) expiry.received(message, stamp, 0, NOW);
  const read = alice.expiry.read(id, NOW);
  const set = alice.expiry.set(chat, { kind: "afterSend", ttl: 90_000 }, alice.own.person.memberTag, NOW);
  const events = [...changes.tell, ...read.tell, ...set.tell, { kind: "opened", id, opens: 1 }, { kind: "closed", conversation: chat }];
  const told = alice.own.to(alice.own.person).tellEvents(alice.contacts, events, 1_000, NOW);
  assert.deepEqual([told.messages.length, told.unreached], [1, []]);
  const heard = tablet.hear(alice, told.messages[0].message);
  assert.equal(heard.isControl, true);
  assert.deepEqual(heard.events, [
    { kind: "decidedElsewhere", owner: bob.owner, contact: "refused", verified: false },
    { kind: "decidedElsewhere", owner: bob.owner, contact: "refused", verified: true },
  ]);
  const person = tablet.contacts.person(bob.owner);
  assert.deepEqual([person.decision, person.isVerified], ["refused", true]);
  assert.deepEqual(heard.told.map(({ event, age }) => [event.kind, age]), [["read", 1_000], ["setting", 1_000], ["opened", 1_000], ["closed", 1_000]]);
  const effects = noteIn(heard, tablet.expiry, 0, NOW);
  assert.ok(effects.writes.length > 0);
  assert.equal(tablet.expiry.remaining(id, NOW), 59_000);
  assert.equal(tablet.expiry.setting(chat).policy.ttl, 90_000);
});

test("whatever age an own device names, what it tells is noted", () => {
  const { alices: [alice] } = households();
  const noted = (age) => noteIn({ told: [{ event: { kind: "read", id: new Uint8Array(16) }, age }] }, alice.expiry, 1_000, NOW);
  for (const age of [0, 8.64e15, 8.64e15 + 1, 2 ** 60, Number(2n ** 64n - 1n)]) assert.deepEqual(noted(age).events, noted(0).events);
  for (const age of [-1, NaN, "1", undefined]) assert.throws(() => noted(age), { code: "invalid_argument" });
});

test("a device that was just linked is told all contacts, their lists and the timers", () => {
  const { alices: [alice], bobs: [bob] } = households({});
  alice.contacts.setBackToRequest(alice.own, bob.owner, NOW);
  alice.contacts.accept(alice.own, bob.owner, NOW);
  const third = new Party("alice/3", {});
  const list = link(alice, third);
  alice.expiry.set(conversationIdNamed(bob.owner), { kind: "onClose" }, alice.own.person.memberTag, NOW);
  const told = alice.own.introduce(alice.contacts, alice.expiry, "alice/3", NOW);
  assert.deepEqual(told.unreached, []);
  for (const { message } of told.messages) {
    const heard = third.hear(alice, message);
    noteIn(heard, third.expiry, 0, NOW);
    for (const event of heard.events) {
      if (event.kind === "given") third.contacts.adopt(third.own, event.list, NOW);
      if (event.kind === "known") third.contacts.pin(third.own, event.device, NOW);
    }
  }
  const person = third.contacts.person(bob.owner);
  assert.deepEqual([person.decision, person.list.version], ["accepted", 1]);
  assert.equal(third.expiry.setting(conversationIdNamed(bob.owner)).policy.kind, "onClose");
  assert.throws(() => alice.own.introduce(alice.contacts, alice.expiry, "bob/1", NOW), { code: "nobody_reached" });
  assert.equal(list.version, 2);

  // It is given away.
  const asked = third.own.to(third.own.person).askRemoval(third.contacts, NOW);
  const [event] = alice.hear(third, asked.messages[0].message).events;
  assert.deepEqual([event.kind, text(event.device.address)], ["removalAsked", "alice/3"]);
  assert.throws(() => alice.own.to(alice.owner).askRemoval(alice.contacts, NOW), { code: "nobody_reached" });
});

test("the number of people stays as devices come and go, and is the same on both sides", () => {
  const { alices: [alice, tablet], bobs: [bob, laptop] } = households();
  const numbers = [alice, tablet].map(({ contacts }) => contacts.person(bob.owner).number(alice.owner));
  numbers.push(...[bob, laptop].map(({ contacts }) => contacts.person(alice.owner).number(bob.owner)));
  assert.ok(numbers[0] instanceof SafetyNumber);
  assert.equal(new Set(numbers.map(String)).size, 1);
  numbers[0].verifyScanned(numbers[2].scannable);
});

test("what is stored of people comes back, plain and sealed, and goes on", () => {
  const { alices: [alice], bobs: [bob] } = households();
  const key = new StorageKey(new Uint8Array(32).fill(5));
  const row = key.rowName(utf8("own"));
  for (const own of [OwnDevices.restore(alice.own.snapshot()), OwnDevices.unseal(alice.own.seal(key, row), key, row)]) {
    assert.deepEqual([own.person.owner, own.device, own.isListed], [alice.owner, alice.account.device, true]);
  }
  const contacts = new Contacts();
  for (const owner of alice.contacts.owners) contacts.addPerson(Person.restore(alice.contacts.person(owner).snapshot()));
  for (const address of alice.contacts.addresses) contacts.addPeer(Peer.restore(alice.contacts.peer(address).snapshot()));
  const person = Person.unseal(contacts.person(bob.owner).seal(key), key);
  assert.deepEqual([person.list.version, person.isMarked, person.isVerified, person.decision], [1, false, false, "accepted"]);
  assert.deepEqual(person.devices(NOW).map(({ address }) => text(address)), ["bob/1", "bob/2"]);
  assert.deepEqual([person.listNeed(NOW), person.listNeed(NOW + 25 * DAY)], [false, true]);
  const sent = alice.own.to(person).encrypt(contacts, utf8("Hello"), NOW);
  assert.equal(text(bob.hear(alice, of(sent.messages, bob)).received.body), "Hello");
  assert.throws(() => Person.restore(alice.own.snapshot()), { code: "wrong_kind" });
  assert.throws(() => OwnDevices.restore(new Uint8Array(3)), EvanesceError);
});

test("a peer of contacts is one object however it is asked for, and goes with them", () => {
  const { alices: [alice], bobs: [bob] } = households();
  const [peer, same] = [alice.contacts.peer("bob/1"), alice.contacts.peer("bob/1")];
  peer.refuse();
  assert.equal(same.contact.kind, "refused");
  peer.free();
  assert.throws(() => peer.contact, { code: "freed" });
  assert.equal(same.contact.kind, "refused");
  assert.equal(alice.contacts.peer("bob/3"), undefined);
  assert.throws(() => alice.contacts.addPeer(same), { code: "invalid_argument" });
  assert.throws(() => alice.contacts.addPeer(new Peer("bob/1")), { code: "invalid_argument" });
  assert.throws(() => alice.contacts.addPerson(new Person(bob.owner)), { code: "invalid_argument" });
  const added = new Peer("carol");
  alice.contacts.addPeer(added);
  assert.throws(() => new Contacts().addPeer(added), { code: "invalid_argument" });
  added.changeAddress("carol's new one", NOW);
  assert.equal(text(alice.contacts.peer("carol's new one").address), "carol's new one");
  assert.deepEqual([alice.contacts.removePeer("carol"), alice.contacts.removePeer("carol's new one")], [false, true]);
  assert.throws(() => added.address, { code: "freed" });
  assert.deepEqual([alice.contacts.removePerson(bob.owner), alice.contacts.removePerson(bob.owner)], [true, false]);
  alice.contacts.free();
  assert.throws(() => same.contact, { code: "freed" });
  assert.throws(() => alice.say(bob.owner, "?"), { code: "freed" });
});

test("no peer moves to where another one of the contacts is", () => {
  const { alices: [alice], bobs: [bob] } = households();
  const [first, second] = ["bob/1", "bob/2"].map((address) => alice.contacts.peer(address));
  assert.throws(() => second.changeAddress("bob/1", NOW), { code: "invalid_argument" });
  bob.account.changeAddress("bob/2", NOW);
  const { upload } = bob.account.republishPrekeys(NOW);
  const bundle = VerifiedBundle.verify(new PublishedPrekeys(upload).handOut(), NOW);
  assert.throws(() => first.followBundle(bundle, NOW), { code: "invalid_argument" });
  assert.deepEqual(alice.contacts.addresses.map(text).sort(), ["alice/2", "bob/1", "bob/2"]);
  // To where it is itself it may go, and to where nobody is any more.
  second.changeAddress("bob/2", NOW);
  alice.contacts.removePeer("bob/2");
  first.followBundle(bundle, NOW);
  assert.equal(text(first.address), "bob/2");
  const alone = new Peer("bob/1");
  alone.changeAddress("bob/2", NOW);
});

test("a copy of a message is proven to a moderator like the message", () => {
  const { alices: [alice], bobs: [bob] } = households();
  const [{ message, evidence }] = alice.say(bob.owner, "an insult").messages;
  const got = bob.hear(alice, message);
  const [key, context] = [new ServerKey(new Uint8Array(32).fill(3)), utf8("from alice, to bob")];
  for (const proof of [evidence, got.received.evidence]) {
    const report = Report.of({ evidence: proof, body: utf8("an insult"), context, postmark: key.postmark(message, context) });
    assert.equal(text(report.verify(0, key).body), "an insult");
  }
});

test("linking is refused by name, and nothing has changed", () => {
  const [owner, fresh] = [new Party("bob/1"), new Party("bob/2")];
  const bundle = () => VerifiedBundle.verify(fresh.server.handOut(), NOW);
  const offer = (code, itsBundle = bundle(), by = owner) => by.own.offerLink(by.account, by.contacts, code, itsBundle, NOW);
  assert.throws(() => fresh.own.openLinkOffer(fresh.account, fresh.contacts, new Uint8Array(200), NOW), { code: "not_linking" });
  assert.throws(() => fresh.own.answerLinkOffer(fresh.account, fresh.contacts, NOW), { code: "not_linking" });
  assert.throws(() => owner.own.finishLink(owner.account, owner.contacts, new Uint8Array(200), NOW), { code: "not_linking" });
  const code = fresh.own.showLinkCode(NOW);
  assert.throws(() => readLinkCode(code.bytes.slice(1)), EvanesceError);
  assert.throws(() => offer(new Uint8Array(120)), { code: "unsupported" });
  assert.throws(() => offer(code.bytes, VerifiedBundle.verify(owner.server.handOut(), NOW)), { code: "other_device" });
  assert.throws(() => offer(fresh.own.showLinkCode(NOW).bytes, bundle(), fresh), { code: "already_listed" });
  const again = fresh.own.showLinkCode(NOW);
  const { message } = offer(again.bytes);
  const open = (now) => fresh.own.openLinkOffer(fresh.account, fresh.contacts, message, now);
  assert.throws(() => open(NOW + 600_000), { code: "code_expired" });
  assert.throws(() => fresh.own.openLinkOffer(fresh.account, fresh.contacts, message.slice(1), NOW), EvanesceError);
  const before = fresh.own.snapshot();
  assert.deepEqual(open(NOW).owner, owner.account.device);
  assert.notDeepEqual(fresh.own.snapshot(), before);
  assert.throws(() => open(NOW), { code: "code_used" });
  assert.equal(fresh.own.cancelLink(), true);
  assert.equal(fresh.own.cancelLink(), false);
  fresh.contacts.removePeer("bob/1");

  link(owner, fresh);
  assert.throws(() => offer(again.bytes), { code: "already_listed" });
  const third = new Party("bob/3");
  const its = VerifiedBundle.verify(third.server.handOut(), NOW);
  assert.throws(() => offer(third.own.showLinkCode(NOW).bytes, its, fresh), { code: "not_the_owner" });
  fresh.own.showLinkCode(NOW);
  assert.throws(() => fresh.own.openLinkOffer(fresh.account, fresh.contacts, message, NOW), { code: "already_linked" });
  assert.equal(owner.own.maintain(NOW + DAY), false);
});

test("sixteen devices are all that a list has", () => {
  const owner = new Party("bob/1");
  for (let number = 2; number <= 16; number += 1) link(owner, new Party(`bob/${number}`));
  assert.throws(() => link(owner, new Party("bob/17")), { code: "list_full" });
});

test("lists are refused by name, whoever brings them", () => {
  const { alices: [alice], bobs: [bob, laptop], lists: [, list] } = households();
  const [carol, fresh] = [new Party("carol"), new Party("carol/2")];
  const carols = carol.own.refresh(carol.account, NOW);
  assert.equal(carols.version, 1);
  assert.equal(carol.own.refresh(carol.account, NOW), undefined);
  assert.equal(laptop.own.refresh(laptop.account, NOW + 8 * DAY), undefined);
  assert.throws(() => alice.contacts.adopt(alice.own, carols, NOW), { code: "other_owner" });
  assert.throws(() => alice.own.adopt(carols, NOW), { code: "other_owner" });
  alice.know(carol.owner);
  assert.throws(() => alice.contacts.adopt(alice.own, carols, NOW + 31 * DAY), { code: "expired" });
  assert.throws(() => OwnDevices.belongingTo(fresh.account, carol.owner).adopt(carols, NOW), { code: "not_named" });
  assert.throws(() => verifyDeviceList(carols.bytes, NOW - 2 * DAY), { code: "not_yet_valid" });
  const altered = list.bytes.slice();
  altered[altered.length - 1] ^= 1;
  assert.throws(() => alice.contacts.adopt(alice.own, altered, NOW), { code: "bad_signature" });
  // After its end the owner's device alone is written to.
  const later = NOW + 31 * DAY;
  assert.deepEqual(alice.contacts.person(bob.owner).devices(later).map(({ address }) => text(address)), ["bob/1"]);
  assert.equal(alice.contacts.person(bob.owner).standing(laptop.account.device, later), "stale");
  assert.deepEqual(alice.contacts.maintain(later).people, []);
});

test("a person whose list has expired without the owner's device is written to no more", () => {
  const { alices: [alice], bobs: [bob] } = households();
  const list = bob.own.remove(bob.account, "bob/1", NOW);
  alice.contacts.adopt(alice.own, list, NOW);
  assert.deepEqual(alice.say(bob.owner, "x").messages.map(({ to }) => text(to)), ["bob/2", "alice/2"]);
  const later = NOW + 31 * DAY;
  assert.throws(() => alice.say(bob.owner, "x", later), { code: "list_expired" });
  assert.throws(() => alice.contacts.person(bob.owner).devices(later), { code: "list_expired" });
});

test("an account that was put back signs and copies nothing until the user has looked", () => {
  const { alices: [alice, tablet], bobs: [bob] } = households();
  const { upload, effects, changes } = alice.own.restoredFromBackup(alice.account, alice.contacts, alice.expiry, NOW);
  assert.ok(upload.length > 0 && effects.writes.length > 0);
  assert.deepEqual([changes.account, changes.own, changes.peers.length], [true, true, 3]);
  assert.equal(alice.own.isPutBack, true);
  assert.throws(() => alice.own.remove(alice.account, "alice/2", NOW), { code: "put_back" });
  alice.account.markPublished(upload);
  for (const party of [bob, tablet]) alice.begin(party);
  const sent = alice.say(bob.owner, "I was put back.");
  assert.deepEqual(sent.unreached.map(({ to, reason }) => [text(to), reason]), [["bob/2", "needsSession"], ["alice/2", "putBack"]]);
  assert.equal(alice.own.confirmAll(), true);
  assert.equal(alice.own.confirmAll(), false);
  assert.equal(alice.own.remove(alice.account, "alice/2", NOW).version, 2);
});

test("a list that this owner's device did not sign asks the user whose the devices are", () => {
  const { alices: [alice, tablet] } = households();
  const before = OwnDevices.restore(alice.own.snapshot());
  const third = new Party("alice/3");
  const newer = link(alice, third);
  // The device was put back, and its own newer list comes.
  alice.own = before;
  const event = alice.own.adopt(newer, NOW);
  assert.equal(event.unknownOwn, true);
  assert.deepEqual(alice.own.unconfirmed, [third.account.device]);
  const fourth = new Party("alice/4");
  assert.throws(() => link(alice, fourth), { code: "unconfirmed" });
  assert.equal(alice.own.confirm(tablet.account.device), false);
  assert.equal(alice.own.confirm(third.account.device), true);

  // Two lists of one version.
  const other = OwnDevices.restore(alice.own.snapshot());
  const [one, two] = [alice.own.remove(alice.account, "alice/3", NOW), other.remove(alice.account, "alice/2", NOW)];
  const twice = alice.own.adopt(two, NOW);
  assert.deepEqual([twice.kind, twice.held, twice.other], ["equivocation", one, two]);
  assert.equal(alice.own.person.isMarked, true);
  assert.throws(() => alice.own.remove(alice.account, "alice/2", NOW), { code: "marked" });
  assert.equal(alice.own.confirmAll(), true);
});

test("an own device that moves is signed anew", () => {
  const { alices: [alice] } = households();
  assert.equal(alice.own.addressChanged(alice.account), false);
  alice.account.changeAddress("alice/new", NOW);
  assert.equal(alice.own.addressChanged(alice.account), true);
  assert.equal(alice.own.isRemoved, true);
  const list = alice.own.refresh(alice.account, NOW);
  assert.deepEqual(list.devices.map(({ device }) => text(device.address)), ["alice/2", "alice/new"]);
  assert.equal(alice.own.isListed, true);
});

test("who is no person, no device and no event is refused", () => {
  const { alices: [alice], bobs: [bob] } = households();
  const { own, contacts, account } = alice;
  const to = own.to(bob.owner);
  const owner = { kind: "contact", owner: bob.owner, decision: "accepted" };
  for (const call of [
    () => own.to("bob"), () => own.to(new Uint8Array(63)), () => new Person("bob"), () => new OwnDevices({}),
    () => to.encrypt({}, utf8("x"), NOW), () => to.encrypt(contacts, "x", NOW), () => to.only("bob/1"), () => to.only([""]),
    () => to.tellEvents(contacts, [{ kind: "removal" }], 0, NOW), () => to.tellEvents(contacts, [{ kind: "read", id: "x" }], 0, NOW),
    () => to.tellEvents(contacts, [{ ...owner, version: 0n }], 0, NOW), () => to.tellEvents(contacts, [{ ...owner, version: 1 }], 0, NOW),
    () => to.tellEvents(contacts, [{ ...owner, version: 1n, decision: "friend" }], 0, NOW), () => to.tellEvents(contacts, [null], 0, NOW),
    () => contacts.accept({}, bob.owner, NOW), () => contacts.verify(own, bob.owner, 1), () => contacts.pin(own, {}, NOW),
    () => contacts.adopt(own, {}, NOW), () => own.confirm({}), () => own.decrypt(account, contacts, "", utf8("x"), NOW),
    () => noteIn({}, alice.expiry, 0, NOW), () => noteIn(null, alice.expiry, 0, NOW), () => allChanges({}), () => allChanges(null),
  ]) assert.throws(call, { code: "invalid_argument" });
  assert.throws(() => new Person(new Uint8Array(64)), EvanesceError);
  assert.throws(() => own.to(new Person(new Party("carol").account.device.identity)).encrypt(contacts, utf8("x"), NOW), { code: "nobody_reached" });
  assert.equal(text(bob.hear(alice, of(alice.say(bob.owner, "still here").messages, bob)).received.body), "still here");
});
