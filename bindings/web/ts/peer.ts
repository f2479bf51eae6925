// One other device: its pinned identity, its sessions, and whether one is needed.

import { Account, VerifiedBundle } from "./account.js";
import { address, bytes, bytesOr, count, exactly, needsModule, text as string, time } from "./checks.js";
import type { Contacts } from "./contacts.js";
import { EvanesceError, invalid } from "./errors.js";
import { Wrapped, held, spent, wrap, wrapped } from "./handle.js";
import { MOST_DRAWN_AT_ONCE, drawing } from "./host.js";
import { peerNumbers, sessionNumbers, type PeerLimits, type SessionLimits } from "./limits.js";
import {
  deviceOf, payload, received, type Address, type Bytes, type Changes, type Device, type DeviceLike, type EpochStatus,
  type Payload, type RawReceived, type Received, type Suite,
} from "./shapes.js";
import { StorageKey, Stored } from "./storage.js";
import { read } from "./values.js";
import * as module from "./wasm.js";

/** How far a device is known. */
export type Contact =
  /** There was none: the first identity to come with its address is pinned. */
  | { readonly kind: "none"; readonly identity?: undefined }
  /** It wrote first. Its messages open; nothing is sent before `Peer.acceptRequest`. */
  | { readonly kind: "request"; readonly identity: Bytes }
  /** This identity is pinned. That it is the right one is known once people have compared their `SafetyNumber`. */
  | { readonly kind: "accepted"; readonly identity: Bytes }
  /** It was refused: nothing opens and nothing is sent. */
  | { readonly kind: "refused"; readonly identity: Bytes };

/**
 * Why a session is to be begun: fetch a bundle of the peer, and `Peer.initiate`.
 *
 * | | |
 * |---|---|
 * | `lost` | one side has lost its sessions: begin one now, and send something in it; an empty payload will do |
 * | `noSession` | there is none: begin one when there is something to send |
 * | `unanswered` | the peer has not answered: begin one when there is more to send |
 * | `chainNearlyFull` | 9,000 messages were sent since the peer last answered, and 10,000 are all that can be |
 */
export type SessionNeed = "lost" | "noSession" | "unanswered" | "chainNearlyFull";

/** A message to send, and what is to be stored before it leaves. */
export interface Encrypted {
  /** The message's bytes. */
  readonly message: Bytes;
  /** What encrypting it changed. */
  readonly changes: Changes;
  /** Whether a session is to be begun for those after it. */
  readonly sessionNeed: SessionNeed | undefined;
  /** What proves it to a moderator, for one's own side of a report: as secret as the payload, and deleted with it. */
  readonly evidence: Bytes | undefined;
}

/** A message that has opened, and what is to be stored with it before it is acknowledged. */
export interface Delivered {
  /** What it says. */
  readonly received: Received;
  /** Who wrote it: the identity that is pinned for the peer, 64 bytes. */
  readonly author: Bytes;
  /** Whether it began a session: what we sent last may then have to be sent again, as new messages. */
  readonly beganSession: boolean;
  /** What opening it changed. */
  readonly changes: Changes;
}

/**
 * One other device. It pins the first identity that comes with its address, and refuses any other until the user agrees.
 *
 * What a message is refused as, and what to do then. Give each refusal to `noteRefusal`:
 *
 * | | acknowledge it | begin a session |
 * |---|---|---|
 * | `malformed`, `duplicate`, `expired`, `refused`, `other_address` | yes | no |
 * | `forked`, `number_reused`, `undecryptable`, `no_session`, `unknown_prekey`, `replayed`, `replay_record_full` | yes | if `sessionNeed` then asks for one |
 * | `unsupported` | keep it for a newer release, or yes | no |
 * | `identity_changed`, `address_changed` | yes, once its bytes are stored to be offered again | no |
 * | `needs_account` | no: offer it to `decrypt` | no |
 */
export class Peer extends Stored {
  /** A device that is known by its address alone. */
  constructor(itsAddress: Address);
  /** @internal */
  constructor(itsAddress: Address | Wrapped);
  constructor(itsAddress: Address | Wrapped) {
    super(itsAddress instanceof Wrapped ? itsAddress : wrap(at(itsAddress)));
  }

  /** A device whose identity is known beforehand: from a code that was scanned, or a person's list. It is accepted. */
  static pinned(device: DeviceLike): Peer {
    const checked = deviceOf(device, "device");
    return new Peer(wrap(() => module.RawPeer.pinned(...checked)));
  }

  /**
   * Takes it back from `snapshot`.
   *
   * @throws `malformed`, `unsupported`, `wrong_kind`, `corrupt`
   */
  static restore(snapshot: Uint8Array): Peer {
    const checked = bytes(snapshot, "snapshot");
    return new Peer(wrap(() => module.RawPeer.restore(checked)));
  }

  /**
   * Takes it back from `seal`, with the same key and `ad`.
   *
   * @throws `malformed`, `unsupported`, `wrong_kind`, `undecryptable`
   */
  static unseal(sealed: Uint8Array, key: StorageKey, ad?: Uint8Array): Peer {
    const checked = bytes(sealed, "sealed");
    const its = bytesOr(ad, "ad");
    return new Peer(wrap(() => module.RawPeer.unseal(checked, held(key, StorageKey, "key"), its)));
  }

  /** Where it is. */
  get address(): Bytes {
    return rawPeer(this).address();
  }

  /** Whether it is there, or was until lately. */
  isAt(anAddress: Address, now: number): boolean {
    const arguments_ = [address(anAddress), time(now)] as const;
    return rawPeer(this).is_at(...arguments_);
  }

  /** How far it is known. */
  get contact(): Contact {
    return read(rawPeer(this).contact());
  }

  /** How stamps name it, 8 bytes; absent while no identity is pinned. */
  get memberTag(): Bytes | undefined {
    return read(rawPeer(this).member_tag());
  }

  /** The identity that is pinned, at its address. */
  get device(): Device | undefined {
    return read(rawPeer(this).device());
  }

  /** Of which suite the session that sends is. */
  get suite(): Suite | undefined {
    return read(rawPeer(this).suite());
  }

  /** How the session that sends heals; absent in suite 1. */
  get epochs(): EpochStatus | undefined {
    return read(rawPeer(this).epochs());
  }

  /** Asks for an epoch before it is due. */
  requestEpoch(now: number): Changes {
    return read(rawPeer(this).request_epoch(time(now)));
  }

  get limits(): PeerLimits {
    return read(rawPeer(this).limits());
  }

  /** Sets how many sessions are kept; what is not named becomes the protocol's. */
  setLimits(limits: Partial<PeerLimits>): Changes {
    const numbers = peerNumbers(limits);
    return read(rawPeer(this).set_limits(numbers));
  }

  /** Sets what its sessions keep, those that begin later too; what is not named becomes the protocol's. */
  setSessionLimits(limits: Partial<SessionLimits>): Changes {
    const numbers = sessionNumbers(limits);
    return read(rawPeer(this).set_session_limits(numbers));
  }

  /** Drops what is too old: once a day. */
  maintain(now: number): Changes {
    return read(rawPeer(this).maintain(time(now)));
  }

  /** Whether a session is to be begun, and why. Ask before something is sent. */
  sessionNeed(now: number): SessionNeed | undefined {
    return read(rawPeer(this).session_need(time(now)));
  }

  /**
   * Begins a session, which is used from now on. Nothing is sent: the handshake travels with the messages. The bundle is
   * used up, unless it is refused.
   *
   * @throws `request`, `own_device`, `other_address`, `address_changed`, `identity_changed` (give its `identity` to
   * `noteIdentity`), `weak_key`
   */
  initiate(account: Account, bundle: VerifiedBundle, now: number): Changes {
    const at = time(now);
    const [own, its] = [held<module.RawAccount>(account, Account, "account"), held<module.RawBundle>(bundle, VerifiedBundle, "bundle")];
    const bytes = drawing(MOST_DRAWN_AT_ONCE, () => rawPeer(this).initiate(own, its, at));
    spent<module.RawBundle>(bundle, VerifiedBundle).free();
    return read(bytes);
  }

  /**
   * The same with a device that is known from a group: it is, or stays, a request.
   *
   * @throws as `initiate`; `request` of one that was refused
   */
  initiateForGroup(account: Account, bundle: VerifiedBundle, now: number): Changes {
    const at = time(now);
    const [own, its] = [held<module.RawAccount>(account, Account, "account"), held<module.RawBundle>(bundle, VerifiedBundle, "bundle")];
    const bytes = drawing(MOST_DRAWN_AT_ONCE, () => rawPeer(this).initiate_for_group(own, its, at));
    spent<module.RawBundle>(bundle, VerifiedBundle).free();
    return read(bytes);
  }

  /**
   * Encrypts a payload, bound to `ad`: bytes that the peer must name too, and that do not travel. They tell apart what one
   * pair of devices says in several places.
   *
   * @throws `request`, `identity_undecided`, `needs_session`, `too_large`
   */
  encrypt(itsPayload: Payload | Uint8Array, now: number, ad?: Uint8Array): Encrypted {
    const arguments_ = [...payload(itsPayload), bytesOr(ad, "ad"), time(now)] as const;
    return read(drawing(MOST_DRAWN_AT_ONCE, () => rawPeer(this).encrypt(...arguments_)));
  }

  /**
   * Decrypts a message that came from this address and was bound to `ad`. One with a new handshake makes a session, and
   * spends what it names of the account's prekeys. Offer what has piled up in the order in which it came.
   *
   * @throws as the table of this class says; `identity_changed` has the other `identity`
   */
  decrypt(account: Account, message: Uint8Array, now: number, ad?: Uint8Array): Delivered {
    const arguments_ = [bytes(message, "message"), bytesOr(ad, "ad"), time(now)] as const;
    const own = held<module.RawAccount>(account, Account, "account");
    return delivered(rawPeer(this).decrypt(own, ...arguments_));
  }

  /**
   * The same for a message of a session that is here, without the account.
   *
   * @throws as `decrypt`; `needs_account` of a message that begins a session
   */
  decryptEstablished(message: Uint8Array, now: number, ad?: Uint8Array): Delivered {
    return delivered(rawPeer(this).decrypt_established(bytes(message, "message"), bytesOr(ad, "ad"), time(now)));
  }

  /** Whether a message is of a session that is here. Says no of what begins one. Changes nothing. */
  knows(message: Uint8Array): boolean {
    return rawPeer(this).knows(bytes(message, "message"));
  }

  /** The tags of the messages that it will send next, for an index of all peers: see `messageTag`. At most 1,000 each. */
  expected(howMany: number): Bytes[] {
    return read(rawPeer(this).expected(count(howMany, "howMany", 1_000)));
  }

  /**
   * A message was refused so: what `decrypt` threw. It works out whether a session was lost, and keeps an identity that the
   * user is to decide of.
   */
  noteRefusal(message: Uint8Array, refusal: EvanesceError, now: number): Changes {
    if (!(refusal instanceof EvanesceError)) throw invalid("refusal must be what decrypt threw");
    const { code, identity } = refusal;
    const itsIdentity = identity === undefined ? undefined : exactly(identity, 64, "refusal.identity");
    const arguments_ = [bytes(message, "message"), string(code, "refusal.code", 64), itsIdentity, time(now)] as const;
    return read(rawPeer(this).note_refusal(...arguments_));
  }

  /** After a restore from a backup. */
  dropSessions(): Changes {
    return read(rawPeer(this).drop_sessions());
  }

  /** The user agrees to talk with who wrote first, or was refused. */
  acceptRequest(): Changes {
    return read(rawPeer(this).accept_request());
  }

  /** The user deletes the contact: it is a request again. */
  setBackToRequest(): Changes {
    return read(rawPeer(this).set_back_to_request());
  }

  /** The user wants to hear nothing of it. */
  refuse(): Changes {
    return read(rawPeer(this).refuse());
  }

  /** Another identity came with a bundle: nothing is encrypted until the user decides. */
  noteIdentity(identity: Uint8Array): Changes {
    return read(rawPeer(this).note_identity(exactly(identity, 64, "identity")));
  }

  /** The device of the other identity that the user has not decided of, to show its safety number. */
  get undecidedDevice(): Device | undefined {
    return read(rawPeer(this).undecided_device());
  }

  /** Goes on with the identity that is pinned, for now. */
  keepIdentity(): Changes {
    return read(rawPeer(this).keep_identity());
  }

  /** The user takes this identity for the peer's: it is pinned, and the former sessions go. */
  acceptIdentity(identity: Uint8Array): Changes {
    return read(rawPeer(this).accept_identity(exactly(identity, 64, "identity")));
  }

  /** The user does not: what comes from it is `refused` from now on. */
  rejectIdentity(identity: Uint8Array): Changes {
    return read(rawPeer(this).reject_identity(exactly(identity, 64, "identity")));
  }

  /** The identities that were rejected, the last one last. */
  get rejectedIdentities(): Bytes[] {
    return read(rawPeer(this).rejected_identities());
  }

  /**
   * It is reached at another address from now on.
   *
   * @throws `invalid_argument` if another peer of its contacts stands there: forget that one first, by `Contacts.removePeer`
   */
  changeAddress(newAddress: Address, now: number): Changes {
    const [checked, at] = [address(newAddress), time(now)];
    mustBeFree(this, checked);
    return read(rawPeer(this).change_address(checked, at));
  }

  /**
   * The same, where nothing but a bundle says so.
   *
   * @throws as `changeAddress`; `identity_changed`
   */
  followBundle(bundle: VerifiedBundle, now: number): Changes {
    const at = time(now);
    const raw = held<module.RawBundle>(bundle, VerifiedBundle, "bundle");
    mustBeFree(this, bundle.device.address);
    return read(rawPeer(this).follow_bundle(raw, at));
  }

  /** This device itself has another address (`Account.changeAddress`): for each peer. */
  ownAddressChanged(): Changes {
    return read(rawPeer(this).own_address_changed());
  }
}

/** What a message is found by among those that are `Peer.expected`: 16 bytes; absent of what is no message. */
export function messageTag(message: Uint8Array): Bytes | undefined {
  const checked = bytes(message, "message");
  needsModule();
  return module.message_tag(checked);
}

/** Whoever holds a peer of theirs holds the contacts, which would go with all peers once they are garbage. */
const keepers = new WeakMap<Peer, Contacts>();

/** @internal The peer stands in these contacts. */
export function keeps(contacts: Contacts, peer: Peer): void {
  keepers.set(peer, contacts);
}

/** @internal The contacts that a peer stands in. */
export function contactsOf(peer: Peer): Contacts | undefined {
  return keepers.get(peer);
}

/** Of two peers at one address only one would be found, and only one be stored. */
function mustBeFree(peer: Peer, itsAddress: Uint8Array): void {
  const [id, other] = [peerId(peer), keepers.get(peer)?.peer(itsAddress)];
  if (other !== undefined && peerId(other) !== id) throw invalid("another peer of the contacts is at this address");
}

/** @internal One of contacts. */
export function peerOf(raw: module.RawPeer): Peer {
  return new Peer(wrapped(raw, module.RawPeer));
}

/** @internal Tells it from all others, wherever it stands and whatever its address is. */
export function peerId(peer: Peer): number {
  return rawPeer(peer).id();
}

function at(itsAddress: unknown): () => module.RawPeer {
  const checked = address(itsAddress);
  return () => module.RawPeer.at(checked);
}

function delivered(raw: Uint8Array): Delivered {
  const shown = read<Omit<Delivered, "received"> & { received: RawReceived }>(raw);
  return { ...shown, received: received(shown.received) };
}

function rawPeer(it: unknown): module.RawPeer {
  return held(it, Peer);
}
