// Reports: what came is kept with what proves it, and shown to the moderators at the user's word.

import { EvanesceError, Report } from "evanesce";

import { random } from "./bytes.js";
import { Cannot } from "./cannot.js";

/** @typedef {import("./turn.js").Turn} Turn */
/** @typedef {import("./shapes.js").Reportable} Reportable */

/**
 * Makes a report of a message of theirs. From here on it is the user's word, and no longer the message's.
 *
 * @param {Turn} turn
 * @param {string} id
 * @param {Reportable | undefined} held What proves it, as it was stored
 */
export function report(turn, id, held) {
  const message = turn.state.messages.get(id);
  if (message === undefined || message.author === "us") throw new Cannot("There is no such message of theirs any more.");
  if (held === undefined) throw new Cannot("Nothing that proves it came with this message.");
  const { body, evidence, mark } = held;
  let made;
  try {
    made = Report.of({ evidence, body, context: mark.context, postmark: mark.postmark });
  } catch (refusal) {
    // The relay says more of a delivery than a report has room for, or what is no evidence was stored.
    if (!(refusal instanceof EvanesceError)) throw refusal;
    throw new Cannot("What the relay said of this message proves nothing.");
  }
  const number = turn.number();
  turn.put("report", number, { number, with: message.with, id: random(16), report: made.encode() });
  made.free();
}

/**
 * The relay has it, or does not take it.
 *
 * @param {Turn} turn
 * @param {number} number
 * @param {string} [refusal]
 */
export function reported(turn, number, refusal) {
  const due = turn.state.reports.get(number);
  if (due === undefined) return;
  turn.put("report", number);
  turn.notice(refusal === undefined
    ? { kind: "reported", name: due.with, text: "The moderators have your report." }
    : { kind: "trouble", name: due.with, text: `The relay does not take the report (${refusal}).` });
}
