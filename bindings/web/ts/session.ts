// Bare sessions: the layer below Peer.

import { bytes, bytesOr, exactly, fields, time } from "./checks.js";
import { held, spent, wrap, wrapped } from "./handle.js";
import { MOST_DRAWN_AT_ONCE, drawing } from "./host.js";
import { sessionNumbers, type SessionLimits } from "./limits.js";
import {
  deviceOf, payload, received, type Bytes, type Device, type DeviceLike, type EpochStatus, type Payload, type RawReceived,
  type Received, type Suite,
} from "./shapes.js";
import { StorageKey, Stored } from "./storage.js";
import { suiteNumber } from "./suites.js";
import { read } from "./values.js";
import * as module from "./wasm.js";

/** A message to send. */
export interface SentMessage {
  readonly message: Bytes;
  /** What proves it to a moderator, for one's own side of a report: as secret as the payload, and deleted with it. */
  readonly evidence: Bytes | undefined;
}

/** What a handshake of the application's own ended in, the same on both sides. */
export interface ExternalHandshake {
  /** 32 secret bytes that these two devices alone know, and that started no other session. */
  readonly secret: Uint8Array;
  /** Of which suite the session is to be: `classical` if absent. */
  readonly suite?: Suite | undefined;
  /** The device that writes first. */
  readonly initiator: DeviceLike;
  /** The device that answers. */
  readonly responder: DeviceLike;
}

function handshakeOf(handshake: ExternalHandshake): Parameters<typeof module.RawHandshake.of> {
  const { secret, suite, initiator, responder } = fields(handshake, "handshake");
  return [
    suiteNumber(suite ?? "classical"), exactly(secret, 32, "secret"),
    ...deviceOf(initiator, "initiator"), ...deviceOf(responder, "responder"),
  ];
}

/** One conversation between two devices, without what `Peer` knows. Each call but the getters changes it: store it then. */
export class Session extends Stored {
  /** @internal */
  static of(raw: module.RawSession): Session {
    return new Session(wrapped(raw, module.RawSession));
  }

  /**
   * The side that writes first after a handshake of the application's own.
   *
   * @throws `malformed` or `weak_key` of the other side's ratchet key
   */
  static initiateExternal(
    handshake: ExternalHandshake, theirRatchetKey: Uint8Array, limits?: Partial<SessionLimits>,
  ): Session {
    const [key, numbers] = [exactly(theirRatchetKey, 32, "theirRatchetKey"), sessionNumbers(limits)];
    const its = handshakeOf(handshake);
    return new Session(wrap(() => module.RawSession.initiate_external(module.RawHandshake.of(...its), key, numbers)));
  }

  /** The side that answers. Its ratchet key pair is used up. */
  static acceptExternal(
    handshake: ExternalHandshake, ourRatchetKey: RatchetKeyPair, limits?: Partial<SessionLimits>,
  ): Session {
    const [its, numbers] = [handshakeOf(handshake), sessionNumbers(limits)];
    return new Session(wrap(() => {
      const raw = module.RawHandshake.of(...its);
      return module.RawSession.accept_external(raw, spent(ourRatchetKey, RatchetKeyPair, "ourRatchetKey"), numbers);
    }));
  }

  /**
   * Takes it back from `snapshot`.
   *
   * @throws `malformed`, `unsupported`, `wrong_kind`, `corrupt`
   */
  static restore(snapshot: Uint8Array): Session {
    const checked = bytes(snapshot, "snapshot");
    return new Session(wrap(() => module.RawSession.restore(checked)));
  }

  /**
   * Takes it back from `seal`, with the same key and `ad`.
   *
   * @throws `malformed`, `unsupported`, `wrong_kind`, `undecryptable`
   */
  static unseal(sealed: Uint8Array, key: StorageKey, ad?: Uint8Array): Session {
    const checked = bytes(sealed, "sealed");
    const its = bytesOr(ad, "ad");
    return new Session(wrap(() => module.RawSession.unseal(checked, held(key, StorageKey, "key"), its)));
  }

  /**
   * Encrypts a payload, bound to `ad`: bytes that the other side must name too, and that do not travel.
   *
   * @throws `chain_full`, `too_large`, `waiting`
   */
  encrypt(itsPayload: Payload | Uint8Array, ad?: Uint8Array): SentMessage {
    const arguments_ = [...payload(itsPayload), bytesOr(ad, "ad")] as const;
    return read(drawing(MOST_DRAWN_AT_ONCE, () => rawSession(this).encrypt(...arguments_)));
  }

  /**
   * Decrypts a message.
   *
   * @throws `malformed`, `unsupported`, `other_session`, `undecryptable`, `duplicate`, `expired`, `forked`
   */
  decrypt(message: Uint8Array, now: number, ad?: Uint8Array): Received {
    return received(read<RawReceived>(rawSession(this).decrypt(bytes(message, "message"), bytesOr(ad, "ad"), time(now))));
  }

  /** Drops keys that are too old, and says how many. */
  maintain(now: number): number {
    return rawSession(this).maintain(time(now));
  }

  /** What it is called, 32 bytes, the same on both sides. */
  get id(): Bytes {
    return rawSession(this).id();
  }

  /** Who began it. */
  get role(): "initiator" | "responder" {
    return read(rawSession(this).role());
  }

  /** The other side. */
  get peer(): Device {
    return read(rawSession(this).peer());
  }

  get suite(): Suite {
    return read(rawSession(this).suite());
  }

  /** How it heals; absent in suite 1. */
  get epochs(): EpochStatus | undefined {
    return read(rawSession(this).epochs());
  }

  /** Asks for an epoch before it is due. Whether that changed anything. */
  requestEpoch(): boolean {
    return rawSession(this).request_epoch();
  }

  /** Whether the other side has answered. */
  get isAnswered(): boolean {
    return rawSession(this).is_answered();
  }

  /** How many keys it holds for messages that are late. */
  get heldKeys(): number {
    return rawSession(this).held_keys();
  }

  get limits(): SessionLimits {
    return read(rawSession(this).limits());
  }

  /** Sets them; what is not named becomes the protocol's. */
  setLimits(limits: Partial<SessionLimits>): void {
    const numbers = sessionNumbers(limits);
    rawSession(this).set_limits(numbers);
  }
}

/** The responder's first ratchet key pair, for one session. Its handshake carries the public half. */
export class RatchetKeyPair extends Stored {
  static generate(): RatchetKeyPair {
    return new RatchetKeyPair(wrap(() => drawing(MOST_DRAWN_AT_ONCE, () => module.RawRatchetKeyPair.generate())));
  }

  /** One that the handshake has made already, 32 bytes. Fill your own copy with zeros. */
  static fromSecret(secret: Uint8Array): RatchetKeyPair {
    const checked = exactly(secret, 32, "secret");
    return new RatchetKeyPair(wrap(() => module.RawRatchetKeyPair.from_secret(checked)));
  }

  /** @throws `malformed`, `unsupported`, `wrong_kind`, `corrupt` */
  static restore(snapshot: Uint8Array): RatchetKeyPair {
    const checked = bytes(snapshot, "snapshot");
    return new RatchetKeyPair(wrap(() => module.RawRatchetKeyPair.restore(checked)));
  }

  /** The public half, 32 bytes. */
  get publicKey(): Bytes {
    return held<module.RawRatchetKeyPair>(this, RatchetKeyPair).public_key();
  }
}

function rawSession(it: unknown): module.RawSession {
  return held(it, Session);
}
