// The screen: both panes, which conversation is open, and who looks at it.

import { namedBy } from "../chat/names.js";
import { clearToasts, toast } from "./announcer.js";
import { drawContacts } from "./contact-list.js";
import { chooseTimer, moreAbout, newConversation } from "./conversation-dialogs.js";
import { ConversationPane } from "./conversation-pane.js";
import { byId, fill, focusSomewhere, make, named } from "./dom.js";
import { FileViews } from "./file-view.js";
import { messageMenu, viewOnce } from "./message-dialogs.js";
import { tell } from "./notices.js";
import { showSafetyNumber } from "./safety-dialog.js";
import { told } from "./words.js";

/** @typedef {import("../chat/chat.js").Chat} Chat */
/** @typedef {import("../chat/carrier.js").Carrier} Carrier */
/** @typedef {import("./conversation-pane.js").ConversationActions} ConversationActions */

export class Screen {
  #chat;
  #carrier;
  #pane;
  #files;
  #ending = new AbortController();

  /**
   * @param {Chat} chat
   * @param {Carrier} carrier
   */
  constructor(chat, carrier) {
    this.#chat = chat;
    this.#carrier = carrier;
    this.#files = new FileViews(chat);
    this.#pane = new ConversationPane(byId("conversation"), (name) => this.#actions(name));
  }

  begin() {
    const { signal } = this.#ending;
    byId("chat").hidden = false;
    byId("new-conversation").addEventListener("click", () => newConversation(this.#chat, (name) => void (location.hash = name)), { signal });
    this.#chat.addEventListener("changed", () => this.#draw(), { signal });
    this.#chat.addEventListener("notice", (event) => {
      tell(/** @type {CustomEvent} */ (event).detail, { open: this.#open, note: (name, text) => this.#pane.note(name, text) });
      this.#draw();
    }, { signal });
    this.#carrier.addEventListener("reach", () => this.#draw(), { signal });
    addEventListener("hashchange", (event) => void this.#goTo(namedBy(new URL(event.oldURL).hash)), { signal });
    document.addEventListener("visibilitychange", () => void this.#chat.look(document.visibilityState === "visible"), { signal });
    const clock = setInterval(() => this.#pane.countDown(), 1_000);
    signal.addEventListener("abort", () => clearInterval(clock));
    this.#draw();
    void this.#chat.look(document.visibilityState === "visible").then(() => this.#goTo(undefined));
  }

  /** Nothing of what was said stays on the page. */
  end() {
    this.#ending.abort();
    this.#pane.draw(undefined);
    this.#files.keep([]);
    for (const id of ["contacts", "toasts", "announcer"]) fill(byId(id));
    for (const dialog of document.querySelectorAll("dialog")) dialog.close();
    byId("chat").hidden = true;
  }

  /** Which conversation is open stands in the address, so that the browser's way back leads out of it. */
  get #open() {
    return namedBy(location.hash);
  }

  /** @param {string | undefined} before */
  async #goTo(before) {
    const name = this.#open;
    const isKnown = this.#chat.view.contacts.some((contact) => contact.name === before);
    if (before !== undefined && before !== name && isKnown) await this.#chat.leave(before);
    clearToasts();
    if (name !== undefined) {
      try {
        await this.#chat.open(name);
      } catch {
        location.hash = "";
        return;
      }
    }
    this.#draw();
    // On a phone one pane takes the place of the other, and the focus goes along.
    if (name !== undefined) (document.getElementById("composer-text") ?? byId("conversation")).focus();
    else if (before !== undefined) {
      /** @type {HTMLElement | null} */ (document.querySelector(`[data-key="${CSS.escape(before)}"] a`))?.focus();
      // Who was refused is in no list.
      focusSomewhere();
    }
  }

  #draw() {
    if (this.#ending.signal.aborted) return;
    const { view } = this.#chat;
    drawContacts(byId("contacts"), view, this.#open);
    this.#pane.draw(view.conversation, this.#carrier.reach === "offline");
    this.#files.keep(view.conversation?.lines ?? []);
    byId("chat").classList.toggle("open", view.conversation !== undefined);
    const reach = { connecting: "connecting …", online: "online", offline: "offline: what you write waits", taken: "" }[this.#carrier.reach];
    const self = byId("self");
    if (self.dataset.reach !== this.#carrier.reach) {
      self.dataset.reach = this.#carrier.reach;
      fill(self, "You are ", make("strong", {}, named(view.name)), make("span", { class: "reach", role: "status" }, reach));
    }
  }

  /**
   * @param {string} name
   * @returns {ConversationActions}
   */
  #actions(name) {
    const chat = this.#chat;
    const attempt = (/** @type {() => Promise<unknown>} */ work) => () => void work().catch((cause) => toast(told(cause)));
    return {
      back: () => void (location.hash = ""),
      keep: (text) => void chat.keepTyped(name, text).catch(() => {}),
      earlier: () => void chat.showEarlier(),
      timer: () => chooseTimer(chat, name, chat.view.conversation?.timer),
      safety: () => void showSafetyNumber(chat, name),
      compare: () => void showSafetyNumber(chat, name),
      more: () => chat.view.conversation && moreAbout(chat, chat.view.conversation, () => void (location.hash = "")),
      accept: attempt(async () => {
        await chat.accept(name);
        document.getElementById("composer-text")?.focus();
      }),
      refuse: attempt(async () => {
        await chat.refuse(name);
        location.hash = "";
      }),
      block: attempt(() => chat.block(name)),
      acceptIdentity: attempt(() => chat.acceptIdentity(name)),
      keepIdentity: attempt(() => chat.keepIdentity(name)),
      write: (text, life) => chat.write(name, text, life),
      send: (file, life) => chat.sendFile(name, file, life),
      menu: (line) => messageMenu(chat, line, {
        save: line.file?.state === "whole" ? () => this.#files.save(line) : undefined,
        fetch: line.file?.state === "stopped" && line.author === "them" ? () => chat.fetchAgain(line.id) : undefined,
      }),
      once: (line) => void viewOnce(chat, line),
      file: (line) => this.#files.draw(line),
    };
  }
}
