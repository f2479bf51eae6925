// What is local and can be set: bounds and lifetimes, never seen on the wire.

import { count, fields, millis } from "./checks.js";

const DAY = 86_400_000;

/** What one session keeps for messages that are late. Less of it loses late messages, and nothing else. */
export interface SessionLimits {
  /** How many keys of one gap are kept, the last ones: 1,000. */
  readonly maxSkip: number;
  /** How many keys are held in all: 2,000. */
  readonly maxHeldKeys: number;
  /** How many older receiving chains keep keys: 5. */
  readonly maxOlderChains: number;
  /** How long a key is held, in milliseconds: 30 days. */
  readonly heldKeyLifetime: number;
}

/** When prekeys are made and how long they are kept. */
export interface PrekeyLimits {
  /** How long a new signed prekey is valid, in milliseconds: 30 days; at least a second, at most 90 days. */
  readonly signedPrekeyLifetime: number;
  /** After how long maintenance replaces it: 7 days. */
  readonly signedPrekeyRotation: number;
  /** How long a replaced one is kept: 30 days. */
  readonly signedPrekeyGrace: number;
  /** How many replaced ones are kept: 16. */
  readonly maxReplacedSignedPrekeys: number;
  /** Up to how many one-time prekeys maintenance tops up: 100. */
  readonly oneTimePrekeys: number;
  /** How many one-time prekeys are held at most: 1,000. */
  readonly maxOneTimePrekeys: number;
}

/** Bounds and lifetimes of an account and of the sessions that it makes. */
export interface Limits {
  readonly session: SessionLimits;
  readonly prekeys: PrekeyLimits;
}

/** The same, of which only what is named is other than the protocol's. */
export interface SomeLimits {
  readonly session?: Partial<SessionLimits> | undefined;
  readonly prekeys?: Partial<PrekeyLimits> | undefined;
}

/** How many sessions are kept with one peer, and how long. */
export interface PeerLimits {
  /** How many sessions are kept beside the one that sends: 8. */
  readonly maxOlderSessions: number;
  /** How long such a session is kept after its last use, in milliseconds: 30 days. */
  readonly olderSessionLifetime: number;
  /** How long a session that we initiated sends without an answer: 30 days. */
  readonly unansweredLifetime: number;
  /** After how long without an answer another session is asked for: a day. */
  readonly silence: number;
}

/** The protocol's limits of a session. */
export const SESSION_LIMITS: SessionLimits = Object.freeze({
  maxSkip: 1_000,
  maxHeldKeys: 2_000,
  maxOlderChains: 5,
  heldKeyLifetime: 30 * DAY,
});

/** The protocol's limits of prekeys. */
export const PREKEY_LIMITS: PrekeyLimits = Object.freeze({
  signedPrekeyLifetime: 30 * DAY,
  signedPrekeyRotation: 7 * DAY,
  signedPrekeyGrace: 30 * DAY,
  maxReplacedSignedPrekeys: 16,
  oneTimePrekeys: 100,
  maxOneTimePrekeys: 1_000,
});

/** The protocol's limits of a peer. */
export const PEER_LIMITS: PeerLimits = Object.freeze({
  maxOlderSessions: 8,
  olderSessionLifetime: 30 * DAY,
  unansweredLifetime: 30 * DAY,
  silence: DAY,
});

/** What is not named is the protocol's; numbers of milliseconds are those whose default is above a million. */
function numbers<Limits extends object>(defaults: Limits, some: Partial<Limits> | undefined, name: string): number[] {
  const given = some === undefined ? {} : (fields(some, name) as Record<string, unknown>);
  return Object.entries(defaults).map(([field, otherwise]: [string, number]) => {
    const value = given[field];
    if (value === undefined) return otherwise;
    const place = `${name}.${field}`;
    return otherwise >= 1_000_000 ? millis(value, place) : count(value, place);
  });
}

/** @internal */
export function sessionNumbers(some: Partial<SessionLimits> | undefined): Float64Array {
  return Float64Array.from(numbers(SESSION_LIMITS, some, "limits"));
}

/** @internal */
export function peerNumbers(some: Partial<PeerLimits> | undefined): Float64Array {
  return Float64Array.from(numbers(PEER_LIMITS, some, "limits"));
}

/** @internal */
export function accountNumbers(some: SomeLimits | undefined): Float64Array {
  const { session, prekeys } = some === undefined ? {} : fields(some, "limits");
  return Float64Array.from([
    ...numbers(SESSION_LIMITS, session, "limits.session"),
    ...numbers(PREKEY_LIMITS, prekeys, "limits.prekeys"),
  ]);
}
