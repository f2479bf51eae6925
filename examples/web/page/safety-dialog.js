// The safety number: what two people compare, in digits or by a code.

import { compareScanned, safetyNumbers } from "../chat/safety.js";
import { toast } from "./announcer.js";
import { drawnCode, scannedCode } from "./codes.js";
import { openDialog } from "./dialogs.js";
import { make } from "./dom.js";
import { told } from "./words.js";

/** @typedef {import("../chat/chat.js").Chat} Chat */
/** @typedef {import("../chat/safety.js").NumberView} NumberView */

/** What is said of a code that was scanned. */
const OUTCOMES = {
  same: "The codes match: nobody stands between you.",
  other: "The codes do not match. Somebody may stand between you, or this is the code of somebody else. Do not trust this conversation.",
  foreign: "This is no safety number, or one of another kind.",
};

/**
 * @param {Chat} chat
 * @param {string} name
 */
export async function showSafetyNumber(chat, name) {
  const { known, waiting } = await chat.ask((state) => safetyNumbers(state, name));
  openDialog(`Safety number with ${name}`, (close) => {
    if (waiting !== undefined) {
      return [
        make("p", {}, `Ask ${name} in another way which of these they see. It shows which identity is theirs.`),
        known && make("section", {}, make("h3", {}, "Of the known identity"), digits(known)),
        make("section", {}, make("h3", {}, "Of the new identity"), digits(waiting)),
      ];
    }
    if (known === undefined) return [make("p", {}, `No identity of ${name} is known yet. It comes with their first message, or when yours leaves.`)];
    const image = make("img", { class: "code", alt: "The safety number as a QR code" });
    void drawnCode(known.scannable).then((address) => (image.src = address));
    const outcome = make("p", { class: "outcome", role: "status" });
    const decide = (/** @type {boolean} */ isVerified) => async () => {
      close();
      await chat.verified(name, isVerified).catch((cause) => toast(told(cause)));
    };
    const picker = make("input", { type: "file", accept: "image/*", hidden: true, id: "safety-file", onchange: async () => {
      const [file] = picker.files ?? [];
      picker.value = "";
      if (file === undefined) return;
      const scanned = await scannedCode(file);
      const found = scanned === undefined ? undefined : await chat.ask((state) => compareScanned(state, name, scanned));
      outcome.textContent = found === undefined ? "There is no code in this picture that can be read." : OUTCOMES[found];
      outcome.className = `outcome ${found ?? ""}`;
      if (found !== "same") return;
      same.hidden = true;
      await chat.verified(name, true);
    } });
    const same = make("button", { class: "primary", onclick: decide(true) }, "They are the same");
    const isVerified = chat.view.contacts.some((contact) => contact.name === name && contact.isVerified);
    return [
      make("p", {}, `Compare it with what ${name} sees, side by side or in a call. If it is the same, nobody stands between you.`),
      image, digits(known), outcome,
      make("p", { class: "actions" }, picker,
        make("button", { onclick: () => picker.click() }, "Scan a picture of their code"),
        isVerified ? make("button", { onclick: decide(false) }, "Not verified any more")
          : same),
    ];
  });
}

/** From left to right in every language: two people compare it. @param {NumberView} number */
const digits = ({ digits }) => make("p", { class: "digits", dir: "ltr" }, ...digits.split(" ").map((group) => make("span", {}, `${group} `)));
