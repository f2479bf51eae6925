// Reading: what is shown, what that starts, and what a screen draws.

import { text as string } from "evanesce";

import { hex, unhex } from "./bytes.js";
import { Cannot } from "./cannot.js";
import { deleteDue, forgetMessage } from "./lives.js";
import { DEPTH } from "./state.js";

/** @typedef {import("./turn.js").Turn} Turn */
/** @typedef {import("./state.js").State} State */
/** @typedef {import("./shapes.js").Message} Message */

/**
 * One conversation in the list.
 *
 * @typedef {object} ContactView
 * @property {string} name
 * @property {import("./state.js").Standing} standing
 * @property {boolean} isChanged Whether another identity uses the name, and the user is asked
 * @property {boolean} isVerified
 * @property {boolean} hasTurnedDown Whether there is an identity that the user did not take for theirs
 * @property {import("evanesce").Policy | undefined} timer
 * @property {number} unread
 * @property {LineView | undefined} last The last line that may still be shown
 */

/**
 * One line of a conversation, as it may be shown at this moment.
 *
 * @typedef {object} LineView
 * @property {string} id
 * @property {import("./shapes.js").Author} author
 * @property {"text" | "once" | "toOpen" | "file"} kind
 * @property {string} text
 * @property {FileView | undefined} file
 * @property {import("./shapes.js").Progress} progress
 * @property {string | undefined} why
 * @property {number} at
 * @property {number | undefined} endsAt When it goes, in milliseconds; absent if it stays, or its clock does not run
 */

/**
 * @typedef {object} FileView
 * @property {string} name
 * @property {string} mediaType
 * @property {number} size
 * @property {"going" | "whole" | "stopped"} state
 * @property {string | undefined} why
 * @property {number} done From 0 to 1
 */

/** @typedef {ContactView & { lines: LineView[], hasEarlier: boolean, isWaiting: boolean, typed: string }} ConversationView */

/**
 * The conversation is on the screen: what is in it counts as read, and so does what comes.
 *
 * @param {Turn} turn
 * @param {string} name
 */
export function open(turn, name) {
  const { state } = turn;
  if (!state.contacts.has(name)) throw new Cannot(`Nobody here is called ${name}.`);
  if (state.window !== name) state.depth = DEPTH;
  state.window = name;
  look(turn);
}

/**
 * What is in the open conversation counts as read, if somebody looks at it; if not, what ends with its closing is over.
 *
 * @param {Turn} turn
 */
export function look(turn) {
  const { state } = turn;
  const name = state.window;
  if (name === undefined) return;
  if (!state.isLooking) {
    turn.absorb(state.expiry.closed(state.conversation(name), turn.now));
    return;
  }
  // What lies before the lines that are shown nobody has read.
  for (const message of state.messagesWith(name).slice(-state.depth)) if (message.progress === "unread") show(turn, message.id);
}

/**
 * Shows a message of theirs. Its clock is stored before that.
 *
 * @param {Turn} turn
 * @param {string} id
 */
export function show(turn, id) {
  const { state, now } = turn;
  const message = state.messages.get(id);
  if (message === undefined || !mayBeShown(state, id, now)) return;
  // Of what can be opened once it is seen that it is there. Opening it is reading.
  if (message.body.kind !== "sealed") turn.absorb(state.expiry.read(unhex(id), now));
  turn.put("message", id, { ...message, progress: "read" });
  turn.notice({ kind: "message", name: message.with, id });
}

/**
 * Opens what can be opened once. That it was opened is in the turn that its text waits for.
 *
 * @param {Turn} turn
 * @param {string} id
 * @returns {string}
 */
export function openOnce(turn, id) {
  const { state, now } = turn;
  const message = state.messages.get(id);
  if (message?.body.kind !== "sealed") throw new Cannot("There is nothing to open any more.");
  const { effects, key } = state.expiry.open(unhex(id), now);
  turn.absorb(effects);
  const opened = key?.open(unhex(id), "body", message.body.sealed);
  key?.free();
  forgetMessage(turn, id);
  deleteDue(turn);
  if (opened === undefined) throw new Error("its key was not there");
  const text = string(opened);
  opened.fill(0);
  return text;
}

/**
 * Asked before each time that something is drawn.
 *
 * @param {State} state
 * @param {string} id
 * @param {number} now
 */
export function mayBeShown(state, id, now) {
  const visibility = state.expiry.visibility(unhex(id), now);
  // What is to be opened is sealed in the store: its line says only that it is there.
  return visibility === "shown" || visibility === "placeholder";
}

/**
 * All conversations, the one with the last line first.
 *
 * @param {State} state
 * @param {number} now
 * @returns {ContactView[]}
 */
export function contacts(state, now) {
  const listed = [...state.contacts.keys()].filter((name) => !state.isForgotten(name));
  const views = listed.map((name) => ({ view: contact(state, name, now), last: lastNumber(state, name) }));
  return views.sort((one, other) => other.last - one.last || (one.view.name < other.view.name ? -1 : 1)).map(({ view }) => view);
}

/** @param {State} state @param {string} name */
const lastNumber = (state, name) => state.messagesWith(name).at(-1)?.number ?? 0;

/**
 * @param {State} state
 * @param {string} name
 * @param {number} now
 * @returns {ContactView}
 */
function contact(state, name, now) {
  const messages = state.messagesWith(name);
  const unread = messages.filter(({ id, progress }) => progress === "unread" && mayBeShown(state, id, now));
  const last = messages.findLast(({ id, progress }) => progress !== "unread" && mayBeShown(state, id, now));
  return {
    name,
    standing: state.standing(name),
    isChanged: state.isChanged(name),
    isVerified: isVerified(state, name),
    hasTurnedDown: (state.peers.get(name)?.rejectedIdentities.length ?? 0) > 0,
    timer: state.expiry.setting(state.conversation(name))?.policy,
    unread: unread.length,
    last: last && line(state, last, now),
  };
}

/** Whether the safety number was compared with the identity that is pinned. @param {State} state @param {string} name */
export function isVerified(state, name) {
  const identity = state.peers.get(name)?.contact.identity;
  return identity !== undefined && state.contacts.get(name)?.verified === hex(identity) && !state.isChanged(name);
}

/**
 * What may be shown of a conversation at this moment, the first line first.
 *
 * @param {State} state
 * @param {string} name
 * @param {number} now
 * @returns {ConversationView | undefined}
 */
export function conversation(state, name, now) {
  const held = state.contacts.get(name);
  if (held === undefined) return undefined;
  const messages = state.messagesWith(name);
  const shown = messages.slice(-state.depth).filter(({ id, progress }) => progress !== "unread" && mayBeShown(state, id, now));
  const isWaiting = [...state.drafts.values()].some((draft) => draft.to === name);
  const lines = shown.map((message) => line(state, message, now));
  return { ...contact(state, name, now), lines, hasEarlier: messages.length > state.depth, isWaiting, typed: held.typed ?? "" };
}

/**
 * @param {State} state
 * @param {Message} message
 * @param {number} now
 * @returns {LineView}
 */
function line(state, { id, author, body, progress, why, at }, now) {
  const remaining = state.expiry.remaining(unhex(id), now);
  const file = body.kind === "file" ? body.file : undefined;
  return {
    id, author, progress, why, at,
    kind: body.kind === "sealed" ? "once" : body.kind,
    text: body.kind === "text" ? body.text : "",
    file: file && {
      name: file.name, mediaType: file.mediaType, size: file.size, state: file.state, why: file.why,
      done: file.state === "whole" ? state.pending.progress.get(id) ?? 1 : state.pending.progress.get(id) ?? 0,
    },
    endsAt: remaining === undefined ? undefined : now + remaining,
  };
}
