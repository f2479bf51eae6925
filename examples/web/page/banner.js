// The question above a conversation: a request, another identity, a block.

import { make, named } from "./dom.js";

/**
 * @typedef {object} Decisions
 * @property {() => void} accept
 * @property {() => void} refuse
 * @property {() => void} block
 * @property {() => void} acceptIdentity
 * @property {() => void} keepIdentity
 * @property {() => void} compare
 */

/**
 * @param {import("../chat/reading.js").ConversationView} conversation
 * @param {Decisions} decisions
 * @returns {HTMLElement | undefined} Nothing if there is none
 */
export function drawBanner({ name, standing, isChanged, isWaiting, lines }, decisions) {
  const ask = (/** @type {string} */ title, /** @type {string} */ text, /** @type {HTMLElement[]} */ ...buttons) =>
    make("section", { class: "banner", "aria-label": title },
      make("h3", {}, title), make("p", {}, text), make("p", { class: "actions" }, ...buttons));
  const button = (/** @type {string} */ text, /** @type {() => void} */ onclick, /** @type {string} */ kind = "") =>
    make("button", { class: kind, onclick }, text);
  if (isChanged) {
    return ask("Identity changed",
      `Somebody with another identity uses the name ${name}: they have a new device or have lost their data, or somebody pretends to be them. `
        + "Nothing is sent to either until you decide. Ask them in another way, and compare the safety number.",
      button("Compare safety numbers", decisions.compare, "primary"),
      button("Accept the new identity", decisions.acceptIdentity),
      button("Keep the known identity", decisions.keepIdentity));
  }
  if (standing === "request") {
    return ask(`${name} wants to write to you`, "They are told nothing, whatever you choose. Who is refused may ask again; who is blocked may not.",
      button("Accept", decisions.accept, "primary"), button("Refuse", decisions.refuse), button("Block", decisions.block, "danger"));
  }
  if (standing === "blocked") {
    return ask("Blocked", `What ${name} sends is not opened.`, button("Unblock", decisions.accept));
  }
  if (standing === "new") {
    return make("p", { class: "note" }, isWaiting || lines.length > 0 ? "Waiting for the relay to know " : "Your first message is a request to ", named(name), ".");
  }
  return undefined;
}
