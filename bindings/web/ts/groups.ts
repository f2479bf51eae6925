// Groups of people, each with their devices.

import { Account } from "./account.js";
import { bytes, bytesOr, exactly, fields, joined, listOf, oneOf, text as string, time } from "./checks.js";
import { Contacts } from "./contacts.js";
import { EvanesceError, invalid } from "./errors.js";
import { Handle, Wrapped, held, spent, wrap, wrapped } from "./handle.js";
import { AT_ONCE, MOST_DRAWN_AT_ONCE, drawing, drawingMore } from "./host.js";
import { GroupParts, OwnDevices, type AddressedMessage, type PersonDelivered, type Unreached } from "./own_devices.js";
import { ownerOf, packed, type PartRefusal, type PeopleChanges, type Person, type PersonEvent, type Standing } from "./people.js";
import { memberTag } from "./safety.js";
import {
  deviceOf, payload, received, type Bytes, type Device, type DeviceLike, type Payload, type RawReceived, type Received,
} from "./shapes.js";
import { StorageKey, Stored } from "./storage.js";
import { read } from "./values.js";
import * as module from "./wasm.js";

/** The most bytes of an about. */
const MOST_ABOUT = 4_096;

/** What one message to a single device draws at most: the key of a step, and the seed of an ML-KEM key or what encapsulation takes. */
const PER_MESSAGE = 160;

/** What somebody is in a group: an `admin` signs rosters too. */
export type GroupRole = "member" | "admin";

/** Who may change a group's timer. */
export type SetsTimer = "admins" | "members";

/** Somebody in a group. */
export interface Member {
  /** The owner of the person, 64 bytes. Whoever signed the roster says so: compare `Person.number`. */
  readonly owner: Bytes;
  readonly role: GroupRole;
  /** In which epoch they became that: of two admins the one of the lower epoch is senior. */
  readonly since: number;
  /** Whether they get nothing any more, until a roster drops them or takes them back: "is leaving". */
  readonly isWithheld: boolean;
}

/** What a call changed that concerns groups, to be stored in one transaction with what it gave. `Store` does it so. */
export interface GroupChanges {
  /** The groups, by their names of 32 bytes. */
  readonly groups: readonly Bytes[];
  /** The invitations. */
  readonly invitations: boolean;
  /** What concerns people and their devices. */
  readonly people: PeopleChanges;
}

/** What is different since another roster counts. It compares two rosters, and does not tell a story. */
export interface GroupChange {
  /** The epoch of the roster that counts now. */
  readonly epoch: number;
  /** Who signed it: of what it takes back they may know nothing. */
  readonly by: Bytes;
  /** Who is in it and was not before; but nobody who had left, whom a roster has again that was signed without knowing of it. */
  readonly came: readonly Bytes[];
  /** Who is not in it any more: removed, or dropped after they left. */
  readonly went: readonly Bytes[];
  /**
   * Who of these had left, as was heard here before: that they went is no news then. All others were removed, or their leaving has not
   * come: it is not said that `by` removed them.
   */
  readonly left: readonly Bytes[];
  /** Who has another role. */
  readonly roles: readonly { readonly owner: Bytes; readonly role: GroupRole }[];
  /** Whether title or picture are others. */
  readonly about: boolean;
  /** Who may change the timer, if that is different. */
  readonly setsTimer: SetsTimer | undefined;
}

/** Why a part of a message that is of a group is refused alone: the names of codes, and of these. */
export type GroupPartRefusal =
  | PartRefusal | "not_an_admin" | "outranked" | "missing_list" | "missing_roster" | "missing_chain" | "no_roster_secret"
  | "not_a_member" | "former" | "forked"
  /** A roster is of another group of the same name. */
  | "other_group"
  /** A roster comes from before what is kept. */
  | "too_old"
  /** A roster of a group that is not held does not name the user, or comes from somebody who may not invite. */
  | "not_invited"
  /** An about fits no roster that is held. */
  | "wrong_about"
  /** The group is not held. */
  | "unknown_group"
  /** The secret in it is not its roster's. */
  | "wrong_secret";

/** What became known of a group, to be shown. People are named by their owners, 64 bytes. */
export type GroupEvent =
  /** The user is invited, `again` to a group that is held: `Groups.invitations` says by whom, to what. */
  | { readonly kind: "invited"; readonly group: Bytes; readonly by: Device; readonly again: boolean }
  /** Another roster counts: it came, or was signed here, for the user or for what was due for others. */
  | { readonly kind: "changed"; readonly group: Bytes; readonly change: GroupChange }
  /** Somebody left, or the user did on another own device. */
  | { readonly kind: "left"; readonly group: Bytes; readonly owner: Bytes }
  /** A part was refused alone: for the log. */
  | { readonly kind: "refused"; readonly part: number; readonly reason: GroupPartRefusal }
  /** Something that this release has no name for. */
  | { readonly kind: "other" };

/** The same bytes for all devices of a group. */
export interface Broadcast {
  /** The devices that it is for, in order of their addresses. */
  readonly to: readonly Bytes[];
  /** Its bytes. */
  readonly message: Bytes;
  /** What proves it to a moderator, for one's own side of a report: as secret as the payload. */
  readonly evidence: Bytes | undefined;
}

/**
 * What came of a call: what is to be sent, and what is to be shown. Store what changed and all messages in one transaction,
 * then send those to single devices, and behind them the broadcasts.
 */
export interface GroupOutgoing {
  /** What became known by it: show it before what the call itself says. What the user changed is among it too. */
  readonly events: readonly GroupEvent[];
  /** To single devices: rosters, chains, what they asked for. They have nothing to show. */
  readonly pairwise: readonly AddressedMessage[];
  /** To all: of `InGroup.encrypt` the message is the last. */
  readonly broadcasts: readonly Broadcast[];
  /** To whom something is due that did not get through. Mend the reason, by `Peer.initiateForGroup`, and `InGroup.catchUp`. */
  readonly unreached: readonly Unreached[];
  /** What it changed. */
  readonly changes: GroupChanges;
}

/** What is newly held: offer again what `HeldMessages.due` names for it. */
export interface Unblocked {
  readonly kind: "list" | "roster" | "chain" | "secret";
  /** Its name, 8 bytes. */
  readonly tag: Uint8Array;
}

const UNBLOCKED = ["list", "roster", "chain", "secret"];

/** What came of the parts of a message that are of groups. */
export interface GroupsHeard {
  /** What is to be shown. */
  readonly events: readonly GroupEvent[];
  /** What became known of members' devices. */
  readonly people: readonly PersonEvent[];
  /** What is newly held. */
  readonly unblocks: readonly Unblocked[];
  /** What is asked for: `Groups.respond` takes it, once. */
  readonly wants: Wants;
  /** What it changed: store it with the message, then acknowledge that. */
  readonly changes: GroupChanges;
}

/** A message to a group that has opened. */
export interface GroupDelivered {
  /** What it says: deliver its body whatever the rest is. */
  readonly received: Received;
  /** The group. */
  readonly group: Bytes;
  /** The device that it is from. */
  readonly device: Device;
  /** What that device is to its person: show it beside the message, unless it is `listed`. */
  readonly standing: Standing;
  /** The owner of the person that it is from. */
  readonly person: Bytes;
  /** Who wrote it, as stamps and a scheduler name authors: 8 bytes. */
  readonly author: Bytes;
  /** Whether it is from another device of the user's: show it as one's own. */
  readonly isOwn: boolean;
  /** Whether it is from a device of which the user has not said that it is theirs. */
  readonly isUnconfirmed: boolean;
  /** Whether its author may change the timer now: `NewMessage.maySet`. */
  readonly maySetTimer: boolean;
  /** Whether its author may take back what others wrote: admins may. */
  readonly mayTakeBack: boolean;
  /** The hash of the roster under which it was sent, 32 bytes. */
  readonly roster: Bytes;
  /** What became known of the group. */
  readonly events: readonly GroupEvent[];
  /** What became known of people's devices. */
  readonly people: readonly PersonEvent[];
  /** What is newly held. */
  readonly unblocks: readonly Unblocked[];
  /** Whether it is of the library's own: the body is empty, and parts came. */
  readonly isControl: boolean;
  /** The types of parts that have no place in a message to a group, or that this release does not know. */
  readonly skippedParts: readonly number[];
  /** What it changed: store it with what the message says, then acknowledge it. */
  readonly changes: GroupChanges;
}

/** What an admin changes; several at once are one roster, and of two that say the same the later counts. */
export type Change =
  /** Somebody comes in, as a member. They read nothing from before. */
  | { readonly kind: "add"; readonly person: Person | Uint8Array }
  /** Somebody goes. */
  | { readonly kind: "remove"; readonly person: Person | Uint8Array }
  /** Somebody has this role from now on. */
  | { readonly kind: "role"; readonly person: Person | Uint8Array; readonly role: GroupRole }
  /** Another title and picture, in at most 4,096 bytes of the application's own. */
  | { readonly kind: "about"; readonly about: Uint8Array }
  /** Who may change the timer from now on. */
  | { readonly kind: "setsTimer"; readonly who: SetsTimer };

const CHANGES = ["add", "remove", "role", "about", "setsTimer"], ROLES = ["member", "admin"], SETTERS = ["admins", "members"];

/** What `change` of src/groups/in_group.rs takes. */
function packedChange(change: Change): Uint8Array {
  const { kind, person, role, about, who } = fields(change as Partial<Record<string, unknown>>, "change");
  switch (CHANGES[oneOf(kind, CHANGES, "change.kind")]) {
    case "add":
      return packed([0], ownerOf(person, "change.person"));
    case "remove":
      return packed([1], ownerOf(person, "change.person"));
    case "role":
      return packed([2 + oneOf(role, ROLES, "change.role")], ownerOf(person, "change.person"));
    case "about":
      return packed([4], bytes(about, "change.about", MOST_ABOUT));
    default:
      return packed([5 + oneOf(who, SETTERS, "change.who")]);
  }
}

/** What somebody asks for, as `Groups.hear` gives it. */
export class Wants extends Handle {
  /** @internal */
  static of(raw: module.RawWants): Wants {
    return new Wants(wrapped(raw, module.RawWants));
  }

  /** How much is asked for. */
  get length(): number {
    return held<module.RawWants>(this, Wants).len();
  }
}

/** An invitation that the user is shown: by joining they join this one, and no other that has come since. */
export class Invitation extends Handle {
  readonly #shown: Pick<Invitation, "group" | "from" | "about" | "members">;

  private constructor(raw: Wrapped, shown: Pick<Invitation, "group" | "from" | "about" | "members">) {
    super(raw);
    this.#shown = shown;
  }

  /** @internal */
  static of(raw: module.RawInvitation): Invitation {
    const its = wrapped(raw, module.RawInvitation);
    return new Invitation(its, read(raw.shown()));
  }

  /** The group. */
  get group(): Bytes {
    return this.#shown.group;
  }

  /** The device that invites. Show who it is: anybody can invite who says that they are an admin. */
  get from(): Device {
    return this.#shown.from;
  }

  /** Title and picture, if they have come. */
  get about(): Bytes | undefined {
    return this.#shown.about;
  }

  /** Who is in it. */
  get members(): readonly Member[] {
    return this.#shown.members;
  }
}

/**
 * All groups of this device, in memory, and those that it is invited to. Each group is a row in the store, and the invitations are
 * one more: `Store.groups` has them.
 *
 * What a message to a group is refused as, and what to do then:
 *
 * | | |
 * |---|---|
 * | `missing_list`, `missing_roster`, `missing_chain`, `undecryptable` | nothing yet: keep it (`HeldMessages`), then `respond` |
 * | `forked`, `expired`, `sender_at_fault` | show that a message cannot be read |
 * | `unsupported` | keep its bytes for a later release |
 * | all others | nothing: acknowledge it |
 *
 * **After `missing_…`, `forked` and `former` store the group**: what is missing is wanted from then on.
 */
export class Groups extends Handle {
  /** None. */
  constructor() {
    super(wrap(() => module.RawGroups.none()));
  }

  /** The names of those that the user joined, 32 bytes each. */
  get ids(): Bytes[] {
    return read(rawGroups(this).ids());
  }

  /** The group of this name. */
  group(id: Uint8Array): Group | undefined {
    const its = exactly(id, 32, "id").slice();
    return at(this, its, 0).has() ? new Group(GROUPS, this, its) : undefined;
  }

  /**
   * Takes a group back from `Group.snapshot`.
   *
   * @throws `malformed`, `unsupported`, `wrong_kind`, `corrupt`; `invalid_argument` if it is here already
   */
  restoreGroup(snapshot: Uint8Array): Group {
    return new Group(GROUPS, this, rawGroups(this).restore(bytes(snapshot, "snapshot")));
  }

  /**
   * Takes a group back from `Group.seal`, with the same key and `ad`.
   *
   * @throws `malformed`, `unsupported`, `wrong_kind`, `undecryptable`; `invalid_argument` if it is here already
   */
  unsealGroup(sealed: Uint8Array, key: StorageKey, ad?: Uint8Array): Group {
    const [checked, its] = [bytes(sealed, "sealed"), bytesOr(ad, "ad")];
    return new Group(GROUPS, this, rawGroups(this).unseal(checked, held(key, StorageKey, "key"), its));
  }

  /** Forgets a group that the user left and deletes. Says whether it was here. */
  remove(id: Uint8Array): boolean {
    return at(this, exactly(id, 32, "id"), 0).remove();
  }

  /** The invitations, and what waits for some: a row of its own. */
  snapshotInvitations(): Bytes {
    return rawGroups(this).snapshot_invitations();
  }

  /** The same, sealed. */
  sealInvitations(key: StorageKey, ad?: Uint8Array): Bytes {
    const its = bytesOr(ad, "ad");
    const raw = held<module.RawStorageKey>(key, StorageKey, "key");
    return drawing(MOST_DRAWN_AT_ONCE, () => rawGroups(this).seal_invitations(raw, its));
  }

  /** @throws `malformed`, `unsupported`, `wrong_kind`, `corrupt` */
  restoreInvitations(snapshot: Uint8Array): void {
    rawGroups(this).restore_invitations(bytes(snapshot, "snapshot"));
  }

  /** @throws `malformed`, `unsupported`, `wrong_kind`, `undecryptable` */
  unsealInvitations(sealed: Uint8Array, key: StorageKey, ad?: Uint8Array): void {
    const [checked, its] = [bytes(sealed, "sealed"), bytesOr(ad, "ad")];
    rawGroups(this).unseal_invitations(checked, held(key, StorageKey, "key"), its);
  }

  /** Where the user is invited: to groups that are not held, the first come first, then back to those that are. */
  invitations(own: OwnDevices, now: number): Invitation[] {
    const [its, when] = [rawOwn(own), time(now)];
    const all: Invitation[] = [];
    for (;;) {
      const next = rawGroups(this).invitation(its, all.length, when);
      if (next === undefined) return all;
      all.push(Invitation.of(next));
    }
  }

  /**
   * Acts on what came of groups with a message of a session. Call it for each, with what `OwnDevices.decrypt` gave, before
   * anything is shown of it; then `respond` with its `wants`.
   */
  hear(own: OwnDevices, contacts: Contacts, delivered: PersonDelivered, now: number): GroupsHeard {
    const { groupParts } = fields(delivered, "delivered");
    const when = time(now);
    const [its, theirs] = [rawOwn(own), rawContacts(contacts)];
    const parts = held<module.RawPersonDelivered>(groupParts, GroupParts, "delivered.groupParts");
    return heardOf(at(this, ANY, when).hear(its, theirs, parts));
  }

  /** Which group a message is of; absent if of none that is here. */
  knows(message: Uint8Array): Bytes | undefined {
    return rawGroups(this).knows(bytes(message, "message"));
  }

  /**
   * Decrypts a message to a group that was bound to `ad`: one whose first byte is 0x13.
   *
   * @throws as the table of this class says; of `missing_…` the error's `missing` has the names, for `HeldMessages`
   */
  decrypt(own: OwnDevices, contacts: Contacts, message: Uint8Array, now: number, ad?: Uint8Array): GroupDelivered {
    const [checked, bound, when] = [bytes(message, "message"), bytesOr(ad, "ad"), time(now)];
    const [its, theirs] = [rawOwn(own), rawContacts(contacts)];
    const shown = read<Omit<GroupDelivered, "received"> & { received: RawReceived }>(
      at(this, ANY, when).decrypt(its, theirs, checked, bound),
    );
    return { ...shown, received: received(shown.received) };
  }

  /** The user joins by an invitation that they were shown. Absent if another one has come since: show that. */
  join(own: OwnDevices, contacts: Contacts, invitation: Invitation, now: number): GroupsHeard | undefined {
    const when = time(now);
    const [its, theirs] = [rawOwn(own), rawContacts(contacts)];
    const heard = at(this, ANY, when).join(its, theirs, held<module.RawInvitation>(invitation, Invitation, "invitation"));
    return heard && heardOf(heard);
  }

  /** The user does not join: the invitation is forgotten. */
  decline(id: Uint8Array): GroupChanges {
    return read(at(this, exactly(id, 32, "id"), 0).decline());
  }

  /**
   * Answers what others asked for, and asks for what was found missing: after each `hear`, with its `wants`, which are used up, and
   * without after messages that were missing something.
   */
  respond(own: OwnDevices, account: Account, contacts: Contacts, wants: Wants | undefined, now: number): GroupOutgoing {
    const when = time(now);
    const [its, our, theirs] = [rawOwn(own), rawAccount(account), rawContacts(contacts)];
    const raw = at(this, ANY, when);
    if (wants !== undefined) held(wants, Wants, "wants");
    const answer = drawingMore(AT_ONCE, () => raw.respond(its, our, theirs, wants && spent<module.RawWants>(wants, Wants)));
    return outgoingOf(answer, { groups: this, own, account, contacts });
  }

  /** Forgets keys whose time is over, signs what is due for others, and gives what is due: at every start and once a day. */
  maintain(own: OwnDevices, account: Account, contacts: Contacts, now: number): GroupOutgoing {
    const when = time(now);
    const [its, our, theirs] = [rawOwn(own), rawAccount(account), rawContacts(contacts)];
    const raw = at(this, ANY, when);
    return outgoingOf(drawingMore(AT_ONCE, () => raw.maintain(its, our, theirs)), { groups: this, own, account, contacts });
  }

  /** After a restore from a backup: this device's chains end. `OwnDevices.restoredWithGroups` does it with the rest. */
  restoredFromBackup(): GroupChanges {
    return read(rawGroups(this).restored_from_backup());
  }
}

let groupOf: (value: unknown) => [groups: Groups, id: Bytes] | undefined;

/** Nobody else has it, so nobody else makes groups. */
const GROUPS = {};

/** One group: what is held of it. It is stored, in a row of its own. `OwnDevices.inGroup` takes part in it. */
export class Group {
  readonly #groups: Groups;
  readonly #id: Bytes;

  static {
    groupOf = (value) => (typeof value === "object" && value !== null && #id in value ? [value.#groups, value.#id] : undefined);
  }

  /** @internal */
  constructor(of: unknown, groups: Groups, id: Bytes) {
    if (of !== GROUPS) throw invalid("groups are given by Groups and OwnDevices.createGroup");
    this.#groups = groups;
    this.#id = id;
  }

  /** Its name, 32 bytes. The conversation is `conversationIdNamed` of it. */
  get id(): Bytes {
    return groupWithId(this)[1].slice();
  }

  /** Its members by the roster that counts, in order of their owners. */
  get members(): Member[] {
    return read(rawGroup(this).members());
  }

  /** Title and picture, as the application encodes them; absent while they have not come. */
  get about(): Bytes | undefined {
    return rawGroup(this).about();
  }

  /** Counts the rosters, from 0. */
  get epoch(): number {
    return rawGroup(this).epoch();
  }

  /** The hash of the roster that counts, 32 bytes. */
  get roster(): Bytes {
    return rawGroup(this).roster();
  }

  /** Who may change the timer. */
  get setsTimer(): SetsTimer {
    return read(rawGroup(this).sets_timer());
  }

  /** Whether the secret of the roster that counts has come: else nothing is sent. */
  get isReady(): boolean {
    return rawGroup(this).is_ready();
  }

  /** Whether the user may change the timer: else what they set counts nowhere. */
  maySetTimer(own: OwnDevices): boolean {
    return rawGroup(this).may_set_timer(rawOwn(own));
  }

  /** Whether the user is in it, and has not left: else nothing is sent. */
  isMember(own: OwnDevices): boolean {
    return rawGroup(this).is_member(rawOwn(own));
  }

  /**
   * The members of whom no list is held, by their owners: nothing of them can be read. Fetch their lists: `Contacts.addPerson` of those
   * who are not known yet, `Contacts.adopt`, and offer again what waits for them: with `Store`, `tell` what that gave, then
   * `lookAfterGroups`.
   */
  listsNeeded(own: OwnDevices, contacts: Contacts): Bytes[] {
    return read(rawGroup(this).lists_needed(rawOwn(own), rawContacts(contacts)));
  }

  /** The whole state in bytes, secrets in the clear: `Groups.restoreGroup`. */
  snapshot(): Bytes {
    return rawGroup(this).snapshot();
  }

  /** The whole state, sealed: `Groups.unsealGroup`. */
  seal(key: StorageKey, ad?: Uint8Array): Bytes {
    const its = bytesOr(ad, "ad");
    const raw = held<module.RawStorageKey>(key, StorageKey, "key");
    return drawing(MOST_DRAWN_AT_ONCE, () => rawGroup(this).seal(raw, its));
  }
}

const MERGE = 0, LEAVE = 1, CATCH_UP = 2, ASK = 3, RENEW = 4;

/**
 * A group, as this device takes part in it. On the owner's device of an admin `encrypt`, `change`, `merge` and `catchUp` sign what is
 * due for others first. What any call changed stands in `GroupOutgoing.events`.
 */
export class InGroup {
  readonly #own: OwnDevices;
  readonly #account: Account;
  readonly #group: Group;

  /** @internal */
  constructor(own: OwnDevices, account: Account, group: Group) {
    this.#own = own;
    this.#account = account;
    this.#group = group;
  }

  /**
   * Encrypts a payload for all devices of the group, bound to `ad`: the same bytes for all, and to those who lack it this device's
   * chain.
   *
   * @throws `removed`, `not_a_member`, `no_roster_secret`, `too_large`
   */
  encrypt(contacts: Contacts, itsPayload: Payload | Uint8Array, now: number, ad?: Uint8Array): GroupOutgoing {
    const arguments_ = [...payload(itsPayload), bytesOr(ad, "ad")] as const;
    return this.#call(contacts, now, (raw, own, account, theirs) => raw.encrypt(own, account, theirs, ...arguments_));
  }

  /**
   * Signs another roster, on the owner's device of an admin, and tells all.
   *
   * @throws `removed`, `not_an_admin`; `outranked` where somebody senior would lose their role; `malformed` where no admin would be left, or
   * of who is there already or is not; `nothing_to_change`
   */
  change(contacts: Contacts, change: Change | readonly Change[], now: number): GroupOutgoing {
    const list = Array.isArray(change) ? listOf<Change>(change, "change", 4_096) : [change as Change];
    const changes = joined(list.map(packedChange));
    return this.#call(contacts, now, (raw, own, account, theirs) => raw.change(own, account, theirs, changes));
  }

  /** Signs what is due for others, if anything is. */
  merge(contacts: Contacts, now: number): GroupOutgoing {
    return this.#act(contacts, now, MERGE);
  }

  /**
   * Leaves the group: tells all, and sends nothing any more. An admin steps down first, by the same call, on the owner's device.
   *
   * @throws `removed`; `not_an_admin` of an admin whose device is not the owner's; `malformed` of the last admin, who has to name another
   * first; `nothing_to_change` of who is no member
   */
  leave(contacts: Contacts, now: number): GroupOutgoing {
    return this.#act(contacts, now, LEAVE);
  }

  /** Gives what is due to devices that could not be reached before, without a message. */
  catchUp(contacts: Contacts, now: number): GroupOutgoing {
    return this.#act(contacts, now, CATCH_UP);
  }

  /** Asks for what was found missing: each name once a day. */
  ask(contacts: Contacts, now: number): GroupOutgoing {
    return this.#act(contacts, now, ASK);
  }

  /** Asks for a new chain before the next message: whoever stole this device's state reads nothing from there on. */
  renew(contacts: Contacts): GroupOutgoing {
    return this.#act(contacts, 0, RENEW);
  }

  /** Has a device of a member's get the roster, title and picture, with what is sent or caught up with next: one that was just linked. */
  introduce(device: DeviceLike): GroupOutgoing {
    const its = deviceOf(device, "device");
    const [groups, own, account] = [groupsOf(this.#group), this.#own, this.#account];
    return outgoingOf(rawGroup(this.#group).introduce(rawOwn(own), rawAccount(account), ...its), { groups, own, account });
  }

  #act(contacts: Contacts, now: number, what: number): GroupOutgoing {
    return this.#call(contacts, now, (raw, own, account, theirs) => raw.act(own, account, theirs, what));
  }

  #call(
    contacts: Contacts, now: number,
    call: (raw: module.RawGroups, own: module.RawOwnDevices, account: module.RawAccount, theirs: module.RawContacts) => Uint8Array,
  ): GroupOutgoing {
    const when = time(now);
    const [own, account, theirs] = [rawOwn(this.#own), rawAccount(this.#account), rawContacts(contacts)];
    const raw = rawGroup(this.#group, when);
    const usually = MOST_DRAWN_AT_ONCE + raw.usual_devices(theirs) * PER_MESSAGE;
    const outgoing = drawingMore(usually, () => call(raw, own, account, theirs));
    return outgoingOf(outgoing, { groups: groupsOf(this.#group), own: this.#own, account: this.#account, contacts });
  }
}

/** @internal */
export function inGroup(own: OwnDevices, account: Account, group: Group): InGroup {
  rawOwn(own);
  rawAccount(account);
  rawGroup(group);
  return new InGroup(own, account, group);
}

/** @internal A group of the user and of these people. */
export function createGroup(
  own: OwnDevices, account: Account, contacts: Contacts, groups: Groups, members: readonly (Person | Uint8Array)[], about: Uint8Array,
  now: number,
): { group: Group; outgoing: GroupOutgoing } {
  const owners = packed(...listOf<Person | Uint8Array>(members, "members", 2_000).map((member) => ownerOf(member, "a member")));
  const [itsAbout, when] = [bytes(about, "about", MOST_ABOUT), time(now)];
  const [its, our, theirs] = [rawOwn(own), rawAccount(account), rawContacts(contacts)];
  const raw = at(groups, ANY, when);
  // The group is not there yet, by which is told how many messages there are.
  const devices = Math.min(contacts.addresses.length, 16 * (owners.length / 64 + 1));
  const usually = MOST_DRAWN_AT_ONCE + devices * PER_MESSAGE;
  const made = drawingMore(usually, () => raw.create(its, our, theirs, owners, itsAbout));
  const outgoing = outgoingOf(made, { groups, own, account, contacts });
  return { group: new Group(GROUPS, groups, (outgoing.changes.groups[0] as Bytes).slice()), outgoing };
}

/** What waits, and is to be stored or deleted. */
export interface Kept {
  /** Store its bytes and its `ad` under this number, then acknowledge it. Absent: there is nothing to wait for. */
  readonly number: number | undefined;
  /** These do not wait any more: delete them. Show that something is missing. */
  readonly dropped: readonly number[];
}

/**
 * Which messages of a group wait, and for what: at most 1,000, for 14 days. The application keeps their bytes, each under the number
 * that it has here, in the same transaction. One for each group; it is stored, in a row of its own. `Store` does it so.
 */
export class HeldMessages extends Stored {
  /** None. */
  constructor();
  /** @internal */
  constructor(raw?: Wrapped);
  constructor(raw?: Wrapped) {
    super(raw instanceof Wrapped ? raw : wrap(() => module.RawHeldMessages.none()));
  }

  /** @throws `malformed`, `unsupported`, `wrong_kind`, `corrupt` */
  static restore(snapshot: Uint8Array): HeldMessages {
    const checked = bytes(snapshot, "snapshot");
    return new HeldMessages(wrap(() => module.RawHeldMessages.restore(checked)));
  }

  /** @throws `malformed`, `unsupported`, `wrong_kind`, `undecryptable` */
  static unseal(sealed: Uint8Array, key: StorageKey, ad?: Uint8Array): HeldMessages {
    const [checked, its] = [bytes(sealed, "sealed"), bytesOr(ad, "ad")];
    return new HeldMessages(wrap(() => module.RawHeldMessages.unseal(checked, held(key, StorageKey, "key"), its)));
  }

  /** A message was refused so: whether it waits, and under which number. Once for each; one that the carrier repeats waits already. */
  refused(refusal: EvanesceError, now: number): Kept {
    const [code, missing] = refusalOf(refusal);
    const { number, dropped } = read<{ number: bigint | undefined; dropped: bigint[] }>(rawHeld(this).refused(code, missing, time(now)));
    return { number: number === undefined ? undefined : Number(number), dropped: dropped.map(Number) };
  }

  /** The messages that wait for this, in the order in which they came: offer each again, then say what came of it. */
  due(unblocks: readonly Unblocked[]): number[] {
    const list = packed(...listOf<Unblocked>(unblocks, "unblocks").map((one) => {
      const { kind, tag } = fields(one, "one of unblocks");
      return packed([oneOf(kind, UNBLOCKED, "its kind")], exactly(tag, 8, "its tag"));
    }));
    return read<bigint[]>(rawHeld(this).due(list)).map(Number);
  }

  /** One that was offered again has opened, or needs not be kept: delete its bytes. */
  opened(number: number): void {
    rawHeld(this).opened(BigInt(numberOf(number)));
  }

  /** One that was offered again was refused: whether it goes on to wait. If not, delete its bytes. */
  refusedAgain(number: number, refusal: EvanesceError): boolean {
    const [code, missing] = refusalOf(refusal);
    return rawHeld(this).refused_again(BigInt(numberOf(number)), code, missing);
  }

  /** Forgets those that have waited for 14 days: delete them. Once a day. */
  maintain(now: number): number[] {
    return read<bigint[]>(rawHeld(this).maintain(time(now))).map(Number);
  }

  /** How many wait. */
  get length(): number {
    return rawHeld(this).len();
  }
}

/** What lists unblock that were adopted: also those that were fetched. */
export function unblockedByPeople(events: readonly PersonEvent[]): Unblocked[] {
  return listOf<PersonEvent>(events, "events").flatMap((event) => {
    const { kind, came } = fields(event as Partial<Record<string, unknown>>, "an event");
    const devices = kind === "adopted" ? listOf<Device>(came, "event.came", 16) : [];
    return devices.map((device) => ({ kind: "list", tag: memberTag(fields(device, "a device").identity) }) as const);
  });
}

function numberOf(number: unknown): number {
  if (!Number.isSafeInteger(number) || (number as number) < 0) throw invalid("number must be one that `refused` gave");
  return number as number;
}

function refusalOf(refusal: unknown): [code: string, missing: Uint8Array | undefined] {
  if (!(refusal instanceof EvanesceError)) throw invalid("refusal must be what decrypt threw");
  const { code, missing } = refusal;
  return [string(code, "refusal.code", 64), missing === undefined ? undefined : exactly(missing, 16, "refusal.missing")];
}

/** Where a call does not ask which group it is of. */
const ANY = new Uint8Array(32);

function heardOf(raw: module.RawGroupsHeard): GroupsHeard {
  const shown = read<Omit<GroupsHeard, "wants">>(raw.shown());
  return { ...shown, wants: Wants.of(raw.into_wants()) };
}

function rawGroups(it: unknown): module.RawGroups {
  return held(it, Groups);
}

/** The same, at this time, with this group. */
function at(it: unknown, id: Uint8Array, now: number): module.RawGroups {
  const raw = rawGroups(it);
  raw.at(id, now);
  return raw;
}

/** What a call has changed, which is to be stored with what it gave. */
interface Changed {
  readonly groups: Groups;
  readonly own: OwnDevices;
  readonly account: Account;
  readonly contacts?: Contacts | undefined;
}

const changedBy = new WeakMap<GroupOutgoing, Changed>();

function outgoingOf(raw: Uint8Array, changed: Changed): GroupOutgoing {
  const outgoing = read<GroupOutgoing>(raw);
  changedBy.set(outgoing, changed);
  return outgoing;
}

/** @internal Whether it may be stored with these: not if it is as a call gave it, which has changed others. */
export function fitsTo(outgoing: GroupOutgoing, to: Required<Changed>): boolean {
  const changed = changedBy.get(outgoing);
  if (changed === undefined) return true;
  const { groups, own, account, contacts = to.contacts } = changed;
  return groups === to.groups && own === to.own && account === to.account && contacts === to.contacts;
}

/** @internal The groups that it stands in. */
export function groupsOf(group: unknown): Groups {
  return groupWithId(group)[0];
}

function groupWithId(group: unknown): [groups: Groups, id: Bytes] {
  const its = groupOf(group);
  if (its === undefined) throw invalid("group must be a Group");
  return its;
}

function rawGroup(group: unknown, now = 0): module.RawGroups {
  return at(...groupWithId(group), now);
}

function rawOwn(own: unknown): module.RawOwnDevices {
  return held(own, OwnDevices, "own");
}

function rawAccount(account: unknown): module.RawAccount {
  return held(account, Account, "account");
}

function rawContacts(contacts: unknown): module.RawContacts {
  return held(contacts, Contacts, "contacts");
}

function rawHeld(it: unknown): module.RawHeldMessages {
  return held(it, HeldMessages);
}
