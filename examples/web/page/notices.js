// What happened, said where it belongs: in its conversation, in a corner of the screen, or to who hears the page.

import { announce, toast } from "./announcer.js";

/** @typedef {import("../chat/shapes.js").Notice} Notice */

/**
 * @param {Notice} notice
 * @param {{ open: string | undefined, note: (name: string, text: string) => void }} screen
 */
export function tell({ kind, name = "", text = "" }, { open, note }) {
  switch (kind) {
    case "unread": announce(`New message from ${name}`); return;
    case "request":
      if (name === open) announce(`${name} wrote again.`);
      else toast(`${name} wants to write to you.`, name);
      return;
    case "timer": note(name, text); announce(text); return;
    case "unsent": note(name, "A message was taken back."); announce("A message was taken back."); return;
    case "missing": note(name, `Some messages of ${name} are missing: they cannot be read.`); return;
    case "accepted": note(name, `You accepted ${name}.`); return;
    case "verified": note(name, "You compared the safety number."); announce(`${name} is verified.`); return;
    case "identityChanged": toast(`The identity of ${name} has changed. Nothing is sent until you decide.`, name); return;
    case "identityAccepted": note(name, "You accepted the new identity. Compare the safety number."); return;
    case "identityKept": note(name, "You stayed with the known identity."); return;
    case "blocked": toast(`${name} is blocked.`, name); return;
    case "failed": toast(`A message to ${name} was not sent: ${text}.`, name); return;
    case "trouble":
    case "reported":
      if (name !== "" && name === open) note(name, text);
      else toast(text, name);
      return;
    case "file": announce(text); return;
    case "message":
    case "sent":
    case "expired": // It is seen where it is.
  }
}
