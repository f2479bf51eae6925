// Errands: what is to be asked of the relay, and what comes of the answers. They follow from what is stored, so that a page that
// is loaded anew forgets none.

import { EvanesceError, Peer, VerifiedBundle } from "evanesce";

import { checked, otherIdentity } from "./deciding.js";
import { fail } from "./lives.js";
import { encryptDrafts, postNothing } from "./sending.js";

/** @typedef {import("./turn.js").Turn} Turn */
/** @typedef {import("./state.js").State} State */

/**
 * What to ask on the connection that names nobody. One at a time: that keeps the order.
 *
 * @typedef {{ kind: "deposit", parcel: import("./shapes.js").Parcel } | { kind: "bundle", name: string }} Errand
 */

/** How long nothing is asked for somebody after a refusal. */
const REST = 10_000;

/** The shortest and the longest time, in seconds, for which a relay is believed that it was asked too often. */
const SHORTEST_REST = 1, LONGEST_REST = 600;

/** How often the account is told what the relay has left. Anyone can take prekeys from there, so not with each mail. */
const BETWEEN_STOCKS = 3_600_000;

const DAY = 86_400_000;

/**
 * Whether so much time has passed since something was done, or it never was. A clock that was set back puts nothing off.
 *
 * @param {number} span
 * @param {number | undefined} last
 * @param {number} now
 */
const hasPassed = (span, last, now) => last === undefined || now < last || now - last >= span;

/**
 * The next errand, of what has been stored.
 *
 * @param {State} state
 * @param {number} now
 * @returns {Errand | undefined}
 */
export function nextErrand(state, now) {
  for (const parcel of state.parcels.values()) {
    if (!state.rests(parcel.to, now) && state.mayBeWrittenTo(parcel.to)) return { kind: "deposit", parcel };
  }
  const names = new Set([...[...state.drafts.values()].map(({ to }) => to), ...state.peers.keys()]);
  for (const name of names) {
    if (!state.rests(name, now) && isBundleWanted(state, name, now)) return { kind: "bundle", name };
  }
  return undefined;
}

/**
 * Whether an errand is still to be done. What it is for may have gone since it was given, or may not leave any more.
 *
 * @param {State} state
 * @param {Errand} errand
 * @param {number} now
 */
export function isDue(state, errand, now) {
  switch (errand.kind) {
    case "deposit": return state.parcels.has(errand.parcel.number) && state.mayBeWrittenTo(errand.parcel.to);
    case "bundle": return isBundleWanted(state, errand.name, now);
  }
}

/**
 * Whether there is something for which it takes a bundle of somebody's.
 *
 * @param {State} state
 * @param {string} name
 * @param {number} now
 */
function isBundleWanted(state, name, now) {
  if (state.isChanged(name)) return false;
  const standing = state.standing(name);
  const isWaiting = [...state.drafts.values()].some(({ to }) => to === name);
  // Whom we wrote to, and who asked meanwhile: the relay tells whether they are the same.
  if (isWaiting) return standing !== "blocked";
  return standing === "accepted" && state.peers.get(name)?.sessionNeed(now) === "lost";
}

/** Whether something waits for a rest to end. @param {State} state @param {number} now */
export const hasResting = (state, now) => [...state.pending.resting.keys()].some((name) => state.rests(name, now));

/**
 * A bundle came: a session begins, and what was written goes.
 *
 * @param {Turn} turn
 * @param {string} name
 * @param {Uint8Array} bytes
 */
export function bundleCame(turn, name, bytes) {
  const { state, now } = turn;
  // Who was refused or blocked meanwhile is not accepted by what was asked before, and nothing is said to whom nothing is for.
  if (!isBundleWanted(state, name, now)) return;
  const isFirst = !state.pending.resting.has(name);
  // Whatever comes of it, the next one is not asked for at once.
  rest(turn, name, REST);
  const peer = state.peers.get(name) ?? new Peer(name);
  const isLost = peer.sessionNeed(now) === "lost";
  try {
    const bundle = VerifiedBundle.verify(bytes, now);
    if (state.standing(name) === "request") {
      checked(turn, name, bundle.device.identity);
      if (state.standing(name) === "accepted") state.pending.resting.delete(name);
      return;
    }
    turn.changed(peer.initiate(state.account, bundle, now), peer);
  } catch (refusal) {
    if (!(refusal instanceof EvanesceError)) throw refusal;
    if (refusal.code === "identity_changed" && refusal.identity !== undefined) otherIdentity(turn, name, refusal.identity);
    else if (isFirst) turn.notice({ kind: "trouble", name, text: `The relay gave no good bundle of ${name} (${refusal.code}).` });
    // With a session there is no need to wait for a newer one.
    encryptDrafts(turn, name);
    return;
  }
  state.peers.set(name, peer);
  turn.changed(peer.setSessionLimits(state.expiry.sessionLimits(state.conversation(name))), peer);
  state.pending.resting.delete(name);
  // In a new session something has to be said, or the other side does not hear of it.
  if (isLost && ![...state.drafts.values()].some((draft) => draft.to === name)) postNothing(turn, name);
  encryptDrafts(turn, name);
}

/** Nothing is asked for somebody for so long. @param {Turn} turn @param {string} name @param {number} length */
const rest = ({ state, now }, name, length) => state.pending.resting.set(name, { since: now, until: now + length });

/**
 * The relay does not do it. What is refused for ever fails, everything else is tried again later.
 *
 * @param {Turn} turn
 * @param {Errand} errand
 * @param {{ kind: string, seconds?: number | undefined }} refusal
 */
export function errandRefused(turn, errand, refusal) {
  const { state } = turn;
  const name = errand.kind === "deposit" ? errand.parcel.to : errand.name;
  if (errand.kind === "deposit" && refusal.kind === "too_large") {
    turn.put("parcel", errand.parcel.number);
    fail(turn, errand.parcel.message, "it is too large");
    return;
  }
  if (!state.pending.resting.has(name)) turn.notice({ kind: "trouble", name, text: told(name, refusal.kind) });
  const seconds = Math.min(Math.max(refusal.seconds ?? 0, SHORTEST_REST), LONGEST_REST);
  rest(turn, name, refusal.kind === "too_often" ? seconds * 1_000 : REST);
  // With a session there is no need to wait for a newer one.
  encryptDrafts(turn, name);
}

/** @param {string} name @param {string} refusal */
function told(name, refusal) {
  switch (refusal) {
    case "unknown": return `Nobody at the relay is called ${name}. What you wrote waits until somebody is.`;
    case "queue_full": return `${name} has not been here for too long, and their queue is full. What you wrote waits.`;
    case "too_often": return `The relay was asked for ${name} too often. What you wrote goes a little later.`;
    default: return `The relay does not take what is for ${name} (${refusal}). What you wrote waits.`;
  }
}

/**
 * The relay says what it has left of us, at each start and once an hour. What came with it has been taken in.
 *
 * @param {Turn} turn
 * @param {Uint8Array} stock
 */
export function relayHas(turn, stock) {
  const { state, now } = turn;
  if (!hasPassed(BETWEEN_STOCKS, state.pending.toldOfStock, now)) return;
  state.pending.toldOfStock = now;
  const { changes, disagreement } = state.account.maintain(stock, now);
  turn.changed(changes);
  if (disagreement !== undefined) turn.notice({ kind: "trouble", text: DISAGREEMENTS[disagreement] });
}

const DISAGREEMENTS = {
  accountWentBack: "The relay has prekeys of yours that were never made here: this browser's data was put back, or a copy of it runs elsewhere.",
  serverWentBack: "The relay had lost prekeys of yours. Others are published.",
  otherDevice: "The relay had prekeys of another device under your name. Ask its operator.",
  notHeld: "The relay had prekeys of yours that are not held here. Others are published.",
};

/** The relay has nothing of us: everything is published anew. @param {Turn} turn */
export function relayHasForgotten(turn) {
  turn.changed(turn.state.account.republishPrekeys(turn.now).changes);
}

/**
 * The relay has what was published.
 *
 * @param {Turn} turn
 * @param {Uint8Array} upload
 */
export function published(turn, upload) {
  turn.changed(turn.state.account.markPublished(upload));
}

/** Once a day, and at each start. @param {Turn} turn */
export function maintain(turn) {
  const { state, now } = turn;
  if (!hasPassed(DAY, state.pending.maintained, now)) return;
  // What the relay has is asked first at the start: prekeys made before would hide that this store is an older one.
  if (state.pending.maintained !== undefined) turn.changed(state.account.maintain(undefined, now).changes);
  state.pending.maintained = now;
  for (const peer of state.peers.values()) turn.changed(peer.maintain(now), peer);
}
