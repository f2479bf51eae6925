// Sending: a draft is written, encrypted when there is a session, and waits as a parcel until the relay has it.

import { EvanesceError, Stamp, messageIdBy } from "evanesce";

import { LONGEST_TEXT, encodeContent } from "../wire/content.js";
import { hex, random, unhex } from "./bytes.js";
import { Cannot } from "./cannot.js";
import { isName } from "./names.js";
import { deleteDue, fail, forgetMessage } from "./lives.js";

/** @typedef {import("./turn.js").Turn} Turn */
/** @typedef {import("./state.js").State} State */
/** @typedef {import("./shapes.js").Life} Life */
/** @typedef {import("./shapes.js").Body} Body */

/** Why nothing is encrypted for somebody now: for want of a session, or of the user's decision. */
const WAITS = new Set(["needs_session", "identity_undecided", "request", "refused"]);

/**
 * Begins a conversation with somebody of whom the name is known. Who they are shows when a session begins.
 *
 * @param {Turn} turn
 * @param {string} name
 */
export function meet(turn, name) {
  if (!isName(name)) throw new Cannot("A name has 1 to 32 of these: a–z, 0–9, dot, dash and underscore.");
  if (name === turn.state.name) throw new Cannot("That is you. Write to somebody else.");
  if (!turn.state.contacts.has(name)) turn.put("contact", name, { name });
}

/**
 * Writes a text. It is sent once it is stored.
 *
 * @param {Turn} turn
 * @param {string} to
 * @param {string} text
 * @param {Life} life
 */
export function write(turn, to, text, life) {
  checkWritable(turn.state, to);
  const length = new TextEncoder().encode(text).length;
  if (length === 0) throw new Cannot("There is nothing to send yet.");
  if (length > LONGEST_TEXT) throw new Cannot(`The text has ${length} bytes, and ${LONGEST_TEXT} are the most: send it in parts.`);
  const chosen = random(16);
  const stamp = stampFor(turn.state, to, life);
  const id = queue(turn, to, chosen, stamp, life.kind === "once" ? { kind: "toOpen" } : { kind: "text", text });
  post(turn, to, id, encodeContent({ kind: "text", chosen, text }), stamp);
  keepTyped(turn, to, "");
}

/**
 * Keeps what was begun to be written.
 *
 * @param {Turn} turn
 * @param {string} to
 * @param {string} text
 */
export function keepTyped(turn, to, text) {
  const contact = turn.state.contacts.get(to);
  if (contact === undefined || (contact.typed ?? "") === text) return;
  const { typed: _, ...rest } = contact;
  turn.put("contact", to, text === "" ? rest : { ...rest, typed: text });
}

/**
 * What a message says of its life.
 *
 * @param {State} state
 * @param {string} to
 * @param {Life} life
 */
export function stampFor(state, to, life) {
  const stamp = state.expiry.stamp(state.conversation(to));
  switch (life.kind) {
    case "asConversation": return stamp;
    case "for": return stamp.withPolicy({ kind: "afterRead", ttl: life.ttl });
    case "once": return stamp.withOpens("once");
  }
}

/**
 * Puts a message of ours into its conversation. Its clock runs when the relay has it.
 *
 * @param {Turn} turn
 * @param {string} to
 * @param {Uint8Array} chosen
 * @param {Stamp} stamp
 * @param {Body} body
 */
export function queue(turn, to, chosen, stamp, body) {
  const { state, now } = turn;
  const id = messageIdBy(state.tag, chosen);
  const arrival = state.expiry.queued({
    id, conversation: state.conversation(to), author: state.tag, parts: body.kind === "file" ? ["file"] : [],
  }, stamp, now);
  turn.absorb(arrival.effects);
  if (arrival.verdict !== "keep") throw new Error("a random id was there already");
  const message = {
    id: hex(id), number: turn.number(), with: to, author: /** @type {const} */ ("us"), tag: state.tag, body,
    progress: /** @type {const} */ ("waiting"), at: now, why: undefined,
  };
  turn.put("message", message.id, message);
  return message.id;
}

/**
 * Sends a stamp and no more: a timer, an echo of one, or something for a session to begin with.
 *
 * @param {Turn} turn
 * @param {string} to
 * @param {Stamp} [stamp]
 */
export function postNothing(turn, to, stamp = turn.state.expiry.stamp(turn.state.conversation(to))) {
  post(turn, to, undefined, new Uint8Array(), stamp);
}

/**
 * @param {Turn} turn
 * @param {string} to
 * @param {string | undefined} message
 * @param {Uint8Array} body
 * @param {Stamp} stamp
 */
export function post(turn, to, message, body, stamp) {
  const number = turn.number();
  turn.put("draft", number, { number, to, message, body, stamp: stamp.encode() });
  encryptDrafts(turn, to);
}

/**
 * Encrypts what waits for somebody, in the order in which it was written, if there is a session.
 *
 * @param {Turn} turn
 * @param {string} to
 */
export function encryptDrafts(turn, to) {
  const { state, now } = turn;
  const peer = state.peers.get(to);
  if (peer === undefined || state.standing(to) !== "accepted" || state.isChanged(to)) return;
  for (const draft of [...state.drafts.values()].filter((it) => it.to === to)) {
    // Before the next message there is a new session, if the peer wants one; but a relay that refuses it stops nothing.
    const need = peer.sessionNeed(now);
    if (need === "noSession" || (need !== undefined && !state.rests(to, now))) return;
    try {
      const encrypted = peer.encrypt({ body: draft.body, stamp: Stamp.decode(draft.stamp) }, now);
      turn.changed(encrypted.changes, peer);
      const number = turn.number();
      turn.put("parcel", number, { number, to, message: draft.message, id: random(16), bytes: encrypted.message });
    } catch (refusal) {
      if (!(refusal instanceof EvanesceError)) throw refusal;
      if (WAITS.has(refusal.code)) return;
      if (refusal.code !== "too_large") throw refusal;
      fail(turn, draft.message, "it is too large");
    }
    turn.put("draft", draft.number);
  }
}

/**
 * The relay has a parcel: from now on its message's clock runs.
 *
 * @param {Turn} turn
 * @param {number} number
 */
export function deposited(turn, number) {
  const { state, now } = turn;
  const parcel = state.parcels.get(number);
  if (parcel === undefined) return;
  turn.put("parcel", number);
  state.pending.resting.delete(parcel.to);
  const message = parcel.message === undefined ? undefined : state.messages.get(parcel.message);
  if (message === undefined || message.progress !== "waiting") return;
  turn.absorb(state.expiry.sent(unhex(message.id), 0, now));
  turn.put("message", message.id, { ...message, progress: "sent" });
  turn.notice({ kind: "sent", name: message.with, id: message.id });
  deleteDue(turn);
}

/**
 * Takes a message of ours back, at both ends. What has not been encrypted goes no further than here.
 *
 * @param {Turn} turn
 * @param {string} id
 */
export function unsend(turn, id) {
  const { state } = turn;
  const message = state.messages.get(id);
  if (message === undefined) throw new Cannot("There is no such message any more.");
  if (message.author !== "us") throw new Cannot("Only who wrote a message takes it back. You can delete it here.");
  const isOnlyHere = message.progress === "failed" || [...state.drafts.values()].some((it) => it.message === id)
    || [...state.uploads.values()].some((it) => it.message === id);
  if (!isOnlyHere) {
    checkWritable(state, message.with);
    post(turn, message.with, undefined, encodeContent({ kind: "unsend", message: unhex(id) }),
      state.expiry.stamp(state.conversation(message.with)));
  }
  remove(turn, id, true);
  turn.notice({ kind: "unsent", name: message.with, id });
}

/**
 * Deletes a message here.
 *
 * @param {Turn} turn
 * @param {string} id
 * @param {boolean} [isForAll] Whether nobody is to have its file any more
 */
export function remove(turn, id, isForAll = false) {
  turn.absorb(turn.state.expiry.deleted(unhex(id), turn.now));
  forgetMessage(turn, id, isForAll);
  deleteDue(turn);
}

/**
 * @param {State} state
 * @param {string} to
 */
export function checkWritable(state, to) {
  if (state.isChanged(to)) throw new Cannot(`Another identity uses the name ${to}. Decide first which one you take for them.`);
  switch (state.standing(to)) {
    case "request": throw new Cannot(`${to} has asked first. Accept the request, or refuse it.`);
    case "blocked": throw new Cannot(`You have blocked ${to}.`);
    case "new":
    case "accepted": return;
  }
}
