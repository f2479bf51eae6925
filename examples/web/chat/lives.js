// Lives of messages: what ends, and what goes with it.

import { hex, unhex } from "./bytes.js";
import { disposeOf, dropFile } from "./held-files.js";

/** @typedef {import("./turn.js").Turn} Turn */

/** How many messages one look takes in, and how many looks one event: the rest follows at once. */
const AT_ONCE = 100, MOST_LOOKS = 100;

/**
 * Deletes what has come due, and confirms it in the same transaction.
 *
 * @param {Turn} turn
 */
export function deleteDue(turn) {
  const { state, now } = turn;
  for (let look = 0; look < MOST_LOOKS; look += 1) {
    const { due, effects } = state.expiry.poll(AT_ONCE, now);
    turn.absorb(effects);
    for (const { id, parts, ended, unsent } of due) {
      const message = state.messages.get(hex(id));
      // All that there is of a message goes with its row: a part without which it lives on there is none.
      if (ended && message !== undefined) {
        if (unsent) fail(turn, message.id, "its time ended before it was sent");
        forgetMessage(turn, message.id);
        turn.notice({ kind: "expired", name: message.with, id: message.id });
      }
      turn.absorb(state.expiry.done(id, parts, now));
    }
    if (due.length === 0 && state.expiry.nextWakeup(now) !== 0) return;
  }
}

/**
 * Takes a message out of the store, with all that belongs to it.
 *
 * @param {Turn} turn
 * @param {string} id
 * @param {boolean} [isForAll] Whether nobody is to have its file any more
 */
export function forgetMessage(turn, id, isForAll = false) {
  const { state } = turn;
  const message = state.messages.get(id);
  if (message === undefined) return;
  if (message.body.kind === "file") {
    const { file } = message.body;
    dropFile(turn, id, file);
    if (message.author === "us") {
      // Nobody else is to have what was not said of yet.
      const isUnsaid = [state.uploads, state.drafts, state.parcels].some((rows) => [...rows.values()].some((row) => row.message === id));
      if (isForAll || isUnsaid) disposeOf(turn, file);
    } else if (file.state === "whole" && state.standing(message.with) === "accepted") {
      // We are who had it. Who is a stranger, or was blocked, would be told by this what became of their message.
      disposeOf(turn, file);
    }
  }
  for (const table of /** @type {const} */ (["draft", "parcel", "upload"])) {
    for (const row of [...state[`${table}s`].values()].filter((it) => it.message === id)) turn.put(table, row.number);
  }
  if (message.author === "them") turn.put("evidence", id);
  turn.put("message", id);
}

/**
 * A message of ours will not be sent.
 *
 * @param {Turn} turn
 * @param {string | undefined} id
 * @param {string} why
 */
export function fail(turn, id, why) {
  const message = id === undefined ? undefined : turn.state.messages.get(id);
  if (message === undefined || message.progress === "failed") return;
  turn.put("message", message.id, { ...message, progress: "failed", why });
  turn.notice({ kind: "failed", name: message.with, id, text: why });
}

/**
 * Drops all that waits for somebody. The messages of which it was.
 *
 * @param {Turn} turn
 * @param {string} name
 */
export function dropUnsent(turn, name) {
  /** @type {string[]} */
  const messages = [];
  for (const table of /** @type {const} */ (["draft", "parcel", "upload"])) {
    for (const row of [...turn.state[`${table}s`].values()].filter((it) => it.to === name)) {
      turn.put(table, row.number);
      if (row.message === undefined) continue;
      messages.push(row.message);
      const body = turn.state.messages.get(row.message)?.body;
      if (body?.kind === "file") disposeOf(turn, body.file);
    }
  }
  return messages;
}

/**
 * The user leaves a conversation.
 *
 * @param {Turn} turn
 * @param {string} name
 */
export function close(turn, name) {
  if (turn.state.window === name) turn.state.window = undefined;
  turn.absorb(turn.state.expiry.closed(turn.state.conversation(name), turn.now));
  deleteDue(turn);
}

/**
 * All of a conversation goes, what waits too.
 *
 * @param {Turn} turn
 * @param {string} name
 */
export function deleteConversation(turn, name) {
  const { state, now } = turn;
  turn.absorb(state.expiry.conversationDeleted(state.conversation(name), now));
  for (const { id } of state.messagesWith(name)) {
    turn.absorb(state.expiry.deleted(unhex(id), now));
    forgetMessage(turn, id);
  }
  for (const table of /** @type {const} */ (["draft", "parcel", "upload"])) {
    for (const row of [...state[`${table}s`].values()].filter((it) => it.to === name)) turn.put(table, row.number);
  }
  for (const row of [...state.parked.values()].filter((it) => it.from === name)) turn.put("parked", row.number);
  const { typed, ...contact } = state.contacts.get(name) ?? { name };
  if (typed !== undefined) turn.put("contact", name, contact);
  deleteDue(turn);
}
