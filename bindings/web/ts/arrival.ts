// What comes of one call of a store, until it is stored, and how it stands there.

import {
  Account, Contacts, EvanesceError, ExpiryScheduler, Groups, HeldMessages, OwnDevices, Peer, Person, allChanges, allEffects,
  unblockedByPeople, type AddressedMessage, type Broadcast, type Bytes, type Effects, type GroupChanges, type GroupDelivered,
  type GroupEvent, type GroupOutgoing, type Payload, type PeopleChanges, type PersonDelivered, type PersonEvent, type Unblocked,
  type Unreached, type Wants,
} from "./everything.js";
import { address as checkedAddress, bytes, exactly, fields, flag, listOf } from "./checks.js";
import { invalid } from "./errors.js";
import { LONGEST } from "./expiry.js";
import { held, type Handle } from "./handle.js";
import { contactsOf } from "./peer.js";
import { packed } from "./people.js";
import type { OwnRow, Rows, Along, Household, OfGroups, DeliveredToGroup } from "./store_calls.js";

/** Rows of a scheduler, their value absent where one goes, and when it gave them. */
export type Writes = readonly { readonly key: Bytes; readonly value: Bytes | undefined; readonly given: number }[];

/** How a person is stored, and in which order they became known. */
export interface PersonRow {
  readonly number: number;
  readonly person: Uint8Array;
}

/** How a group is stored. */
export interface GroupRow {
  readonly group: Uint8Array;
}

/** Which messages of a group wait; of each its mark, sealed where there is a key. */
export interface HeldRow {
  readonly held: Uint8Array;
  readonly marks: Uint8Array;
}

/** A message that waits. It is as the carrier has it; what the application said of it is sealed, where there is a key. */
export interface KeptRow {
  readonly kept: { readonly message: Uint8Array; readonly note: Uint8Array };
}

/** The same, in memory. */
export interface KeptMessage {
  readonly message: Uint8Array;
  readonly ad: Uint8Array;
  /** When it came, and how old it was then, in milliseconds. */
  readonly came: number;
  readonly age: number;
}

/** How old it is by now, as a scheduler takes it. A clock that was set back makes nothing younger than it was. */
export function ageOf({ came, age }: KeptMessage, now: number): number {
  return Math.min(age + Math.max(0, now - came), LONGEST);
}

/** What is known of a message beside its bytes. */
export function noteOf({ ad, came, age }: KeptMessage): Uint8Array {
  const note = new Uint8Array(16 + ad.length);
  const view = new DataView(note.buffer);
  view.setFloat64(0, came);
  view.setFloat64(8, age);
  note.set(ad, 16);
  return note;
}

export function withNote(message: Uint8Array, note: Uint8Array): KeptMessage {
  const view = new DataView(note.buffer, note.byteOffset, note.length);
  return { message, ad: note.slice(16), came: view.getFloat64(0), age: view.getFloat64(8) };
}

/** A row of the library's: those of the account, the own devices, the peers and the invitations are bytes. */
export type StateRow = Uint8Array | PersonRow | GroupRow | HeldRow | KeptRow;

export function isPersons(of: [Bytes, StateRow]): of is [Bytes, PersonRow] {
  return "person" in of[1];
}

export function byOrder(one: [Bytes, PersonRow], other: [Bytes, PersonRow]): number {
  return one[1].number - other[1].number;
}

/** Which messages of a group wait, in memory. */
export interface Waiting {
  readonly held: HeldMessages;
  readonly marks: Map<number, Mark>;
}

/** A message that waits already. */
export interface Twin {
  readonly name: string;
  readonly waiting: Waiting;
  readonly number: number;
  readonly kept: KeptMessage;
}

/** What is known of a message that waits without reading it. */
export interface Mark {
  /** What tells it from most others, so that few are read to be compared: its last bytes are of a signature. */
  readonly end: Uint8Array;
  /** How many bytes are kept for it. */
  readonly size: number;
  readonly came: number;
  /** Whether nobody can say whether it is of anybody in the group: its header does not open. */
  readonly isOpaque: boolean;
}

export function markOf({ message, ad, came }: KeptMessage, refusal: EvanesceError): Mark {
  return { end: message.slice(-32), size: message.length + ad.length, came, isOpaque: refusal.code === "undecryptable" };
}

/** Each in 26 bytes, and its end. */
export function packedMarks(marks: ReadonlyMap<number, Mark>): Uint8Array {
  return packed(...[...marks].map(([number, { end, size, came, isOpaque }]) => {
    const view = new DataView(new ArrayBuffer(26));
    [number, size, came].forEach((value, place) => view.setFloat64(8 * place, value));
    view.setUint8(24, isOpaque ? 1 : 0);
    view.setUint8(25, end.length);
    return packed(new Uint8Array(view.buffer), end);
  }));
}

export function marksOf(bytes: Uint8Array): Map<number, Mark> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const marks = new Map<number, Mark>();
  for (let at = 0; at < bytes.length; ) {
    const [number, size, came] = [view.getFloat64(at), view.getFloat64(at + 8), view.getFloat64(at + 16)];
    const [start, isOpaque] = [at + 26, view.getUint8(at + 24) === 1];
    at = start + view.getUint8(at + 25);
    marks.set(number, { end: bytes.slice(start, at), size, came, isOpaque });
  }
  return marks;
}

/** How many bytes are kept of messages that wait, of all groups together: 16 MiB. */
export const MOST_KEPT = 16_777_216;

/** Whether there is room for one more, once those have gone that go before it. */
export function hasRoom(all: readonly (readonly [name: string, waiting: Waiting])[], { size, isOpaque }: Mark): boolean {
  return size + (isOpaque ? sizeOf(all, (mark) => !mark.isOpaque) : 0) <= MOST_KEPT;
}

function sizeOf(all: readonly (readonly [name: string, waiting: Waiting])[], counts: (mark: Mark) => boolean): number {
  let sum = 0;
  for (const [, { marks }] of all) for (const mark of marks.values()) if (counts(mark)) sum += mark.size;
  return sum;
}

/**
 * Which messages go to make room: first those whose header does not open, as anybody can hand such bytes to the carrier, then those of the
 * group that has most; of these the first come first.
 */
export function tooMuch(all: readonly (readonly [name: string, waiting: Waiting])[]): [name: string, waiting: Waiting, number: number][] {
  let sum = sizeOf(all, () => true);
  if (sum <= MOST_KEPT) return [];
  const each = all.flatMap(([name, waiting]) => [...waiting.marks].map(([number, mark]) => ({ name, waiting, number, ...mark })));
  const sizes = new Map<string, number>();
  const adds = (name: string, size: number): unknown => sizes.set(name, (sizes.get(name) ?? 0) + size);
  for (const { name, size } of each) adds(name, size);
  each.sort((one, other) => Number(other.isOpaque) - Number(one.isOpaque) || one.came - other.came || one.number - other.number);
  const go: typeof each = [];
  while (sum > MOST_KEPT && each.length > 0) {
    const most = Math.max(...sizes.values());
    const first = each[0]?.isOpaque === true ? 0 : each.findIndex(({ name }) => sizes.get(name) === most);
    const [one] = each.splice(Math.max(first, 0), 1) as [(typeof each)[number]];
    adds(one.name, -one.size);
    sum -= one.size;
    go.push(one);
  }
  return go.map(({ name, waiting, number }) => [name, waiting, number]);
}

export function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, place) => byte === other[place]);
}

export const NO_CHANGES: PeopleChanges = { account: false, own: false, people: [], peers: [], tell: [] };

/** The names of what may wait: of each group, and of none. */
export function names(groups: Groups): string[] {
  return [...groups.ids.map(inHex), ""];
}

export function groupChangesOf(changes: GroupChanges): GroupChanges {
  const { groups, invitations, people } = fields(changes, "groupChanges");
  const ids = listOf<Bytes>(groups, "groupChanges.groups").map((id) => exactly(id, 32, "one of groupChanges.groups").slice() as Bytes);
  return { groups: ids, invitations: flag(invitations, "groupChanges.invitations"), people: allChanges(people) };
}

/** What comes of groups by one call, until it is stored. */
export class Arrival {
  readonly own: OwnDevices;
  readonly account: Account;
  readonly contacts: Contacts;
  readonly groups: Groups;
  readonly now: number;
  readonly people: PeopleChanges[] = [];
  readonly ids = new Map<string, Bytes>();
  readonly messages: { to: Bytes; message: Bytes }[] = [];
  readonly held = new Map<string, Waiting>();
  readonly rows = new Map<string, [name: string, number: number, row: KeptMessage | undefined]>();
  isInvited = false;
  waits = false;
  #lost = 0;
  #events: GroupEvent[] = [];
  #known: PersonEvent[] = [];
  #delivered: DeliveredToGroup[] = [];
  #unreached = new Map<string, Unreached>();
  #unblocked: Unblocked[] = [];

  constructor({ own, account, contacts }: Household, groups: Groups, now: number) {
    [this.own, this.account, this.contacts, this.groups, this.now] = [own, account, contacts, groups, now];
  }

  changes(changes: GroupChanges): void {
    const { groups, invitations, people } = groupChangesOf(changes);
    for (const id of groups) this.ids.set(inHex(id), id);
    this.isInvited ||= invitations;
    this.people.push(people);
  }

  takes({ events, people, changes }: { events: readonly GroupEvent[]; people: readonly PersonEvent[]; changes: GroupChanges }): void {
    this.#events.push(...events);
    this.#known.push(...people);
    this.changes(changes);
  }

  opens(delivered: GroupDelivered, age: number): void {
    this.takes(delivered);
    this.#delivered.push({ ...delivered, age });
    this.#unblocked.push(...delivered.unblocks, ...unblockedByPeople(delivered.people));
  }

  /** What became held since this was asked last. */
  unblocked(): Unblocked[] {
    return this.#unblocked.splice(0);
  }

  /** Those to single devices first, so that nobody has to wait for a chain. */
  sends(outgoing: GroupOutgoing): void {
    const { events, pairwise, broadcasts, unreached, changes } = fields(outgoing, "outgoing");
    for (const event of listOf<GroupEvent>(events, "outgoing.events")) this.#events.push(fields(event, "one of outgoing.events"));
    for (const one of listOf<AddressedMessage>(pairwise, "outgoing.pairwise")) {
      const { to, message } = fields(one, "one of outgoing.pairwise");
      this.#sends(to, message);
    }
    for (const one of listOf<Broadcast>(broadcasts, "outgoing.broadcasts")) {
      const { to, message } = fields(one, "one of outgoing.broadcasts");
      for (const each of listOf<Bytes>(to, "one of outgoing.broadcasts")) this.#sends(each, message);
    }
    for (const missed of listOf<Unreached>(unreached, "outgoing.unreached")) {
      const { to } = fields(missed, "one of outgoing.unreached");
      this.#unreached.set(inHex(checkedAddress(to, "to")), missed);
    }
    this.changes(changes);
  }

  #sends(to: Uint8Array, message: Uint8Array): void {
    this.messages.push({ to: checkedAddress(to, "to").slice() as Bytes, message: bytes(message, "message").slice() as Bytes });
  }

  responds(wants: Wants | undefined): void {
    this.sends(this.groups.respond(this.own, this.account, this.contacts, wants, this.now));
  }

  touches(name: string, waiting: Waiting): void {
    this.held.set(name, waiting);
  }

  kept(name: string, number: number): KeptMessage | undefined {
    return this.rows.get(`${name}/${number}`)?.[2];
  }

  keeps(name: string, waiting: Waiting, number: number, row: KeptMessage): void {
    this.touches(name, waiting);
    this.rows.set(`${name}/${number}`, [name, number, row]);
  }

  /** It was offered again, and waits for something else by now. */
  goesOnWaiting(name: string, waiting: Waiting, number: number, refusal: EvanesceError): void {
    this.touches(name, waiting);
    const mark = waiting.marks.get(number);
    if (mark !== undefined) waiting.marks.set(number, { ...mark, isOpaque: refusal.code === "undecryptable" });
  }

  forgets(name: string, waiting: Waiting, number: number): void {
    this.touches(name, waiting);
    waiting.marks.delete(number);
    this.rows.set(`${name}/${number}`, [name, number, undefined]);
  }

  /** These waited in vain. */
  drops(name: string, waiting: Waiting, numbers: readonly number[]): void {
    for (const number of numbers) this.forgets(name, waiting, number);
    this.#lost += numbers.length;
  }

  come(): OfGroups {
    return {
      events: this.#events, people: this.#known, delivered: this.#delivered, lost: this.#lost, unreached: [...this.#unreached.values()],
    };
  }
}

/** The same, with what came of groups. */
export function withGroups(ready: Ready, arrival: Arrival | undefined): Ready {
  if (arrival === undefined) return ready;
  const { groups, ids, isInvited, messages, rows, held } = arrival;
  return {
    ...ready, outgoing: [...(ready.outgoing ?? []), ...messages], kept: [...rows.values()], held: [...held],
    ofGroups: { of: groups, groups: [...ids.values()], invitations: isInvited },
  };
}

/** What a person's row is bound to: that it is neither of another person nor in another order. */
export function personAd(place: Bytes, number: number): Bytes {
  const ad = new Uint8Array(place.length + 8);
  ad.set(place);
  new DataView(ad.buffer).setFloat64(place.length, number);
  return ad;
}

export function inHex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Frees what is ahead of the store: of a peer that stands in contacts, those. */
export function drop(states: readonly (Handle | undefined)[]): void {
  for (const state of states) {
    if (state instanceof Peer) contactsOf(state)?.free();
    state?.free();
  }
}

/** Those that are there. */
export function present<Item>(items: readonly (Item | undefined)[]): Item[] {
  return items.filter((item) => item !== undefined) as Item[];
}

/** Refuses what is freed, as a peer is with the contacts in which it stands. */
export function mustBeThere(states: readonly (Handle | undefined)[]): void {
  for (const state of present(states)) {
    held(state, state.constructor);
    if (state instanceof Peer) void state.address;
  }
}

/**
 * What a change names. If that is not there any more, because it was moved or removed before the turn of the call, its new state
 * would not be stored, and whatever goes with that must not leave. People are copies, and nobody has them if this throws.
 */
export function those<Item>(
  names: readonly Uint8Array[], find: (name: Uint8Array) => Item | undefined, what: string,
  goes: (name: Uint8Array) => boolean = () => false,
): Item[] {
  const items: Item[] = [];
  try {
    for (const name of names) {
      const item = find(name);
      if (item !== undefined) items.push(item);
      else if (!goes(name)) throw invalid(`the changes name a ${what} that is not there: was it moved or removed before it was stored?`);
    }
    return items;
  } catch (cause) {
    for (const item of items) if (item instanceof Person) item.free();
    throw cause;
  }
}

/** What is read of the own person, of whom each look gives a copy. */
export function ofOwn<Read>(own: OwnDevices, read: (person: Person) => Read): Read {
  const person = own.person;
  try {
    return read(person);
  } finally {
    person.free();
  }
}

/** Read once, and found to be in order. */
export function householdOf(household: Household): Household {
  const { account, own, contacts, scheduler, groups } = fields(household, "household");
  held(account, Account, "household.account");
  held(own, OwnDevices, "household.own");
  held(contacts, Contacts, "household.contacts");
  if (scheduler !== undefined) held(scheduler, ExpiryScheduler, "household.scheduler");
  if (groups !== undefined) held(groups, Groups, "household.groups");
  return { account, own, contacts, scheduler, groups };
}

/** One that has groups. */
export function clubOf(household: Household): Household & { readonly groups: Groups } {
  const house = householdOf(household);
  return { ...house, groups: (held(house.groups, Groups, "household.groups"), house.groups as Groups) };
}

export function all({ account, own, contacts, scheduler, groups }: Household): Handle[] {
  return present([account, own, contacts, scheduler, groups]);
}

/** What changed of a household, and what goes if it is not stored. */
export function named(house: Household, changes: PeopleChanges): Ready {
  const { account, own, contacts } = house;
  const peers = those(changes.peers, (address) => contacts.peer(address), "peer");
  const states = [...(changes.account ? [account] : []), ...(changes.own ? [own] : []), ...peers];
  const people = those(changes.people, (owner) => contacts.person(owner), "person");
  return { states, people, contacts, ahead: [account, own, contacts] };
}

/** Where the other own devices are, by the list that is held. */
export function otherDevices(own: OwnDevices): Bytes[] {
  const its = inHex(own.device.address);
  return ofOwn(own, ({ list }) => list?.devices ?? []).map(({ device }) => device.address).filter((address) => inHex(address) !== its);
}

/** The peer that a message from this address was offered to. */
export function peerAt(contacts: Contacts, from: Uint8Array, now: number): Peer | undefined {
  const there = contacts.peer(from);
  if (there !== undefined) return there;
  return contacts.addresses.map((address) => contacts.peer(address)).find((peer) => peer?.isAt(from, now));
}

/** Takes what an own device gives and makes known: above all on a device that was just linked. */
export function withGiven({ own, contacts }: Household, delivered: PersonDelivered, now: number): PersonDelivered {
  const { person, standing, isUnconfirmed, events } = delivered;
  const isOwn = person?.join() === ofOwn(own, ({ owner }) => owner).join() && /^(listed|stale)$/.test(standing) && !isUnconfirmed;
  if (!isOwn || !events.some(({ kind }) => kind === "given" || kind === "known")) return delivered;
  let { changes } = delivered;
  const shown: PersonEvent[] = [];
  for (const event of events) {
    if (event.kind === "given") {
      try {
        const adopted = contacts.adopt(own, event.list, now);
        shown.push(...adopted.events);
        changes = allChanges(changes, adopted.changes);
      } catch (refusal) {
        // Of nobody who is known, or an older one: there is nothing to be shown.
        if (!(refusal instanceof EvanesceError) || !/^(other_owner|older_list|expired)$/.test(refusal.code)) throw refusal;
      }
    } else if (event.kind === "known") {
      changes = allChanges(changes, contacts.pin(own, event.device, now));
    } else {
      shown.push(event);
    }
  }
  return { ...delivered, events: shown, changes };
}

/** What one transaction writes. */
export interface Ready {
  readonly states: readonly (Account | Peer | OwnDevices)[];
  readonly people?: readonly Person[];
  /** Where these stand, in their order. */
  readonly contacts?: Contacts | undefined;
  /** What is freed as well if it is not stored. */
  readonly ahead?: readonly (Handle | undefined)[];
  /** The places of rows that go. */
  readonly goes?: readonly Bytes[];
  /** These groups of those, and the invitations. */
  readonly ofGroups?: { readonly of: Groups; readonly groups: readonly Bytes[]; readonly invitations: boolean } | undefined;
  /** Messages that wait, or do so no more. */
  readonly kept?: readonly (readonly [name: string, number: number, row: KeptMessage | undefined])[];
  /** Which wait. */
  readonly held?: readonly (readonly [name: string, waiting: Waiting])[];
  readonly scheduler?: ExpiryScheduler | undefined;
  readonly writes?: Writes;
  readonly outgoing?: readonly { readonly to: Bytes; readonly message: Uint8Array }[];
  readonly rows?: readonly OwnRow[];
}

/** What goes along with a call, read and copied. */
export interface Rest<Result, Shown> {
  readonly ad: Uint8Array | undefined;
  /** What the scheduler says of the result: asked once. */
  readonly effects: (result: Result) => Effects | undefined;
  /** The application's rows for what it is shown: asked once, behind the scheduler. */
  readonly rows: (shown: Shown) => OwnRow[];
  readonly scheduler: ExpiryScheduler | undefined;
  /** What the scheduler has given already. */
  readonly given: Effects | undefined;
  /** Whose call it is. */
  readonly house: Household | undefined;
}

export function restOf<Result, Shown>(rows: Rows<Shown>, along: Along<Result>, house?: Household): Rest<Result, Shown> {
  const { ad, effects, scheduler = house?.scheduler } = fields(along, "along");
  if (scheduler !== undefined) held(scheduler, ExpiryScheduler, "along.scheduler");
  // It is freed where they are not stored.
  if (effects !== undefined && scheduler === undefined) throw invalid("the scheduler of the effects is not said");
  const given = typeof effects === "function" || effects === undefined ? undefined : allEffects(effects);
  const its = typeof rows === "function" ? undefined : rowsOf(rows);
  return {
    ad: ad === undefined ? undefined : bytes(ad, "ad").slice(),
    effects: typeof effects === "function" ? (result) => allEffects(fields(atOnce(effects(result), "effects"), "effects")) : () => given,
    rows: typeof rows === "function" ? (shown) => rowsOf(atOnce(rows(shown), "rows")) : () => its ?? [],
    scheduler,
    given,
    house,
  };
}

/** What a function of the application gave. A promise is refused: no transaction waits for one. */
function atOnce<Value>(value: Value, name: string): Value {
  if (typeof (Object(value) as { then?: unknown }).then !== "function") return value;
  // The call is refused, and says why. That the promise may be rejected too is nobody's to handle, and would end a program in Node.
  Promise.resolve(value).catch(() => {});
  throw invalid(`${name} must give what is to be stored at once, and no promise`);
}

/** Reads what a call is given. If that is refused, a scheduler that was asked beforehand is ahead of the store, and goes. */
export function reading<Read>(along: unknown, household: unknown, read: () => Read): Read {
  try {
    return read();
  } catch (cause) {
    const { scheduler: ofHousehold } = Object(household) as Partial<Household>;
    const { effects, scheduler = ofHousehold } = Object(along) as Along<never>;
    if (typeof effects === "object" && effects !== null && scheduler instanceof ExpiryScheduler) scheduler.free();
    throw cause;
  }
}

export function copiedPayload(payload: Payload | Uint8Array): Payload {
  if (payload instanceof Uint8Array) return { body: bytes(payload, "body").slice() };
  const { body, stamp } = fields(payload, "payload");
  return { body: bytes(body, "body").slice(), stamp };
}

export function rowsOf(rows: unknown): OwnRow[] {
  return each(rows, "rows must be what can be gone through, or a function that gives that").map((row) => {
    const [key, value] = each(row, "a row must be its key and its value");
    return [rowKey(key), value];
  });
}

function each(list: unknown, otherwise: string): unknown[] {
  const isList = typeof list === "object" && list !== null && typeof (list as Partial<Iterable<unknown>>)[Symbol.iterator] === "function";
  if (!isList) throw invalid(otherwise);
  return [...(list as Iterable<unknown>)];
}

export function rowKey(key: unknown): string {
  if (typeof key !== "string") throw invalid("the key of a row must be a string");
  return key;
}

/** The refusals of messages, which `Peer.noteRefusal` takes; not what the caller did wrong. */
export const NOTED = /^(?!(invalid_argument|freed|not_loaded|no_randomness|broken|too_large|other)$)/u;
