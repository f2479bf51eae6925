// What the user decides of people: requests, blocks, and which identity is somebody's.

import { hex, isSame } from "./bytes.js";
import { Cannot } from "./cannot.js";
import { deleteConversation, dropUnsent, fail } from "./lives.js";
import { encryptDrafts } from "./sending.js";
import { dropUnread } from "./uploads.js";

/** @typedef {import("./turn.js").Turn} Turn */

/**
 * Accepts a request, or takes a block back. What they wrote stays, and can be answered.
 *
 * @param {Turn} turn
 * @param {string} name
 */
export function accept(turn, name) {
  const peer = peerOf(turn, name);
  const standing = turn.state.standing(name);
  if (standing !== "request" && standing !== "blocked") throw new Cannot(`${name} does not wait for an answer.`);
  turn.changed(peer.acceptRequest(), peer);
  turn.notice({ kind: "accepted", name });
  encryptDrafts(turn, name);
}

/**
 * Refuses a request: all that they wrote goes, and they may ask again. They are told nothing. The peer stays the request that
 * it is: without its sessions nothing would open of what they write again.
 *
 * @param {Turn} turn
 * @param {string} name
 */
export function refuse(turn, name) {
  const peer = peerOf(turn, name);
  if (turn.state.standing(name) !== "request") throw new Cannot(`${name} does not wait for an answer.`);
  turn.changed(peer.keepIdentity(), peer);
  leave(turn, name);
  deleteConversation(turn, name);
}

/**
 * Blocks somebody: what they send is not opened any more, and what they wrote goes.
 *
 * @param {Turn} turn
 * @param {string} name
 */
export function block(turn, name) {
  const peer = peerOf(turn, name);
  turn.changed(peer.refuse(), peer);
  deleteConversation(turn, name);
  turn.notice({ kind: "blocked", name });
}

/** Nothing of it is on the screen any more. @param {Turn} turn @param {string} name */
function leave(turn, name) {
  if (turn.state.window === name) turn.state.window = undefined;
}

/**
 * The user takes the other identity for theirs. What was written for the former one does not go to it; what came from it is
 * offered again.
 *
 * @param {Turn} turn
 * @param {string} name
 */
export function acceptIdentity(turn, name) {
  const peer = peerOf(turn, name);
  // Or the one that was turned down last, by mistake.
  const identity = peer.undecidedDevice?.identity ?? peer.rejectedIdentities.at(-1);
  if (identity === undefined) throw new Cannot(`The identity of ${name} has not changed.`);
  turn.changed(peer.acceptIdentity(identity), peer);
  const why = "it was written for the former identity";
  for (const id of dropUnsent(turn, name)) fail(turn, id, why);
  dropUnread(turn, why, name);
  offerAgain(turn, name);
  turn.notice({ kind: "identityAccepted", name });
}

/**
 * What came of identities of which nothing was decided: of a decision another thing may come of it.
 *
 * @param {Turn} turn
 * @param {string} name
 */
function offerAgain(turn, name) {
  for (const { number, bytes } of [...turn.state.parked.values()].filter(({ from }) => from === name)) {
    turn.state.pending.offeredAgain.push(bytes);
    turn.put("parked", number);
  }
}

/**
 * The user stays with the identity that is pinned. The other one was perhaps a stranger's, who would otherwise have stopped
 * this conversation.
 *
 * @param {Turn} turn
 * @param {string} name
 */
export function keepIdentity(turn, name) {
  const peer = peerOf(turn, name);
  const identity = peer.undecidedDevice?.identity;
  if (identity === undefined) throw new Cannot(`The identity of ${name} has not changed.`);
  turn.changed(peer.rejectIdentity(identity), peer);
  // What the other one wrote is refused from now on; but what a third one did may be theirs, and the user is asked of that.
  offerAgain(turn, name);
  turn.notice({ kind: "identityKept", name });
  encryptDrafts(turn, name);
}

/**
 * The user says that safety numbers were compared, or that this does not count any more.
 *
 * @param {Turn} turn
 * @param {string} name
 * @param {boolean} isVerified
 */
export function verified(turn, name, isVerified) {
  const { state } = turn;
  const identity = peerOf(turn, name).contact.identity;
  const contact = state.contacts.get(name);
  if (identity === undefined || contact === undefined) throw new Cannot(`No identity of ${name} is known yet.`);
  if (state.isChanged(name)) throw new Cannot(`Two identities use the name ${name}. Decide first which one you take for them.`);
  const { verified: _, ...rest } = contact;
  turn.put("contact", name, isVerified ? { ...rest, verified: hex(identity) } : rest);
  if (isVerified) turn.notice({ kind: "verified", name });
}

/**
 * A bundle showed who is at the relay under a name of which we have a request and something to send. If it is who asked, then
 * we wrote to them, and have accepted them by that.
 *
 * @param {Turn} turn
 * @param {string} name
 * @param {Uint8Array} identity
 */
export function checked(turn, name, identity) {
  const peer = peerOf(turn, name);
  if (!isSame(peer.contact.identity, identity)) {
    otherIdentity(turn, name, identity);
    return;
  }
  turn.changed(peer.acceptRequest(), peer);
  turn.notice({ kind: "accepted", name });
  encryptDrafts(turn, name);
}

/**
 * A bundle is of another identity: the user is told, and nothing is sent until they decide.
 *
 * @param {Turn} turn
 * @param {string} name
 * @param {Uint8Array} identity
 */
export function otherIdentity(turn, name, identity) {
  const peer = peerOf(turn, name);
  const changes = peer.noteIdentity(identity);
  turn.changed(changes, peer);
  turn.notice(changes.peer ? { kind: "identityChanged", name } : {
    kind: "trouble", name, text: `The relay knows ${name} by the identity that you turned down. What you wrote waits.`,
  });
}

/** @param {Turn} turn @param {string} name */
function peerOf(turn, name) {
  const peer = turn.state.peers.get(name);
  if (peer === undefined) throw new Cannot(`Nothing of ${name} has come yet.`);
  return peer;
}
