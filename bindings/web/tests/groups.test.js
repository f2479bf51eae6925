// A group of people with their devices: made, written to, changed by two admins at the same time, left; and what is refused.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Club, clubs, exchange } from "./club.js";
import { NOW, evanesce } from "./package.js";

const {
  EvanesceError, Groups, HeldMessages, Report, ServerKey, StorageKey, conversationIdNamed, text, unblockedByPeople, utf8,
} = evanesce;

const DAY = 86_400_000;

test("a group is made, joined and written to, and each call says what to store", () => {
  const { anna, ben } = clubs(["anna", "ben"], {});
  const { group, outgoing } = anna.own.createGroup(anna.account, anna.contacts, anna.groups, [ben.owner], utf8("Hiking"), NOW);
  assert.equal(group.id.length, 32);
  assert.deepEqual(outgoing.changes.groups, [group.id]);
  assert.deepEqual([outgoing.pairwise.map(({ to }) => text(to)), outgoing.unreached], [["ben"], []]);
  assert.deepEqual([group.epoch, group.isReady, group.setsTimer, text(group.about)], [0, true, "admins", "Hiking"]);
  assert.deepEqual(group.members.map(({ owner, role, isWithheld }) => [owner, role, isWithheld]).sort(), [
    [anna.owner, "admin", false], [ben.owner, "member", false],
  ].sort());
  assert.deepEqual([group.isMember(anna.own), group.maySetTimer(anna.own)], [true, true]);

  const got = ben.own.decrypt(ben.account, ben.contacts, "anna", outgoing.pairwise[0].message, NOW);
  assert.equal(got.isControl, true);
  const heard = ben.groups.hear(ben.own, ben.contacts, got, NOW);
  assert.deepEqual(heard.events, [{ kind: "invited", group: group.id, by: anna.account.device, again: false }]);
  assert.deepEqual([heard.changes.invitations, heard.wants.length], [true, 0]);
  assert.deepEqual(ben.groups.ids, []);
  const [invitation] = ben.groups.invitations(ben.own, NOW);
  assert.deepEqual([invitation.group, invitation.from, text(invitation.about)], [group.id, anna.account.device, "Hiking"]);
  assert.equal(invitation.members.length, 2);
  const joined = ben.groups.join(ben.own, ben.contacts, invitation, NOW);
  assert.deepEqual([joined.changes.groups, joined.changes.invitations], [[group.id], true]);
  assert.equal(ben.groups.join(ben.own, ben.contacts, invitation, NOW), undefined);

  const bens = ben.groups.group(group.id);
  const sent = ben.own.inGroup(ben.account, bens).encrypt(ben.contacts, utf8("Hello"), NOW);
  assert.deepEqual([sent.pairwise.length, sent.broadcasts.length, sent.unreached], [1, 1, []]);
  assert.deepEqual(sent.broadcasts[0].to.map(text), ["anna"]);
  exchange([anna, ben], ben, sent);
  const [delivered] = anna.delivered;
  assert.equal(text(delivered.received.body), "Hello");
  assert.deepEqual([delivered.person, delivered.device, delivered.isOwn, delivered.standing], [ben.owner, ben.account.device, false, "listed"]);
  assert.deepEqual([delivered.maySetTimer, delivered.mayTakeBack, delivered.isControl], [false, false, false]);
  assert.deepEqual([delivered.roster, delivered.author], [group.roster, ben.own.person.memberTag]);
  assert.deepEqual(bens.maySetTimer(ben.own), false);

  // One more costs one message, the same bytes for all.
  const again = ben.own.inGroup(ben.account, bens).encrypt(ben.contacts, utf8("again"), NOW);
  assert.deepEqual([again.pairwise.length, again.broadcasts.length], [0, 1]);
  const [key, context] = [new ServerKey(new Uint8Array(32).fill(3)), utf8("to the group")];
  const { message, evidence } = again.broadcasts[0];
  const theirs = anna.groups.decrypt(anna.own, anna.contacts, message, NOW);
  for (const proof of [evidence, theirs.received.evidence]) {
    const report = Report.of({ evidence: proof, body: utf8("again"), context, postmark: key.postmark(message, context) });
    assert.equal(text(report.verify(0, key).body), "again");
  }
});

test("two admins act at the same time, one member is away, one goes, and all come to one roster", () => {
  const all = clubs(["anna", "ben", "carla", "dora", "emil"]);
  const { anna, ben, carla, dora, emil } = all;
  const everybody = Object.values(all);
  const { group, outgoing } =
    anna.own.createGroup(anna.account, anna.contacts, anna.groups, [ben, carla, dora].map(({ owner }) => owner), utf8("Hiking"), NOW);
  exchange(everybody, anna, outgoing);
  const id = group.id;
  exchange(everybody, anna, anna.change(id, { kind: "role", person: ben.owner, role: "admin" }));
  const removing = ben.change(id, [{ kind: "remove", person: carla.owner }, { kind: "add", person: emil.owner }]);
  assert.deepEqual(removing.events.map(({ kind }) => kind), ["changed"]);
  const titled = anna.change(id, { kind: "about", about: utf8("Sunday") });
  const away = everybody.filter((it) => it !== dora);
  const letters = [...exchange(away, ben, removing), ...exchange(away, anna, titled)];
  for (const [from, line] of [[anna, "Who comes along?"], [emil, "I do."], [ben, "So do I."]]) {
    letters.push(...exchange(away, from, from.say(id, line)));
  }
  letters.filter(([, to]) => to === "dora").forEach((letter) => exchange(everybody, ...letter.slice(2)));
  const lines = ["Who comes along?", "I do.", "So do I."];
  assert.deepEqual(dora.delivered.filter(({ isControl }) => !isControl).map(({ received }) => text(received.body)), lines);
  const rosters = [anna, ben, dora, emil].map(({ groups }) => Buffer.from(groups.group(id).roster).toString("hex"));
  assert.equal(new Set(rosters).size, 1);
  assert.deepEqual([anna, dora, emil].map(({ groups }) => text(groups.group(id).about)), ["Sunday", "Sunday", "Sunday"]);
  assert.ok(!anna.groups.group(id).members.some(({ owner }) => Buffer.from(owner).equals(carla.owner)));
  assert.equal(carla.delivered.filter(({ isControl }) => !isControl).length, 0);
  assert.deepEqual(emil.groups.group(id).listsNeeded(emil.own, emil.contacts), []);

  // Somebody leaves; who signs drops them.
  const left = dora.inGroup(id).leave(dora.contacts, NOW);
  assert.deepEqual(left.events.map(({ kind, owner }) => [kind, owner]), [["left", dora.owner]]);
  exchange(everybody, dora, left);
  const dropping = anna.say(id, "Dora left.");
  // Who signs it removes nobody; whom they had removed themselves had not left.
  const gone = (sent) => sent.events.filter(({ kind }) => kind === "changed").map(({ change }) => [change.went, change.left]);
  assert.deepEqual(gone(dropping), [[[dora.owner], [dora.owner]]]);
  assert.deepEqual(gone(removing), [[[carla.owner], []]]);
  exchange(everybody, anna, dropping);
  assert.equal(anna.groups.group(id).members.length, 3);
  assert.throws(() => dora.say(id, "?"), { code: "not_a_member" });
  assert.equal(dora.groups.remove(id), true);
  assert.equal(dora.groups.group(id), undefined);
});

test("what is refused of admins is refused by name, and changes nothing", () => {
  const { anna, ben, carla } = clubs(["anna", "ben", "carla"]);
  const { group, outgoing } = anna.own.createGroup(anna.account, anna.contacts, anna.groups, [ben.owner], utf8("x"), NOW);
  exchange([anna, ben, carla], anna, outgoing);
  const { id } = group;
  const before = group.snapshot();
  const change = (by, ...what) => () => by.change(id, what);
  assert.throws(change(ben, { kind: "about", about: utf8("mine") }), { code: "not_an_admin" });
  assert.throws(change(anna, { kind: "add", person: ben.owner }), { code: "malformed" });
  assert.throws(change(anna, { kind: "remove", person: carla.owner }), { code: "malformed" });
  assert.throws(change(anna, { kind: "about", about: utf8("x") }), { code: "nothing_to_change" });
  assert.throws(change(anna), { code: "nothing_to_change" });
  assert.throws(() => anna.inGroup(id).leave(anna.contacts, NOW), { code: "malformed" });
  assert.throws(() => anna.inGroup(id).encrypt(anna.contacts, new Uint8Array(16 * 1_048_576), NOW), { code: "too_large" });
  assert.deepEqual(group.snapshot(), before);
  exchange([anna, ben], anna, anna.change(id, [{ kind: "role", person: ben.owner, role: "admin" }, { kind: "setsTimer", who: "members" }]));
  assert.throws(change(ben, { kind: "remove", person: anna.owner }), { code: "outranked" });
  assert.equal(group.setsTimer, "members");
  const linked = new Club("anna/2");
  assert.throws(
    () => evanesce.OwnDevices.belongingTo(linked.account, anna.owner).createGroup(linked.account, linked.contacts, linked.groups, [], utf8(""), NOW),
    { code: "not_an_admin" },
  );
  // Admins may, and then their timer counts.
  exchange([anna, ben], ben, ben.say(id, "both"));
  assert.equal(anna.delivered.at(-1).maySetTimer, true);
  exchange([anna, ben], anna, anna.inGroup(id).leave(anna.contacts, NOW));
  assert.equal(ben.groups.group(id).members.find(({ owner }) => Buffer.from(owner).equals(anna.owner)).role, "member");
});

test("a message that waits for a chain is kept, asked for, and opens once it is there", () => {
  const { anna, ben } = clubs(["anna", "ben"]);
  const { group, outgoing } = anna.own.createGroup(anna.account, anna.contacts, anna.groups, [ben.owner], utf8("x"), NOW);
  exchange([anna, ben], anna, outgoing);
  const { id } = group;
  const sent = ben.say(id, "early");
  const [{ message }] = sent.broadcasts;
  const held = new HeldMessages();
  const refusal = thrown(() => anna.groups.decrypt(anna.own, anna.contacts, message, NOW));
  assert.deepEqual([refusal.code, refusal.missing.length], ["missing_chain", 16]);
  assert.deepEqual(anna.groups.knows(message), id);
  const kept = held.refused(refusal, NOW);
  assert.deepEqual([kept, held.length], [{ number: 0, dropped: [] }, 1]);
  const asked = anna.groups.respond(anna.own, anna.account, anna.contacts, undefined, NOW);
  assert.deepEqual(asked.pairwise.map(({ to }) => text(to)), ["ben"]);
  const again = HeldMessages.restore(held.snapshot());
  assert.equal(again.length, 1);

  // Ben answers what is asked for, once.
  const got = ben.own.decrypt(ben.account, ben.contacts, "anna", asked.pairwise[0].message, NOW);
  const { wants } = ben.groups.hear(ben.own, ben.contacts, got, NOW);
  assert.equal(wants.length, 1);
  const answer = ben.groups.respond(ben.own, ben.account, ben.contacts, wants, NOW);
  assert.throws(() => wants.length, { code: "freed" });
  const opened = anna.own.decrypt(anna.account, anna.contacts, "ben", answer.pairwise[0].message, NOW);
  const { unblocks } = anna.groups.hear(anna.own, anna.contacts, opened, NOW);
  assert.ok(unblocks.some(({ kind }) => kind === "chain"));
  assert.deepEqual(again.due([]), []);
  assert.deepEqual(again.due(unblocks), [0]);
  assert.equal(text(anna.groups.decrypt(anna.own, anna.contacts, message, NOW).received.body), "early");
  again.opened(0);
  assert.deepEqual([again.length, again.due(unblocks)], [0, []]);
  assert.equal(code(() => anna.groups.decrypt(anna.own, anna.contacts, message, NOW)), "duplicate");

  // What waits for nothing is not kept; what waits for too long goes.
  assert.equal(held.refused(new EvanesceError("forged", "?"), NOW).number, undefined);
  assert.equal(held.refusedAgain(0, refusal), true);
  assert.equal(held.refusedAgain(0, new EvanesceError("duplicate", "?")), false);
  held.refused(refusal, NOW);
  assert.deepEqual([held.maintain(NOW), held.maintain(NOW + 15 * DAY)], [[], [1]]);
  assert.throws(() => held.refused(new EvanesceError("missing_chain", "of nothing"), NOW), { code: "invalid_argument" });
  assert.throws(() => held.refused(new EvanesceError("freed", "?"), NOW), { code: "invalid_argument" });
});

test("what was altered, is of nobody or came before is refused by name", () => {
  const { anna, ben, carla } = clubs(["anna", "ben", "carla"]);
  const { group, outgoing } = anna.own.createGroup(anna.account, anna.contacts, anna.groups, [ben, carla].map(({ owner }) => owner), utf8("x"), NOW);
  exchange([anna, ben, carla], anna, outgoing);
  const { id } = group;
  const sent = ben.say(id, "one");
  exchange([anna, ben, carla], ben, sent);
  const decrypt = (by, message, now = NOW) => () => by.groups.decrypt(by.own, by.contacts, message, now);
  const altered = ben.say(id, "two").broadcasts[0].message;
  altered[altered.length - 1] ^= 1;
  assert.throws(decrypt(anna, altered), { code: "forged" });
  altered[10] ^= 1;
  assert.throws(decrypt(anna, altered), { code: "undecryptable" });
  assert.throws(decrypt(anna, altered.subarray(0, 20)), { code: "malformed" });
  assert.throws(decrypt(anna, new Uint8Array(300)), EvanesceError);
  assert.throws(decrypt(ben, sent.broadcasts[0].message), { code: "duplicate" });
  // Ben is put back, and goes on from an older state.
  const older = ben.groups.group(id).snapshot();
  exchange([anna, ben, carla], ben, ben.say(id, "three"));
  ben.groups.remove(id);
  ben.groups.restoreGroup(older);
  const [{ message: forked }] = ben.say(id, "other three").broadcasts;
  assert.throws(decrypt(anna, forked), { code: "forked" });
  assert.throws(() => ben.groups.restoreGroup(older), { code: "invalid_argument" });
  assert.throws(() => ben.groups.restoreGroup(older.slice(1)), EvanesceError);

  // Who went is not read, and who is refused neither.
  const gone = carla.say(id, "I go");
  exchange([anna, ben], anna, anna.change(id, { kind: "remove", person: carla.owner }));
  exchange([anna, ben], carla, { ...gone, broadcasts: [] });
  assert.throws(decrypt(anna, gone.broadcasts[0].message, NOW + 2 * DAY), { code: "former" });
  anna.contacts.refuse(anna.own, ben.owner, NOW);
  assert.throws(decrypt(anna, ben.say(id, "hello?").broadcasts[0].message), { code: "refused" });
});

test("what is stored of groups comes back, plain and sealed, and goes on", () => {
  const { anna, ben } = clubs(["anna", "ben"]);
  const { group, outgoing } = anna.own.createGroup(anna.account, anna.contacts, anna.groups, [ben.owner], utf8("Hiking"), NOW);
  const key = new StorageKey(new Uint8Array(32).fill(5));
  const row = key.rowName(utf8("group"));
  const [plain, sealed] = [new Groups(), new Groups()];
  assert.deepEqual(plain.restoreGroup(group.snapshot()).members, group.members);
  assert.deepEqual(sealed.unsealGroup(group.seal(key, row), key, row).id, group.id);
  assert.throws(() => new Groups().unsealGroup(group.seal(key, row), key), { code: "undecryptable" });
  const got = ben.own.decrypt(ben.account, ben.contacts, "anna", outgoing.pairwise[0].message, NOW);
  ben.groups.hear(ben.own, ben.contacts, got, NOW);
  const others = [new Groups(), new Groups()];
  others[0].restoreInvitations(ben.groups.snapshotInvitations());
  others[1].unsealInvitations(ben.groups.sealInvitations(key, row), key, row);
  for (const groups of others) assert.deepEqual(groups.invitations(ben.own, NOW)[0].group, group.id);
  assert.equal(others[0].decline(group.id).invitations, true);
  assert.deepEqual(others[0].invitations(ben.own, NOW), []);
  assert.throws(() => others[0].restoreInvitations(group.snapshot()), { code: "wrong_kind" });

  // After a restore of all of it this device's chains end.
  const { groups, changes } = anna.own.restoredWithGroups(anna.account, anna.contacts, anna.groups, anna.expiry, NOW);
  assert.deepEqual([groups.groups, changes.own], [[group.id], true]);
});

test("a member who was not reached gets what is due once there is a session", () => {
  const { anna, ben } = clubs(["anna", "ben"]);
  anna.contacts.peer("ben").dropSessions();
  const { group, outgoing } = anna.own.createGroup(anna.account, anna.contacts, anna.groups, [ben.owner], utf8("x"), NOW);
  assert.deepEqual(outgoing.unreached.map(({ to, reason }) => [text(to), reason]), [["ben", "needsSession"]]);
  anna.beginForGroup(ben);
  const caught = anna.inGroup(group.id).catchUp(anna.contacts, NOW);
  assert.deepEqual(caught.pairwise.map(({ to }) => text(to)), ["ben"]);
  exchange([anna, ben], anna, caught);
  assert.deepEqual(ben.groups.ids, [group.id]);
  assert.deepEqual(anna.inGroup(group.id).introduce(ben.account.device).changes.groups, [group.id]);
  // What was given within a day is not given again.
  assert.deepEqual(anna.inGroup(group.id).catchUp(anna.contacts, NOW).pairwise, []);
  assert.deepEqual(anna.inGroup(group.id).renew(anna.contacts).changes.groups, [group.id]);
  assert.equal(anna.say(group.id, "a new chain").pairwise.length, 1);
  const maintained = anna.groups.maintain(anna.own, anna.account, anna.contacts, NOW);
  assert.deepEqual([maintained.broadcasts, maintained.changes.invitations], [[], false]);
  assert.deepEqual(anna.inGroup(group.id).merge(anna.contacts, NOW).broadcasts, []);
  assert.deepEqual(anna.inGroup(group.id).ask(anna.contacts, NOW).pairwise, []);
});

test("a timer of the group is set by who may", () => {
  const { anna, ben } = clubs(["anna", "ben"]);
  const { group, outgoing } = anna.own.createGroup(anna.account, anna.contacts, anna.groups, [ben.owner], utf8("x"), NOW);
  exchange([anna, ben], anna, outgoing);
  const chat = conversationIdNamed(group.id);
  const policy = { kind: "afterRead", ttl: 60_000 };
  for (const [by, other, counts] of [[anna, ben, true], [ben, anna, false]]) {
    by.expiry.set(chat, policy, by.own.person.memberTag, NOW);
    const stamp = by.expiry.stamp(chat);
    const sent = by.inGroup(group.id).encrypt(by.contacts, { body: utf8("timed"), stamp }, NOW);
    exchange([anna, ben], by, sent);
    const got = other.delivered.at(-1);
    const message = { id: new Uint8Array(16).fill(counts ? 1 : 2), conversation: chat, author: got.author, maySet: got.maySetTimer };
    const { effects } = other.expiry.received(message, got.received.stamp, 0, NOW);
    assert.equal(effects.events.some(({ kind }) => kind === "settingChanged"), counts);
  }
});

test("groups that are freed say so, and what is no group is refused", () => {
  const { anna, ben } = clubs(["anna", "ben"]);
  const { group } = anna.own.createGroup(anna.account, anna.contacts, anna.groups, [ben.owner], utf8("x"), NOW);
  const { own, account, contacts, groups } = anna;
  const inGroup = own.inGroup(account, group);
  for (const call of [
    () => new group.constructor(), () => new group.constructor({}, groups, group.id), () => own.inGroup(account, {}), () => own.inGroup({}, group),
    () => groups.group("x"), () => groups.group(new Uint8Array(31)), () => inGroup.change(contacts, { kind: "sing" }, NOW),
    () => inGroup.change(contacts, [null], NOW), () => inGroup.change(contacts, { kind: "add", person: "ben" }, NOW),
    () => inGroup.change(contacts, { kind: "role", person: ben.owner, role: "king" }, NOW), () => inGroup.encrypt({}, utf8("x"), NOW),
    () => inGroup.encrypt(contacts, "x", NOW), () => groups.hear(own, contacts, {}, NOW), () => groups.join(own, contacts, {}, NOW),
    () => groups.respond(own, account, contacts, {}, NOW), () => own.createGroup(account, contacts, groups, ["ben"], utf8("x"), NOW),
    () => own.createGroup(account, contacts, {}, [], utf8("x"), NOW), () => new HeldMessages().due([{ kind: "sea", tag: new Uint8Array(8) }]),
    () => new HeldMessages().opened(-1), () => new HeldMessages().refused(new Error("?"), NOW), () => unblockedByPeople(5),
  ]) assert.throws(call, { code: "invalid_argument" });
  assert.throws(() => own.createGroup(account, contacts, groups, [], new Uint8Array(5_000), NOW), { code: "too_large" });
  assert.deepEqual(unblockedByPeople([{ kind: "adopted", came: [ben.account.device] }]), [{ kind: "list", tag: ben.account.memberTag }]);
  groups.remove(group.id);
  assert.throws(() => group.members, { code: "freed" });
  groups.free();
  assert.throws(() => group.id && group.epoch, { code: "freed" });
});

function thrown(call) {
  try {
    call();
  } catch (error) {
    return error;
  }
  return assert.fail("it does not throw");
}

function code(call) {
  return thrown(call).code;
}
