// The types hold what they say: this compiles strictly, and what it must not compile is marked. It does not run.

import {
  Account, Contacts, EvanesceError, ExpiryScheduler, OwnDevices, Peer, Person, SafetyNumber, Stamp, StorageKey, VerifiedBundle,
  allChanges, allEffects, conversationIdNamed, memberTag, messageIdBy, noteIn, utf8, verifyDeviceList,
  type Contact, type Effects, type ErrorCode, type ExpiryEvent, type Group, type Groups, type GroupEvent, type Invitation, type OwnEvent,
  type PersonEvent, type Policy, type Received,
} from "evanesce";
import { load, loadSync } from "evanesce/manual";
import {
  Store, type BeforeEffects, type Brought, type DeliveredToGroup, type Heard, type Household, type OfGroups, type OwnRow, type Rows, type Untold,
} from "evanesce/store";

export async function conversation(bundle: Uint8Array, now: number): Promise<Uint8Array> {
  await load();
  loadSync(new Uint8Array());
  using account = Account.generate("user-17/device-1", now, { suite: "hybrid", limits: { session: { maxSkip: 100 } } });
  const peer = new Peer(utf8("user-23/device-1"));
  peer.initiate(account, VerifiedBundle.verify(bundle, now), now);
  const { message, changes, sessionNeed } = peer.encrypt({ body: utf8("Hello") }, now);
  const need: "lost" | "noSession" | "unanswered" | "chainNearlyFull" | undefined = sessionNeed;
  const kind: "oneTime" | "signed" | undefined = changes.spentPrekey?.kind;
  void [need, kind];
  // @ts-expect-error a string is no body
  peer.encrypt("Hello", now);
  // @ts-expect-error the clock is the caller's
  peer.encrypt(utf8("Hello"));
  // @ts-expect-error an account is made by its static methods
  new Account();
  // @ts-expect-error there is no such suite
  Account.generate("x", now, { suite: "quantum" });
  return message;
}

/** Every kind of a union is known, so that `never` is left. */
export function shown(contact: Contact, event: ExpiryEvent, policy: Policy): string {
  switch (contact.kind) {
    case "none":
      return "nobody";
    case "request":
    case "accepted":
    case "refused":
      void contact.identity.length;
      break;
    default:
      return contact satisfies never;
  }
  switch (event.kind) {
    case "settingChanged":
      return String(event.setting.version + 1n);
    case "settingRefused":
      return event.refusal;
    case "deletedElsewhere":
    case "readElsewhere":
      return String(event.id);
    case "echoDue":
      return String(event.conversation);
    default:
      void (event satisfies never);
  }
  return policy.kind === "onClose" ? "on closing" : `${policy.ttl + 1} ms`;
}

export function timers(received: Received, author: Uint8Array, key: StorageKey, now: number): ErrorCode | undefined {
  const expiry = ExpiryScheduler.create({ wall: now });
  const conversation = conversationIdNamed(utf8("bob"));
  // A stamp that is malformed must be looked at.
  // @ts-expect-error
  void received.stamp.opens;
  const message = { id: new Uint8Array(16), conversation, author: memberTag(author) };
  const { verdict } = expiry.received(message, received.stamp, { claimed: 5 }, now);
  const stamp = received.stamp === "malformed" ? Stamp.none() : received.stamp.withOpens("once");
  void [verdict === "keep", stamp.setting?.by, expiry.seal(key)];
  try {
    expiry.open(message.id, now);
  } catch (error) {
    if (error instanceof EvanesceError) return error.code;
  }
  return undefined;
}

export async function stored(name: string, now: number): Promise<string> {
  const store = await Store.open(name, { key: new StorageKey(new Uint8Array(32)) });
  const [account, peer] = [await store.account(), await store.peer("bob")];
  // @ts-expect-error there may be none
  void account.device;
  if (account === undefined || peer === undefined) return "new";
  await store.send(peer, utf8("Hello"), now, [["messages/1", { body: "Hello" }]]);
  await store.flush((to, message) => void [to.length, message.length]);
  return String(SafetyNumber.between(account.device, { identity: new Uint8Array(64), address: "bob" }));
}

/** Every kind of what becomes known of people is known. */
export function told(event: PersonEvent): string {
  switch (event.kind) {
    case "adopted":
      return `${event.came.length} came, ${event.went.length} went${event.unknownOwn ? ": are they yours?" : ""}`;
    case "joined":
    case "known":
    case "removalAsked":
      return String(event.device.address);
    case "listedTwice":
      return String([event.of, event.also]);
    case "given":
      return String(event.list.version + 1);
    case "equivocation":
      return String([event.held.digest, event.other.digest]);
    case "listBehind":
    case "listsDiffer":
      return event.of;
    case "decidedElsewhere":
      return event.contact ?? "nothing";
    case "refused":
      return event.reason;
    case "other":
      return "";
    default:
      return event satisfies never;
  }
}

export async function people(account: Account, owner: Uint8Array, list: Uint8Array, message: Uint8Array, now: number): Promise<void> {
  const [own, contacts, scheduler] = [new OwnDevices(account), new Contacts(), ExpiryScheduler.create(now)];
  contacts.addPerson(new Person(owner));
  const { events, changes } = contacts.adopt(own, verifyDeviceList(list, now), now);
  const sent = own.to(owner).only(["bob/phone"]).encrypt(contacts, { body: utf8("Hello") }, now);
  const reason: "needsSession" | "chainFull" | string | undefined = sent.unreached[0]?.reason;
  const told: OwnEvent[] = [...allChanges(changes, sent.changes).tell, ...scheduler.read(new Uint8Array(16), now).tell];
  own.to(own.person).tellEvents(contacts, told, 0, now);
  const heard = own.decrypt(account, contacts, "bob/phone", message, now);
  noteIn(heard, scheduler, { claimed: 5 }, now);
  // @ts-expect-error whoever wrote may be of nobody
  void heard.person.length;
  // @ts-expect-error a person is an identity, or known
  own.to("bob");
  // @ts-expect-error own devices are of an account
  new OwnDevices();
  const store = await Store.open("account");
  const household = { account, own: (await store.ownDevices()) ?? own, contacts: await store.contacts(), scheduler };
  const { effects, untold } = await store.receiveFrom(household, "bob/phone", message, now, ({ received, isControl }) =>
    isControl ? [] : [["messages/1", received.body]]);
  await store.sendTo(household, owner, utf8("Hello"), now, [], { only: untold.to });
  await store.tell(household, contacts.accept(own, owner, now), now);
  void [events, reason, effects];
}

/** Every kind of what becomes known of groups is known. */
export function ofGroup(event: GroupEvent): string {
  switch (event.kind) {
    case "invited":
      return `${event.by.address} invites you${event.again ? " again" : ""}`;
    case "changed": {
      const { came, went, roles, setsTimer } = event.change;
      const who: "admins" | "members" | undefined = setsTimer;
      return String([came.length, went.length, roles.map(({ role }) => role), who]);
    }
    case "left":
      return String(event.owner);
    case "refused":
      return event.reason;
    case "other":
      return "";
    default:
      return event satisfies never;
  }
}

export async function groups(store: Store, own: OwnDevices, account: Account, all: Groups, now: number): Promise<void> {
  const contacts = await store.contacts();
  const household = { account, own, contacts, groups: all };
  const { group, outgoing } = own.createGroup(account, contacts, all, contacts.owners, utf8("Hiking"), now);
  await store.sendOut(household, outgoing);
  const change = { kind: "role", person: contacts.owners[0] as Uint8Array, role: "admin" } as const;
  await store.sendOut(household, own.inGroup(account, group).change(contacts, [change, { kind: "about", about: utf8("Sunday") }], now));
  // @ts-expect-error there is no such role
  own.inGroup(account, group).change(contacts, { kind: "role", person: contacts.owners[0] as Uint8Array, role: "king" }, now);
  const { broadcasts } = await store.sendToGroup(household, group, utf8("Hello"), now);
  const heard = await store.receiveFromGroup(household, broadcasts[0]?.message as Uint8Array, now, ({ delivered }) =>
    delivered.map(({ received, person, age }) => [`messages/${String(person)}`, [received.body, age satisfies number]] as const), { age: 1_000 });
  for (const event of heard.events) ofGroup(event);
  for (const invitation of all.invitations(own, now)) await store.joinGroup(household, invitation, now);
  const { unreached } = await store.lookAfterGroups(household, now);
  void [unreached, group.members[0]?.isWithheld, heard.waits];
}

/** What goes along with a call is a function of what the call gives, or is there already. */
export async function beside(
  store: Store, household: Household & { scheduler: ExpiryScheduler }, owner: Uint8Array, group: Group, invitation: Invitation,
  message: Uint8Array, now: number,
): Promise<void> {
  const { scheduler } = household;
  const shown = ({ received: { body }, evidence }: { received: Received; evidence?: Uint8Array }): OwnRow => [`messages/${String(body)}`, evidence];
  // A message to a group that had waited opens with what a person wrote: its timer goes along.
  const timed = ({ delivered }: OfGroups): Effects => allEffects(...delivered.map(({ received, group, author, age, maySetTimer }: DeliveredToGroup) => {
    const id = messageIdBy(author, received.body);
    return scheduler.received({ id, conversation: conversationIdNamed(group), author, maySet: maySetTimer }, received.stamp, age, now).effects;
  }));
  const later: Rows<Untold> = ({ to, events }) => [["untold", to.length > 0 ? { to, events, since: now } : undefined]];

  await store.sendTo(household, owner, utf8("Hello"), now, ({ messages, unreached }) =>
    [["messages/1", { evidence: messages[0]?.evidence, unreached: unreached.map(({ to }) => to) }]], { effects: scheduler.catchingUp(now) });
  const heard = await store.receiveFrom(household, "bob/phone", message, now, ({ received, ofGroups, untold, effects }) => [
    ["messages/2", received.body], ...(ofGroups?.delivered ?? []).map(shown), ...later(untold), ["events", effects.events.length],
  ], { age: 5, effects: ({ author, ofGroups, isControl }) => allEffects(isControl ? undefined : scheduler.read(author, now), ofGroups && timed(ofGroups)) });
  const opened: readonly DeliveredToGroup[] = heard.ofGroups?.delivered ?? [];
  const early: BeforeEffects<Heard>["ofGroups"] = heard.ofGroups;
  await store.sendToGroup(household, group, utf8("Hello"), now, ({ broadcasts }) => [["messages/3", broadcasts[0]?.evidence]], {
    effects: ({ unreached }) => (unreached.length > 0 ? scheduler.catchingUp(now) : scheduler.caughtUp(now)),
  });
  await store.sendOut(household, household.own.inGroup(household.account, group).renew(household.contacts), ({ events }) => [["changes", events.length]]);
  await store.receiveFromGroup(household, message, now, ({ delivered, waits }) => (waits ? [] : delivered.map(shown)), { effects: timed });
  const joined: Brought | undefined = await store.joinGroup(household, invitation, now, (of) => [...of.delivered.map(shown), ...later(of.untold)], { effects: timed });
  const { effects, untold } = await store.lookAfterGroups(household, now, ({ delivered }) => delivered.map(shown), { effects: timed, scheduler });
  await store.tell(household, household.contacts.accept(household.own, owner, now), now, later, () => scheduler.caughtUp(now));
  await store.commit({ rows: () => [["row", 1]], effects: () => scheduler.caughtUp(now), scheduler });
  // @ts-expect-error no transaction waits for a promise
  await store.sendTo(household, owner, utf8("Hello"), now, async () => []);
  // @ts-expect-error nor for what a scheduler says
  await store.lookAfterGroups(household, now, [], { effects: async () => scheduler.caughtUp(now) });
  // @ts-expect-error whom the effects do not reach is known when they are there
  await store.receiveFrom(household, "bob/phone", message, now, [], { effects: ({ untold }) => (void untold, scheduler.caughtUp(now)) });
  // @ts-expect-error there may be no groups
  await store.receiveFrom(household, "bob/phone", message, now, ({ ofGroups }) => ofGroups.delivered.map(shown));
  void [opened, early, joined, effects, untold];
}
