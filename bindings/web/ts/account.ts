// One device of ours, and the bundles with which others begin.

import { address, bytes, bytesOr, count, fields, needsModule, time } from "./checks.js";
import { held, wrap, Handle } from "./handle.js";
import { MOST_DRAWN, MOST_DRAWN_AT_ONCE, PER_PREKEY, drawing } from "./host.js";
import { accountNumbers, type Limits, type SomeLimits } from "./limits.js";
import { Session } from "./session.js";
import {
  received, type Address, type Bytes, type Changes, type Device, type RawReceived, type Received, type Suite,
} from "./shapes.js";
import { StorageKey, Stored } from "./storage.js";
import { suiteNumber } from "./suites.js";
import { read } from "./values.js";
import * as module from "./wasm.js";

/** What a new account may be told. */
export interface AccountOptions {
  /** Of which suite it is for its whole life: `hybrid` if absent. */
  readonly suite?: Suite | undefined;
  /** Where they are not the protocol's. */
  readonly limits?: SomeLimits | undefined;
}

/** What maintenance changed. */
export interface Maintained {
  /** What the server is not known to have: publish it once the account is stored, then `Account.markPublished`. */
  readonly upload: Bytes | undefined;
  /** What is to be stored, before the upload leaves. */
  readonly changes: Changes;
  /** How account and server disagree, if the server was asked and they do. The upload mends it. */
  readonly disagreement: "accountWentBack" | "serverWentBack" | "otherDevice" | "notHeld" | undefined;
}

/** A new session, with the message that made it. */
export interface Accepted {
  readonly session: Session;
  readonly received: Received;
  /** What is to be stored: the account, and the session with it. */
  readonly changes: Changes;
}

/** One device of ours: its identity, its address and its prekeys. What changes it says so in its `changes`: store it then. */
export class Account extends Stored {
  /** A new device. `maintain` gives what to publish. */
  static generate(itsAddress: Address, now: number, options: AccountOptions = {}): Account {
    const { suite, limits } = fields(options, "options");
    const arguments_ = [suiteNumber(suite ?? "hybrid"), address(itsAddress), accountNumbers(limits), time(now)] as const;
    return new Account(wrap(() => drawing(MOST_DRAWN, () => module.RawAccount.generate(...arguments_))));
  }

  /**
   * Takes it back from `snapshot`.
   *
   * @throws `malformed`, `unsupported`, `wrong_kind`, `corrupt`
   */
  static restore(snapshot: Uint8Array): Account {
    const checked = bytes(snapshot, "snapshot");
    return new Account(wrap(() => module.RawAccount.restore(checked)));
  }

  /**
   * Takes it back from `seal`, with the same key and `ad`.
   *
   * @throws `malformed`, `unsupported`, `wrong_kind`, `undecryptable`
   */
  static unseal(sealed: Uint8Array, key: StorageKey, ad?: Uint8Array): Account {
    const checked = bytes(sealed, "sealed");
    const its = bytesOr(ad, "ad");
    return new Account(wrap(() => module.RawAccount.unseal(checked, held(key, StorageKey, "key"), its)));
  }

  /** What others know it by. */
  get device(): Device {
    return read(rawAccount(this).device());
  }

  /** Of which suite it is, and all its sessions. */
  get suite(): Suite {
    return read(rawAccount(this).suite());
  }

  /** How stamps name it: 8 bytes. */
  get memberTag(): Bytes {
    return rawAccount(this).member_tag();
  }

  /** What it keeps, and how long. */
  get limits(): Limits {
    return read(rawAccount(this).limits());
  }

  /** Sets them; what is not named becomes the protocol's. */
  setLimits(limits: SomeLimits): Changes {
    const numbers = accountNumbers(limits);
    return read(rawAccount(this).set_limits(numbers));
  }

  /**
   * Keeps the prekeys in order: call it at each start, once a day, and after each arrival that changed the account. `stock` is
   * what the server says it has left (`PublishedPrekeys.stock`), absent if it was not asked.
   *
   * @throws `malformed` of a stock that is none
   */
  maintain(stock: Uint8Array | undefined, now: number): Maintained {
    const [checked, at] = [stock === undefined ? undefined : bytes(stock, "stock"), time(now)];
    return read(drawing(MOST_DRAWN, () => rawAccount(this).maintain(checked, at)));
  }

  /** A new signed prekey before it is due. */
  rotateSignedPrekey(now: number): Maintained {
    const at = time(now);
    return read(drawing(MOST_DRAWN, () => rawAccount(this).rotate_signed_prekey(at)));
  }

  /** After a restore from a backup: deletes all prekeys, so that no first message opens twice. */
  replacePrekeys(now: number): Maintained {
    const at = time(now);
    return read(drawing(MOST_DRAWN, () => rawAccount(this).replace_prekeys(at)));
  }

  /** For a server that has lost everything. */
  republishPrekeys(now: number): Maintained {
    const at = time(now);
    return read(drawing(MOST_DRAWN, () => rawAccount(this).republish_prekeys(at)));
  }

  /** It has another address from now on. Call `Peer.ownAddressChanged` of each peer too. */
  changeAddress(newAddress: Address, now: number): Maintained {
    const [its, at] = [address(newAddress), time(now)];
    return read(drawing(MOST_DRAWN, () => rawAccount(this).change_address(its, at)));
  }

  /** More one-time prekeys, at most 10,000 at once; `maintain` makes them by itself. */
  addOneTimePrekeys(howMany: number): Maintained {
    const checked = count(howMany, "howMany", 10_000);
    return read(drawing(checked * PER_PREKEY, () => rawAccount(this).add_one_time_prekeys(checked)));
  }

  /** What the server is not known to have; absent if nothing. */
  get pendingUpload(): Bytes | undefined {
    return rawAccount(this).pending_upload();
  }

  /**
   * The server has this upload.
   *
   * @throws `malformed`, `unsupported`
   */
  markPublished(upload: Uint8Array): Changes {
    const checked = bytes(upload, "upload");
    return read(rawAccount(this).mark_published(checked));
  }

  /**
   * Begins a bare session, for those who do without `Peer`.
   *
   * @throws `weak_key`
   */
  initiate(bundle: VerifiedBundle): Session {
    const its = held<module.RawBundle>(bundle, VerifiedBundle, "bundle");
    return Session.of(drawing(MOST_DRAWN_AT_ONCE, () => rawAccount(this).initiate(its)));
  }

  /**
   * Takes a message as the first of a new bare session. Offer it to the sessions that you have with its sender first.
   *
   * @throws `malformed`, `unsupported`, `no_session`, `unknown_prekey`, `undecryptable`, `forked`, `replayed`,
   * `replay_record_full`
   */
  accept(message: Uint8Array, now: number, ad?: Uint8Array): Accepted {
    const arguments_ = [bytes(message, "message"), bytesOr(ad, "ad"), time(now)] as const;
    const accepted = rawAccount(this).accept(...arguments_);
    const shown = read<{ received: RawReceived; changes: Changes }>(accepted.shown());
    return { session: Session.of(accepted.into_session()), received: received(shown.received), changes: shown.changes };
  }

  /**
   * Who an initial message says that it is from. **Nothing is proved by it**: it serves to find the peer that the message
   * is then offered to. Ask `Peer.knows` first.
   *
   * @throws as `accept`, but for `replayed` and `replay_record_full`
   */
  claimedSender(message: Uint8Array): Device {
    const checked = bytes(message, "message");
    return read(rawAccount(this).claimed_sender(checked));
  }
}

/** A bundle whose signature holds: what it takes to begin a session, once. */
export class VerifiedBundle extends Handle {
  /**
   * Takes what the other device's server handed out.
   *
   * @throws `malformed`, `unsupported`, `weak_key`, `bad_signature`, `not_yet_valid`, `expired`
   */
  static verify(bundle: Uint8Array, now: number): VerifiedBundle {
    const [checked, at] = [bytes(bundle, "bundle"), time(now)];
    return new VerifiedBundle(wrap(() => module.RawBundle.verify(checked, at)));
  }

  /** Whose it is. */
  get device(): Device {
    return read(rawVerifiedBundle(this).device());
  }

  /** Of which suite the session will be. */
  get suite(): Suite {
    return read(rawVerifiedBundle(this).suite());
  }

  /** Whether it brings a one-time prekey. */
  get hasOneTimePrekey(): boolean {
    return rawVerifiedBundle(this).has_one_time_prekey();
  }
}

/** What one device has published, as its server keeps it: for servers in JavaScript, and for tests. */
export class PublishedPrekeys extends Handle {
  /**
   * Begins with a device's first upload.
   *
   * @throws `malformed`, `unsupported`
   */
  constructor(upload: Uint8Array) {
    const checked = bytes(upload, "upload");
    super(wrap(() => module.RawPublishedPreKeys.of(checked)));
  }

  /**
   * Takes a later upload.
   *
   * @throws `malformed`, `unsupported`
   */
  publish(upload: Uint8Array): void {
    rawPublishedPrekeys(this).publish(bytes(upload, "upload"));
  }

  /** A bundle's bytes, for one initiator: nobody else gets its one-time prekey. */
  handOut(): Bytes {
    return rawPublishedPrekeys(this).hand_out();
  }

  /** What is left, for `Account.maintain`. */
  get stock(): Bytes {
    return rawPublishedPrekeys(this).stock();
  }

  /** How many one-time prekeys are left. */
  get oneTimePrekeysLeft(): number {
    return rawPublishedPrekeys(this).one_time_prekeys_left();
  }
}

/** What an upload brings, for a server that keeps it apart. */
export interface Upload {
  /** What bundles begin with. */
  readonly signedPart: Bytes;
  /** The one-time prekeys, each as a bundle ends in it; its id is its first 4 bytes, big-endian. */
  readonly oneTimePrekeys: readonly Bytes[];
  /** Whether it takes the place of all that the server has of the device. */
  readonly replacesAll: boolean;
}

/**
 * Takes an upload apart.
 *
 * @throws `malformed`, `unsupported`
 */
export function readUpload(upload: Uint8Array): Upload {
  const checked = bytes(upload, "upload");
  needsModule();
  return read(module.read_upload(checked));
}

function rawAccount(it: unknown): module.RawAccount {
  return held(it, Account);
}

function rawVerifiedBundle(it: unknown): module.RawBundle {
  return held(it, VerifiedBundle);
}

function rawPublishedPrekeys(it: unknown): module.RawPublishedPreKeys {
  return held(it, PublishedPrekeys);
}
