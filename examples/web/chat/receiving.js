// Receiving: whose a message is, what it says, and what is to be stored before it is acknowledged.

import { ContentKey, EvanesceError, Peer, memberTag, messageIdBy, utf8 } from "evanesce";

import { NotReadable, decodeContent } from "../wire/content.js";
import { hex, isSame } from "./bytes.js";
import { heldFile } from "./held-files.js";
import { deleteConversation, deleteDue, forgetMessage } from "./lives.js";
import { nameOf } from "./names.js";
import { show } from "./reading.js";
import { encryptDrafts } from "./sending.js";

/** @typedef {import("./turn.js").Turn} Turn */
/** @typedef {import("./shapes.js").Mark} Mark */
/** @typedef {import("./shapes.js").Body} Body */
/** @typedef {import("evanesce").Received} Received */

/** What is the fault of no message: it must not be acknowledged then. */
const FAULTS = new Set(["invalid_argument", "freed", "not_loaded", "no_randomness", "broken", "other"]);

/** How many strangers may wait, whether or not they have said anything: each has a row of sessions, and anyone can be one. */
const MOST_REQUESTS = 50;

/** How many messages of a stranger are kept until the user decides. */
const MOST_OF_A_REQUEST = 100;

/** How much is kept of identities that changed, in all and of one name: anyone can send such, under any name. */
const MOST_PARKED = 100, MOST_PARKED_OF_ONE = 10;

/**
 * Takes in what the relay brought. Whatever it is, it may be acknowledged once the turn is stored.
 *
 * @param {Turn} turn
 * @param {Uint8Array} bytes
 * @param {Mark} [mark]
 */
export function takeIn(turn, bytes, mark) {
  const { state, now } = turn;
  const name = senderOf(turn, bytes);
  if (name === undefined || name === state.name) return;
  const known = state.peers.get(name);
  const isFull = known === undefined && strangers(state).length >= MOST_REQUESTS;
  // Those of whom nobody sees anything make room, but not before it is known that this one opens.
  const silent = isFull ? strangers(state).find((it) => state.isForgotten(it)) : undefined;
  if (isFull && silent === undefined) return;
  if (state.standing(name) === "request" && state.messagesWith(name).length >= MOST_OF_A_REQUEST) return;
  const peer = known ?? new Peer(name);
  let delivered;
  try {
    delivered = peer.decrypt(state.account, bytes, now);
  } catch (refusal) {
    if (!(refusal instanceof EvanesceError) || FAULTS.has(refusal.code)) throw refusal;
    // So that the next stranger is accepted, whoever this one was.
    if (refusal.code === "replay_record_full") turn.changed(state.account.maintain(undefined, now).changes);
    if (known !== undefined) refused(turn, name, peer, bytes, refusal);
    return;
  }
  const { received, changes, author } = delivered;
  if (silent !== undefined) forgetStranger(turn, silent);
  turn.changed(changes, peer);
  if (known === undefined) state.peers.set(name, peer);
  if (!state.contacts.has(name)) turn.put("contact", name, { name });
  heard(turn, name, author, received, mark);
  if (changes.account) turn.changed(state.account.maintain(undefined, now).changes);
  encryptDrafts(turn, name);
}

/**
 * Of whom a message is, as far as can be told before it opens.
 *
 * @param {Turn} turn
 * @param {Uint8Array} bytes
 */
function senderOf({ state }, bytes) {
  for (const [name, peer] of state.peers) if (peer.knows(bytes)) return name;
  try {
    return nameOf(state.account.claimedSender(bytes).address);
  } catch (refusal) {
    if (!(refusal instanceof EvanesceError)) throw refusal;
    return undefined;
  }
}

/** Who has not been answered, those too who were refused or have said nothing. @param {import("./state.js").State} state */
const strangers = (state) => [...state.peers.keys()].filter((name) => state.standing(name) === "request");

/**
 * Nothing is held any more of a stranger of whom nothing is shown. Should they write again, they are another one.
 *
 * @param {Turn} turn
 * @param {string} name
 */
function forgetStranger(turn, name) {
  deleteConversation(turn, name);
  turn.put("contact", name);
  turn.forget(name);
}

/**
 * @param {Turn} turn
 * @param {string} name
 * @param {Peer} peer
 * @param {Uint8Array} bytes
 * @param {EvanesceError} refusal
 */
function refused(turn, name, peer, bytes, refusal) {
  const changes = peer.noteRefusal(bytes, refusal, turn.now);
  turn.changed(changes, peer);
  switch (refusal.code) {
    case "identity_changed":
      park(turn, name, bytes);
      // The peer remembers it. The user is asked once for each.
      if (changes.peer) turn.notice({ kind: "identityChanged", name });
      return;
    case "forked":
    case "number_reused":
      turn.notice({ kind: "missing", name });
      return;
    default:
      // All else is acknowledged, and that is all.
  }
}

/**
 * Keeps what came under another identity, as far as there is room, until the user has decided. What is given again, since its
 * acknowledgement was lost or the relay means ill, takes no second place.
 *
 * @param {Turn} turn
 * @param {string} name
 * @param {Uint8Array} bytes
 */
function park(turn, name, bytes) {
  const { parked } = turn.state;
  const ofOne = [...parked.values()].filter(({ from }) => from === name);
  if (parked.size >= MOST_PARKED || ofOne.length >= MOST_PARKED_OF_ONE || ofOne.some((it) => isSame(it.bytes, bytes))) return;
  const number = turn.number();
  turn.put("parked", number, { number, from: name, bytes: bytes.slice() });
}

/**
 * @param {Turn} turn
 * @param {string} name
 * @param {Uint8Array} identity
 * @param {Received} received
 * @param {Mark | undefined} mark
 */
function heard(turn, name, identity, received, mark) {
  const { state, now } = turn;
  if (received.peerWentBack || received.droppedKeys > 0) turn.notice({ kind: "missing", name });
  const content = contentOf(turn, name, received.body);
  const tag = memberTag(identity);
  switch (content?.kind) {
    case "text": {
      const id = messageIdBy(tag, content.chosen);
      const isOnce = received.stamp !== "malformed" && received.stamp.opens !== "unlimited";
      if (!isOnce) {
        come(turn, name, tag, id, { kind: "text", text: content.text }, received, mark);
        return;
      }
      const key = ContentKey.generate();
      come(turn, name, tag, id, { kind: "sealed", sealed: key.seal(id, "body", utf8(content.text)) }, received, mark, key);
      return;
    }
    case "file": {
      if (received.stamp !== "malformed" && received.stamp.opens !== "unlimited") {
        turn.notice({ kind: "trouble", name, text: `${name} sent a file to be opened once. This page cannot take such files.` });
        break;
      }
      come(turn, name, tag, messageIdBy(tag, content.chosen), { kind: "file", file: heldFile(state, name, content.file) }, received, mark);
      return;
    }
    case "unsend":
      turn.absorb(state.expiry.heard(state.conversation(name), received.stamp, 0, now));
      takeBack(turn, content.message, tag);
      return;
    default:
  }
  turn.absorb(state.expiry.heard(state.conversation(name), received.stamp, 0, now));
}

/**
 * What a body says; absent if it has only its stamp, or is of a newer release.
 *
 * @param {Turn} turn
 * @param {string} name
 * @param {Uint8Array} body
 */
function contentOf(turn, name, body) {
  if (body.length === 0) return undefined;
  try {
    return decodeContent(body);
  } catch (error) {
    if (!(error instanceof NotReadable)) throw error;
    turn.notice({ kind: "trouble", name, text: `${name} sent something that this release cannot read.` });
    return undefined;
  }
}

/**
 * A message of theirs gets its place.
 *
 * @param {Turn} turn
 * @param {string} name
 * @param {Uint8Array} tag
 * @param {Uint8Array} id
 * @param {Body} body
 * @param {Received} received
 * @param {Mark | undefined} mark
 * @param {ContentKey} [sealedUnder]
 */
function come(turn, name, tag, id, body, received, mark, sealedUnder) {
  const { state, now } = turn;
  const isFile = body.kind === "file";
  const arrival = state.expiry.received({
    id, conversation: state.conversation(name), author: tag, parts: isFile ? ["file"] : [], awaitingMedia: isFile, sealedUnder,
  }, received.stamp, 0, now);
  turn.absorb(arrival.effects);
  const digits = hex(id);
  // The scheduler knows again what has an end; what has none, its row tells.
  if (arrival.verdict !== "keep" || state.messages.has(digits)) return;
  turn.put("message", digits, {
    id: digits, number: turn.number(), with: name, author: "them", tag, body, progress: "unread", at: now, why: undefined,
  });
  // What can be opened once cannot be reported: what proves it would keep it.
  if (body.kind !== "sealed" && received.evidence !== undefined && mark !== undefined) {
    turn.put("evidence", digits, { id: digits, body: received.body, evidence: received.evidence, mark });
  }
  if (state.window === name && state.isLooking) show(turn, digits);
  else turn.notice({ kind: state.standing(name) === "request" ? "request" : "unread", name, id: digits });
}

/**
 * Takes a message back, if who asks has written it.
 *
 * @param {Turn} turn
 * @param {Uint8Array} id
 * @param {Uint8Array} by
 */
function takeBack(turn, id, by) {
  const { state, now } = turn;
  const unsent = state.expiry.unsent(id, by, now);
  if (unsent.kind === "due" || unsent.kind === "unknown") turn.absorb(unsent.effects);
  const message = state.messages.get(hex(id));
  // One that has no end is not held by the scheduler.
  const isTheirs = message !== undefined && hex(message.tag) === hex(by);
  if (message === undefined || !isTheirs || unsent.kind === "notAuthor") return;
  if (unsent.kind === "unknown") turn.absorb(state.expiry.deleted(id, now));
  forgetMessage(turn, message.id);
  turn.notice({ kind: "unsent", name: message.with, id: message.id });
  deleteDue(turn);
}
