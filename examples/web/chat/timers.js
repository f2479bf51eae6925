// Timers: how long messages of a conversation live, as both ends come to agree.

import { hex } from "./bytes.js";
import { deleteDue } from "./lives.js";
import { checkWritable, meet, postNothing } from "./sending.js";

/** @typedef {import("./turn.js").Turn} Turn */
/** @typedef {import("evanesce").Policy} Policy */

/**
 * Changes how long messages live, and tells the other one.
 *
 * @param {Turn} turn
 * @param {string} name
 * @param {Policy | undefined} policy
 */
export function setTimer(turn, name, policy) {
  const { state, now } = turn;
  checkWritable(state, name);
  meet(turn, name);
  turn.absorb(state.expiry.set(state.conversation(name), policy, state.tag, now));
  postNothing(turn, name, state.expiry.stamp(state.conversation(name)).announcingChange());
}

/**
 * Does what the scheduler tells, until it tells nothing more.
 *
 * @param {Turn} turn
 */
export function heed(turn) {
  const { state } = turn;
  for (let told = turn.told.splice(0); told.length > 0; told = turn.told.splice(0)) {
    for (const event of told) {
      if (event.kind !== "settingChanged" && event.kind !== "echoDue") continue;
      const id = hex(event.conversation);
      const name = [...state.contacts.keys()].find((it) => hex(state.conversation(it)) === id);
      if (name === undefined) continue;
      if (event.kind === "echoDue") {
        // Whoever writes tells anyway; of strangers nobody is told.
        if (state.standing(name) === "accepted" && !state.isChanged(name)) state.pending.echoes.add(name);
        continue;
      }
      const peer = state.peers.get(name);
      // Keys for late messages are kept no longer than the messages would be.
      if (peer !== undefined) turn.changed(peer.setSessionLimits(state.expiry.sessionLimits(event.conversation)), peer);
      const by = hex(event.setting.by) === hex(state.tag) ? "You" : name;
      turn.notice({ kind: "timer", name, text: `${by} set messages to ${spoken(event.setting.policy)}.` });
    }
    for (const name of state.pending.echoes) postNothing(turn, name);
    state.pending.echoes.clear();
  }
  deleteDue(turn);
}

const UNITS = /** @type {const} */ ([["week", 604_800_000], ["day", 86_400_000], ["hour", 3_600_000], ["minute", 60_000], ["second", 1_000]]);

/**
 * A span as people say it.
 *
 * @param {number} milliseconds
 */
export function span(milliseconds) {
  for (const [unit, length] of UNITS) {
    if (milliseconds >= length && milliseconds % length === 0) {
      const count = milliseconds / length;
      return `${count} ${unit}${count === 1 ? "" : "s"}`;
    }
  }
  return `${Math.ceil(milliseconds / 1_000)} seconds`;
}

/**
 * A timer as people say it, behind "messages": "disappear after 1 hour".
 *
 * @param {Policy | undefined} policy
 */
export function spoken(policy) {
  switch (policy?.kind) {
    case undefined: return "stay";
    case "onClose": return "disappear when the conversation is closed";
    case "afterRead":
    case "afterSend": return `disappear after ${span(policy.ttl)}`;
  }
}
