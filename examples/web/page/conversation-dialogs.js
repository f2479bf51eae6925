// What is asked about a conversation: its timer, a new one, and all else.

import { span } from "../chat/timers.js";
import { confirm, dialogForm, openDialog } from "./dialogs.js";
import { make } from "./dom.js";

/** @typedef {import("../chat/chat.js").Chat} Chat */
/** @typedef {import("evanesce").Policy} Policy */

const SPANS = [30_000, 300_000, 3_600_000, 28_800_000, 86_400_000, 604_800_000, 2_419_200_000];

/**
 * @param {Chat} chat
 * @param {(name: string) => void} open
 */
export function newConversation(chat, open) {
  openDialog("New conversation", (close) => {
    const name = make("input", { id: "new-name", required: true, maxlength: 32, autocapitalize: "none", autocomplete: "off", spellcheck: "false", autofocus: true });
    return [dialogForm({ close, action: "Begin", submit: async () => {
      await chat.meet(name.value.trim());
      open(name.value.trim());
    } }, make("label", { for: "new-name" }, "Name"), name, make("p", { class: "hint" }, "As they are called at this relay."))];
  });
}

/**
 * @param {Chat} chat
 * @param {string} name
 * @param {Policy | undefined} timer
 */
export function chooseTimer(chat, name, timer) {
  openDialog("Timer", (close) => {
    const held = timer === undefined ? "" : timer.kind === "onClose" ? "close" : String(timer.ttl);
    const spans = SPANS.some((it) => String(it) === held) || held === "" || held === "close" ? SPANS : [...SPANS, Number(held)];
    const choice = (/** @type {string} */ value, /** @type {string} */ text) => make("label", { class: "choice" },
      make("input", { type: "radio", name: "timer", value, checked: value === held }), text);
    const form = dialogForm({ close, action: "Set", submit: () => {
      const value = /** @type {HTMLInputElement | null} */ (form.querySelector("input:checked"))?.value ?? "";
      return chat.setTimer(name, value === "" ? undefined : value === "close" ? { kind: "onClose" } : { kind: "afterRead", ttl: Number(value) });
    } }, make("fieldset", {}, make("legend", {}, "Messages disappear, at both ends"),
      choice("", "Never"), ...spans.sort((one, other) => one - other).map((it) => choice(String(it), `${span(it)} after they were read`)),
      choice("close", "When the conversation is closed")));
    return [form, make("p", { class: "hint" }, "Yours run from when they were sent. Whoever reads a message can keep it in other ways.")];
  });
}

/**
 * @param {Chat} chat
 * @param {import("../chat/reading.js").ContactView} contact
 * @param {() => void} leave
 */
export function moreAbout(chat, { name, standing, isChanged, hasTurnedDown }, leave) {
  openDialog(`Conversation with ${name}`, (close) => {
    const after = (/** @type {() => Promise<void>} */ work) => () => {
      close();
      void work();
    };
    return [make("p", { class: "actions column" },
      make("button", { onclick: after(async () => {
        await chat.leave(name);
        leave();
      }) }, "Close conversation"),
      make("button", { class: "danger", onclick: after(async () => {
        if (await confirm("Delete all messages?", `All that was said with ${name} goes from this browser. They keep what they have.`, "Delete")) await chat.deleteConversation(name);
      }) }, "Delete all messages here"),
      hasTurnedDown && !isChanged && make("button", { class: "danger", onclick: after(async () => {
        const text = "Messages go to the identity that you turned down last, and no longer to the one that is known. What came from it meanwhile is lost.";
        if (await confirm("Go over to the other identity?", text, "Go over")) await chat.acceptIdentity(name);
      }) }, "Go over to the identity you turned down"),
      (standing === "accepted" || standing === "request") && make("button", { class: "danger", onclick: after(async () => {
        if (await confirm(`Block ${name}?`, "What they send is not opened any more, and all that was said goes from this browser. They are told nothing.", "Block")) await chat.block(name);
      }) }, "Block"))];
  });
}
