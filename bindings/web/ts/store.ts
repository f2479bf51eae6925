// A store that keeps to the rule: what changed is stored in one transaction with what it gave, and only then anything leaves.

import {
  Account, EvanesceError, ExpiryScheduler, Peer, StorageKey, sealRecord, openRecord, utf8,
  type Address, type Delivered, type Effects, type Encrypted, type Payload,
} from "./everything.js";
import { address as checkedAddress, bytes, fields } from "./checks.js";
import { invalid } from "./errors.js";

/** A message that is stored, and not known to have been sent. */
export interface Outgoing {
  /** Its place in the order in which they were stored. */
  readonly number: number;
  /** Whom it is for. */
  readonly to: Uint8Array;
  /** Its bytes. */
  readonly message: Uint8Array;
}

/** A row of the application's own, in the same transaction: any value that IndexedDB takes, or `undefined` to delete it. */
export type OwnRow = readonly [key: string, value: unknown];

/** What may go along with a call. */
export interface Along {
  /** What the peer must name too: see `Peer.encrypt`. */
  readonly ad?: Uint8Array | undefined;
  /** What a scheduler gave for the same message. */
  readonly effects?: Effects | undefined;
}

/** What is stored at once by `Store.commit`. */
export interface Commit {
  readonly account?: Account | undefined;
  readonly peers?: Iterable<Peer> | undefined;
  readonly effects?: Effects | undefined;
  readonly outgoing?: Iterable<{ readonly to: Address; readonly message: Uint8Array }> | undefined;
  readonly rows?: Iterable<OwnRow> | undefined;
}

/** How a store is opened. */
export interface StoreOptions {
  /** Seals every row of the library's. Without one they are plain: whoever reads the profile of the browser reads them. */
  readonly key?: StorageKey | undefined;
  /** Another one than the browser's: for tests. */
  readonly indexedDB?: IDBFactory | undefined;
}

const STATES = "states", RECORDS = "records", OUTBOX = "outbox", ROWS = "rows";

/**
 * The state of one account in IndexedDB: account, peers, the rows of a scheduler, messages to be sent, and rows of the
 * application's own, all in one transaction.
 *
 * If a transaction fails the call throws `store_failed`, and the account and the peers that it had are freed, since they are
 * ahead of what is stored: take them from the store again. Only one tab has a store at a time.
 */
export class Store {
  readonly #database: IDBDatabase;
  readonly #key: StorageKey | undefined;
  readonly #letGo: () => void;

  private constructor(database: IDBDatabase, key: StorageKey | undefined, letGo: () => void) {
    this.#database = database;
    this.#key = key;
    this.#letGo = letGo;
  }

  /**
   * Opens the store of this name, or makes it.
   *
   * @throws `store_in_use` if another tab has it; `store_failed`
   */
  static async open(name: string, options: StoreOptions = {}): Promise<Store> {
    if (typeof name !== "string") throw invalid("name must be a string");
    const { key, indexedDB = globalThis.indexedDB } = fields(options, "options");
    if (key !== undefined && !(key instanceof StorageKey)) throw invalid("options.key must be a StorageKey");
    if (indexedDB === undefined) throw new EvanesceError("store_failed", "there is no IndexedDB here");
    const letGo = await lock(`evanesce store ${name}`);
    try {
      const opening = indexedDB.open(name, 1);
      opening.onupgradeneeded = () => {
        for (const table of [STATES, RECORDS, ROWS]) opening.result.createObjectStore(table);
        opening.result.createObjectStore(OUTBOX, { keyPath: "number", autoIncrement: true });
      };
      return new Store(await answer(opening), key, letGo);
    } catch (cause) {
      letGo();
      throw failed(cause);
    }
  }

  /** Closes it, once what was begun has ended. */
  close(): void {
    this.#database.close();
    this.#letGo();
  }

  /**
   * Takes the account back; absent if none was stored.
   *
   * @throws as `Account.unseal`
   */
  async account(): Promise<Account | undefined> {
    const place = this.#place("account");
    const row = await this.#get(STATES, place);
    return row && (this.#key ? Account.unseal(row, this.#key, place) : Account.restore(row));
  }

  /**
   * Takes a peer back; absent if none was stored.
   *
   * @throws as `Peer.unseal`
   */
  async peer(address: Address): Promise<Peer | undefined> {
    const place = this.#placeOf(checkedAddress(address));
    const row = await this.#get(STATES, place);
    return row && (this.#key ? Peer.unseal(row, this.#key, place) : Peer.restore(row));
  }

  /**
   * Takes a scheduler back from its rows; absent if none was stored.
   *
   * @throws as `ExpiryScheduler.fromRecords`
   */
  async scheduler(): Promise<ExpiryScheduler | undefined> {
    const rows = this.#read(RECORDS);
    const [keys, values] = await Promise.all([answer(rows.getAllKeys()), answer<Uint8Array[]>(rows.getAll())]).catch(fail);
    if (keys.length === 0) return undefined;
    const key = this.#key;
    return ExpiryScheduler.fromRecords(keys.map((name, place) => {
      const [record, value] = [new Uint8Array(name as ArrayBuffer), values[place] as Uint8Array];
      return [record, key ? openRecord(key, record, value) : value] as const;
    }));
  }

  /** A row of the application's own. */
  async row(key: string): Promise<unknown> {
    return answer(this.#read(ROWS).get(key)).catch(fail);
  }

  /** All of the application's rows whose keys begin so, in the order of their keys. */
  async rows(start = ""): Promise<[key: string, value: unknown][]> {
    const [rows, range] = [this.#read(ROWS), from(start)];
    const [keys, values] = await Promise.all([answer(rows.getAllKeys(range)), answer(rows.getAll(range))]).catch(fail);
    return keys.map((key, place): [string, unknown] => [String(key), values[place]]).filter(([key]) => key.startsWith(start));
  }

  /**
   * Encrypts a payload for a peer, and stores it: peer, message, and the application's rows, in one transaction. What it
   * gives may be sent, and not before: `flush` does.
   *
   * @throws as `Peer.encrypt`; `store_failed`
   */
  async send(peer: Peer, payload: Payload | Uint8Array, now: number, rows: Iterable<OwnRow> = [], along: Along = {}): Promise<Encrypted> {
    const { ad, effects } = fields(along, "along");
    const encrypted = peer.encrypt(payload, now, ad);
    await this.commit({ peers: [peer], effects, outgoing: [{ to: peer.address, message: encrypted.message }], rows });
    return encrypted;
  }

  /**
   * Decrypts a message from a peer, and stores what it changed together with the rows that `rows` makes of it, in one
   * transaction. Acknowledge the message to the server once this has resolved, and not before. A refusal is noted in the
   * peer, stored, and thrown.
   *
   * @throws as `Peer.decrypt`; `store_failed`
   */
  async receive(
    account: Account, peer: Peer, message: Uint8Array, now: number,
    rows: (delivered: Delivered) => Iterable<OwnRow> = () => [], along: Along = {},
  ): Promise<Delivered> {
    const { ad, effects } = fields(along, "along");
    let delivered: Delivered;
    try {
      delivered = peer.decrypt(account, message, now, ad);
    } catch (refusal) {
      if (refusal instanceof EvanesceError && NOTED.test(refusal.code) && peer.noteRefusal(message, refusal, now).peer) {
        await this.commit({ peers: [peer] });
      }
      throw refusal;
    }
    const { changes } = delivered;
    // What the application makes of it belongs to the transaction: if that throws, nothing of the message counts.
    const own = this.#orDrop([account, peer], () => [...rows(delivered)]);
    await this.commit({ account: changes.account ? account : undefined, peers: [peer], effects, rows: own });
    return delivered;
  }

  /**
   * Stores all of this at once, for calls of your own.
   *
   * @throws `store_failed`: what was passed is freed, since it is ahead of what is stored
   */
  async commit(commit: Commit): Promise<void> {
    const { account, peers = [], effects, outgoing = [], rows = [] } = fields(commit, "commit");
    const states = [...(account === undefined ? [] : [account]), ...peers];
    // All is sealed before the transaction begins, and nothing waits within it.
    const transaction = this.#orDrop(states, () => {
      const sealed = states.map((state) => this.#sealed(state));
      const records = (effects?.writes ?? []).map((write) =>
        [bytes(write.key, "key"), write.value && (this.#key ? sealRecord(this.#key, write) : write.value)] as const);
      const messages = [...outgoing].map(({ to, message }) =>
        ({ to: checkedAddress(to, "to").slice(), message: bytes(message, "message").slice() }));
      const own = [...rows];
      const tables = [STATES, RECORDS, OUTBOX, ROWS];
      const transaction = this.#database.transaction(tables, "readwrite", { durability: "strict" });
      const [states_, records_, outbox, rows_] = tables.map((table) => transaction.objectStore(table)) as [
        IDBObjectStore, IDBObjectStore, IDBObjectStore, IDBObjectStore,
      ];
      try {
        for (const [place, row] of sealed) states_.put(row, place as Uint8Array<ArrayBuffer>);
        for (const [key, value] of records) void (value === undefined ? records_.delete(key as Uint8Array<ArrayBuffer>) : records_.put(value, key as Uint8Array<ArrayBuffer>));
        for (const message of messages) outbox.add(message);
        for (const [key, value] of own) void (value === undefined ? rows_.delete(key) : rows_.put(value, key));
      } catch (error) {
        transaction.abort();
        throw error;
      }
      return transaction;
    });
    try {
      await completion(transaction);
    } catch (cause) {
      for (const state of states) state.free();
      throw failed(cause);
    }
  }

  /** What is stored and not known to have been sent, in its order. */
  async outbox(): Promise<Outgoing[]> {
    return answer<Outgoing[]>(this.#read(OUTBOX).getAll()).catch(fail);
  }

  /**
   * Sends what is in the outbox, one after the other: `transmit` resolves when the server has a message, and then it is
   * forgotten. If it rejects, that message and those behind it stay, and this rejects so.
   */
  async flush(transmit: (to: Uint8Array, message: Uint8Array) => Promise<void> | void): Promise<void> {
    for (const { number, to, message } of await this.outbox()) {
      await transmit(to, message);
      const transaction = this.#database.transaction([OUTBOX], "readwrite");
      transaction.objectStore(OUTBOX).delete(number);
      await completion(transaction).catch(fail);
    }
  }

  /** Runs it; if it throws, what is in memory is ahead of the store, and goes. */
  #orDrop<Result>(states: readonly (Account | Peer)[], work: () => Result): Result {
    try {
      return work();
    } catch (cause) {
      for (const state of states) state.free();
      throw failed(cause);
    }
  }

  #sealed(state: Account | Peer): [place: Uint8Array, row: Uint8Array] {
    if (!(state instanceof Account || state instanceof Peer)) throw invalid("only accounts and peers are stored so");
    const place = state instanceof Account ? this.#place("account") : this.#placeOf(state.address);
    return [place, this.#key ? state.seal(this.#key, place) : state.snapshot()];
  }

  #placeOf(address: Uint8Array): Uint8Array {
    return this.#place(`peers/${[...address].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`);
  }

  /** With a key nobody without it can tell which row is whose. */
  #place(name: string): Uint8Array {
    return this.#key ? this.#key.rowName(utf8(name)) : utf8(name);
  }

  #read(table: string): IDBObjectStore {
    return this.#database.transaction([table], "readonly").objectStore(table);
  }

  async #get(table: string, place: Uint8Array): Promise<Uint8Array | undefined> {
    return answer<Uint8Array | undefined>(this.#read(table).get(place as Uint8Array<ArrayBuffer>)).catch(fail);
  }
}

/** The refusals of messages, which `Peer.noteRefusal` takes; not what the caller did wrong. */
const NOTED = /^(?!(invalid_argument|freed|not_loaded|other)$)/u;

function failed(cause: unknown): EvanesceError {
  return new EvanesceError("store_failed", "the store did not take what was to be stored", { cause });
}

function fail(cause: unknown): never {
  throw failed(cause);
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
    transaction.onerror = () => reject(transaction.error);
    transaction.onabort = () => reject(transaction.error);
  });
}

/** All keys from this one on. */
function from(start: string): IDBKeyRange | undefined {
  return globalThis.IDBKeyRange === undefined ? undefined : globalThis.IDBKeyRange.lowerBound(start);
}

/** Holds a lock until the function that it gives is called; where there are none, nothing. */
async function lock(name: string): Promise<() => void> {
  const { locks } = (globalThis.navigator ?? {}) as { locks?: LockManager };
  if (locks === undefined) return () => {};
  return new Promise((resolve, reject) => {
    const held = locks.request(name, { ifAvailable: true }, (lock) => {
      if (lock === null) throw new EvanesceError("store_in_use", "another tab has this store");
      return new Promise<void>((letGo) => resolve(letGo));
    });
    held.catch(reject);
  });
}
