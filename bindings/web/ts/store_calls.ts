// What the calls of a store take and give.

import type {
  Account, Contacts, ExpiryScheduler, Groups, OwnDevices, Peer, StorageKey, Address, Age, Bytes, Effects, FanOut, GroupChanges,
  GroupDelivered, GroupEvent, OwnEvent, PeopleChanges, PersonDelivered, PersonEvent, Unreached,
} from "./everything.js";

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

/**
 * Rows of the application's own that go along with a call: as they are, or by a function that makes them of what the call gives, `Result`:
 * of a message's bytes and evidence, of whom it did not reach, of what came, of what own devices are still to be told.
 *
 * The function is called once, after `Along.effects`, when the call has changed what it changes in memory and nothing is stored yet; if the
 * call is refused it is not called, but by `receiveFromGroup`, which stores what goes along with a message that it refuses too. It gives its
 * rows at once: a promise is refused as `invalid_argument`, since no transaction waits for one. If it throws, or gives what are no rows,
 * nothing is stored, no message leaves, and all is freed that a transaction which fails frees.
 */
export type Rows<Result> = Iterable<OwnRow> | ((result: Result) => Iterable<OwnRow>);

/** What a scheduler says of a call whose result is `Result`. */
export interface AlongEffects<Result> {
  /**
   * What a scheduler gave for the same message, or what asks it once that is there: a function like that of `Rows`, called before it.
   * `allEffects` joins those of several calls, or of none: a function that gives nothing is refused. If the call is refused nothing is asked
   * (but by `receiveFromGroup`, as of `Rows`); a scheduler that was asked before is freed then, since what it gave is not stored. What they
   * have to `tell` own devices is told by the calls that give an `Untold`; of the others `Store.tell` does it, afterwards, when it is given
   * the same effects.
   *
   * **Of two writes of a row the one holds that the scheduler gave later**, whichever call has its turn first: what is given as it is counts
   * by when the scheduler was asked, or as of this call where its rows were copied otherwise than by `allEffects`. It is refused as
   * `invalid_argument` once that is 10,000 rows ago. Calls whose turn comes before may store a part of it, as theirs is what the scheduler
   * says at their turn: have a function say that something was deleted, `ExpiryScheduler.done`.
   */
  readonly effects?: Effects | ((result: Result) => Effects) | undefined;
  /**
   * The scheduler that the effects are of: that of the household if absent. It is freed if they are not stored; effects of one that is not
   * said are refused.
   */
  readonly scheduler?: ExpiryScheduler | undefined;
}

/** What may go along with a call of one message, whose result is `Result`. */
export interface Along<Result> extends AlongEffects<Result> {
  /** What the peer must name too: see `Peer.encrypt`. */
  readonly ad?: Uint8Array | undefined;
}

/** What a call gives as far as it is known when its scheduler is asked. */
export type BeforeEffects<Result> = Omit<Result, "effects" | "untold">;

/** What is stored at once by `Store.commit`. */
export interface Commit {
  readonly account?: Account | undefined;
  /** No two of them, nor of the contacts, at one address. */
  readonly peers?: Iterable<Peer> | undefined;
  readonly own?: OwnDevices | undefined;
  /** People and peers: all of them; or, where there are `changes`, those that these and `groupChanges` name. */
  readonly contacts?: Contacts | undefined;
  /** What a call changed. What it names has to be given. */
  readonly changes?: PeopleChanges | undefined;
  /** Groups and invitations: all of them; or, where there are `groupChanges`, those that these name. */
  readonly groups?: Groups | undefined;
  /** What a call changed of groups, and with them of people. What it names has to be given. */
  readonly groupChanges?: GroupChanges | undefined;
  /** Whose rows go, after `Contacts.removePeer` and `removePerson`, and after `Groups.remove`, with what waits of the group. */
  readonly forgotten?: {
    readonly peers?: Iterable<Address> | undefined;
    readonly people?: Iterable<Uint8Array> | undefined;
    readonly groups?: Iterable<Uint8Array> | undefined;
  } | undefined;
  /** What they have to `tell`, `Store.tell` tells. A function is called at the turn of the call. */
  readonly effects?: Effects | (() => Effects) | undefined;
  /** The scheduler that the effects are of: it is freed if they are not stored. Give it whenever there are effects. */
  readonly scheduler?: ExpiryScheduler | undefined;
  readonly outgoing?: Iterable<{ readonly to: Address; readonly message: Uint8Array }> | undefined;
  readonly rows?: Rows<void> | undefined;
}

/** All that a device holds of its user, who may have several, and of others. */
export interface Household {
  readonly account: Account;
  readonly own: OwnDevices;
  readonly contacts: Contacts;
  /** What own devices tell of messages and timers goes to it. Always give it, if there is one. */
  readonly scheduler?: ExpiryScheduler | undefined;
  /**
   * What messages bring of groups goes to it, invitations too. Give it always, or never: without, `Heard.groupParts` is the caller's to
   * `free`.
   */
  readonly groups?: Groups | undefined;
}

/** A message to a group that has opened, at once or after it had waited. */
export interface DeliveredToGroup extends GroupDelivered {
  /**
   * How old it is, in milliseconds: as old as `AlongFromGroup.age` said when it came, and as long as it has waited since. Give it to
   * `ExpiryScheduler.received` and the like: else its time would begin anew.
   */
  readonly age: number;
}

/** What came of groups by a call, all of which is stored. */
export interface OfGroups {
  /** What is to be shown, in this order. */
  readonly events: readonly GroupEvent[];
  /** What became known of members' devices. */
  readonly people: readonly PersonEvent[];
  /** Messages to groups that have opened: the one that came, and those that had waited. */
  readonly delivered: readonly DeliveredToGroup[];
  /** How many messages waited in vain: show that something is missing. */
  readonly lost: number;
  /** To whom something is due that did not get through: begin a session by `Peer.initiateForGroup`, then `lookAfterGroups`. */
  readonly unreached: readonly Unreached[];
}

/** What came of groups by a call, with what it had the scheduler say. */
export interface Brought extends OfGroups {
  /** What it had the scheduler say, by `AlongEffects.effects`: all of it is stored, and told. */
  readonly effects: Effects;
  readonly untold: Untold;
}

/** What came of a message to a group. */
export interface GroupHeard extends Brought {
  /**
   * Whether it waits for something that is missing: there is nothing to show yet. What is known to be missing is asked for; of one that is
   * `undecryptable` nobody knows what that is. Where many of a device's go on waiting, an invitation or a chain of its may be lost: it
   * gives both again by `InGroup.introduce`.
   */
  readonly waits: boolean;
}

/** What may go along with a message to a person. */
export interface AlongTo extends Along<FanOut> {
  /** Of its devices and one's own, those alone: whom the same message did not reach before. */
  readonly only?: readonly Address[] | undefined;
}

/** What may go along with a message of a person. */
export interface AlongFrom extends Along<BeforeEffects<Heard>> {
  /** How old the message is, since it was handed to the carrier: 0 if absent. */
  readonly age?: Age | undefined;
}

/** What may go along with a message to a group that came. */
export interface AlongFromGroup extends Along<BeforeEffects<GroupHeard>> {
  /** How old the message is, since it was handed to the carrier: 0 if absent. It is kept with a message that waits. */
  readonly age?: Age | undefined;
}

/**
 * What own devices are to be told later, since they were not reached: when there is a session with them, `Recipients.tellEvents`. All of
 * them, where the own list has expired or does not name this device: once it is another one. Nobody else keeps it: store it by a function
 * of `Rows`, with when that was, so that it outlives the page.
 */
export interface Untold {
  readonly to: readonly Bytes[];
  readonly events: readonly OwnEvent[];
}

/** A message of a person that is stored. Its `groupParts` are freed where the household has groups, which have taken them. */
export interface Heard extends PersonDelivered {
  /** What it had the scheduler say, of what own devices told and of `AlongEffects.effects`: all of it is stored, and told. */
  readonly effects: Effects;
  readonly untold: Untold;
  /** What came of groups, if the household has them. */
  readonly ofGroups: OfGroups | undefined;
}

/** How a store is opened. */
export interface StoreOptions {
  /**
   * Seals every row of the library's, whom messages in the outbox are for, and what messages that wait are bound to. Those messages
   * themselves, which the carrier has had, how many rows there are, how long they are, and the application's own rows it does not
   * hide. Without one they are plain: whoever reads the profile of the browser reads them. With or without, a store stays as it was
   * made.
   */
  readonly key?: StorageKey | undefined;
  /**
   * The caller sees to it that nobody else opens this store, as long as it is open: for where there are no
   * `navigator.locks`, as in Node 20 and 22 and on pages without TLS. Where there are, the lock is taken nevertheless; later Nodes have
   * some, which keep out no other process.
   */
  readonly soleHolder?: boolean | undefined;
  /** Another one than the browser's: for tests. */
  readonly indexedDB?: IDBFactory | undefined;
}
