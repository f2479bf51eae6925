// This device among the others of its person: linking, messages to people, and what comes from them.

import { Account, VerifiedBundle } from "./account.js";
import { address, bytes, bytesOr, exactly, fields, listOf, millis, time } from "./checks.js";
import { Contacts } from "./contacts.js";
import {
  LONGEST, ExpiryScheduler, allEffects, clocks, gives, rawAge, type Age, type DeviceEvent, type Effects, type Now,
} from "./expiry.js";
import { Handle, Wrapped, held, spent, wrap, wrapped } from "./handle.js";
import { Groups, createGroup, inGroup, type Group, type GroupChanges, type GroupOutgoing, type InGroup } from "./groups.js";
import { MOST_DRAWN, MOST_DRAWN_AT_ONCE, drawing } from "./host.js";
import {
  listBytes, ownerOf, packed, packedAddresses, packedEvents, personOf, type DeviceList, type LinkCode, type OwnEvent, type PeopleChanges,
  type Person, type PersonEvent, type Standing,
} from "./people.js";
import type { SessionNeed } from "./peer.js";
import {
  deviceOf, payload, received, type Address, type Bytes, type Device, type DeviceLike, type Payload, type RawReceived,
  type Received,
} from "./shapes.js";
import { StorageKey, Stored } from "./storage.js";
import { read } from "./values.js";
import * as module from "./wasm.js";

/** Devices that one message goes to at most: 16 of the person and as many own ones. */
const MOST_DEVICES = 32;

/** How many events one message carries. */
const MOST_EVENTS = 1_000;

/** One message of a fan-out. */
export interface AddressedMessage {
  /** The device that it is for. */
  readonly to: Bytes;
  /** Its bytes. */
  readonly message: Bytes;
  /** Whether a session with that device is to be begun for those after it. */
  readonly sessionNeed: SessionNeed | undefined;
  /**
   * What proves it to a moderator, for one's own side of a report: that of one message of a fan-out will do. As secret as the
   * payload, and deleted with it.
   */
  readonly evidence: Bytes | undefined;
}

/**
 * Why a device is not reached.
 *
 * | | |
 * |---|---|
 * | `needsSession`, `chainFull` | fetch a bundle of it, and begin a session: `Peer.initiate` of `Contacts.peer`, or of a `Peer.pinned` that is added. Also of an own device that shows no sign of knowing what lists are |
 * | `request` | it, or its person, is a request or refused |
 * | `identityUndecided` | another identity came under its address, and the user has not decided |
 * | `unconfirmed` | an own device of which the user has not said that it is theirs |
 * | `putBack` | an own device of a list that may be an older one, after a restore |
 * | `listExpired` | an own device that is told nothing since our own list has expired |
 */
export type Obstacle =
  | "needsSession" | "chainFull" | "request" | "identityUndecided" | "unconfirmed" | "putBack" | "listExpired" | "other";

/** A device that a fan-out does not reach. */
export interface Unreached {
  readonly to: Bytes;
  readonly reason: Obstacle;
}

/**
 * What is to be sent to a person's devices and to own ones. Store what changed and all messages in one transaction, then send
 * them.
 */
export interface FanOut {
  /** In order of address, the person's before own ones. */
  readonly messages: readonly AddressedMessage[];
  /** Whom it does not reach. Mend the reason, then send the same payload to these alone: `Recipients.only`. */
  readonly unreached: readonly Unreached[];
  /** What encrypting it changed. */
  readonly changes: PeopleChanges;
}

/** A message of linking: store what changed and the message in one transaction, then send it. */
export interface LinkMessage {
  /** The device that it is for. */
  readonly to: Bytes;
  /** Its bytes. */
  readonly message: Bytes;
  /** The session that it is of, 32 bytes. */
  readonly session: Bytes | undefined;
  readonly changes: PeopleChanges;
}

/** An offer to be linked that has opened, before the user has confirmed it. */
export interface LinkOffer {
  /** The owner's device that offers it. */
  readonly owner: Device;
  /**
   * Its 30 digits. **Show them, and answer only when the user has confirmed that the owner's device shows the same**: whoever
   * photographed the code can offer first.
   */
  readonly digits: string;
  /**
   * Whether the device was not among the peers before: if the user declines, `Contacts.removePeer` it with its row, then
   * `OwnDevices.cancelLink`.
   */
  readonly isNew: boolean;
  readonly changes: PeopleChanges;
}

/** A message that has opened, from whom it is, and what came with it. */
export interface PersonDelivered {
  /** What it says: deliver its body whatever the rest is. */
  readonly received: Received;
  /** Whether it began a session: what we sent last may then have to be sent again, as new messages. */
  readonly beganSession: boolean;
  /** The device that it is from. */
  readonly device: Device;
  /** What that device is, after all that came with it: show it beside the message, unless it is `listed` or `alone`. */
  readonly standing: Standing;
  /** The owner of the person that it is of, if it is of one; of a device that was removed lately, whose it was. */
  readonly person: Bytes | undefined;
  /** Who wrote it, as stamps and a scheduler name authors: the tag of the person's owner, or else the device's own; 8 bytes. */
  readonly author: Bytes;
  /** Whether it stands in our own list, but the user has not said that it is theirs: show nothing of it as one's own. */
  readonly isUnconfirmed: boolean;
  /** Whether its person was refused: show nothing of it. */
  readonly isRefused: boolean;
  /** What became known of people's devices, and what was decided of people on own ones. */
  readonly events: readonly PersonEvent[];
  /** What own devices tell of messages and timers, each with how long before this message it happened: see `noteIn`. */
  readonly told: readonly { readonly event: DeviceEvent; readonly age: number }[];
  /** The owner of whom the message was sent to, if it is a copy from an own device: show it in that conversation, as one's own. */
  readonly copyOf: Bytes | undefined;
  /** Whether there is nothing to show: the body is empty, and only parts came. */
  readonly isControl: boolean;
  /** What came with it of groups: `Groups.hear` takes it, while there is no group too. */
  readonly groupParts: GroupParts;
  /** The types of parts that this release does not know, and skipped. */
  readonly skippedParts: readonly number[];
  /** What it changed: store it with what the message says, then acknowledge it. */
  readonly changes: PeopleChanges;
}

/** What came with a message of groups. It may hold keys. */
export class GroupParts extends Handle {
  /** @internal */
  static of(raw: module.RawPersonDelivered): GroupParts {
    return new GroupParts(wrapped(raw, module.RawPersonDelivered));
  }
}

/** What is to be done after a restore from a backup. */
export interface Restored {
  /** The prekeys to be published in place of all. */
  readonly upload: Bytes | undefined;
  /** What the scheduler writes. */
  readonly effects: Effects;
  /** The account, the own devices, and all peers. */
  readonly changes: PeopleChanges;
}

/**
 * Tells the scheduler what own devices told, before anything of the message is shown. `age` is that of the message. Store
 * the effects with what the message changed.
 */
export function noteIn(delivered: PersonDelivered, scheduler: ExpiryScheduler, age: Age, now: Now): Effects {
  const since = rawAge(age);
  clocks(now);
  held(scheduler, ExpiryScheduler, "scheduler");
  const told = listOf<{ event: DeviceEvent; age: number }>(fields(delivered, "delivered").told, "delivered.told");
  return allEffects(...told.map((one) => {
    const { event, age: ago } = fields(one, "one of delivered.told");
    // An own device may name any age; nothing is older than the longest.
    const its = millis(typeof ago === "number" ? Math.min(ago, LONGEST) : ago, "its age");
    return scheduler.toldByOwnDevice(event, Math.min(since + its, LONGEST), now);
  }));
}

/**
 * This device among the others of its person: who that is, and which list is held. A device is its own owner at first, without
 * a list. It is stored, in a row of its own.
 */
export class OwnDevices extends Stored {
  /** The device of this account as its own owner: every device at first. */
  constructor(account: Account);
  /** @internal */
  constructor(account: Account | Wrapped);
  constructor(account: Account | Wrapped) {
    super(account instanceof Wrapped ? account : wrap(() => module.RawOwnDevices.of(held(account, Account, "account"))));
  }

  /**
   * The device of this account as one of another owner's, that was linked in a way of the application's own.
   *
   * @throws `malformed`, `weak_key`
   */
  static belongingTo(account: Account, owner: Uint8Array): OwnDevices {
    const checked = exactly(owner, 64, "owner");
    return new OwnDevices(wrap(() => module.RawOwnDevices.belonging_to(held(account, Account, "account"), checked)));
  }

  /**
   * Takes them back from `snapshot`.
   *
   * @throws `malformed`, `unsupported`, `wrong_kind`, `corrupt`
   */
  static restore(snapshot: Uint8Array): OwnDevices {
    const checked = bytes(snapshot, "snapshot");
    return new OwnDevices(wrap(() => module.RawOwnDevices.restore(checked)));
  }

  /**
   * Takes them back from `seal`, with the same key and `ad`.
   *
   * @throws `malformed`, `unsupported`, `wrong_kind`, `undecryptable`
   */
  static unseal(sealed: Uint8Array, key: StorageKey, ad?: Uint8Array): OwnDevices {
    const [checked, its] = [bytes(sealed, "sealed"), bytesOr(ad, "ad")];
    return new OwnDevices(wrap(() => module.RawOwnDevices.unseal(checked, held(key, StorageKey, "key"), its)));
  }

  /** A copy of the person that this device is of. */
  get person(): Person {
    return personOf(rawOwn(this).person());
  }

  /** This device. */
  get device(): Device {
    return read(rawOwn(this).device());
  }

  /** The 30 digits of this device: the owner's shows them while it links another, which shows the same. Takes milliseconds. */
  get digits(): string {
    return rawOwn(this).digits();
  }

  /** Whether this is the owner's device, which signs lists. */
  get isOwner(): boolean {
    return rawOwn(this).is_owner();
  }

  /** Whether the list that is held names this device. */
  get isListed(): boolean {
    return rawOwn(this).is_listed();
  }

  /** Whether a list is held, and this device is missing in it: it sends nothing any more. */
  get isRemoved(): boolean {
    return rawOwn(this).is_removed();
  }

  /** The devices of which the user has not said that they are theirs. No copy goes to them. */
  get unconfirmed(): Device[] {
    return read(rawOwn(this).unconfirmed());
  }

  /** Whether all was put back to an older state, and neither a newer list has come nor has the user looked at the held one. */
  get isPutBack(): boolean {
    return rawOwn(this).is_put_back();
  }

  /** The account has another address: call it right after, and store both in one transaction. Says whether it was another here. */
  addressChanged(account: Account): boolean {
    return rawOwn(this).address_changed(held(account, Account, "account"));
  }

  /** The user says that this device is theirs. Says whether that was asked: then it is to be stored. */
  confirm(device: DeviceLike): boolean {
    const checked = deviceOf(device, "device");
    return rawOwn(this).confirm(...checked);
  }

  /**
   * The user has looked at all devices of the list that is held, and they are theirs: lists are signed again. If one is not,
   * `remove` it right after. Says whether that was asked: then it is to be stored.
   */
  confirmAll(): boolean {
    return rawOwn(this).confirm_all();
  }

  /**
   * Takes a list of our own person that came from elsewhere. Gives what is to be shown, nothing if it is held already; then
   * the own devices are to be stored.
   *
   * @throws as `verifyDeviceList`; `other_owner`, `older_list`; `not_named` of a first list without this device
   */
  adopt(list: DeviceList | Uint8Array, now: number): PersonEvent | undefined {
    const [checked, at] = [listBytes(list), time(now)];
    return read(rawOwn(this).adopt(checked, at));
  }

  /**
   * Maintenance of the owner's list, at every start and once a day: signs the next version when it is due, the first if there is
   * none. **Store the own devices, then publish what it gives**, and `Recipients.tell` own devices and contacts.
   *
   * @throws `versions_used_up`
   */
  refresh(account: Account, now: number): DeviceList | undefined {
    const at = time(now);
    return read(rawOwn(this).refresh(held(account, Account, "account"), at));
  }

  /**
   * Removes the device at this address, and signs the next version: from whoever holds it, that device gets no message and
   * no copy more. **Store the own devices, then publish it**, and tell.
   *
   * @throws `not_the_owner`, `not_listed`, `put_back`, `marked`, `versions_used_up`; `malformed` of the last device
   */
  remove(account: Account, itsAddress: Address, now: number): DeviceList {
    const [checked, at] = [address(itsAddress), time(now)];
    return read(rawOwn(this).remove(held(account, Account, "account"), checked, at));
  }

  /** Wipes what is left of linking, and forgets what went long ago: once a day. Says whether it is to be stored. */
  maintain(now: number): boolean {
    return rawOwn(this).maintain(time(now));
  }

  /** The code to be linked by: it serves one offer within ten minutes. Store the own devices, then show it, with its digits. */
  showLinkCode(now: number): LinkCode {
    const at = time(now);
    return read(drawing(MOST_DRAWN_AT_ONCE, () => rawOwn(this).show_link_code(at)));
  }

  /**
   * Offers a device to be linked, whose code was scanned, with a bundle of it, which is used up unless it is refused. **The user
   * has compared the code's digits, and has confirmed that the device will read and write as them.**
   *
   * @throws `malformed`, `unsupported`, `weak_key` of the code; `not_the_owner`, `already_listed`, `list_full`, `other_device`,
   * `put_back`, `marked`, `unconfirmed`
   */
  offerLink(account: Account, contacts: Contacts, code: Uint8Array, bundle: VerifiedBundle, now: number): LinkMessage {
    const [checked, at] = [bytes(code, "code"), time(now)];
    const [its, theirs] = [held<module.RawAccount>(account, Account, "account"), rawContacts(contacts)];
    const raw = held<module.RawBundle>(bundle, VerifiedBundle, "bundle");
    const offered = drawing(MOST_DRAWN_AT_ONCE, () => rawOwn(this).offer_link(its, theirs, checked, raw, at));
    spent<module.RawBundle>(bundle, VerifiedBundle).free();
    return read(offered);
  }

  /**
   * Opens an offer to be linked: while a code is shown, give each message of a device of whom no peer `knows` it to this first,
   * and to `decrypt` if it is refused.
   *
   * @throws `not_linking`, `code_expired`, `code_used`, `already_linked`, `malformed`, `not_the_owner`, and as `Peer.decrypt`
   */
  openLinkOffer(account: Account, contacts: Contacts, message: Uint8Array, now: number): LinkOffer {
    const [checked, at] = [bytes(message, "message"), time(now)];
    return read(rawOwn(this).open_link_offer(held(account, Account, "account"), rawContacts(contacts), checked, at));
  }

  /**
   * Answers the offer that was opened, once **the user has confirmed its digits**: from now on this device is of the owner's
   * person, whose list is still to come. If the answer is lost, this device goes on waiting: `cancelLink` on both, and begin again
   * with another code. (An offer that was lost is made again by `offerLink`.)
   *
   * @throws `not_linking`
   */
  answerLinkOffer(account: Account, contacts: Contacts, now: number): LinkMessage {
    const at = time(now);
    const [its, theirs] = [held<module.RawAccount>(account, Account, "account"), rawContacts(contacts)];
    return read(drawing(MOST_DRAWN_AT_ONCE, () => rawOwn(this).answer_link_offer(its, theirs, at)));
  }

  /**
   * Takes the device's answer, which is its next message; one that is refused here is for `decrypt`. Signs a list with it. Store what
   * changed, publish the list, and tell the new device, own devices and contacts by `Recipients.tell`, each person's in turn.
   *
   * @throws `not_linking`, `code_expired`, `malformed`, `bad_signature`, those of `offerLink`, and as `Peer.decrypt`
   */
  finishLink(account: Account, contacts: Contacts, message: Uint8Array, now: number): {
    readonly list: DeviceList; readonly changes: PeopleChanges;
  } {
    const [checked, at] = [bytes(message, "message"), time(now)];
    return read(rawOwn(this).finish_link(held(account, Account, "account"), rawContacts(contacts), checked, at));
  }

  /** Calls linking off, on either side. Says whether anything was under way: then the own devices are to be stored. */
  cancelLink(): boolean {
    return rawOwn(this).cancel_link();
  }

  /**
   * Puts right all of an account whose store is an older one, before anything that comes is taken in. The guide's table says what
   * the application asks its user.
   */
  restoredFromBackup(account: Account, contacts: Contacts, scheduler: ExpiryScheduler, now: Now): Restored {
    const clock = clocks(now);
    const [its, theirs] = [held<module.RawAccount>(account, Account, "account"), rawContacts(contacts)];
    const expiry = rawScheduler(scheduler);
    return gives(drawing(MOST_DRAWN, () => {
      expiry.at(...clock);
      return rawOwn(this).restored_from_backup(its, theirs, expiry);
    }));
  }

  /** The same of an account that has groups: the one call after a restore. */
  restoredWithGroups(
    account: Account, contacts: Contacts, groups: Groups, scheduler: ExpiryScheduler, now: Now,
  ): Restored & { readonly groups: GroupChanges } {
    held(groups, Groups, "groups");
    return { ...this.restoredFromBackup(account, contacts, scheduler, now), groups: groups.restoredFromBackup() };
  }

  /**
   * Makes a group of the user and these people, with title and picture in at most 4,096 bytes of the application's own. The user is
   * its only admin, and admins alone set the timer. Store group and peers, then send.
   *
   * @throws `removed`; `not_an_admin` on a device that is not the owner's; `malformed` of more than 1,000 members
   */
  createGroup(
    account: Account, contacts: Contacts, groups: Groups, members: readonly (Person | Uint8Array)[], about: Uint8Array, now: number,
  ): { readonly group: Group; readonly outgoing: GroupOutgoing } {
    return createGroup(this, account, contacts, groups, members, about, now);
  }

  /** A group, as this device takes part in it. */
  inGroup(account: Account, group: Group): InGroup {
    return inGroup(this, account, group);
  }

  /**
   * Decrypts a message that came from this address and was bound to `ad`, and acts on what came with it. A device that is not among
   * the contacts is added.
   *
   * @throws as `Peer.decrypt`: give it to `noteRefusal` of the peer, as ever
   */
  decrypt(account: Account, contacts: Contacts, from: Address, message: Uint8Array, now: number, ad?: Uint8Array): PersonDelivered {
    const arguments_ = [address(from, "from"), bytes(message, "message"), bytesOr(ad, "ad"), time(now)] as const;
    const its = held<module.RawAccount>(account, Account, "account");
    const raw = rawOwn(this).decrypt(its, rawContacts(contacts), ...arguments_);
    const shown = read<Omit<PersonDelivered, "received" | "groupParts"> & { received: RawReceived }>(raw.shown());
    return { ...shown, received: received(shown.received), groupParts: GroupParts.of(raw) };
  }

  /** Whoever a message to this person goes to: its devices, and the other own ones, which get a copy. To `person` of this: a note to oneself. */
  to(person: Person | Uint8Array): Recipients {
    return new Recipients(this, ownerOf(person).slice());
  }

  /**
   * What a device that was just linked needs to know, in messages to it alone: the contacts, what was decided of them, their lists,
   * and the timers of all conversations. What it does not reach is to be called for again.
   *
   * @throws `removed`, `list_expired`; `nobody_reached` if no other own device has this address
   */
  introduce(contacts: Contacts, scheduler: ExpiryScheduler, itsAddress: Address, now: Now, ad?: Uint8Array): FanOut {
    const [checked, its, clock] = [address(itsAddress), bytesOr(ad, "ad"), clocks(now)];
    const [theirs, expiry] = [rawContacts(contacts), rawScheduler(scheduler)];
    expiry.at(...clock);
    const most = rawOwn(this).most_introduced(theirs, expiry);
    return read(drawing(most * MOST_DRAWN_AT_ONCE, () => rawOwn(this).introduce(theirs, expiry, checked, its)));
  }
}

/** Whom a message is for: all devices of a person and all other own ones, or some of them. `OwnDevices.to` makes it. */
export class Recipients {
  readonly #own: OwnDevices;
  /** The owner; behind it a mark and the addresses, if it is for these alone. */
  readonly #whom: Uint8Array;

  /** @internal */
  constructor(own: OwnDevices, whom: Uint8Array) {
    this.#own = own;
    this.#whom = whom;
  }

  /** Of these, those at the given addresses alone: for whom a fan-out did not reach before. */
  only(addresses: readonly Address[]): Recipients {
    return new Recipients(this.#own, packed(this.#whom.subarray(0, 64), [1], packedAddresses(addresses)));
  }

  /**
   * Encrypts a payload for each device, bound to `ad`, with the lists and notices that are due to it. One that cannot be reached
   * is named, and does not keep the others from it.
   *
   * @throws `removed`, `list_expired`, `too_large`, `nobody_reached`
   */
  encrypt(contacts: Contacts, itsPayload: Payload | Uint8Array, now: number, ad?: Uint8Array): FanOut {
    const arguments_ = [...payload(itsPayload), bytesOr(ad, "ad"), time(now)] as const;
    const theirs = rawContacts(contacts);
    return read(drawing(MOST_DEVICES * MOST_DRAWN_AT_ONCE, () =>
      rawOwn(this.#own).encrypt_to(theirs, this.#whom, ...arguments_)));
  }

  /**
   * Whom a message would not reach, and why: what to do after `nobody_reached`, or to say before the user writes.
   *
   * @throws `removed`, `list_expired`; `nobody_reached` of a person who is not known
   */
  obstacles(contacts: Contacts, now: number): Unreached[] {
    const at = time(now);
    return read(rawOwn(this.#own).obstacles(rawContacts(contacts), this.#whom, at));
  }

  /**
   * Tells the device at this address which lists are held, by a message of its own, if anything is due to it: after a list was
   * signed or adopted, to own devices and contacts.
   *
   * @throws `removed`, `too_large`; `nobody_reached` of a person who is not known
   */
  tell(contacts: Contacts, itsAddress: Address, now: number, ad?: Uint8Array): FanOut {
    const arguments_ = [address(itsAddress), bytesOr(ad, "ad"), time(now)] as const;
    const theirs = rawContacts(contacts);
    return read(drawing(MOST_DRAWN_AT_ONCE, () => rawOwn(this.#own).tell(theirs, this.#whom, ...arguments_)));
  }

  /**
   * Tells the other own devices what happened on this one, `age` ago: `Effects.tell` and `PeopleChanges.tell`, of one call or of
   * several. Whom it does not reach is to be told the same later, with the age that it has then. Nothing is sent where there is
   * nothing to tell, or no other device.
   *
   * @throws `removed`, `list_expired`
   */
  tellEvents(contacts: Contacts, events: readonly OwnEvent[], age: Age, now: number, ad?: Uint8Array): FanOut {
    const [packed, count] = packedEvents(events);
    const [ago, its, at] = [rawAge(age), bytesOr(ad, "ad"), time(now)];
    const theirs = rawContacts(contacts);
    const most = Math.ceil(count / MOST_EVENTS) * MOST_DEVICES * MOST_DRAWN_AT_ONCE;
    return read(drawing(most, () => rawOwn(this.#own).tell_events(theirs, this.#whom, packed, ago, its, at)));
  }

  /**
   * Asks the owner's device to remove this one from the list: on a device that is given away. It goes on until a list without it
   * has come.
   *
   * @throws `removed`, `list_expired`; `nobody_reached` on the owner's own device, and where that is not listed
   */
  askRemoval(contacts: Contacts, now: number, ad?: Uint8Array): FanOut {
    const [its, at] = [bytesOr(ad, "ad"), time(now)];
    const theirs = rawContacts(contacts);
    return read(drawing(MOST_DRAWN_AT_ONCE, () => rawOwn(this.#own).ask_removal(theirs, its, at)));
  }
}

function rawContacts(contacts: unknown): module.RawContacts {
  return held(contacts, Contacts, "contacts");
}

function rawScheduler(scheduler: unknown): module.RawScheduler {
  return held(scheduler, ExpiryScheduler, "scheduler");
}

function rawOwn(it: unknown): module.RawOwnDevices {
  return held(it, OwnDevices);
}
