// A store that keeps to the rule: what changed is stored in one transaction with what it gave, and only then anything leaves.

import {
  Account, Contacts, EvanesceError, ExpiryScheduler, OwnDevices, Peer, Person, StorageKey, allChanges, noteIn, openRecord,
  sealRecord, utf8,
  type Address, type Age, type Bytes, type Delivered, type Effects, type Encrypted, type FanOut, type Now, type OwnEvent,
  type Payload, type PeopleChanges, type PersonDelivered, type PersonEvent,
} from "./everything.js";
import { address as checkedAddress, bytes, exactly, fields, flag, time } from "./checks.js";
import { invalid } from "./errors.js";
import { clocks, rawAge } from "./expiry.js";
import { held, type Handle } from "./handle.js";
import { peerId } from "./peer.js";
import { ownerOf } from "./people.js";

/** A message that is stored, and not known to have been sent. */
export interface Outgoing {
  /** Its place in the order in which they were stored. */
  readonly number: number;
  /** Whom it is for. */
  readonly to: Bytes;
  /** Its bytes. */
  readonly message: Bytes;
}

/**
 * A row of the application's own, in the same transaction: any value that IndexedDB takes, or `undefined` to delete it. **It is
 * stored as it is given**, with a key too: what is to be sealed of it, seal with `StorageKey.seal`.
 */
export type OwnRow = readonly [key: string, value: unknown];

/** What may go along with a call, whose result is `Result`. */
export interface Along<Result> {
  /** What the peer must name too: see `Peer.encrypt`. */
  readonly ad?: Uint8Array | undefined;
  /**
   * What a scheduler gave for the same message, or what asks it once the message is there. If the message is refused nothing
   * is asked; a scheduler that was asked before is freed then, since what it gave is not stored.
   */
  readonly effects?: Effects | ((result: Result) => Effects) | undefined;
  /** The scheduler that the effects are of: it is freed if they are not stored. Give it whenever there are effects. */
  readonly scheduler?: ExpiryScheduler | undefined;
}

/** What is stored at once by `Store.commit`. */
export interface Commit {
  readonly account?: Account | undefined;
  readonly peers?: Iterable<Peer> | undefined;
  readonly own?: OwnDevices | undefined;
  /** People and peers: those that `changes` names, or all of them. */
  readonly contacts?: Contacts | undefined;
  /** What a call changed. What it names has to be given. */
  readonly changes?: PeopleChanges | undefined;
  /** Whose rows go, after `Contacts.removePeer` and `removePerson`. */
  readonly forgotten?: { readonly peers?: Iterable<Address> | undefined; readonly people?: Iterable<Uint8Array> | undefined } | undefined;
  readonly effects?: Effects | undefined;
  /** The scheduler that the effects are of: it is freed if they are not stored. Give it whenever there are effects. */
  readonly scheduler?: ExpiryScheduler | undefined;
  readonly outgoing?: Iterable<{ readonly to: Address; readonly message: Uint8Array }> | undefined;
  readonly rows?: Iterable<OwnRow> | undefined;
}

/** All that a device holds of its user, who may have several, and of others. */
export interface Household {
  readonly account: Account;
  readonly own: OwnDevices;
  readonly contacts: Contacts;
  /** What own devices tell of messages and timers goes to it. Always give it, if there is one. */
  readonly scheduler?: ExpiryScheduler | undefined;
}

/** What may go along with a message to a person. */
export interface AlongTo extends Along<FanOut> {
  /** Of its devices and one's own, those alone: whom the same message did not reach before. */
  readonly only?: readonly Address[] | undefined;
}

/** What may go along with a message of a person. */
export interface AlongFrom extends Along<PersonDelivered> {
  /** How old the message is, since it was handed to the carrier: 0 if absent. */
  readonly age?: Age | undefined;
}

/** What own devices are to be told later, since they were not reached: when there is a session with them, `Recipients.tellEvents`. */
export interface Untold {
  readonly to: readonly Bytes[];
  readonly events: readonly OwnEvent[];
}

/** A message of a person that is stored. */
export interface Heard extends PersonDelivered {
  /** What it had the scheduler say, of what own devices told and of `Along.effects`: all of it is stored, and told. */
  readonly effects: Effects;
  readonly untold: Untold;
}

/** How a store is opened. */
export interface StoreOptions {
  /**
   * Seals every row of the library's, and whom messages in the outbox are for; how many rows there are, how long they are, and
   * the application's own rows it does not hide. Without one they are plain: whoever reads the profile of the browser reads
   * them. With or without, a store stays as it was made.
   */
  readonly key?: StorageKey | undefined;
  /**
   * The caller sees to it that nobody else opens this store, as long as it is open: for where there are no
   * `navigator.locks`, as in Node 20 and on pages without TLS. Where there are, the lock is taken nevertheless.
   */
  readonly soleHolder?: boolean | undefined;
  /** Another one than the browser's: for tests. */
  readonly indexedDB?: IDBFactory | undefined;
}

const STATES = "states", RECORDS = "records", OUTBOX = "outbox", ROWS = "rows", META = "meta";

/** What stands in META: what tells whether the key is the right one, and how often the store was opened. */
const CHECK = "check", EPOCH = "epoch";

/** Kinds of what is sealed here alone, among those that are left to applications. */
const CHECK_KIND = 254, ADDRESSEE_KIND = 255;

/**
 * The state of one account in IndexedDB: account, peers, the rows of a scheduler, messages to be sent, and rows of the
 * application's own, all in one transaction.
 *
 * Calls of `send`, `receive` and `commit` take their turns: each begins when those before it are stored or have failed, and
 * nothing is encrypted or decrypted before.
 *
 * If a transaction fails the call throws `store_failed`, and the account, the peers and the scheduler that it had are freed,
 * since they are ahead of what is stored: later calls with them are refused as `freed`. Take them from the store again.
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
  /** Where each peer stands, by its number: one that moves leaves no row behind that could be taken for it. */
  readonly #rowOf = new Map<number, Bytes>();
  /** In which order people became known, by the places of their rows. */
  #order: Map<string, number> | undefined;
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
   * @throws `store_in_use` if another tab has it; `no_locks`; `undecryptable` if it was made with another key, with one where
   * none is given, or the other way about: **no reason to begin with a new account**; `store_failed`
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
    const others = ["account", "own devices"].map((name) => this.#place(name).join());
    const rows = await this.#inTurn(() => this.#states());
    const contacts = new Contacts();
    for (const [place, row] of rows.filter(([, row]) => isPersons(row)).sort(byOrder)) {
      const { number, person } = row as PersonRow;
      const ad = personAd(place, number);
      contacts.addPerson(this.#key ? Person.unseal(person, this.#key, ad) : Person.restore(person));
    }
    for (const [place, row] of rows) {
      if (!isPersons(row) && !others.includes(place.join())) contacts.addPeer(this.#peer(row, place));
    }
    return contacts;
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
    peer: Peer, payload: Payload | Uint8Array, now: number, rows: Iterable<OwnRow> = [], along: Along<Encrypted> = {},
  ): Promise<Encrypted> {
    held(peer, Peer, "peer");
    time(now);
    const [copied, own, rest] = [copiedPayload(payload), rowsOf(rows), alongOf(along)];
    return this.#inTurn(async () => {
      const encrypted = this.#refusable(rest, () => peer.encrypt(copied, now, rest.ad));
      const states = [peer], { scheduler } = rest;
      const writes = this.#orDrop([...states, scheduler], () => this.#records(rest.effects(encrypted)));
      const outgoing = [{ to: peer.address, message: encrypted.message }];
      await this.#store({ states, scheduler, writes, outgoing, rows: own });
      return encrypted;
    }, rest.wasAsked ? [rest.scheduler] : []).finally(() => copied.body.fill(0));
  }

  /**
   * Decrypts a message from a peer, and stores what it changed together with the rows that `rows` makes of it, in one
   * transaction. Acknowledge the message to the server once this has resolved, and not before. A refusal is noted in the
   * peer, stored, and thrown.
   *
   * @throws as `Peer.decrypt`; `store_failed`, `store_closed`
   */
  async receive(
    account: Account, peer: Peer, message: Uint8Array, now: number,
    rows: (delivered: Delivered) => Iterable<OwnRow> = () => [], along: Along<Delivered> = {},
  ): Promise<Delivered> {
    held(account, Account, "account");
    held(peer, Peer, "peer");
    time(now);
    if (typeof rows !== "function") throw invalid("rows must be a function");
    const [copied, rest] = [bytes(message, "message").slice(), alongOf(along)];
    return this.#inTurn(async () => {
      let delivered: Delivered;
      try {
        delivered = this.#refusable(rest, () => peer.decrypt(account, copied, now, rest.ad));
      } catch (refusal) {
        if (refusal instanceof EvanesceError && NOTED.test(refusal.code) && peer.noteRefusal(copied, refusal, now).peer) {
          await this.#store({ states: [peer] });
        }
        throw refusal;
      }
      const { scheduler } = rest;
      // What the application makes of it belongs to the transaction: if that throws, nothing of the message counts.
      const [own, writes] = this.#orDrop([account, peer, scheduler], () =>
        [rowsOf(rows(delivered)), this.#records(rest.effects(delivered))] as const);
      const states = delivered.changes.account ? [account, peer] : [peer];
      await this.#store({ states, scheduler, writes, rows: own });
      return delivered;
    }, rest.wasAsked ? [rest.scheduler] : []);
  }

  /**
   * Encrypts a payload for all devices of a person and one's own, and stores it: peers, messages, and the application's rows, in
   * one transaction. `flush` sends them. Whom it does not reach is in `unreached`: once there is a session, send the same to these
   * `only`.
   *
   * @throws as `Recipients.encrypt`; `store_failed`, `store_closed`
   */
  async sendTo(
    household: Household, person: Person | Uint8Array, payload: Payload | Uint8Array, now: number, rows: Iterable<OwnRow> = [],
    along: AlongTo = {},
  ): Promise<FanOut> {
    const [house, owner] = [householdOf(household), ownerOf(person).slice()];
    time(now);
    const [copied, own, rest] = [copiedPayload(payload), rowsOf(rows), alongOf(along, house.scheduler)];
    const { only } = along;
    const recipients = only === undefined ? house.own.to(owner) : house.own.to(owner).only(only);
    return this.#inTurn(async () => {
      const { contacts } = house;
      const sent = this.#refusable(rest, () => recipients.encrypt(contacts, copied, now, rest.ad));
      const writes = this.#orDrop([contacts, rest.scheduler], () => this.#records(rest.effects(sent)));
      await this.#store({ ...named(house, sent.changes), scheduler: rest.scheduler, writes, outgoing: sent.messages, rows: own });
      return sent;
    }, rest.wasAsked ? [rest.scheduler] : []).finally(() => copied.body.fill(0));
  }

  /**
   * Decrypts a message that came from this address, and stores what it changed together with the rows that `rows` makes of it, in
   * one transaction. What own devices give and make known is taken, what they tell goes to the scheduler, and what they are to be
   * told in return stands in the outbox. Acknowledge the message to the server once this has resolved, and not before; then
   * `flush`. A refusal is noted in the peer, stored, and thrown.
   *
   * @throws as `OwnDevices.decrypt`; `store_failed`, `store_closed`
   */
  async receiveFrom(
    household: Household, from: Address, message: Uint8Array, now: Now, rows: (delivered: PersonDelivered) => Iterable<OwnRow> = () => [],
    along: AlongFrom = {},
  ): Promise<Heard> {
    const [house, sender, [wall]] = [householdOf(household), checkedAddress(from, "from").slice(), clocks(now)];
    if (typeof rows !== "function") throw invalid("rows must be a function");
    const [copied, rest] = [bytes(message, "message").slice(), alongOf(along, house.scheduler)];
    const { age = 0 } = along;
    rawAge(age);
    return this.#inTurn(async () => {
      const { account, own, contacts } = house;
      let opened: PersonDelivered;
      try {
        opened = this.#refusable(rest, () => own.decrypt(account, contacts, sender, copied, wall, rest.ad));
      } catch (refusal) {
        const peer = peerAt(contacts, sender, wall);
        if (peer && refusal instanceof EvanesceError && NOTED.test(refusal.code) && peer.noteRefusal(copied, refusal, wall).peer) {
          await this.#store({ states: [peer], ahead: [contacts] });
        }
        throw refusal;
      }
      const { scheduler } = rest;
      const { delivered, ready, effects, untold } = this.#orDrop([...all(house), scheduler], () => {
        const delivered = withGiven(house, opened, wall);
        const told = scheduler === undefined ? undefined : noteIn(delivered, scheduler, age, now);
        const effects = bothEffects(told, rest.effects(delivered));
        const ready = { ...this.#told(house, delivered.changes, effects, wall), scheduler, rows: rowsOf(rows(delivered)) };
        return { delivered, ready, effects, untold: ready.untold };
      });
      await this.#store(ready);
      return { ...delivered, effects, untold };
    }, rest.wasAsked ? [rest.scheduler] : []);
  }

  /**
   * Stores what a call changed, for instance one of `Contacts`, with what own other devices are told of it and of `effects`, in one
   * transaction. `flush` sends that.
   *
   * @throws `store_failed`, `store_closed`: the household is freed, since it is ahead of what is stored
   */
  async tell(
    household: Household, changes: PeopleChanges, now: number, rows: Iterable<OwnRow> = [], effects?: Effects | undefined,
  ): Promise<Untold> {
    const [house, own, changed] = [householdOf(household), rowsOf(rows), allChanges(changes)];
    time(now);
    return this.#inTurn(async () => {
      const ready = this.#orDrop(all(house), () => this.#told(house, changed, bothEffects(effects, undefined), now));
      await this.#store({ ...ready, scheduler: house.scheduler, rows: own });
      return ready.untold;
    }, all(house));
  }

  /** What own devices are to be told goes out with what is stored. */
  #told(house: Household, changes: PeopleChanges, effects: Effects, now: number): Ready & { readonly untold: Untold } {
    const events = [...changes.tell, ...effects.tell];
    const writes = this.#records(effects);
    let told: FanOut | undefined;
    try {
      if (events.length > 0) told = house.own.to(house.own.person).tellEvents(house.contacts, events, 0, now);
    } catch (refusal) {
      // Of a device that was removed nobody is told anything any more; after the list has ended, nobody is until the next one.
      if (!(refusal instanceof EvanesceError) || !/^(removed|list_expired)$/.test(refusal.code)) throw refusal;
    }
    const { messages = [], unreached = [] } = told ?? {};
    const changed = told === undefined ? changes : allChanges(changes, told.changes);
    const to = unreached.map((missed) => missed.to);
    return { ...named(house, changed), writes, outgoing: messages, untold: { to, events: to.length > 0 ? events : [] } };
  }

  /**
   * Stores all of this at once, for calls of your own.
   *
   * @throws `store_failed`, `store_closed`: account, peers, own devices, contacts and scheduler are freed, since they are ahead of
   * what is stored
   */
  async commit(commit: Commit): Promise<void> {
    const {
      account, peers = [], own, contacts, changes, forgotten = {}, effects, scheduler, outgoing = [], rows = [],
    } = fields(commit, "commit");
    if (account !== undefined) held(account, Account, "commit.account");
    if (own !== undefined) held(own, OwnDevices, "commit.own");
    if (contacts !== undefined) held(contacts, Contacts, "commit.contacts");
    if (scheduler !== undefined) held(scheduler, ExpiryScheduler, "commit.scheduler");
    const named = changes && allChanges(changes);
    if ((named?.account && !account) || (named?.own && !own) || ((named?.people.length || named?.peers.length) && !contacts)) {
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
    const [writes, itsRows] = [this.#records(effects), rowsOf(rows)];
    const messages = [...outgoing].map(({ to, message }) =>
      ({ to: checkedAddress(to, "to").slice(), message: bytes(message, "message").slice() }));
    const ahead = [...states, contacts, scheduler];
    return this.#inTurn(() => {
      const those = contacts && this.#orDrop(ahead, () => {
        const [people, addresses] = named ? [named.people, named.peers] : [contacts.owners, contacts.addresses];
        return { people: people.map((owner) => contacts.person(owner)), peers: addresses.map((one) => contacts.peer(one)) };
      });
      return this.#store({
        states: [...states, ...present(those?.peers ?? [])], people: present(those?.people ?? []), ahead, scheduler, writes,
        outgoing: messages, rows: itsRows, goes,
      });
    }, ahead);
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

  /** Runs what may be refused; if it is, a scheduler that was asked beforehand is ahead of the store, and goes. */
  #refusable<Result, Value>(rest: Rest<Value>, work: () => Result): Result {
    if (rest.scheduler !== undefined) held(rest.scheduler, ExpiryScheduler);
    return this.#orDrop(rest.wasAsked ? [rest.scheduler] : [], work);
  }

  /** Runs it; if it throws, what is in memory is ahead of the store, and goes. */
  #orDrop<Result>(states: readonly (Handle | undefined)[], work: () => Result): Result {
    try {
      return work();
    } catch (cause) {
      for (const state of states) state?.free();
      throw failed(cause);
    }
  }

  /** Writes all of it in one transaction. All is sealed before that begins, and nothing waits within it. */
  async #store({
    states, people = [], ahead = [], scheduler, writes = [], outgoing = [], rows = [], goes = [],
  }: Ready): Promise<void> {
    const all = [...states, ...ahead, scheduler];
    try {
      if (scheduler !== undefined) held(scheduler, ExpiryScheduler);
      if (people.length > 0) await this.#readOrder();
      const sealed = [...states.map((state) => this.#sealed(state)), ...people.map((person) => this.#sealedPerson(person))];
      people.forEach((person) => person.free());
      const moved = states.flatMap((state) => (state instanceof Peer ? this.#leaves(state) : []));
      const messages = outgoing.map(({ to, message }) => ({ to: this.#sealedAddressee(to, message), message }));
      await this.#write([STATES, RECORDS, OUTBOX, ROWS], ([states, records, outbox, own]) => {
        for (const place of [...goes, ...moved]) states?.delete(place);
        for (const [place, row] of sealed) states?.put(row, place);
        for (const [key, value] of writes) void (value === undefined ? records?.delete(key) : records?.put(value, key));
        for (const message of messages) outbox?.add(message);
        for (const [key, value] of rows) void (value === undefined ? own?.delete(key) : own?.put(value, key));
      });
      for (const state of states) if (state instanceof Peer) this.#rowOf.set(peerId(state), this.#placeOf(state.address));
    } catch (cause) {
      for (const state of all) state?.free();
      throw failed(cause);
    }
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
    void this.#turn.then(() => this.#letGo());
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
    const [place, order] = [this.#placeOfPerson(person.owner), this.#order as Map<string, number>];
    const number = order.get(place.join()) ?? Math.max(0, ...order.values()) + 1;
    order.set(place.join(), number);
    return [place, { number, person: this.#key ? person.seal(this.#key, personAd(place, number)) : person.snapshot() }];
  }

  async #readOrder(): Promise<void> {
    if (this.#order !== undefined) return;
    const rows = await this.#states();
    this.#order ??= new Map(rows.flatMap(([place, row]) => (isPersons(row) ? [[place.join(), row.number]] : [])));
  }

  /** Where it stood, if that is elsewhere. */
  #leaves(peer: Peer): Bytes[] {
    const [before, place] = [this.#rowOf.get(peerId(peer)), this.#placeOf(peer.address)];
    return before === undefined || before.join() === place.join() ? [] : [before];
  }

  #peer(row: Uint8Array, place: Bytes): Peer {
    const peer = this.#key ? Peer.unseal(row, this.#key, place) : Peer.restore(row);
    this.#rowOf.set(peerId(peer), place);
    return peer;
  }

  async #states(): Promise<[place: Bytes, row: StateRow][]> {
    const [places, rows] = await this.#read(STATES, (states) =>
      Promise.all([answer(states.getAllKeys()), answer<StateRow[]>(states.getAll())]));
    return rows.map((row, number) => [new Uint8Array(places[number] as ArrayBuffer), row]);
  }

  #records(effects: Effects | undefined): Writes {
    if (effects === undefined) return [];
    const key = this.#key;
    return [...fields(effects, "effects").writes].map((write) => {
      const { key: name, value } = fields(write, "a record");
      const row = value && (key ? sealRecord(key, { key: name, value, id: undefined }) : bytes(value, "value").slice());
      return [bytes(name, "key", 25).slice(), row] as const;
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

/** Rows of a scheduler: absent where one goes. */
type Writes = readonly (readonly [key: Bytes, value: Bytes | undefined])[];

/** How a person is stored, and in which order they became known. */
interface PersonRow {
  readonly number: number;
  readonly person: Uint8Array;
}

/** A row of the library's. */
type StateRow = Uint8Array | PersonRow;

function isPersons(row: StateRow): row is PersonRow {
  return "person" in row;
}

function byOrder(one: [Bytes, StateRow], other: [Bytes, StateRow]): number {
  return (one[1] as PersonRow).number - (other[1] as PersonRow).number;
}

/** What a person's row is bound to: that it is neither of another person nor in another order. */
function personAd(place: Bytes, number: number): Bytes {
  const ad = new Uint8Array(place.length + 8);
  ad.set(place);
  new DataView(ad.buffer).setFloat64(place.length, number);
  return ad;
}

function inHex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function present<Item>(items: readonly (Item | undefined)[]): Item[] {
  return items.filter((item) => item !== undefined) as Item[];
}

/** Read once, and found to be in order. */
function householdOf(household: Household): Household {
  const { account, own, contacts, scheduler } = fields(household, "household");
  held(account, Account, "household.account");
  held(own, OwnDevices, "household.own");
  held(contacts, Contacts, "household.contacts");
  if (scheduler !== undefined) held(scheduler, ExpiryScheduler, "household.scheduler");
  return { account, own, contacts, scheduler };
}

function all({ account, own, contacts, scheduler }: Household): Handle[] {
  return present([account, own, contacts, scheduler]);
}

/** What changed of a household, and what goes if it is not stored. */
function named(house: Household, changes: PeopleChanges): Ready {
  const { account, own, contacts } = house;
  const peers = present(changes.peers.map((address) => contacts.peer(address)));
  const states = [...(changes.account ? [account] : []), ...(changes.own ? [own] : []), ...peers];
  return { states, people: present(changes.people.map((owner) => contacts.person(owner))), ahead: [account, own, contacts] };
}

/** The peer that a message from this address was offered to. */
function peerAt(contacts: Contacts, from: Uint8Array, now: number): Peer | undefined {
  const there = contacts.peer(from);
  if (there !== undefined) return there;
  return contacts.addresses.map((address) => contacts.peer(address)).find((peer) => peer?.isAt(from, now));
}

/** Takes what an own device gives and makes known: above all on a device that was just linked. */
function withGiven({ own, contacts }: Household, delivered: PersonDelivered, now: number): PersonDelivered {
  const { person, standing, isUnconfirmed, events } = delivered;
  const isOwn = person?.join() === own.person.owner.join() && /^(listed|stale)$/.test(standing) && !isUnconfirmed;
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

function bothEffects(one: Effects | undefined, other: Effects | undefined): Effects {
  const each = [one, other].filter((effects) => effects !== undefined).map((effects) => fields(effects, "effects"));
  return {
    writes: each.flatMap(({ writes }) => writes),
    events: each.flatMap(({ events }) => events),
    tell: each.flatMap(({ tell }) => tell),
  };
}

/** What one transaction writes. */
interface Ready {
  readonly states: readonly (Account | Peer | OwnDevices)[];
  readonly people?: readonly Person[];
  /** What is freed as well if it is not stored. */
  readonly ahead?: readonly (Handle | undefined)[];
  /** The places of rows that go. */
  readonly goes?: readonly Bytes[];
  readonly scheduler?: ExpiryScheduler | undefined;
  readonly writes?: Writes;
  readonly outgoing?: readonly { readonly to: Bytes; readonly message: Uint8Array }[];
  readonly rows?: readonly OwnRow[];
}

/** `Along`, read and copied. */
interface Rest<Result> {
  readonly ad: Uint8Array | undefined;
  readonly effects: (result: Result) => Effects | undefined;
  readonly scheduler: ExpiryScheduler | undefined;
  /** Whether the scheduler has given its effects already. */
  readonly wasAsked: boolean;
}

function alongOf<Result>(along: Along<Result>, ofHousehold?: ExpiryScheduler): Rest<Result> {
  const { ad, effects, scheduler = ofHousehold } = fields(along, "along");
  if (scheduler !== undefined) held(scheduler, ExpiryScheduler, "along.scheduler");
  if (typeof effects === "function" && scheduler === undefined) throw invalid("along.scheduler is not said");
  if (typeof effects !== "function" && effects !== undefined) fields(effects, "along.effects");
  return {
    ad: ad && bytes(ad, "ad").slice(),
    effects: typeof effects === "function" ? effects : () => effects,
    scheduler,
    wasAsked: effects !== undefined && typeof effects !== "function",
  };
}

function copiedPayload(payload: Payload | Uint8Array): Payload {
  if (payload instanceof Uint8Array) return { body: bytes(payload, "body").slice() };
  const { body, stamp } = fields(payload, "payload");
  return { body: bytes(body, "body").slice(), stamp };
}

function rowsOf(rows: Iterable<OwnRow>): OwnRow[] {
  return [...rows].map(([key, value]) => [rowKey(key), value]);
}

function rowKey(key: unknown): string {
  if (typeof key !== "string") throw invalid("the key of a row must be a string");
  return key;
}

/** Whether what stands there is of this key, or of none. */
function fits(found: Uint8Array | undefined, key: StorageKey | undefined, name: string): boolean {
  if (found === undefined) return false;
  if (key === undefined) return found.length === CHECK.length;
  try {
    key.open(found, CHECK_KIND, utf8(name));
    return true;
  } catch {
    return false;
  }
}

/** Counts an opening: whoever opened the store before writes no more. */
async function begun(database: IDBDatabase): Promise<number> {
  const transaction = database.transaction([META], "readwrite", { durability: "strict" });
  const [meta, completed] = [transaction.objectStore(META), completion(transaction)];
  const counted = answer<number | undefined>(meta.get(EPOCH)).then((last) => {
    const next = (last ?? 0) + 1;
    meta.put(next, EPOCH);
    return next;
  });
  const [epoch] = await Promise.all([counted, completed]);
  return epoch;
}

/** The refusals of messages, which `Peer.noteRefusal` takes; not what the caller did wrong. */
const NOTED = /^(?!(invalid_argument|freed|not_loaded|no_randomness|broken|too_large|other)$)/u;

/** What is refused with a code stays so; all else is the store's. */
function failed(cause: unknown): EvanesceError {
  if (cause instanceof EvanesceError) return cause;
  return new EvanesceError("store_failed", "the store did not take what was to be stored, or does not give it", { cause });
}

function answer<Result>(request: IDBRequest<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function completion(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error);
  });
}

/** All keys from this one on. */
function from(start: string): IDBKeyRange | undefined {
  return globalThis.IDBKeyRange === undefined ? undefined : globalThis.IDBKeyRange.lowerBound(start);
}

/** Holds a lock until the function that it gives is called, or `lost` is, because somebody has stolen it. */
async function lock(name: string, isSole: boolean, lost: () => void): Promise<() => void> {
  const { locks } = (globalThis.navigator ?? {}) as { locks?: LockManager };
  if (locks === undefined) {
    if (isSole) return () => {};
    throw new EvanesceError("no_locks", "there is no navigator.locks here: see soleHolder");
  }
  let isHeld = false;
  return new Promise<() => void>((resolve, reject) => {
    const held = locks.request(name, { ifAvailable: true }, (lock) => {
      if (lock === null) throw new EvanesceError("store_in_use", "another tab has this store");
      isHeld = true;
      return new Promise<void>((letGo) => resolve(letGo));
    });
    held.catch((cause) => (isHeld ? lost() : reject(cause)));
  }).catch((cause) => {
    throw failed(cause);
  });
}
