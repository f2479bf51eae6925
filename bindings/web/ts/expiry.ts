// Disappearing messages: how long each lives, in agreement with everybody else's, and what to delete when.

import { bytes, bytesOr, count, exactly, fields, flag, joined, listOf, millis, needsModule, oneOf } from "./checks.js";
import { invalid } from "./errors.js";
import { Handle, held, spent, wrap, wrapped } from "./handle.js";
import { MOST_DRAWN_AT_ONCE, drawing } from "./host.js";
import { sessionNumbers, type SessionLimits } from "./limits.js";
import type { Bytes } from "./shapes.js";
import { policyOf, settingOf, stampBytes, stampFrom, type Policy, type Setting, type Stamp } from "./stamp.js";
import { StorageKey, Stored } from "./storage.js";
import { read } from "./values.js";
import * as module from "./wasm.js";

/**
 * Now, by the clocks of this device: `Date.now()`, or that with a clock that nobody sets. **A page has none**:
 * `performance.now()` stands still while a device sleeps in some browsers. Use the one or the other always.
 */
export type Now = number | {
  /** Milliseconds since 1970, as `Date.now()`. */
  readonly wall: number;
  /** A clock that nobody sets, and that counts the time in which the device sleeps. */
  readonly monotonic?: {
    /** Tells one start of the clock from all others: 16 bytes. */
    readonly boot: Uint8Array;
    /** Milliseconds since that start. */
    readonly elapsed: number;
  } | undefined;
};

/**
 * How long ago something happened that is heard of only now, in milliseconds: by a clock that is trusted, such as the
 * server's. What a sender says counts for ten minutes at most: `{ claimed: … }`. 0 for now, or nobody knows.
 */
export type Age = number | { readonly claimed: number };

/** A thing that an application keeps of one message, in a place of its own. */
export type Part = "body" | "file" | "thumbnail" | "notification" | "preview" | "searchIndex" | "resendLog" | "quote";

const PARTS: readonly Part[] =
  ["body", "file", "thumbnail", "notification", "preview", "searchIndex", "resendLog", "quote"];

/** A message, as the application stores it. */
export interface NewMessage {
  /** 16 bytes, unique among all messages that the account ever had: `messageIdBy`, or `crypto.getRandomValues`. */
  readonly id: Uint8Array;
  /** 16 bytes, the same on all own devices: `conversationIdNamed`. */
  readonly conversation: Uint8Array;
  /** The **authenticated** author, 8 bytes: `memberTag` of who encrypted it. */
  readonly author: Uint8Array;
  /** What is stored of it beside its body. */
  readonly parts?: readonly Part[] | undefined;
  /** Whether its media is still to be fetched: reading starts no clock until `ready`. */
  readonly awaitingMedia?: boolean | undefined;
  /** The message of which it repeats something. */
  readonly quoting?: Uint8Array | undefined;
  /** Its parts are stored sealed under this key, which is used up. */
  readonly sealedUnder?: ContentKey | undefined;
  /** Whether its author may change the setting: absent for yes. */
  readonly maySet?: boolean | undefined;
}

/** One row to be written, or to be deleted. */
export interface RecordWrite {
  /** The primary key: 1, 17 or 25 bytes. */
  readonly key: Uint8Array;
  /** What it holds from now on, keys among it; absent if the row goes. */
  readonly value: Uint8Array | undefined;
  /** The message whose record this is, if it is one's. */
  readonly id: Uint8Array | undefined;
}

/** What an event brings about. **Store the writes in one transaction with your own rows**, and only then show or send. */
export interface Effects {
  /** Rows to be written or deleted, in this order. */
  readonly writes: readonly RecordWrite[];
  /** What the screen or the user is to be told. */
  readonly events: readonly ExpiryEvent[];
  /** What own other devices are to be told. */
  readonly tell: readonly DeviceEvent[];
}

/**
 * What several calls brought about, to be stored at once: give them in the order in which they were made, since of two writes of one row
 * the later counts. What is absent brought nothing about. The rows in it are copies. A `Store` knows when a scheduler gave them; what none
 * gave is new to it.
 */
export function allEffects(...effects: readonly (Effects | undefined)[]): Effects {
  const each = effects.filter((one) => one !== undefined).map((one) => {
    const { writes, events, tell } = fields(one, "effects");
    return {
      writes: listOf<RecordWrite>(writes, "effects.writes", MOST_RECORDS).map(copiedWrite),
      events: listOf<ExpiryEvent>(events, "effects.events", MOST_RECORDS).map((event) => fields(event, "one of effects.events")),
      tell: listOf<DeviceEvent>(tell, "effects.tell", MOST_RECORDS).map((event) => fields(event, "one of effects.tell")),
    };
  });
  return {
    writes: each.flatMap(({ writes }) => writes),
    events: each.flatMap(({ events }) => events),
    tell: each.flatMap(({ tell }) => tell),
  };
}

function copiedWrite(write: RecordWrite): RecordWrite {
  const { key, value, id } = fields(write, "one of effects.writes");
  const copy = {
    key: bytes(key, "its key", 25).slice(),
    value: value === undefined ? undefined : bytes(value, "its value").slice(),
    id: id === undefined ? undefined : idOf(id, "its id").slice(),
  };
  return dated(copy, givenAt.get(write));
}

/** When a scheduler gave a row: before all that any of them gave later. */
const givenAt = new WeakMap<RecordWrite, number>();
let lastGiven = 0;

/** A row that no scheduler gave is as good as given now. */
function dated(write: RecordWrite, given = (lastGiven += 1)): RecordWrite {
  givenAt.set(write, given);
  return write;
}

/** @internal The rows in what `allEffects` gave, each with when a scheduler gave it. */
export function datedWrites(effects: Effects | undefined): (RecordWrite & { readonly given: number })[] {
  return (effects?.writes ?? []).map((write) => ({ ...write, given: givenAt.get(write) ?? (lastGiven += 1) }));
}

/** Effects, what has some, or rows. */
type Given = Effects | { readonly effects?: Effects | undefined } | readonly RecordWrite[];

/** @internal Reads what a scheduler gives: now, that is. */
export function gives<Its extends Given>(bytes: Uint8Array): Its {
  const given: Given = read<Its>(bytes);
  const writes = "length" in given ? given : "writes" in given ? given.writes : given.effects?.writes;
  for (const write of writes ?? []) dated(write);
  return given as Its;
}

/** What the screen or the user is to be told. */
export type ExpiryEvent =
  /** A conversation's setting is another now. */
  | { readonly kind: "settingChanged"; readonly conversation: Bytes; readonly previous: Setting | undefined; readonly setting: Setting }
  /** A setting that came was not adopted. */
  | { readonly kind: "settingRefused"; readonly conversation: Bytes; readonly setting: Setting; readonly refusal: "versionJump" | "mayNotSet" }
  /** An own device deleted a message that is not held here: if it is here, delete it. */
  | { readonly kind: "deletedElsewhere"; readonly id: Bytes }
  /** An own device has read a message: it is unread here no more. */
  | { readonly kind: "readElsewhere"; readonly id: Bytes }
  /** Who wrote does not know the setting that holds. The next message tells; if none is about to be sent, send an empty one. */
  | { readonly kind: "echoDue"; readonly conversation: Bytes };

/** What happened to a message on one of several own devices, for the others: `ExpiryScheduler.toldByOwnDevice`. */
export type DeviceEvent =
  | { readonly kind: "read"; readonly id: Uint8Array }
  | { readonly kind: "seen"; readonly id: Uint8Array }
  | { readonly kind: "opened"; readonly id: Uint8Array; readonly opens: number }
  | { readonly kind: "deleted"; readonly id: Uint8Array }
  | { readonly kind: "sent"; readonly id: Uint8Array }
  | { readonly kind: "closed"; readonly conversation: Uint8Array }
  | { readonly kind: "setting"; readonly conversation: Uint8Array; readonly setting: Setting };

/** @internal The kinds by their numbers. */
export const DEVICE_EVENTS = ["read", "seen", "opened", "deleted", "sent", "closed", "setting"];

/** What comes of a message that was given to the scheduler. */
export interface Arrival {
  /**
   * Whether to keep it. `keep`: store it. `known`: nothing more is to be stored of it. `late`: it had ended when it came,
   * show and store nothing. `idTaken`: another message has this id, give it another one.
   */
  readonly verdict: "keep" | "known" | "late" | "idTaken";
  /** What is to be stored, whatever the verdict. */
  readonly effects: Effects;
}

/** What comes of more that is stored of a message. `gone`: delete it at once. */
export type PartsAdded =
  | { readonly kind: "noted"; readonly effects: Effects }
  | { readonly kind: "notHeld" }
  | { readonly kind: "gone" };

/** What comes of a message that its author takes back. `unknown`: it is not held; if it is here, compare the author yourself. */
export type Unsent =
  | { readonly kind: "due"; readonly effects: Effects }
  | { readonly kind: "notAuthor" }
  | { readonly kind: "unknown"; readonly effects: Effects }
  | { readonly kind: "gone" };

/** A message of which something is to be deleted. */
export interface Due {
  readonly id: Bytes;
  readonly conversation: Bytes;
  /** What of it: delete these and nothing else, then confirm with `done`. */
  readonly parts: readonly Part[];
  /** Whether the message itself has ended. */
  readonly ended: boolean;
  /** Whether it is ours and was never sent, as far as this device knows. */
  readonly unsent: boolean;
}

/** What has come due. */
export interface Poll {
  readonly due: readonly Due[];
  /** What is to be stored, with the deletions or before them. */
  readonly effects: Effects;
}

/**
 * Whether something of a message may be on the screen: `shown`; that it is there, `placeholder`; not yet, `withheld`; or not
 * any more, `gone`.
 */
export type Visibility = "shown" | "placeholder" | "withheld" | "gone";

/** When messages end that nobody reads or sends, and how long a device may sleep; all in milliseconds. */
export interface ExpiryLimits {
  /** How long a message that ends after reading is kept unread: 30 days. */
  readonly unread: number;
  /** How long a message that is to be opened once or twice is kept: 14 days. */
  readonly unopened: number;
  /** How long a message with an end is kept unsent at least: a day. */
  readonly unsent: number;
  /** The longest time until the next wake-up: an hour. */
  readonly longestSleep: number;
}

/** The library's own limits. */
export const EXPIRY_LIMITS: ExpiryLimits = Object.freeze({
  unread: 30 * 86_400_000,
  unopened: 14 * 86_400_000,
  unsent: 86_400_000,
  longestSleep: 3_600_000,
});

const CLAIMED = 600_000;

/** The most rows that a scheduler has. */
const MOST_RECORDS = 1_000_000;

/** @internal The clocks of a call: the wall, and the name of a boot with the time since it. */
export function clocks(now: Now): [wall: number, boot: Uint8Array | undefined, elapsed: number] {
  if (typeof now !== "object" || now === null) return [millis(now, "now"), undefined, 0];
  const { wall, monotonic } = now;
  if (monotonic === undefined) return [millis(wall, "now.wall"), undefined, 0];
  const { boot, elapsed } = fields(monotonic, "now.monotonic");
  return [
    millis(wall, "now.wall"), exactly(boot, 16, "now.monotonic.boot"), millis(elapsed, "now.monotonic.elapsed"),
  ];
}

/** @internal The same moment, whatever is done with the object that says it. */
export function copiedNow(now: Now): Now {
  const [wall, boot, elapsed] = clocks(now);
  return boot === undefined ? wall : { wall, monotonic: { boot: boot.slice(), elapsed } };
}

/** @internal The longest time that is passed: what is as old as that is as good as older. */
export const LONGEST = 8.64e15;

/** @internal */
export function rawAge(age: Age): number {
  if (typeof age === "object" && age !== null) return Math.min(millis(age.claimed, "age.claimed"), CLAIMED);
  return millis(age, "age");
}

/** @internal */
export function idOf(id: unknown, name = "id"): Uint8Array {
  return exactly(id, 16, name);
}

function bitsOf(parts: readonly Part[], name = "parts"): number {
  return listOf<Part>(parts, name, 8).reduce((bits, part) => bits | (1 << oneOf(part, PARTS, name)), 0);
}

function partsOf(bits: number): Part[] {
  return PARTS.filter((_, place) => (bits >> place) & 1);
}

function stampOf(stamp: unknown): Uint8Array | undefined {
  return stamp === "malformed" ? undefined : definite(stamp);
}

function definite(stamp: unknown): Uint8Array {
  if (stamp === undefined) throw invalid("stamp must be a Stamp");
  return stampBytes(stamp);
}

/** A message whose fields were read and found to be in order. Nothing is spent of it yet. */
type Checked = readonly [
  arguments_: readonly [id: Uint8Array, conversation: Uint8Array, author: Uint8Array, bits: number],
  isAwaited: boolean, quoted: Uint8Array | undefined, may: boolean, key: ContentKey | undefined,
];

function messageOf(message: NewMessage): Checked {
  const { id, conversation, author, parts, awaitingMedia, quoting, sealedUnder, maySet } = fields(message, "message");
  const checked = [
    idOf(id, "message.id"), idOf(conversation, "message.conversation"), exactly(author, 8, "message.author"),
    bitsOf(parts ?? [], "message.parts"),
  ] as const;
  const quoted = quoting === undefined ? undefined : idOf(quoting, "message.quoting");
  const isAwaited = awaitingMedia !== undefined && flag(awaitingMedia, "message.awaitingMedia");
  const may = maySet === undefined || flag(maySet, "message.maySet");
  if (sealedUnder !== undefined) held(sealedUnder, ContentKey, "message.sealedUnder");
  return [checked, isAwaited, quoted, may, sealedUnder];
}

/** The same for the module. Its key is used up, so this comes last. */
function rawMessage([arguments_, isAwaited, quoted, may, key]: Checked): module.RawNewMessage {
  needsModule();
  let raw = module.RawNewMessage.of(...arguments_);
  if (isAwaited) raw = raw.awaiting_media();
  if (quoted !== undefined) raw = raw.quoting(quoted);
  if (!may) raw = raw.by_one_who_may_not_set();
  if (key !== undefined) raw = raw.sealed_under(spent(key, ContentKey, "message.sealedUnder"));
  return raw;
}

/**
 * The name of a message by an id that its author chose: the same for all who know the author's tag and the bytes, and no
 * other author's. 16 bytes.
 */
export function messageIdBy(author: Uint8Array, id: Uint8Array): Bytes {
  const checked = [exactly(author, 8, "author"), bytes(id, "id")] as const;
  needsModule();
  return module.message_id_by(...checked);
}

/** The name of a conversation that has a name of any length: that of a person, or of a group. 16 bytes. */
export function conversationIdNamed(name: Uint8Array): Bytes {
  const checked = bytes(name, "name");
  needsModule();
  return module.conversation_id_named(checked);
}

/** A key that what may be opened once is sealed under: it stands in the message's record alone, and is given out once. */
export class ContentKey extends Handle {
  static generate(): ContentKey {
    return new ContentKey(wrap(() => drawing(MOST_DRAWN_AT_ONCE, () => module.RawContentKey.generate())));
  }

  /** @internal */
  static of(raw: module.RawContentKey): ContentKey {
    return new ContentKey(wrapped(raw, module.RawContentKey));
  }

  /** Seals one part of a message. */
  seal(id: Uint8Array, part: Part, content: Uint8Array): Bytes {
    const arguments_ = [idOf(id), bitsOf([part], "part"), bytes(content, "content")] as const;
    return rawContentKey(this).seal(...arguments_);
  }

  /** @throws `undecryptable` */
  open(id: Uint8Array, part: Part, sealed: Uint8Array): Bytes {
    const arguments_ = [idOf(id), bitsOf([part], "part"), bytes(sealed, "sealed")] as const;
    return rawContentKey(this).open(...arguments_);
  }
}

/**
 * The timers of an account. Its stamp goes into each message, the stamp of what came in goes into it, and it says what to
 * delete when. Of each call, store the `writes`.
 */
export class ExpiryScheduler extends Stored {
  static create(now: Now): ExpiryScheduler {
    const checked = clocks(now);
    return new ExpiryScheduler(wrap(() => drawing(MOST_DRAWN_AT_ONCE, () => module.RawScheduler.begin(...checked))));
  }

  /**
   * Takes it back from its rows.
   *
   * @throws `no_head`, `malformed`, `unsupported`: **no reason to begin with a new one** while messages with an end are
   * stored. Show nothing of them.
   */
  static fromRecords(records: readonly (readonly [key: Uint8Array, value: Uint8Array])[]): ExpiryScheduler {
    const list: Uint8Array[] = [];
    for (const pair of listOf<unknown>(records, "records", MOST_RECORDS)) {
      const [key, value] = listOf<Uint8Array>(pair, "a record", 2);
      list.push(bytes(key, "key"), bytes(value, "value"));
    }
    const whole = joined(list);
    return new ExpiryScheduler(wrap(() => module.RawScheduler.from_records(whole)));
  }

  /** @throws `malformed`, `unsupported`, `wrong_kind`, `corrupt` */
  static restore(snapshot: Uint8Array): ExpiryScheduler {
    const checked = bytes(snapshot, "snapshot");
    return new ExpiryScheduler(wrap(() => module.RawScheduler.restore(checked)));
  }

  /** @throws `malformed`, `unsupported`, `wrong_kind`, `undecryptable` */
  static unseal(sealed: Uint8Array, key: StorageKey, ad?: Uint8Array): ExpiryScheduler {
    const checked = bytes(sealed, "sealed");
    const its = bytesOr(ad, "ad");
    return new ExpiryScheduler(wrap(() => module.RawScheduler.unseal(checked, held(key, StorageKey, "key"), its)));
  }

  /** All of its rows, for a store that begins. */
  get records(): RecordWrite[] {
    return gives(rawExpiryScheduler(this).records());
  }

  get limits(): ExpiryLimits {
    return read(rawExpiryScheduler(this).limits());
  }

  /** Sets them; what is not named becomes the library's. */
  setLimits(limits: Partial<ExpiryLimits>, now: Now): Effects {
    const given = fields(limits, "limits") as Record<string, unknown>;
    const numbers = Object.entries(EXPIRY_LIMITS).map(([name, otherwise]: [string, number]) => {
      const value = given[name];
      return value === undefined ? otherwise : millis(value, `limits.${name}`);
    });
    return gives(at(this, now).set_limits(Float64Array.from(numbers)));
  }

  /** How many messages with an end are held. */
  get heldMessages(): number {
    return rawExpiryScheduler(this).held_messages();
  }

  /** It is `wall` by a clock that is trusted, the server's for instance. */
  trustTime(wall: number, now: Now): Effects {
    return gives(at(this, now).trust_time(millis(wall, "wall")));
  }

  /** The setting of a conversation; absent if none was ever made. */
  setting(conversation: Uint8Array): Setting | undefined {
    return read(rawExpiryScheduler(this).setting(idOf(conversation, "conversation")));
  }

  /**
   * The user sets a timer, or with `undefined` sets it off. `by` is their tag: `OwnDevices.person.memberTag`, or the account's where
   * nobody has several devices. That of a linked device is nobody's, and counts nowhere.
   */
  set(conversation: Uint8Array, policy: Policy | undefined, by: Uint8Array, now: Now): Effects {
    const arguments_ = [idOf(conversation, "conversation"), ...policyOf(policy), exactly(by, 8, "by")] as const;
    return gives(at(this, now).set(...arguments_));
  }

  /** What goes into each message. */
  stamp(conversation: Uint8Array): Stamp {
    return stampFrom(read(rawExpiryScheduler(this).stamp(idOf(conversation, "conversation"))));
  }

  /** These limits, shortened as the conversation's setting asks: for `Peer.setSessionLimits`, whenever it changes. */
  sessionLimits(conversation: Uint8Array, limits: Partial<SessionLimits> = {}): SessionLimits {
    const arguments_ = [idOf(conversation, "conversation"), sessionNumbers(limits)] as const;
    return read(rawExpiryScheduler(this).session_limits(...arguments_));
  }

  /** A message that is about to be sent, with the stamp that it will have. */
  queued(message: NewMessage, stamp: Stamp, now: Now): Arrival {
    const [checked, its] = [messageOf(message), definite(stamp)];
    const raw = at(this, now);
    return gives(raw.queued(rawMessage(checked), its));
  }

  /** A message of ours has left, so long ago. */
  sent(id: Uint8Array, age: Age, now: Now): Effects {
    const arguments_ = [idOf(id), rawAge(age)] as const;
    return gives(at(this, now).sent(...arguments_));
  }

  /** A message of ours that another own device sent, so long ago. */
  sentElsewhere(message: NewMessage, stamp: Stamp, age: Age, now: Now): Arrival {
    const [checked, its, ago] = [messageOf(message), definite(stamp), rawAge(age)];
    const raw = at(this, now);
    return gives(raw.sent_elsewhere(rawMessage(checked), its, ago));
  }

  /** A message that came in, with `Received.stamp`, sent so long ago. */
  received(message: NewMessage, stamp: Stamp | "malformed", age: Age, now: Now): Arrival {
    const [checked, its, ago] = [messageOf(message), stampOf(stamp), rawAge(age)];
    const raw = at(this, now);
    return gives(raw.received(rawMessage(checked), its, ago));
  }

  /** A message that carries nothing of its own to be kept, and its stamp: an empty body, for instance. */
  heard(conversation: Uint8Array, stamp: Stamp | "malformed", age: Age, now: Now): Effects {
    const arguments_ = [idOf(conversation, "conversation"), stampOf(stamp), rawAge(age)] as const;
    return gives(at(this, now).heard(...arguments_));
  }

  /** More of a message is stored than was: a notification that is shown. */
  partsAdded(id: Uint8Array, parts: readonly Part[], now: Now): PartsAdded {
    const arguments_ = [idOf(id), bitsOf(parts)] as const;
    return gives(at(this, now).parts_added(...arguments_));
  }

  /** The user deletes a message here. If it is not held, delete it. */
  deleted(id: Uint8Array, now: Now): Effects {
    return gives(at(this, now).deleted(idOf(id)));
  }

  /** The user deletes a conversation: all its messages that are held are due. */
  conversationDeleted(conversation: Uint8Array, now: Now): Effects {
    return gives(at(this, now).conversation_deleted(idOf(conversation, "conversation")));
  }

  /** A message is taken back by the **authenticated** sender of that request. */
  unsent(id: Uint8Array, by: Uint8Array, now: Now): Unsent {
    const arguments_ = [idOf(id), exactly(by, 8, "by")] as const;
    return gives(at(this, now).unsent(...arguments_));
  }

  /**
   * A message is edited by the **authenticated** sender of the edit. Its clock goes on; a policy can only shorten it.
   *
   * @throws `not_author`, `unknown_message`, `gone`
   */
  edited(id: Uint8Array, by: Uint8Array, ownPolicy: Policy | undefined, now: Now): Effects {
    const arguments_ = [idOf(id), exactly(by, 8, "by"), ...policyOf(ownPolicy)] as const;
    return gives(at(this, now).edited(...arguments_));
  }

  /** How long the device may sleep until `poll` has something to give, in milliseconds; absent if nothing held has an end. */
  nextWakeup(now: Now): number | undefined {
    return read(at(this, now).next_wakeup());
  }

  /** What is to be deleted now, the earliest first. Poll at each start and once a day even without a wake-up. */
  poll(limit: number, now: Now): Poll {
    const checked = count(limit, "limit", 100_000);
    const { due, effects } = gives<{ due: (Omit<Due, "parts"> & { parts: number })[]; effects: Effects }>(
      at(this, now).poll(checked),
    );
    return { due: due.map((one) => ({ ...one, parts: partsOf(one.parts) })), effects };
  }

  /** These parts of a message are gone: said in the transaction that deletes them, and never before. */
  done(id: Uint8Array, parts: readonly Part[], now: Now): Effects {
    const arguments_ = [idOf(id), bitsOf(parts)] as const;
    return gives(at(this, now).done(...arguments_));
  }

  /** Whether something of a message may be on the screen. */
  visibility(id: Uint8Array, now: Now): Visibility {
    return read(at(this, now).visibility(idOf(id)));
  }

  /** How long a message will be there, in milliseconds; absent if it has no end, or its clock does not run. */
  remaining(id: Uint8Array, now: Now): number | undefined {
    return read(at(this, now).remaining(idOf(id)));
  }

  /** A message is on the screen. */
  read(id: Uint8Array, now: Now): Effects {
    return gives(at(this, now).read(idOf(id)));
  }

  /** Its media is there. */
  ready(id: Uint8Array, now: Now): Effects {
    return gives(at(this, now).ready(idOf(id)));
  }

  /**
   * Opens a message that may be opened once or twice. Store the effects first, then use the key.
   *
   * @throws `unknown_message`, `gone`, `not_ready`, `withheld`, `ours`
   */
  open(id: Uint8Array, now: Now): { readonly effects: Effects; readonly key: ContentKey | undefined } {
    const opening = at(this, now).open(idOf(id));
    const [effects, key] = [gives<Effects>(opening.effects()), opening.key()];
    opening.free();
    return { effects, key: key === undefined ? undefined : ContentKey.of(key) };
  }

  /** The user leaves a conversation. */
  closed(conversation: Uint8Array, now: Now): Effects {
    return gives(at(this, now).closed(idOf(conversation, "conversation")));
  }

  /** What has piled up at the server is taken in from now on. */
  catchingUp(now: Now): Effects {
    return gives(at(this, now).catching_up());
  }

  /** All of that is in. */
  caughtUp(now: Now): Effects {
    return gives(at(this, now).caught_up());
  }

  restoredFromBackup(now: Now): Effects {
    return gives(at(this, now).restored_from_backup());
  }

  /** What an own other device tells, so long ago. */
  toldByOwnDevice(event: DeviceEvent, age: Age, now: Now): Effects {
    const { kind, id, conversation, setting, opens } = fields(event as Partial<Record<string, unknown>>, "event");
    const [number, ago] = [oneOf(kind, DEVICE_EVENTS, "event.kind"), rawAge(age)];
    if (kind === "setting") {
      const arguments_ = [idOf(conversation, "event.conversation"), ...settingOf(setting as Setting), ago] as const;
      return gives(at(this, now).told_setting(...arguments_));
    }
    const its = kind === "closed" ? idOf(conversation, "event.conversation") : idOf(id, "event.id");
    const howOften = kind === "opened" ? count(opens, "event.opens", 255) : 0;
    return gives(at(this, now).told_by_own_device(number, its, howOften, ago));
  }

  /** What a device that was just linked is to be told. */
  eventsForNewDevice(now: Now): { readonly event: DeviceEvent; readonly age: number }[] {
    return read(at(this, now).events_for_new_device());
  }
}

/**
 * Seals one row of the scheduler, to its key and to `ad`, which says whose it is. Absent of a row that goes.
 */
export function sealRecord(key: StorageKey, record: RecordWrite, ad?: Uint8Array): Bytes | undefined {
  const { key: its, value } = fields(record, "record");
  if (value === undefined) return undefined;
  const arguments_ = [bytes(value, "record.value"), RECORD, place(bytes(its, "record.key", 25), bytesOr(ad, "ad"))] as const;
  return drawing(MOST_DRAWN_AT_ONCE, () => held<module.RawStorageKey>(key, StorageKey, "key").seal(...arguments_));
}

/**
 * Opens what `sealRecord` made, for `ExpiryScheduler.fromRecords`.
 *
 * @throws `malformed`, `unsupported`, `wrong_kind`, `undecryptable`
 */
export function openRecord(key: StorageKey, recordKey: Uint8Array, sealed: Uint8Array, ad?: Uint8Array): Bytes {
  const raw = held<module.RawStorageKey>(key, StorageKey, "key");
  return raw.open(bytes(sealed, "sealed"), RECORD, place(bytes(recordKey, "recordKey", 25), bytesOr(ad, "ad")));
}

/** The kind of a record among all that is sealed (docs/protocol.md §14.6). */
const RECORD = 6;

/** Where a record stands: its key behind its length, then `ad`. */
function place(key: Uint8Array, ad: Uint8Array): Uint8Array {
  const whole = new Uint8Array(1 + key.length + ad.length);
  whole[0] = key.length;
  whole.set(key, 1);
  whole.set(ad, 1 + key.length);
  return whole;
}

function rawContentKey(it: unknown): module.RawContentKey {
  return held(it, ContentKey);
}

function rawExpiryScheduler(it: unknown): module.RawScheduler {
  return held(it, ExpiryScheduler);
}

/** The same, at this time. */
function at(it: unknown, now: Now): module.RawScheduler {
  const checked = clocks(now);
  const raw = rawExpiryScheduler(it);
  raw.at(...checked);
  return raw;
}
