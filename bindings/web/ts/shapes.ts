// What several classes give and take.

import { MOST_BYTES, address, bytes, exactly, fields, text as string } from "./checks.js";
import { stampBytes, stampFrom, type Stamp } from "./stamp.js";

/** Bytes that come out, in a buffer of their own, which may be transferred or stored. What goes in may be any `Uint8Array`. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** How an application names a device: 1 to 64 bytes, or a string whose UTF-8 has as many. Best an id that never changes. */
export type Address = string | Uint8Array;

/** One device as others see it. */
export interface Device {
  /** Its identity key, 64 bytes: Ed25519, then X25519. */
  readonly identity: Bytes;
  /** Its address, 1 to 64 bytes. */
  readonly address: Bytes;
}

/** The same, as it is passed in: the address may be a string. */
export interface DeviceLike {
  readonly identity: Uint8Array;
  readonly address: Address;
}

/** Which primitives protect a session: `classical` is suite 1, `hybrid` suite 2 with ML-KEM. */
export type Suite = "classical" | "hybrid";

/** What is encrypted. */
export interface Payload {
  /** What it says, at most 16 MiB with all that goes with it. */
  readonly body: Uint8Array;
  /** What it says of its own life: `ExpiryScheduler.stamp`. Nothing if absent. */
  readonly stamp?: Stamp | undefined;
}

/**
 * What a call changed, and is to be stored in one transaction with what it gave: before a message is sent, and before an
 * arrival is acknowledged. **If the transaction fails**, what is in memory is ahead of the store: free it, and restore
 * account and peer, before anything else. `Store` does it so.
 */
export interface Changes {
  /** The account. */
  readonly account: boolean;
  /** The peer. A snapshot of it has all its sessions. */
  readonly peer: boolean;
  /** The session that was made or used, 32 bytes, for applications that show or log it. */
  readonly session: Bytes | undefined;
  /** What a handshake of the other side's used up. */
  readonly spentPrekey: SpentPrekey | undefined;
}

/** What a handshake used up: the one-time prekey of this id, or a place in the replay record of this signed prekey. */
export interface SpentPrekey {
  readonly kind: "oneTime" | "signed";
  readonly id: number;
}

/** A message that has opened. */
export interface Received {
  /** What it says. */
  readonly body: Bytes;
  /**
   * What it says of its life. `"malformed"` of a stamp that is none, which must not be taken for one that says nothing: the
   * body then is the whole content, and `ExpiryScheduler.received` takes the word as it is.
   */
  readonly stamp: Stamp | "malformed";
  /** How many keys for late messages were dropped by it. */
  readonly droppedKeys: number;
  /** Whether the peer went on from an older state: it was restored from a backup. */
  readonly peerWentBack: boolean;
  /** What proves it to a moderator (`Evidence`): as secret as the body, stored with it and deleted with it. */
  readonly evidence: Bytes | undefined;
}

/** Where a session stands in its healing from a theft of keys, against quantum computers too. */
export interface EpochStatus {
  /** How many epochs are complete. */
  readonly completed: number;
  /** How many messages there were since. */
  readonly messagesSince: number;
  /** Whether it waits for the peer. */
  readonly waitsForPeer: boolean;
}

/** @internal */
export type RawReceived = Omit<Received, "stamp"> & { stamp: object | undefined };

/** @internal */
export function received(raw: RawReceived): Received {
  return { ...raw, stamp: raw.stamp === undefined ? "malformed" : stampFrom(raw.stamp) };
}

/** @internal */
export function payload(value: unknown): [body: Uint8Array, stamp: Uint8Array] {
  if (value instanceof Uint8Array) return [bytes(value, "body"), stampBytes(undefined)];
  const { body, stamp } = fields(value as Payload, "payload");
  return [bytes(body, "body"), stampBytes(stamp)];
}

/** @internal */
export function deviceOf(value: DeviceLike, name: string): [identity: Uint8Array, address: Uint8Array] {
  const { identity, address: its } = fields(value, name);
  return [exactly(identity, 64, `${name}.identity`), address(its, `${name}.address`)];
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The UTF-8 of a text. */
export function utf8(text: string): Bytes {
  return encoder.encode(string(text, "text", MOST_BYTES));
}

/** The text of UTF-8; what is none shows as �. */
export function text(utf8: Uint8Array): string {
  return decoder.decode(bytes(utf8, "utf8"));
}
