// What is asked about a message: what to do with it, and what it says, once.

import { Cannot } from "../chat/cannot.js";
import { toast } from "./announcer.js";
import { confirm, openDialog } from "./dialogs.js";
import { make } from "./dom.js";
import { told, visible } from "./words.js";

/** @typedef {import("../chat/chat.js").Chat} Chat */
/** @typedef {import("../chat/reading.js").LineView} LineView */

/**
 * @param {Chat} chat
 * @param {LineView} line
 * @param {{ save: (() => Promise<void>) | undefined, fetch: (() => Promise<void>) | undefined }} file What can be done with its file
 */
export function messageMenu(chat, line, { save, fetch }) {
  /** The message as it may be shown now. */
  const now = () => chat.view.conversation?.lines.find(({ id }) => id === line.id);
  const leaving = new AbortController();
  const dialog = openDialog("Message", (close) => {
    const after = (/** @type {() => Promise<unknown> | void} */ work) => async () => {
      close();
      try {
        await work();
      } catch (cause) {
        toast(told(cause));
      }
    };
    const isTheirs = line.author === "them";
    return [make("p", { class: "actions column" },
      line.kind === "text" && make("button", { onclick: after(() => {
        const text = now()?.text;
        if (text === undefined) throw new Cannot("There is no such message any more.");
        return navigator.clipboard.writeText(text);
      }) }, "Copy text"),
      save && make("button", { onclick: after(save) }, "Save file"),
      fetch && make("button", { onclick: after(fetch) }, "Fetch file again"),
      !isTheirs && make("button", { onclick: after(() => chat.unsend(line.id)) }, "Take back for both"),
      make("button", { class: "danger", onclick: after(() => chat.remove(line.id)) }, "Delete here"),
      isTheirs && line.kind !== "once" && make("button", { class: "danger", onclick: after(async () => {
        if (await confirm("Report this message?", "The relay’s moderators get this message, with what proves that you were sent it. Nothing else of this conversation is shown to them.", "Report")) {
          await chat.report(line.id);
          toast("Your report goes to the moderators.");
        }
      }) }, "Report"))];
  }, { onclose: () => leaving.abort() });
  chat.addEventListener("changed", () => now() ?? dialog.close(), { signal: leaving.signal });
}

/**
 * Shows what can be viewed once. Nothing of it is stored any more when it is on the screen.
 *
 * @param {Chat} chat
 * @param {LineView} line
 */
export async function viewOnce(chat, line) {
  try {
    const text = await chat.openOnce(line.id);
    const leaving = new AbortController();
    const dialog = openDialog("View once", () => [
      make("p", { class: "once-text", dir: "auto", tabindex: 0, autofocus: true }, visible(text)),
      make("p", { class: "hint" }, "It is gone when you close this, or leave the page."),
    ], { onclose: () => leaving.abort() });
    document.addEventListener("visibilitychange", () => {
      // At once: a page that nobody sees may be stopped before it is told that its dialog was closed.
      dialog.replaceChildren();
      dialog.close();
    }, { signal: leaving.signal });
  } catch (cause) {
    toast(told(cause));
  }
}
