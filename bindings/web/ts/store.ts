// A store that keeps to the rule: what changed is stored in one transaction with what it gave, and only then anything leaves.

import {
  Account, Contacts, EvanesceError, ExpiryScheduler, Groups, HeldMessages, Invitation, OwnDevices, Peer, Person, StorageKey,
  allChanges, allEffects, noteIn, openRecord, sealRecord, unblockedByPeople, utf8, type Address, type Bytes, type Delivered,
  type Effects, type Encrypted, type FanOut, type Group, type GroupDelivered, type GroupOutgoing, type Now, type Payload,
  type PeopleChanges, type PersonDelivered, type Unblocked,
} from "./everything.js";
import { address as checkedAddress, bytes, exactly, fields, flag, time } from "./checks.js";
import { invalid } from "./errors.js";
import { clocks, copiedNow, datedWrites, rawAge } from "./expiry.js";
import { fitsTo, groupsOf } from "./groups.js";
import { held, type Handle } from "./handle.js";
import { Newest } from "./newest.js";
import { peerId } from "./peer.js";
import { ownerOf, packedEvents } from "./people.js";
import { memberTag } from "./safety.js";
import {
  isPersons, byOrder, markOf, isSame, packedMarks, marksOf, tooMuch, hasRoom, ageOf, noteOf, withNote, NO_CHANGES, names,
  groupChangesOf, Arrival, personAd, inHex, householdOf, clubOf, all, named, ofOwn, mustBeThere, those, otherDevices, drop, peerAt,
  withGiven, restOf, reading, copiedPayload, withGroups, rowKey, NOTED, type Writes, type PersonRow, type HeldRow, type KeptRow,
  type KeptMessage, type Mark, type Twin, type StateRow, type Waiting, type Ready, type Rest,
} from "./arrival.js";
import { CHECK, META, CHECK_KIND, fits, begun, failed, answer, completion, from, lock, EPOCH } from "./database.js";
import type {
  Outgoing, Rows, Along, AlongEffects, BeforeEffects, Commit, Household, OfGroups, Brought, GroupHeard, AlongTo, AlongFrom,
  AlongFromGroup, Untold, Heard, StoreOptions,
} from "./store_calls.js";

export type {
  Outgoing, OwnRow, Rows, Along, AlongEffects, BeforeEffects, Commit, Household, DeliveredToGroup, OfGroups, Brought, GroupHeard,
  AlongTo, AlongFrom, AlongFromGroup, Untold, Heard, StoreOptions,
} from "./store_calls.js";

const STATES = "states", RECORDS = "records", OUTBOX = "outbox", ROWS = "rows";

/** The kinds of what is sealed here alone, among those that are left to applications. */
const ADDRESSEE_KIND = 255, NOTE_KIND = 253;

/**
 * The state of one account in IndexedDB: account, own devices, people, peers, groups, the rows of a scheduler, messages to be sent
 * or that wait, and rows of the application's own, all in one transaction.
 *
 * Calls of `send`, `receive` and `commit` take their turns: each begins when those before it are stored or have failed, and
 * nothing is encrypted or decrypted before.
 *
 * If a transaction fails the call throws `store_failed`, and the account, the peers and the scheduler that it had are freed,
 * since they are ahead of what is stored: later calls with them are refused as `freed`. Take them from the store again. Of a household
 * that is all of it. It is so too where functions of the application throw that are asked once something has changed, `rows` and
 * `effects`: what they threw is the `cause`, and an `EvanesceError` is thrown as it is. What is refused before anything changes, whatever
 * it was refused for, frees nothing but the scheduler of `effects` that were given as they are; each call says what it frees beside that.
 *
 * Only one tab has a store at a time. If another takes it by force, or the database is deleted, this one is closed: every call is
 * refused as `store_closed`, and nothing more is written.
 *
 * **Take the account and each peer from it once**: two objects of the same state would use the same keys.
 */
export class Store {
  readonly #database: IDBDatabase;
  readonly #key: StorageKey | undefined;
  readonly #epoch: number;
  readonly #letGo: () => void;
  /** Where each peer stands, by its number, and its row: one that moves leaves none behind that could be taken for it. */
  readonly #rowOf = new Map<number, { readonly place: Bytes; readonly row: object }>();
  /** Whose row stands at a place: another one has another object. */
  readonly #rowAt = new Map<string, object>();
  /** In which order people became known, by the places of their rows. */
  #order: Map<string, number> | undefined;
  /** The highest number in it. */
  #last = 0;
  /** What waits, of each group by its name in hex, and of none that is known. */
  #waiting = new Map<string, Waiting>();
  readonly #newest = new Newest();
  #ending: string | undefined;
  #turn: Promise<void> = Promise.resolve();
  #flushing: Promise<void> = Promise.resolve();

  private constructor(database: IDBDatabase, key: StorageKey | undefined, epoch: number, letGo: () => void) {
    this.#database = database;
    this.#key = key;
    this.#epoch = epoch;
    this.#letGo = letGo;
    database.onversionchange = () => this.#end("the database is to be deleted or changed");
    database.onclose = () => this.#end("the browser has closed the database");
  }

  /**
   * Opens the store of this name, or makes it.
   *
   * @throws `store_in_use` if another tab has it, and goes on having it for two seconds; `no_locks`; `undecryptable` if it was made
   * with another key, with one where none is given, or the other way about: **no reason to begin with a new account**; `store_failed`
   */
  static async open(name: string, options: StoreOptions = {}): Promise<Store> {
    if (typeof name !== "string") throw invalid("name must be a string");
    const { key, soleHolder, indexedDB = globalThis.indexedDB } = fields(options, "options");
    if (key !== undefined) held(key, StorageKey, "options.key");
    const isSole = soleHolder !== undefined && flag(soleHolder, "options.soleHolder");
    if (indexedDB === undefined) throw new EvanesceError("store_failed", "there is no IndexedDB here");
    const check = key === undefined ? utf8(CHECK) : key.seal(utf8(CHECK), CHECK_KIND, utf8(name));
    let store: Store | undefined, isLost = false;
    const lost = (): void => {
      isLost = true;
      if (store !== undefined) store.#end("another tab has taken it");
    };
    const letGo = await lock(`evanesce store ${name}`, isSole, lost);
    let database: IDBDatabase | undefined;
    try {
      const opening = indexedDB.open(name, 1);
      opening.onupgradeneeded = () => {
        for (const table of [STATES, RECORDS, ROWS]) opening.result.createObjectStore(table);
        opening.result.createObjectStore(OUTBOX, { keyPath: "number", autoIncrement: true });
        opening.result.createObjectStore(META).put(check, CHECK);
      };
      database = await answer(opening);
      const found = await answer<Uint8Array | undefined>(database.transaction([META], "readonly").objectStore(META).get(CHECK));
      if (!fits(found, key, name)) {
        throw new EvanesceError("undecryptable", "the store was made with another key, or without one, or needs one");
      }
      store = new Store(database, key, await begun(database), letGo);
      if (isLost) lost();
      return store;
    } catch (cause) {
      database?.close();
      letGo();
      throw failed(cause);
    }
  }

  /** Closes it, once what was begun has ended. Calls that wait for their turn are refused as `store_closed`. */
  close(): void {
    this.#end("it was closed");
  }

  /**
   * Takes the account back; absent if none was stored.
   *
   * @throws as `Account.unseal`; `store_failed`, `store_closed`
   */
  async account(): Promise<Account | undefined> {
    const place = this.#place("account");
    const row = await this.#inTurn(() => this.#get<Uint8Array>(STATES, place));
    return row && (this.#key ? Account.unseal(row, this.#key, place) : Account.restore(row));
  }

  /**
   * Takes a peer back; absent if none was stored.
   *
   * @throws as `Peer.unseal`; `store_failed`, `store_closed`
   */
  async peer(address: Address): Promise<Peer | undefined> {
    const place = this.#placeOf(checkedAddress(address));
    const row = await this.#inTurn(() => this.#get<Uint8Array>(STATES, place));
    return row && this.#peer(row, place);
  }

  /**
   * Takes the own devices back; absent if none were stored.
   *
   * @throws as `OwnDevices.unseal`; `store_failed`, `store_closed`
   */
  async ownDevices(): Promise<OwnDevices | undefined> {
    const place = this.#place("own devices");
    const row = await this.#inTurn(() => this.#get<Uint8Array>(STATES, place));
    return row && (this.#key ? OwnDevices.unseal(row, this.#key, place) : OwnDevices.restore(row));
  }

  /**
   * Takes all people back, in the order in which they became known, and all peers. Take none of these by `peer` as well.
   *
   * @throws as `Person.unseal`; `store_failed`, `store_closed`
   */
  async contacts(): Promise<Contacts> {
    const others = ["account", "own devices", "invitations"].map((name) => this.#place(name).join());
    const rows = await this.#inTurn(() => this.#states());
    const contacts = new Contacts();
    for (const [place, { number, person }] of rows.filter(isPersons).sort(byOrder)) {
      const ad = personAd(place, number);
      contacts.addPerson(this.#key ? Person.unseal(person, this.#key, ad) : Person.restore(person));
    }
    for (const [place, row] of rows) {
      if (row instanceof Uint8Array && !others.includes(place.join())) contacts.addPeer(this.#peer(row, place));
    }
    return contacts;
  }

  /**
   * Takes all groups back, and the invitations.
   *
   * @throws as `Groups.unsealGroup`; `store_failed`, `store_closed`
   */
  async groups(): Promise<Groups> {
    const [key, place] = [this.#key, this.#place("invitations")];
    const rows = await this.#inTurn(() => this.#states());
    const groups = new Groups();
    for (const [its, row] of rows) {
      if (row instanceof Uint8Array) {
        if (its.join() !== place.join()) continue;
        if (key) groups.unsealInvitations(row, key, place);
        else groups.restoreInvitations(row);
      } else if ("group" in row) {
        if (key) groups.unsealGroup(row.group, key, its);
        else groups.restoreGroup(row.group);
      }
    }
    return groups;
  }

  /**
   * Takes a scheduler back from its rows; absent if none was stored.
   *
   * @throws as `ExpiryScheduler.fromRecords`; `store_failed`, `store_closed`
   */
  async scheduler(): Promise<ExpiryScheduler | undefined> {
    const [keys, values] = await this.#inTurn(() => this.#read(RECORDS, (rows) =>
      Promise.all([answer(rows.getAllKeys()), answer<Uint8Array[]>(rows.getAll())])));
    if (keys.length === 0) return undefined;
    const key = this.#key;
    return ExpiryScheduler.fromRecords(keys.map((name, place) => {
      const [record, value] = [new Uint8Array(name as ArrayBuffer), values[place] as Uint8Array];
      return [record, key ? openRecord(key, record, value) : value] as const;
    }));
  }

  /**
   * A row of the application's own.
   *
   * @throws `store_failed`, `store_closed`
   */
  async row(key: string): Promise<unknown> {
    return this.#get(ROWS, rowKey(key));
  }

  /**
   * All of the application's rows whose keys begin so, in the order of their keys.
   *
   * @throws `store_failed`, `store_closed`
   */
  async rows(start = ""): Promise<[key: string, value: unknown][]> {
    const range = from(rowKey(start));
    const [keys, values] = await this.#read(ROWS, (rows) =>
      Promise.all([answer(rows.getAllKeys(range)), answer(rows.getAll(range))]));
    return keys.map((key, place): [string, unknown] => [String(key), values[place]]).filter(([key]) => key.startsWith(start));
  }

  /**
   * Encrypts a payload for a peer, and stores it: peer, message, and the application's rows, in one transaction. What it
   * gives may be sent, and not before: `flush` does.
   *
   * @throws as `Peer.encrypt`; `store_failed`, `store_closed`
   */
  async send(
    peer: Peer, payload: Payload | Uint8Array, now: number, rows: Rows<Encrypted> = [], along: Along<Encrypted> = {},
  ): Promise<Encrypted> {
    const { rest, copied } = reading(along, undefined, () => {
      held(peer, Peer, "peer");
      time(now);
      // The payload comes last, so that no refusal leaves a copy behind.
      return { rest: restOf(rows, along), copied: copiedPayload(payload) };
    });
    return this.#inTurn(async () => {
      const encrypted = this.#refusable(rest, () => peer.encrypt(copied, now, rest.ad));
      const states = [peer], { scheduler } = rest;
      // Whatever the application does with what it is shown, this is stored.
      const outgoing = [{ to: peer.address, message: encrypted.message.slice() }];
      const beside = this.#orDrop([...states, scheduler], () => this.#beside(rest, encrypted));
      await this.#store({ states, scheduler, outgoing, ...beside });
      return encrypted;
    }, rest.given ? [rest.scheduler] : []).finally(() => copied.body.fill(0));
  }

  /**
   * Decrypts a message from a peer, and stores what it changed together with the application's rows, in one transaction. Acknowledge
   * the message to the server once this has resolved, and not before. A refusal is noted in the peer, stored, and thrown.
   *
   * @throws as `Peer.decrypt`; `store_failed`, `store_closed`
   */
  async receive(
    account: Account, peer: Peer, message: Uint8Array, now: number, rows: Rows<Delivered> = [], along: Along<Delivered> = {},
  ): Promise<Delivered> {
    const { rest, copied } = reading(along, undefined, () => {
      held(account, Account, "account");
      held(peer, Peer, "peer");
      time(now);
      return { rest: restOf(rows, along), copied: bytes(message, "message").slice() };
    });
    return this.#inTurn(async () => {
      let delivered: Delivered;
      try {
        delivered = this.#refusable(rest, () => peer.decrypt(account, copied, now, rest.ad));
      } catch (refusal) {
        if (refusal instanceof EvanesceError && NOTED.test(refusal.code) && peer.noteRefusal(copied, refusal, now).peer) {
          await this.#store({ states: [peer], ahead: [account] });
        }
        throw refusal;
      }
      const states = delivered.changes.account ? [account, peer] : [peer], { scheduler } = rest;
      // What the application makes of it belongs to the transaction: if that throws, nothing of the message counts.
      const beside = this.#orDrop([account, peer, scheduler], () => this.#beside(rest, delivered));
      await this.#store({ states, ahead: [account], scheduler, ...beside });
      return delivered;
    }, rest.given ? [rest.scheduler] : []);
  }

  /**
   * Encrypts a payload for all devices of a person and one's own, and stores it: peers, messages, and the application's rows, in
   * one transaction. `flush` sends them. Whom it does not reach is in `unreached`: once there is a session, send the same to these
   * `only`.
   *
   * @throws as `Recipients.encrypt`; `store_failed`, `store_closed`
   */
  async sendTo(
    household: Household, person: Person | Uint8Array, payload: Payload | Uint8Array, now: number, rows: Rows<FanOut> = [],
    along: AlongTo = {},
  ): Promise<FanOut> {
    const { house, rest, recipients, copied } = reading(along, household, () => {
      const [house, owner] = [householdOf(household), ownerOf(person).slice()];
      time(now);
      const [rest, { only }] = [restOf(rows, along, house), along];
      const recipients = only === undefined ? house.own.to(owner) : house.own.to(owner).only(only);
      return { house, rest, recipients, copied: copiedPayload(payload) };
    });
    return this.#inTurn(async () => {
      const sent = this.#refusable(rest, () => recipients.encrypt(house.contacts, copied, now, rest.ad));
      return this.#all(house, rest.scheduler, async () => {
        // Whatever the application does with what it is shown, this is stored.
        const changes = allChanges(sent.changes);
        const outgoing = sent.messages.map(({ to, message }) => ({ to: to.slice(), message: message.slice() }));
        const beside = this.#beside(rest, sent);
        await this.#store({ ...named(house, changes), scheduler: rest.scheduler, outgoing, ...beside });
        return sent;
      });
    }, rest.given ? [rest.scheduler] : []).finally(() => copied.body.fill(0));
  }

  /**
   * Decrypts a message that came from this address, and stores what it changed together with the application's rows, in one
   * transaction. What own devices give and make known is taken, what they tell goes to the scheduler, and what they are to be
   * told in return stands in the outbox. Acknowledge the message to the server once this has resolved, and not before; then
   * `flush`. A refusal is noted in the peer, stored, and thrown.
   *
   * @throws as `OwnDevices.decrypt`; `store_failed`, `store_closed`
   */
  async receiveFrom(
    household: Household, from: Address, message: Uint8Array, now: Now, rows: Rows<Heard> = [], along: AlongFrom = {},
  ): Promise<Heard> {
    const { house, sender, wall, at, copied, rest, age } = reading(along, household, () => {
      const [house, sender, at] = [householdOf(household), checkedAddress(from, "from").slice(), copiedNow(now)];
      const [copied, rest, { age = 0 }] = [bytes(message, "message").slice(), restOf(rows, along, house), along];
      return { house, sender, wall: clocks(at)[0], at, copied, rest, age: rawAge(age) };
    });
    return this.#inTurn(async () => {
      const { account, own, contacts } = house;
      let opened: PersonDelivered;
      try {
        opened = this.#refusable(rest, () => own.decrypt(account, contacts, sender, copied, wall, rest.ad));
      } catch (refusal) {
        const isNoted = refusal instanceof EvanesceError && NOTED.test(refusal.code);
        const peer = isNoted ? peerAt(contacts, sender, wall) : undefined;
        if (peer?.noteRefusal(copied, refusal as EvanesceError, wall).peer) await this.#store({ states: [peer], ahead: all(house) });
        throw refusal;
      }
      return this.#all(house, rest.scheduler, async () => {
        const { scheduler } = rest;
        const delivered = withGiven(house, opened, wall);
        const noted = scheduler && noteIn(delivered, scheduler, age, at);
        const arrival = house.groups && new Arrival(house, house.groups, wall);
        if (arrival !== undefined) {
          await this.#heard(arrival, delivered);
          // They may hold keys, and nobody takes them twice.
          delivered.groupParts.free();
        }
        const changes = allChanges(delivered.changes, ...(arrival?.people ?? []));
        const shown: BeforeEffects<Heard> = { ...delivered, changes: allChanges(changes), ofGroups: arrival?.come() };
        // In the order in which they were made: what is given as it is was made before the call.
        const effects = rest.given ? allEffects(rest.given, noted) : allEffects(noted, rest.effects(shown));
        const told = this.#told(house, changes, effects, wall);
        const heard: Heard = { ...shown, effects, untold: told.untold };
        const rows = rest.rows(heard);
        await this.#store({ ...withGroups(told.ready(), arrival), scheduler, rows });
        return heard;
      }).catch((cause) => {
        opened.groupParts.free();
        throw cause;
      });
    }, rest.given ? [rest.scheduler] : []);
  }

  /**
   * Encrypts a payload for all devices of a group, and stores it: group, peers, messages, and the application's rows, in one
   * transaction. `flush` sends them, each copy of the one message too.
   *
   * @throws as `InGroup.encrypt`; `invalid_argument` of a group that is not of `household.groups`; `store_failed`, `store_closed`
   */
  async sendToGroup(
    household: Household, group: Group, payload: Payload | Uint8Array, now: number, rows: Rows<GroupOutgoing> = [],
    along: Along<GroupOutgoing> = {},
  ): Promise<GroupOutgoing> {
    const { house, at, rest, inGroup, copied } = reading(along, household, () => {
      const [house, at] = [clubOf(household), time(now) * 1_000];
      const rest = restOf(rows, along, house);
      if (groupsOf(group) !== house.groups) throw invalid("group must be of household.groups");
      const inGroup = house.own.inGroup(house.account, group);
      return { house, at, rest, inGroup, copied: copiedPayload(payload) };
    });
    return this.#inTurn(async () => {
      const sent = this.#refusable(rest, () => inGroup.encrypt(house.contacts, copied, at, rest.ad));
      return this.#all(house, rest.scheduler, async () => {
        const arrival = new Arrival(house, house.groups, at);
        arrival.sends(sent);
        await this.#storeSent(house, arrival, rest, sent);
        return sent;
      });
    }, rest.given ? [rest.scheduler] : []).finally(() => copied.body.fill(0));
  }

  /**
   * Stores what a call of a group gave, with its messages, which `flush` sends: `OwnDevices.createGroup`, `InGroup.change`, `leave` and
   * the like. **Call it right after that**: what the changes name must be there, under the same names, when this call has its turn.
   *
   * @throws `invalid_argument` of what a call gave that changed others than those of the household; `store_failed`, `store_closed`, and
   * `invalid_argument` where the changes name what is not there any more: the household is freed, since it is ahead of what is stored
   */
  async sendOut(
    household: Household, outgoing: GroupOutgoing, rows: Rows<GroupOutgoing> = [], along: AlongEffects<GroupOutgoing> = {},
  ): Promise<void> {
    const { house, rest, arrival } = reading(along, household, () => {
      const house = clubOf(household);
      const rest = restOf(rows, along, house);
      if (!fitsTo(fields(outgoing, "outgoing"), house)) throw invalid("outgoing must be of the household");
      const arrival = new Arrival(house, house.groups, 0);
      arrival.sends(outgoing);
      return { house, rest, arrival };
    });
    return this.#inTurn(() => this.#all(house, rest.scheduler, () => this.#storeSent(house, arrival, rest, outgoing)),
      [...all(house), rest.scheduler]);
  }

  /**
   * Decrypts a message to a group, one whose first byte is 0x13, and stores what it changed together with the application's rows, in one
   * transaction. One that waits for something is kept, and opens with what brings that: by this call, or by
   * `receiveFrom`. What is missing is asked for; `flush` sends that. Acknowledge the message once this has resolved or has refused it:
   * rows and effects are asked for and stored in either case, as events may come of it too.
   *
   * Of each group 1,000 messages wait at most, and of all together 16 MiB. With more of them those go first whose header does not open,
   * then those of the group that has most, the first come first; `OfGroups.lost` counts them.
   *
   * @throws as `Groups.decrypt`, but not what waits: only where there is no room for it; `store_failed`, `store_closed`
   */
  async receiveFromGroup(
    household: Household, message: Uint8Array, now: number, rows: Rows<GroupHeard> = [], along: AlongFromGroup = {},
  ): Promise<GroupHeard> {
    const { house, at, rest, offered } = reading(along, household, () => {
      const [house, at] = [clubOf(household), time(now) * 1_000];
      const [copied, rest, { age = 0 }] = [bytes(message, "message").slice(), restOf(rows, along, house), along];
      const offered: KeptMessage = { message: copied, ad: rest.ad ?? new Uint8Array(), came: at, age: rawAge(age) };
      return { house, at, rest, offered };
    });
    return this.#ofClub(rest, house, at, () => {}, async (arrival) => {
      const refusal = await this.#offered(arrival, offered);
      await this.#offerAgain(arrival, []);
      const heard = await this.#brings(arrival, rest, (of) => ({ ...of, waits: arrival.waits }));
      return { heard, refusal };
    }).then(({ heard, refusal }) => {
      if (refusal !== undefined) throw refusal;
      return heard;
    });
  }

  /**
   * The user joins a group by an invitation that they were shown; what had waited for that opens. Absent if another one has come since:
   * then nothing is asked and nothing stored, and a scheduler that was asked beforehand is freed.
   *
   * @throws `store_failed`, `store_closed`
   */
  async joinGroup(
    household: Household, invitation: Invitation, now: number, rows: Rows<Brought> = [], along: AlongEffects<OfGroups> = {},
  ): Promise<Brought | undefined> {
    const { house, at, rest } = reading(along, household, () => {
      const [house, at] = [clubOf(household), time(now) * 1_000];
      held(invitation, Invitation, "invitation");
      return { house, at, rest: restOf(rows, along, house) };
    });
    return this.#ofClub(rest, house, at, () => house.groups.join(house.own, house.contacts, invitation, at), async (arrival, joined) => {
      if (joined === undefined) {
        drop(rest.given ? [rest.scheduler] : []);
        return undefined;
      }
      joined.wants.free();
      arrival.takes(joined);
      await this.#offerAgain(arrival, joined.unblocks);
      return this.#brings(arrival, rest, (of) => of);
    });
  }

  /**
   * What is to be done for groups at every start, once a day, once a session was begun with whom something is due, and once a list was
   * fetched and stored (`Group.listsNeeded`, `Contacts.adopt`, `tell`): keys go whose time is over, what is due is given and asked for,
   * what waited for lists that are held by now opens, and what waited in vain goes. `flush` sends what there is.
   *
   * @throws `store_failed`, `store_closed`
   */
  async lookAfterGroups(
    household: Household, now: number, rows: Rows<Brought> = [], along: AlongEffects<OfGroups> = {},
  ): Promise<Brought> {
    const { house, at, rest } = reading(along, household, () => {
      const [house, at] = [clubOf(household), time(now) * 1_000];
      return { house, at, rest: restOf(rows, along, house) };
    });
    const { account, own, contacts, groups } = house;
    return this.#ofClub(rest, house, at, () => groups.maintain(own, account, contacts, at), async (arrival, outgoing) => {
      arrival.sends(outgoing);
      for (const name of names(groups)) {
        const waiting = await this.#waitingOf(name);
        const over = waiting.held.maintain(at);
        if (over.length > 0) arrival.drops(name, waiting, over);
      }
      await this.#offerAgain(arrival, await this.#listsFor(house, groups));
      return this.#brings(arrival, rest, (of) => of);
    });
  }

  /**
   * A call at its turn by which something may come of groups: nothing begins unless all of the household is there. What it begins with may
   * be refused, and has changed nothing then.
   */
  #ofClub<Given, Shown, Begun, Result>(
    rest: Rest<Given, Shown>, house: Household & { readonly groups: Groups }, at: number, begins: () => Begun,
    work: (arrival: Arrival, begun: Begun) => Promise<Result>,
  ): Promise<Result> {
    return this.#inTurn(async () => {
      const begun = this.#refusable(rest, begins);
      return this.#all(house, rest.scheduler, () => work(new Arrival(house, house.groups, at), begun));
    }, rest.given ? [rest.scheduler] : []);
  }

  /** Answers what is asked for, and stores what came of groups with what goes along. */
  async #brings<Given extends OfGroups, Shown extends Given & Brought>(
    arrival: Arrival, rest: Rest<Given, Shown>, given: (of: OfGroups) => Given,
  ): Promise<Shown> {
    arrival.responds(undefined);
    const of = given(arrival.come());
    const effects = allEffects(rest.effects(of));
    const told = this.#told(arrival, allChanges(...arrival.people), effects, arrival.now);
    const brought = { ...of, effects, untold: told.untold } as Shown;
    const rows = rest.rows(brought);
    await this.#store({ ...withGroups(told.ready(), arrival), scheduler: rest.scheduler, rows });
    return brought;
  }

  /** Stores what is sent to groups with what goes along. */
  async #storeSent(
    house: Household, arrival: Arrival, rest: Rest<GroupOutgoing, GroupOutgoing>, sent: GroupOutgoing,
  ): Promise<void> {
    const beside = this.#beside(rest, sent);
    const ready = named(house, allChanges(...arrival.people));
    await this.#store({ ...withGroups(ready, arrival), scheduler: rest.scheduler, ...beside });
  }

  /** What came of groups with a message of a session. */
  async #heard(arrival: Arrival, delivered: PersonDelivered): Promise<void> {
    const { own, contacts, groups, now } = arrival;
    const heard = groups.hear(own, contacts, delivered, now);
    try {
      arrival.takes(heard);
      await this.#offerAgain(arrival, [...heard.unblocks, ...unblockedByPeople(delivered.events)]);
      arrival.responds(heard.wants);
    } finally {
      heard.wants.free();
    }
  }

  /** Offers a message for the first time: it opens, it waits, or it is refused. */
  async #offered(arrival: Arrival, offered: KeptMessage): Promise<EvanesceError | undefined> {
    const [{ own, contacts, groups, now }, { message, ad }] = [arrival, offered];
    let delivered: GroupDelivered;
    try {
      delivered = groups.decrypt(own, contacts, message, now, ad);
    } catch (refusal) {
      if (!(refusal instanceof EvanesceError) || !NOTED.test(refusal.code)) throw refusal;
      const of = groups.knows(message);
      if (of !== undefined) arrival.changes({ groups: [of], invitations: false, people: NO_CHANGES });
      const name = of === undefined ? "" : inHex(of);
      const twin = await this.#twin(arrival, name, offered);
      if (twin !== undefined) {
        arrival.waits = twin.waiting.held.refusedAgain(twin.number, refusal);
        if (!arrival.waits) arrival.forgets(twin.name, twin.waiting, twin.number);
        else arrival.goesOnWaiting(twin.name, twin.waiting, twin.number, refusal);
        return arrival.waits ? undefined : refusal;
      }
      const [waiting, mark] = [await this.#waitingOf(name), markOf(offered, refusal)];
      const all = await Promise.all(names(groups).map(async (one) => [one, await this.#waitingOf(one)] as const));
      if (!hasRoom(all, mark)) return refusal;
      const { number, dropped } = waiting.held.refused(refusal, now);
      arrival.drops(name, waiting, dropped);
      if (number === undefined) return refusal;
      waiting.marks.set(number, mark);
      arrival.keeps(name, waiting, number, offered);
      for (const [one, its, which] of tooMuch(all)) {
        its.held.opened(which);
        if (its === waiting && which === number) arrival.forgets(one, its, which);
        else arrival.drops(one, its, [which]);
      }
      arrival.waits = waiting.marks.has(number);
      return arrival.waits ? undefined : refusal;
    }
    const twin = await this.#twin(arrival, inHex(delivered.group), offered);
    arrival.opens(delivered, Math.max(offered.age, twin === undefined ? 0 : ageOf(twin.kept, now)));
    if (twin === undefined) return undefined;
    // The carrier has repeated it, and it waits no more.
    twin.waiting.held.opened(twin.number);
    arrival.forgets(twin.name, twin.waiting, twin.number);
    return undefined;
  }

  /** The same message, all of it, if it waits already: in its group, or since before that was known. */
  async #twin(arrival: Arrival, of: string, { message, ad }: KeptMessage): Promise<Twin | undefined> {
    const end = message.slice(-32);
    for (const name of new Set([of, ""])) {
      const waiting = await this.#waitingOf(name);
      for (const [number, mark] of waiting.marks) {
        if (!isSame(end, mark.end) || mark.size !== message.length + ad.length) continue;
        const kept = await this.#kept(arrival, name, number);
        if (kept !== undefined && isSame(kept.message, message) && isSame(kept.ad, ad)) return { name, waiting, number, kept };
      }
    }
    return undefined;
  }

  async #kept(arrival: Arrival, name: string, number: number): Promise<KeptMessage | undefined> {
    const place = this.#keptPlace(name, number);
    const known = arrival.kept(name, number);
    if (known !== undefined) return known;
    const row = await this.#get<KeptRow>(STATES, place);
    if (row === undefined) return undefined;
    const { message, note } = row.kept;
    return withNote(message, this.#key ? this.#key.open(note, NOTE_KIND, place) : note);
  }

  #sealedKept(place: Bytes, kept: KeptMessage): KeptRow {
    const note = noteOf(kept);
    return { kept: { message: kept.message, note: this.#key ? this.#key.seal(note, NOTE_KIND, place) : note } };
  }

  /** What waited for this is offered again; what opens may unblock more. */
  async #offerAgain(arrival: Arrival, unblocks: readonly Unblocked[]): Promise<void> {
    const { own, contacts, groups, now } = arrival;
    for (let next = [...unblocks, ...arrival.unblocked()]; next.length > 0; next = arrival.unblocked()) {
      for (const name of names(groups)) {
        const waiting = await this.#waitingOf(name);
        for (const number of waiting.held.due(next)) {
          const row = await this.#kept(arrival, name, number);
          if (row === undefined) {
            waiting.held.opened(number);
            arrival.drops(name, waiting, [number]);
            continue;
          }
          try {
            arrival.opens(groups.decrypt(own, contacts, row.message, now, row.ad), ageOf(row, now));
            waiting.held.opened(number);
            arrival.forgets(name, waiting, number);
          } catch (refusal) {
            if (!(refusal instanceof EvanesceError) || !NOTED.test(refusal.code)) throw refusal;
            const of = groups.knows(row.message);
            if (of !== undefined) arrival.changes({ groups: [of], invitations: false, people: NO_CHANGES });
            if (waiting.held.refusedAgain(number, refusal)) arrival.goesOnWaiting(name, waiting, number, refusal);
            else arrival.drops(name, waiting, [number]);
          }
        }
      }
    }
  }

  /** What the lists of members unblock that are held: for what waits for one that nobody has said to have come. */
  async #listsFor({ own, contacts }: Household, groups: Groups): Promise<Unblocked[]> {
    const tags = new Map<string, Unblocked>();
    const takes = (person: Person | undefined): void => {
      for (const { device: { identity } } of person?.list?.devices ?? []) {
        const tag = memberTag(identity);
        tags.set(inHex(tag), { kind: "list", tag });
      }
      person?.free();
    };
    for (const id of groups.ids) {
      if ((await this.#waitingOf(inHex(id))).held.length === 0) continue;
      for (const { owner } of groups.group(id)?.members ?? []) takes(contacts.person(owner));
      takes(own.person);
    }
    return [...tags.values()];
  }

  async #waitingOf(name: string): Promise<Waiting> {
    const known = this.#waiting.get(name);
    if (known !== undefined) return known;
    const place = this.#place(`held/${name}`);
    const row = await this.#get<HeldRow>(STATES, place);
    const key = this.#key;
    const its = row && (key ? key.open(row.marks, NOTE_KIND, place) : row.marks);
    const marks = its === undefined ? new Map<number, Mark>() : marksOf(its);
    const held = row === undefined ? new HeldMessages() : key ? HeldMessages.unseal(row.held, key, place) : HeldMessages.restore(row.held);
    const waiting = { held, marks };
    this.#waiting.set(name, waiting);
    return waiting;
  }

  /** It is read again from what is stored. */
  #forgetWaiting(): void {
    for (const { held } of this.#waiting.values()) held.free();
    this.#waiting.clear();
  }

  #keptPlace(name: string, number: number): Bytes {
    return this.#place(`kept/${name}/${number}`);
  }

  /** Runs it; if it throws, all of the household is ahead of the store, and goes. */
  #all<Result>(house: Household, scheduler: ExpiryScheduler | undefined, work: () => Promise<Result>): Promise<Result> {
    return this.#whole([...all(house), scheduler], work);
  }

  /**
   * Runs it, where all is there: the application is asked nothing for what an earlier call has freed. If it throws, what is in memory is
   * ahead of the store, and goes.
   */
  async #whole<Result>(states: readonly (Handle | undefined)[], work: () => Promise<Result>): Promise<Result> {
    try {
      mustBeThere(states);
      return await work();
    } catch (cause) {
      drop(states);
      this.#forgetWaiting();
      throw failed(cause);
    }
  }

  /**
   * Stores what a call changed, for instance one of `Contacts`, with what own other devices are told of it and of `effects`, in one
   * transaction. `flush` sends that; whom it could not reach it gives, for a function of `rows` too. After a list that was fetched
   * `lookAfterGroups` opens what had waited for it.
   *
   * @throws `store_failed`, `store_closed`, and `invalid_argument` where the changes name what is not there any more: the household is
   * freed, since it is ahead of what is stored
   */
  async tell(
    household: Household, changes: PeopleChanges, now: number, rows: Rows<Untold> = [], effects?: Effects | (() => Effects) | undefined,
  ): Promise<Untold> {
    const { house, rest, changed } = reading({ effects }, household, () => {
      const [house, changed] = [householdOf(household), allChanges(changes)];
      time(now);
      packedEvents(changed.tell);
      return { house, rest: restOf<void, Untold>(rows, { effects }, house), changed };
    });
    return this.#inTurn(() => this.#all(house, undefined, async () => {
      const { untold, ready } = this.#told(house, changed, allEffects(rest.effects()), now);
      const rows = rest.rows(untold);
      await this.#store({ ...ready(), scheduler: house.scheduler, rows });
      return untold;
    }), all(house));
  }

  /** What own devices are to be told goes out with what is stored: that is taken last, as it holds copies of people. */
  #told(
    house: Pick<Household, "account" | "own" | "contacts">, changes: PeopleChanges, effects: Effects, now: number,
  ): { readonly untold: Untold; readonly ready: () => Ready } {
    const events = [...changes.tell, ...effects.tell];
    const writes = this.#records(effects);
    let told: FanOut | undefined;
    try {
      if (events.length > 0) told = house.own.to(ofOwn(house.own, ({ owner }) => owner)).tellEvents(house.contacts, events, 0, now);
    } catch (refusal) {
      // Of a device that was removed nobody is told anything, unless it is taken back; after the list has ended, nobody is until the next.
      if (!(refusal instanceof EvanesceError) || !/^(removed|list_expired)$/.test(refusal.code)) throw refusal;
    }
    const { messages = [], unreached = [] } = told ?? {};
    const changed = told === undefined ? changes : allChanges(changes, told.changes);
    const to = told === undefined && events.length > 0 ? otherDevices(house.own) : unreached.map((missed) => missed.to);
    return { untold: { to, events: to.length > 0 ? events : [] }, ready: () => ({ ...named(house, changed), writes, outgoing: messages }) };
  }

  /**
   * Stores all of this at once, for calls of your own.
   *
   * @throws `invalid_argument` of what is not as `Commit` says, before anything changes; `store_failed`, `store_closed`, and
   * `invalid_argument` where changes name what is not there at the turn of this call and does not go by it: account, peers, own devices,
   * contacts, groups and scheduler are freed, since they are ahead of what is stored
   */
  async commit(commit: Commit): Promise<void> {
    const { contacts, changes, groups, scheduler, rest, ofGroups, mentioned, states, goes, goneGroups, messages } =
      reading(commit, undefined, () => this.#readCommit(commit));
    const ahead = [...states, contacts, groups, scheduler];
    return this.#inTurn(() => this.#whole(ahead, async () => {
      const beside = this.#beside(rest, undefined);
      for (const name of goneGroups.map(inHex)) {
        const { held, marks } = await this.#waitingOf(name);
        goes.push(...["groups", "held"].map((of) => this.#place(`${of}/${name}`)));
        goes.push(...[...marks.keys()].map((number) => this.#keptPlace(name, number)));
        held.free();
        this.#waiting.delete(name);
      }
      const ids = (ofGroups?.groups ?? groups?.ids ?? []).filter((id) =>
        groups?.group(id) !== undefined || !goneGroups.some((one) => one.join() === id.join()));
      // What goes in the same transaction needs not be there.
      const isGone = (place: Bytes): boolean => goes.some((one) => one.join() === place.join());
      const peersOf = (addresses: readonly Uint8Array[]): Peer[] =>
        those(addresses, (one) => contacts?.peer(one), "peer", (one) => isGone(this.#placeOf(one)));
      const peopleOf = (owners: readonly Uint8Array[]): Person[] =>
        those(owners, (owner) => contacts?.person(owner), "person", (owner) => isGone(this.#placeOfPerson(owner)));
      let [itsPeers, people] = [peersOf(mentioned.peers), peopleOf(mentioned.people)];
      // What groups changed of people says nothing of what else is to be stored of them.
      if (changes === undefined && contacts !== undefined) {
        people.forEach((person) => person.free());
        [itsPeers, people] = [peersOf(contacts.addresses), peopleOf(contacts.owners)];
      }
      return this.#store({
        states: [...states, ...itsPeers], people, contacts, ahead, scheduler, outgoing: messages, goes, ...beside,
        ofGroups: groups && { groups: ids, invitations: ofGroups?.invitations ?? true, of: groups },
      });
    }), ahead);
  }

  #readCommit(commit: Commit) {
    const {
      account, peers = [], own, contacts, changes, groups, groupChanges, forgotten = {}, effects, scheduler, outgoing = [],
      rows = [],
    } = fields(commit, "commit");
    if (account !== undefined) held(account, Account, "commit.account");
    if (own !== undefined) held(own, OwnDevices, "commit.own");
    if (contacts !== undefined) held(contacts, Contacts, "commit.contacts");
    if (groups !== undefined) held(groups, Groups, "commit.groups");
    const rest = restOf<undefined, void>(rows, { effects, scheduler });
    const ofGroups = groupChanges === undefined ? undefined : groupChangesOf(groupChanges);
    const mentioned = allChanges(...[changes, ofGroups?.people].filter((one) => one !== undefined));
    if ((ofGroups?.groups.length || ofGroups?.invitations) && !groups) throw invalid("commit.groupChanges names what is not given");
    if ((mentioned.account && !account) || (mentioned.own && !own) || ((mentioned.people.length || mentioned.peers.length) && !contacts)) {
      throw invalid("commit.changes names what is not given");
    }
    const listed = [...peers];
    for (const peer of listed) held(peer, Peer, "a peer");
    const states = [account, own, ...listed].filter((state) => state !== undefined);
    const gone = fields(forgotten, "commit.forgotten");
    const goes = [
      ...[...(gone.peers ?? [])].map((one) => this.#placeOf(checkedAddress(one, "a forgotten peer"))),
      ...[...(gone.people ?? [])].map((one) => this.#placeOfPerson(exactly(one, 64, "a forgotten person"))),
    ];
    const goneGroups = [...(gone.groups ?? [])].map((one) => exactly(one, 32, "a forgotten group").slice());
    const messages = [...outgoing].map(({ to, message }) =>
      ({ to: checkedAddress(to, "to").slice(), message: bytes(message, "message").slice() }));
    return { contacts, changes, groups, scheduler, rest, ofGroups, mentioned, states, goes, goneGroups, messages };
  }

  /**
   * What is stored and not known to have been sent, in its order.
   *
   * @throws `store_failed`, `store_closed`; `undecryptable` if a row was altered
   */
  async outbox(): Promise<Outgoing[]> {
    const rows = await this.#read(OUTBOX, (outbox) => answer<Outgoing[]>(outbox.getAll()));
    return rows.map(({ number, to, message }) => ({ number, to: this.#addressee(to, message), message }));
  }

  /**
   * Sends what is in the outbox, one after the other: `transmit` resolves when the server has a message, and then it is
   * forgotten. If it rejects, that message and those behind it stay, and this rejects so. One flush goes at a time: another
   * begins when it has ended, so `transmit` must not wait for one.
   *
   * Call it at each start too: what was stored and not sent before the page was closed is there still. A message goes twice
   * only if the page ended between its sending and its being forgotten; peers refuse it then as `duplicate`.
   */
  async flush(transmit: (to: Uint8Array, message: Uint8Array) => Promise<void> | void): Promise<void> {
    if (typeof transmit !== "function") throw invalid("transmit must be a function");
    const mine = this.#flushing.then(async () => {
      for (const { number, to, message } of await this.outbox()) {
        await transmit(to, message);
        await this.#write([OUTBOX], ([outbox]) => void outbox?.delete(number));
      }
    });
    this.#flushing = mine.catch(() => {});
    return mine;
  }

  /** Runs it once what was begun before has ended, if the store is open then; otherwise what waited for it goes. */
  #inTurn<Result>(work: () => Promise<Result>, ahead: readonly (Handle | undefined)[] = []): Promise<Result> {
    const mine = this.#turn.then(() => {
      this.#orDrop(ahead, () => this.#mustBeOpen());
      return work();
    });
    this.#turn = mine.then(() => {}, () => {});
    return mine;
  }

  /**
   * Runs what may be refused, where all is there that is to be stored with it; if it is, a scheduler that was asked beforehand is ahead of
   * the store, and goes.
   */
  #refusable<Given, Shown, Result>({ scheduler, house, given }: Rest<Given, Shown>, work: () => Result): Result {
    return this.#orDrop(given ? [scheduler] : [], () => {
      if (scheduler !== undefined) held(scheduler, ExpiryScheduler);
      if (house !== undefined) householdOf(house);
      this.#newest.of(datedWrites(given));
      return work();
    });
  }

  /** What goes along, now that the result is there: the scheduler is asked first, then the application. */
  #beside<Result>(rest: Rest<Result, Result>, result: Result): Pick<Ready, "writes" | "rows"> {
    const writes = this.#records(rest.effects(result));
    return { writes, rows: rest.rows(result) };
  }

  /** Runs it; if it throws, what is in memory is ahead of the store, and goes. */
  #orDrop<Result>(states: readonly (Handle | undefined)[], work: () => Result): Result {
    try {
      return work();
    } catch (cause) {
      drop(states);
      throw failed(cause);
    }
  }

  /** Writes all of it in one transaction. All is sealed before that begins, and nothing waits within it. */
  async #store({
    states, people = [], contacts, ahead = [], scheduler, writes = [], outgoing = [], rows = [], goes = [], ofGroups, kept = [],
    held: waiting = [],
  }: Ready): Promise<void> {
    const all = [...states, ...ahead, scheduler, ofGroups?.of];
    try {
      if (scheduler !== undefined) held(scheduler, ExpiryScheduler);
      if (people.length > 0) await this.#readOrder();
      // Whoever comes back in the same transaction is somebody new.
      for (const place of goes) this.#order?.delete(place.join());
      this.#numberAll(people, contacts);
      const sealed: [place: Bytes, row: StateRow][] =
        [...states.map((state) => this.#sealed(state)), ...people.map((person) => this.#sealedPerson(person))];
      people.forEach((person) => person.free());
      if (ofGroups !== undefined) sealed.push(...this.#sealedGroups(ofGroups));
      for (const [name, { held, marks }] of waiting) {
        const place = this.#place(`held/${name}`);
        const its = packedMarks(marks);
        sealed.push([place, this.#key
          ? { held: held.seal(this.#key, place), marks: this.#key.seal(its, NOTE_KIND, place) } : { held: held.snapshot(), marks: its }]);
      }
      const gone = [...goes];
      for (const [name, number, row] of kept) {
        const place = this.#keptPlace(name, number);
        if (row === undefined) gone.push(place);
        else sealed.push([place, this.#sealedKept(place, row)]);
      }
      this.#mustStandApart(states);
      const moved = states.flatMap((state) => (state instanceof Peer ? this.#leaves(state) : []));
      const messages = outgoing.map(({ to, message }) => ({ to: this.#sealedAddressee(to, message), message }));
      await this.#write([STATES, RECORDS, OUTBOX, ROWS], ([states, expiry, outbox, own]) => {
        for (const place of [...gone, ...moved]) states?.delete(place);
        for (const [place, row] of sealed) states?.put(row, place);
        for (const { key, value } of writes) void (value === undefined ? expiry?.delete(key) : expiry?.put(value, key));
        for (const message of messages) outbox?.add(message);
        for (const [key, value] of rows) void (value === undefined ? own?.delete(key) : own?.put(value, key));
      });
      this.#newest.stored(writes);
      for (const place of [...gone, ...moved]) this.#rowAt.delete(place.join());
      for (const state of states) {
        if (!(state instanceof Peer)) continue;
        const [before, place] = [this.#rowOf.get(peerId(state)), this.#placeOf(state.address)];
        const isThere = before?.place.join() === place.join() && this.#rowAt.get(place.join()) === before.row;
        if (!isThere) this.#stands(peerId(state), place, {});
      }
    } catch (cause) {
      drop([...all, ...people]);
      this.#forgetWaiting();
      // Nobody has the numbers that were given to people just now, and whoever was to go is still there.
      this.#order = undefined;
      throw failed(cause);
    }
  }

  #sealedGroups({ of, groups, invitations }: Required<Ready>["ofGroups"] & object): [place: Bytes, row: StateRow][] {
    const key = this.#key;
    const rows = those(groups, (id) => of.group(id), "group").map((group): [Bytes, StateRow] => {
      const place = this.#place(`groups/${inHex(group.id)}`);
      return [place, { group: key ? group.seal(key, place) : group.snapshot() }];
    });
    const place = this.#place("invitations");
    return invitations ? [...rows, [place, key ? of.sealInvitations(key, place) : of.snapshotInvitations()]] : rows;
  }

  /** One transaction, which counts only if nobody has opened the store since this one was opened. */
  async #write(tables: readonly string[], work: (stores: readonly IDBObjectStore[]) => void): Promise<void> {
    this.#mustBeOpen();
    let isTaken = false;
    try {
      const transaction = this.#database.transaction([...tables, META], "readwrite", { durability: "strict" });
      const completed = completion(transaction);
      const epoch = transaction.objectStore(META).get(EPOCH);
      epoch.onsuccess = () => {
        isTaken = epoch.result !== this.#epoch;
        if (isTaken) transaction.abort();
      };
      try {
        work(tables.map((table) => transaction.objectStore(table)));
      } catch (error) {
        completed.catch(() => {});
        transaction.abort();
        throw error;
      }
      await completed;
    } catch (cause) {
      if (isTaken) this.#end("somebody else has opened it");
      this.#mustBeOpen();
      throw failed(cause);
    }
  }

  /** No call is made from here on. */
  #end(reason: string): void {
    if (this.#ending !== undefined) return;
    this.#ending = reason;
    this.#database.close();
    void this.#turn.then(() => {
      this.#forgetWaiting();
      this.#letGo();
    });
  }

  #mustBeOpen(): void {
    if (this.#ending !== undefined) throw new EvanesceError("store_closed", `the store is closed: ${this.#ending}`);
  }

  #sealed(state: Account | Peer | OwnDevices): [place: Bytes, row: Bytes] {
    const place = state instanceof Peer
      ? this.#placeOf(state.address) : this.#place(state instanceof Account ? "account" : "own devices");
    return [place, this.#key ? state.seal(this.#key, place) : state.snapshot()];
  }

  #sealedPerson(person: Person): [place: Bytes, row: PersonRow] {
    const place = this.#placeOfPerson(person.owner);
    const number = this.#numbered(place);
    return [place, { number, person: this.#key ? person.seal(this.#key, personAd(place, number)) : person.snapshot() }];
  }

  /** The number of whoever stands there: of somebody new, one above all others. */
  #numbered(place: Bytes): number {
    const order = (this.#order ??= new Map<string, number>());
    const number = order.get(place.join()) ?? (this.#last += 1);
    order.set(place.join(), number);
    return number;
  }

  async #readOrder(): Promise<void> {
    if (this.#order !== undefined) return;
    const rows = (await this.#states()).filter(isPersons);
    this.#order = new Map(rows.map(([place, { number }]) => [place.join(), number]));
    this.#last = rows.reduce((last, [, { number }]) => Math.max(last, number), 0);
  }

  /** With whoever is new all get their numbers who became known before, also those who are stored later, or never. */
  #numberAll(people: readonly Person[], contacts: Contacts | undefined): void {
    if (contacts === undefined || people.every(({ owner }) => this.#order?.has(this.#placeOfPerson(owner).join()))) return;
    for (const owner of contacts.owners) this.#numbered(this.#placeOfPerson(owner));
  }

  /** Of two peers at one place only the last would be stored. */
  #mustStandApart(states: Ready["states"]): void {
    const there = new Map<string, number>();
    for (const state of states) {
      if (!(state instanceof Peer)) continue;
      const [place, id] = [this.#placeOf(state.address).join(), peerId(state)];
      if ((there.get(place) ?? id) !== id) throw invalid("two peers are at one address");
      there.set(place, id);
    }
  }

  /** Where its row stands, if that is elsewhere, and is not another's by now. */
  #leaves(peer: Peer): Bytes[] {
    const [before, place] = [this.#rowOf.get(peerId(peer)), this.#placeOf(peer.address).join()];
    if (before === undefined || before.place.join() === place) return [];
    return this.#rowAt.get(before.place.join()) === before.row ? [before.place] : [];
  }

  #stands(id: number, place: Bytes, row: object): void {
    this.#rowOf.set(id, { place, row });
    this.#rowAt.set(place.join(), row);
  }

  #peer(row: Uint8Array, place: Bytes): Peer {
    const peer = this.#key ? Peer.unseal(row, this.#key, place) : Peer.restore(row);
    this.#stands(peerId(peer), place, this.#rowAt.get(place.join()) ?? {});
    return peer;
  }

  async #states(): Promise<[place: Bytes, row: StateRow][]> {
    const [places, rows] = await this.#read(STATES, (states) =>
      Promise.all([answer(states.getAllKeys()), answer<StateRow[]>(states.getAll())]));
    return rows.map((row, number) => [new Uint8Array(places[number] as ArrayBuffer), row]);
  }

  /** What is to be written of it: nothing in place of what was given later, and is stored by now. */
  #records(effects: Effects | undefined): Writes {
    const key = this.#key;
    return this.#newest.of(datedWrites(effects)).map(({ key: name, value, given }) => {
      const row = value && (key ? sealRecord(key, { key: name, value, id: undefined }) : value.slice());
      return { key: name.slice(), value: row, given };
    });
  }

  /** Whom a message is for, bound to it, and as long for all. */
  #sealedAddressee(to: Bytes, message: Uint8Array): Bytes {
    if (this.#key === undefined) return to;
    const padded = new Uint8Array(65);
    padded[0] = to.length;
    padded.set(to, 1);
    return this.#key.seal(padded, ADDRESSEE_KIND, message);
  }

  #addressee(to: Bytes, message: Uint8Array): Bytes {
    if (this.#key === undefined) return to;
    const padded = this.#key.open(to, ADDRESSEE_KIND, message);
    return padded.slice(1, 1 + (padded[0] ?? 0));
  }

  #placeOf(address: Uint8Array): Bytes {
    return this.#place(`peers/${inHex(address)}`);
  }

  #placeOfPerson(owner: Uint8Array): Bytes {
    return this.#place(`people/${inHex(owner)}`);
  }

  /** With a key nobody without it can tell which row is whose. */
  #place(name: string): Bytes {
    return this.#key ? this.#key.rowName(utf8(name)) : utf8(name);
  }

  async #read<Result>(table: string, work: (store: IDBObjectStore) => Promise<Result>): Promise<Result> {
    this.#mustBeOpen();
    try {
      return await work(this.#database.transaction([table], "readonly").objectStore(table));
    } catch (cause) {
      this.#mustBeOpen();
      throw failed(cause);
    }
  }

  #get<Row>(table: string, key: IDBValidKey): Promise<Row | undefined> {
    return this.#read(table, (store) => answer<Row | undefined>(store.get(key)));
  }
}
