// People with several devices: their lists, what becomes known of them, and one person by themselves.

import { address, bytes, bytesOr, count, exactly, fields, flag, joined, listOf, needsModule, oneOf, time } from "./checks.js";
import { invalid } from "./errors.js";
import { DEVICE_EVENTS, idOf, type DeviceEvent } from "./expiry.js";
import { Wrapped, held, wrap, wrapped } from "./handle.js";
import { safetyNumberOf, type SafetyNumber } from "./safety.js";
import { deviceOf, type Address, type Bytes, type Device, type DeviceLike } from "./shapes.js";
import { settingOf, type Setting } from "./stamp.js";
import { StorageKey, Stored } from "./storage.js";
import { read } from "./values.js";
import * as module from "./wasm.js";

/**
 * What a device is to a person, by the list that is held of them. Only `listed` and `stale` count as the person.
 *
 * | | |
 * |---|---|
 * | `listed` | address and identity stand in the list |
 * | `stale` | they do, and the list has expired: it may have been removed since |
 * | `removed` | it stood in an earlier list, and has gone at most 30 days ago |
 * | `alone` | of nobody: a device by itself |
 */
export type Standing = "listed" | "stale" | "removed" | "alone";

/** What the user decided of a person. Of two decisions that were made at the same time the more cautious holds, the last one here. */
export type ContactDecision = "accepted" | "request" | "refused";

const DECISIONS: readonly ContactDecision[] = ["accepted", "request", "refused"];

/** One device as a list has it. */
export interface ListedDevice {
  readonly device: Device;
  /** When its owner added it. */
  readonly added: number;
}

/**
 * A list whose signature and consents hold. It proves which devices the owner says are theirs, and that those agreed. Whose
 * identity the owner's is, no list can prove: have the users compare `Person.number`.
 */
export interface DeviceList {
  /** Whose it is: an identity, 64 bytes. */
  readonly owner: Bytes;
  /** Counts the lists of its owner, from 1. */
  readonly version: number;
  /** When it was signed. */
  readonly created: number;
  /** When it ends. */
  readonly expires: number;
  /** Its devices, at most 16, in order of their addresses. */
  readonly devices: readonly ListedDevice[];
  /** Names this version in 32 bytes. */
  readonly digest: Bytes;
  /** What is published, and passed to calls: each verifies it again. At most 3,366. */
  readonly bytes: Bytes;
}

/**
 * Checks the keys, the signature and each consent of a list that was fetched. One that has expired verifies: it still says
 * who was removed.
 *
 * @throws `malformed`, `unsupported`, `weak_key`, `bad_signature`, `not_yet_valid`
 */
export function verifyDeviceList(list: Uint8Array, now: number): DeviceList {
  const [checked, at] = [bytes(list, "list"), time(now)];
  needsModule();
  return read(module.verify_device_list(checked, at));
}

/** What a new device shows to be linked. **Whoever sees it can offer to link the device**: show it to nobody else. */
export interface LinkCode {
  /** 99 to 162 bytes, for a QR code of bytes, or in base64url. They hold a secret: `fill(0)` what is shown no more. */
  readonly bytes: Bytes;
  /** Which device shows it. */
  readonly device: Device;
  /** The 30 digits of the new device, to be shown beside the code and by who has scanned it. */
  readonly digits: string;
}

/**
 * What a code says that was scanned, to compare its digits before `OwnDevices.offerLink`.
 *
 * @throws `malformed`, `unsupported`, `weak_key`
 */
export function readLinkCode(code: Uint8Array): LinkCode {
  const checked = bytes(code, "code");
  needsModule();
  return read(module.read_link_code(checked));
}

/** Something that happened on an own device, or was decided there, for the others: `Recipients.tellEvents`. */
export type OwnEvent =
  | DeviceEvent
  /** The user decided of a person. `version` counts the decisions, from 1. */
  | { readonly kind: "contact"; readonly owner: Uint8Array; readonly version: bigint; readonly decision: ContactDecision }
  /** The user compared the person's number, or takes that back. */
  | { readonly kind: "verification"; readonly owner: Uint8Array; readonly version: bigint; readonly verified: boolean }
  /** The device of a contact of whom there is no list. */
  | { readonly kind: "device"; readonly device: DeviceLike };

/**
 * What a call changed that concerns people, to be stored in one transaction with what it gave: before a message is sent, and
 * before an arrival is acknowledged. `Store` does it so.
 */
export interface PeopleChanges {
  /** The account. */
  readonly account: boolean;
  /** The own devices. */
  readonly own: boolean;
  /** The people, by their owners. */
  readonly people: readonly Uint8Array[];
  /** The peers, by their addresses. */
  readonly peers: readonly Uint8Array[];
  /** What own other devices are to be told, in the same transaction: `Recipients.tellEvents`. */
  readonly tell: readonly OwnEvent[];
}

/** What several calls changed, to be stored at once. The names in it are copies. */
export function allChanges(...changes: readonly PeopleChanges[]): PeopleChanges {
  const each = changes.map((one) => {
    const { account, own, people, peers, tell } = fields(one, "changes");
    return {
      account: flag(account, "changes.account"), own: flag(own, "changes.own"), people: names(people, "changes.people"),
      peers: names(peers, "changes.peers"),
      tell: listOf<OwnEvent>(tell, "changes.tell").map((event) => fields(event, "one of changes.tell")),
    };
  });
  return {
    account: each.some(({ account }) => account),
    own: each.some(({ own }) => own),
    people: once(each.flatMap(({ people }) => people)),
    peers: once(each.flatMap(({ peers }) => peers)),
    tell: each.flatMap(({ tell }) => tell),
  };
}

function names(list: unknown, name: string): Uint8Array[] {
  return listOf<Uint8Array>(list, name).map((item) => bytes(item, `one of ${name}`).slice());
}

function once(list: readonly Uint8Array[]): Uint8Array[] {
  return [...new Map(list.map((item) => [item.join(), item])).values()];
}

/** Why a part of a message is refused alone: the names of codes, and of these. */
export type PartRefusal =
  | "malformed" | "unsupported" | "weak_key" | "bad_signature" | "not_yet_valid" | "older_list" | "expired" | "not_named"
  /** More lists than are verified of one message: eight, of somebody who is not accepted two. */
  | "too_many_lists"
  /** What own devices tell each other, from one that does not count as our own person's. */
  | "not_own"
  /** A part of linking, outside of linking. */
  | "not_linking"
  /** A decision whose version is further above the one that is held than anybody comes by deciding. */
  | "version_jump"
  /** Own devices have made 10,000 people known, and this would be one more. */
  | "too_many_people"
  | "other";

/** What became known of a person's devices: from this a screen can be written. */
export type PersonEvent =
  /**
   * A list was adopted: show which devices came and went, if any did. `unknownOwn`: this is the owner's own device, and
   * another one signed the list. **Ask the user which of the new devices are theirs**: `OwnDevices.confirm` or `remove`.
   */
  | {
      readonly kind: "adopted"; readonly owner: Bytes; readonly version: number; readonly came: readonly Device[];
      readonly went: readonly Device[]; readonly unknownOwn: boolean;
    }
  /** The sender, until now alone, is a device of this person: put the two conversations together. */
  | { readonly kind: "joined"; readonly owner: Bytes; readonly device: Device }
  /** A device stands in the lists of two people. It counts as of the first. */
  | { readonly kind: "listedTwice"; readonly device: Device; readonly of: Bytes; readonly also: Bytes }
  /** A list of somebody else came along: if an own device gives it, `Contacts.adopt` takes it, and gives what to show. */
  | { readonly kind: "given"; readonly list: DeviceList }
  /** The owner signed two lists of one version: show the devices of both, and have people compare those. */
  | { readonly kind: "equivocation"; readonly held: DeviceList; readonly other: DeviceList }
  /** The sender says that it holds a newer list. Fetch it, or wait. */
  | { readonly kind: "listBehind"; readonly of: "ours" | "theirs"; readonly version: number }
  /** The sender says that it holds another list of the version that is held here. */
  | { readonly kind: "listsDiffer"; readonly of: "ours" | "theirs"; readonly version: number }
  /** What the user decided of somebody on another own device. It holds here already. */
  | {
      readonly kind: "decidedElsewhere"; readonly owner: Bytes; readonly contact: ContactDecision | undefined;
      readonly verified: boolean;
    }
  /** Another own device knows this device of a contact: `Contacts.pin`. */
  | { readonly kind: "known"; readonly device: Device }
  /** An own device asks to be removed from the list, on the owner's: ask the user, then `OwnDevices.remove`. */
  | { readonly kind: "removalAsked"; readonly device: Device }
  /** A part of the message, of this type, was refused and nothing else of it: for the log. */
  | { readonly kind: "refused"; readonly part: number; readonly reason: PartRefusal }
  /** Something that this release has no name for. */
  | { readonly kind: "other" };

/**
 * One person: the owner identity that is known, and the list of devices that is held of it. **What `Contacts.person` and
 * `OwnDevices.person` give is a copy**, as they were when it was asked for; what changes them is called there.
 */
export class Person extends Stored {
  /**
   * A person of whom the owner identity is known, 64 bytes, and no list.
   *
   * @throws `malformed`, `weak_key`
   */
  constructor(owner: Uint8Array);
  /** @internal */
  constructor(owner: Uint8Array | Wrapped);
  constructor(owner: Uint8Array | Wrapped) {
    super(owner instanceof Wrapped ? owner : wrap(withOwner(owner)));
  }

  /**
   * Takes one back from `snapshot`.
   *
   * @throws `malformed`, `unsupported`, `wrong_kind`, `corrupt`
   */
  static restore(snapshot: Uint8Array): Person {
    const checked = bytes(snapshot, "snapshot");
    return new Person(wrap(() => module.RawPerson.restore(checked)));
  }

  /**
   * Takes one back from `seal`, with the same key and `ad`.
   *
   * @throws `malformed`, `unsupported`, `wrong_kind`, `undecryptable`
   */
  static unseal(sealed: Uint8Array, key: StorageKey, ad?: Uint8Array): Person {
    const [checked, its] = [bytes(sealed, "sealed"), bytesOr(ad, "ad")];
    return new Person(wrap(() => module.RawPerson.unseal(checked, held(key, StorageKey, "key"), its)));
  }

  /** The owner identity: who the person is. Conversations are named by it. */
  get owner(): Bytes {
    return rawPerson(this).owner();
  }

  /** The tag under which a scheduler knows whatever a device of the person writes and sets: 8 bytes. */
  get memberTag(): Bytes {
    return rawPerson(this).member_tag();
  }

  /** The list that is held. */
  get list(): DeviceList | undefined {
    return read(rawPerson(this).list());
  }

  /** Whether two lists of the version that is held have been seen, and none higher since. */
  get isMarked(): boolean {
    return rawPerson(this).is_marked();
  }

  /** What the user decided of the person, on whichever own device; absent while they have not. */
  get decision(): ContactDecision | undefined {
    return read(rawPerson(this).decision());
  }

  /** Whether the user has compared the person's number, on whichever own device. */
  get isVerified(): boolean {
    return rawPerson(this).is_verified();
  }

  /** What the device is to this person: address and whole identity count. */
  standing(device: DeviceLike, now: number): Standing {
    const arguments_ = [...deviceOf(device, "device"), time(now)] as const;
    return read(rawPerson(this).standing(...arguments_));
  }

  /**
   * The devices that are written to, in order of their addresses. When the list has expired that is the owner's device
   * alone; none while no list is held.
   *
   * @throws `list_expired` if it has, and the owner's device is not listed
   */
  devices(now: number): Device[] {
    return read(rawPerson(this).devices(time(now)));
  }

  /** Whether it is time to fetch another list: three quarters of the life of the one that is held are over. */
  listNeed(now: number): boolean {
    return rawPerson(this).list_need(time(now));
  }

  /**
   * The number that two people compare, of their owner identities: it stays as devices come and go. `own` is
   * `OwnDevices.person.owner`. Takes milliseconds, on purpose.
   */
  number(own: Uint8Array): SafetyNumber {
    return safetyNumberOf(rawPerson(this).number(exactly(own, 64, "own")));
  }
}

/** @internal */
export function personOf(raw: module.RawPerson): Person {
  return new Person(wrapped(raw, module.RawPerson));
}

/** @internal The owner of who is passed as a person, or as an identity. */
export function ownerOf(person: unknown, name = "person"): Uint8Array {
  return person instanceof Person ? rawPerson(person).owner() : exactly(person, 64, name);
}

/** @internal A list's bytes, of what is passed as a list or as those. */
export function listBytes(list: DeviceList | Uint8Array): Uint8Array {
  return list instanceof Uint8Array ? bytes(list, "list") : bytes(fields(list, "list").bytes, "list.bytes");
}

/** @internal Addresses for the module. */
export function packedAddresses(only: readonly Address[]): Uint8Array {
  return joined(listOf<Address>(only, "addresses", 1_000).map((one) => address(one, "an address")));
}

/** @internal Events for the module, and how many they are. */
export function packedEvents(events: readonly OwnEvent[]): [packed: Uint8Array, count: number] {
  const list = listOf<OwnEvent>(events, "events").map(packedEvent);
  return [joined(list), list.length];
}

const OWN_EVENTS = [...DEVICE_EVENTS, "contact", "verification", "device"];

/** The number of its kind and its fields, as `own_event` of src/people.rs takes them. */
function packedEvent(event: OwnEvent): Uint8Array {
  const it = fields(event as Partial<Record<string, unknown>>, "event");
  const { kind } = it;
  const number = oneOf(kind, OWN_EVENTS, "event.kind");
  switch (kind) {
    case "setting": {
      const [version, policy, seconds, by] = settingOf(it["setting"] as Setting);
      const conversation = idOf(it["conversation"], "event.conversation");
      return packed([number], conversation, eight(version), [policy], eight(seconds), by);
    }
    case "contact": {
      const [owner, version] = decided(it);
      return packed([number], owner, version, [oneOf(it["decision"], DECISIONS, "event.decision")]);
    }
    case "verification": {
      const [owner, version] = decided(it);
      return packed([number], owner, version, [flag(it["verified"], "event.verified") ? 1 : 0]);
    }
    case "device":
      return packed([number], ...deviceOf(it["device"] as DeviceLike, "event.device"));
    case "closed":
      return packed([number], idOf(it["conversation"], "event.conversation"), [0]);
    default:
      return packed([number], idOf(it["id"], "event.id"), [kind === "opened" ? count(it["opens"], "event.opens", 255) : 0]);
  }
}

function decided({ owner, version }: Partial<Record<string, unknown>>): [owner: Uint8Array, version: Uint8Array] {
  if (typeof version !== "bigint" || version < 1n || version >= 1n << 64n) {
    throw invalid("event.version must be a bigint from 1 to 2^64 - 1");
  }
  return [exactly(owner, 64, "event.owner"), eight(version)];
}

function eight(number: number | bigint): Uint8Array {
  const view = new DataView(new ArrayBuffer(8));
  if (typeof number === "bigint") view.setBigUint64(0, number, true);
  else view.setFloat64(0, number, true);
  return new Uint8Array(view.buffer);
}

/** @internal All of them behind each other. */
export function packed(...parts: readonly ArrayLike<number>[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let place = 0;
  for (const part of parts) {
    whole.set(part, place);
    place += part.length;
  }
  return whole;
}

function withOwner(owner: unknown): () => module.RawPerson {
  const checked = exactly(owner, 64, "owner");
  return () => module.RawPerson.of(checked);
}

function rawPerson(it: unknown): module.RawPerson {
  return held(it, Person);
}
