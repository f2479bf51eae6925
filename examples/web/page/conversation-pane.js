// The open conversation: who it is with, what is asked, what was said, and where one writes.

import { span } from "../chat/timers.js";
import { announce } from "./announcer.js";
import { drawBanner } from "./banner.js";
import { drawComposer } from "./composer.js";
import { avatar, tick } from "./contact-list.js";
import { fill, focusSomewhere, keyed, make, named } from "./dom.js";
import { icon } from "./icons.js";
import { countDown, drawLine, drawNote } from "./line.js";
import { visible } from "./words.js";

/** @typedef {import("../chat/reading.js").ConversationView} ConversationView */
/** @typedef {import("../chat/shapes.js").Life} Life */
/** @typedef {import("./line.js").LineActions} LineActions */

/**
 * What can be done in a conversation.
 *
 * @typedef {LineActions & import("./banner.js").Decisions & {
 *   back: () => void, keep: (text: string) => void, earlier: () => void, timer: () => void, safety: () => void, more: () => void,
 *   write: (text: string, life: Life) => Promise<unknown>, send: (file: File, life: Life) => Promise<unknown>,
 * }} ConversationActions
 */

/** How near to the end the last line counts as seen, in pixels. */
const NEAR = 80;

export class ConversationPane {
  #root;
  /** @type {(name: string) => ConversationActions} */
  #actions;
  /** @type {string | undefined} */
  #name;
  #log = make("div", { class: "log", role: "log", "aria-live": "off", tabindex: 0 });
  #header = make("header", { class: "bar" });
  /** What is in the header to be pressed, by its name: it stays, so that a dialog can give the focus back. @type {Map<string, HTMLElement>} */
  #buttons = new Map();
  #banner = make("div");
  #foot = make("div");
  /** What happened between the messages, until the page is closed. @type {Map<string, { at: number, text: string }[]>} */
  #notes = new Map();
  /** Which lines were there, to say those that come. @type {Set<string>} */
  #said = new Set();
  #drawn = "";
  /** Whether who reads is at the last line, and stays there. */
  #isAtEnd = true;

  /**
   * @param {HTMLElement} root
   * @param {(name: string) => ConversationActions} actions
   */
  constructor(root, actions) {
    this.#root = root;
    this.#actions = actions;
    this.#log.addEventListener("scroll", () => (this.#isAtEnd = this.#log.scrollHeight - this.#log.scrollTop - this.#log.clientHeight < NEAR));
    // A picture is as high as it is when it has come.
    this.#log.addEventListener("load", () => this.#toEnd(), { capture: true });
    new ResizeObserver(() => this.#toEnd()).observe(this.#log);
  }

  /** Something that happened. @param {string} name @param {string} text */
  note(name, text) {
    this.#notes.set(name, [...(this.#notes.get(name) ?? []), { at: Date.now(), text }].slice(-50));
  }

  /**
   * @param {ConversationView | undefined} conversation
   * @param {boolean} [isOffline]
   */
  draw(conversation, isOffline = false) {
    const hadFocus = this.#root.contains(document.activeElement);
    this.#drawAll(conversation, isOffline);
    // What had it may be there no more, as the line where one writes when nothing may be written.
    if (hadFocus) focusSomewhere();
  }

  /**
   * @param {ConversationView | undefined} conversation
   * @param {boolean} isOffline
   */
  #drawAll(conversation, isOffline) {
    if (conversation?.name !== this.#name) this.#begin(conversation);
    if (conversation === undefined) return;
    const actions = this.#actions(conversation.name);
    const { name, standing, isChanged, lines } = conversation;
    // Who uses the keyboard keeps their place: what has not changed is not drawn again.
    const state = JSON.stringify({ ...conversation, isOffline, lines: lines.length > 0, unread: 0, last: undefined, typed: "" });
    if (state !== this.#drawn) {
      this.#drawn = state;
      this.#drawHeader(conversation, isOffline, actions);
      const mayWrite = !isChanged && (standing === "new" || standing === "accepted");
      if (!mayWrite) fill(this.#foot);
      else if (this.#foot.childElementCount === 0) {
        fill(this.#foot, drawComposer(name, conversation.typed, { write: actions.write, file: actions.send, keep: actions.keep }));
      }
      this.#drawBanner(conversation, actions);
    }
    this.#drawLines(conversation, actions);
  }

  #toEnd() {
    if (this.#isAtEnd) this.#log.scrollTop = this.#log.scrollHeight;
  }

  /** Once a second. */
  countDown() {
    countDown(this.#log, Date.now());
  }

  /** @param {ConversationView | undefined} conversation */
  #begin(conversation) {
    this.#name = conversation?.name;
    this.#drawn = "";
    this.#said = new Set(conversation?.lines.map(({ id }) => id));
    this.#isAtEnd = true;
    this.#buttons.clear();
    fill(this.#banner);
    fill(this.#log);
    fill(this.#foot);
    if (conversation === undefined) {
      fill(this.#root, make("p", { class: "nothing" }, "Choose a conversation, or begin a new one."));
      this.#root.removeAttribute("aria-label");
      return;
    }
    this.#root.setAttribute("aria-label", `Conversation with ${conversation.name}`);
    this.#log.setAttribute("aria-label", `Messages with ${conversation.name}`);
    fill(this.#root, this.#header, this.#banner, this.#log, this.#foot);
  }

  /**
   * @param {ConversationView} conversation
   * @param {boolean} isOffline
   * @param {ConversationActions} actions
   */
  #drawHeader({ name, isVerified, timer, standing }, isOffline, actions) {
    const isOpen = standing === "accepted" || standing === "new";
    const act = (/** @type {string} */ name, /** @type {string} */ text, /** @type {Parameters<typeof icon>[0]} */ sign, /** @type {() => void} */ onclick, kind = "") => {
      const button = this.#buttons.get(name) ?? make("button", { class: `quiet ${kind}`, "aria-label": name, title: name, onclick });
      this.#buttons.set(name, button);
      fill(button, icon(sign), make("span", { class: "wide" }, text));
      return button;
    };
    fill(this.#header,
      act("Back to all conversations", "", "back", actions.back, "back"),
      avatar(name),
      make("div", { class: "title" },
        make("h2", { id: "conversation-title" }, named(name), isVerified && tick()),
        make("p", { class: "hint" }, isOffline && make("strong", { class: "warning" }, "Offline · "), timerInShort(timer))),
      isOpen && act("Timer", "Timer", "clock", actions.timer),
      act("Safety number", isVerified ? "Verified" : "Verify", isVerified ? "verified" : "shield", actions.safety),
      act("More about this conversation", "", "more", actions.more));
  }

  /**
   * Who has the focus there keeps it; when nothing is asked any more it goes to where one writes.
   *
   * @param {ConversationView} conversation
   * @param {ConversationActions} actions
   */
  #drawBanner(conversation, actions) {
    const asked = this.#banner.contains(document.activeElement) ? document.activeElement?.textContent : undefined;
    fill(this.#banner, drawBanner(conversation, actions));
    if (asked === undefined) return;
    const same = [...this.#banner.querySelectorAll("button")].find(({ textContent }) => textContent === asked);
    (same ?? this.#foot.querySelector("textarea") ?? this.#root).focus();
  }

  /**
   * @param {ConversationView} conversation
   * @param {ConversationActions} actions
   */
  #drawLines({ name, lines, hasEarlier }, actions) {
    const log = this.#log;
    /** @type {({ at: number } & ({ line: import("../chat/reading.js").LineView } | { text: string } | { earlier: true }))[]} */
    const items = [
      ...(hasEarlier ? [{ at: 0, earlier: /** @type {const} */ (true) }] : []),
      ...lines.map((line) => ({ at: line.at, line })),
      ...(this.#notes.get(name) ?? []),
    ];
    items.sort((one, other) => one.at - other.at);
    keyed(log, items, (item) => ("line" in item ? item.line.id : "text" in item ? `note ${item.at} ${item.text}` : "earlier"), (item, before) => {
      if ("line" in item) return drawLine(item.line, name, before, actions);
      return before ?? ("text" in item ? drawNote(item.text) : make("button", { class: "earlier", onclick: actions.earlier }, "Show earlier messages"));
    });
    this.#toEnd();
    const latest = Math.max(...lines.filter(({ id }) => this.#said.has(id)).map(({ at }) => at));
    for (const { id, at, author, kind, text, file } of lines) {
      if (this.#said.has(id)) continue;
      this.#said.add(id);
      // Those that were there before, and are shown now, were said when they came.
      if (author === "them" && at >= latest) announce(`${name}: ${kind === "text" ? visible(text) : kind === "file" ? `file ${file?.name}` : "to be viewed once"}`);
    }
  }
}

/** @param {import("evanesce").Policy | undefined} timer */
function timerInShort(timer) {
  switch (timer?.kind) {
    case undefined: return "No timer";
    case "onClose": return "Timer: until closed";
    case "afterRead":
    case "afterSend": return `Timer: ${span(timer.ttl).replace("minute", "min").replace("mins", "min")}`;
  }
}
