// All conversations, the one with the last line first.

import { spoken } from "../chat/timers.js";
import { keyed, make, named, fill } from "./dom.js";
import { shortTime, visible } from "./words.js";

/** @typedef {import("../chat/reading.js").ContactView} ContactView */

/**
 * @param {Element} list
 * @param {import("../chat/turns.js").View} view
 * @param {string | undefined} open
 */
export function drawContacts(list, view, open) {
  keyed(list, view.contacts, ({ name }) => name, (contact, before) => {
    const item = before ?? make("li", {}, make("a", { class: "contact", href: `#${contact.name}` }));
    const link = /** @type {HTMLAnchorElement} */ (item.firstElementChild);
    const isOpen = contact.name === open;
    if (isOpen) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
    const state = JSON.stringify(contact);
    if (item.dataset.state === state) return item;
    item.dataset.state = state;
    fill(link,
      avatar(contact.name),
      make("span", { class: "contact-name" }, named(contact.name), contact.isVerified && tick()),
      make("span", { class: "contact-last" }, lastLine(contact)),
      make("span", { class: "contact-side" },
        contact.last && make("time", {}, shortTime(contact.last.at, Date.now())),
        contact.unread > 0 && make("span", { class: "badge" }, `${contact.unread}`, make("span", { class: "heard" }, " unread"))),
    );
    return item;
  });
  list.classList.toggle("empty", view.contacts.length === 0);
}

/** @param {ContactView} contact */
function lastLine({ standing, isChanged, last, unread, timer }) {
  if (isChanged) return make("strong", { class: "warning" }, "identity changed");
  if (standing === "blocked") return "blocked";
  if (standing === "request") return make("strong", {}, "wants to write to you");
  if (unread > 0) return make("strong", {}, "something new");
  if (last === undefined) return timer === undefined ? "" : `messages ${spoken(timer)}`;
  const by = last.author === "us" ? "You: " : "";
  switch (last.kind) {
    case "text": return make("span", { dir: "auto" }, `${by}${visible(last.text)}`);
    case "file": return `${by}${last.file?.name ?? ""}`;
    case "once":
    case "toOpen": return `${by}to be viewed once`;
  }
}

/** A coloured circle with the first letter of a name, for the eye alone. @param {string} name */
export function avatar(name) {
  const hue = [...name].reduce((sum, letter) => (sum * 31 + (letter.codePointAt(0) ?? 0)) % 360, 7);
  const circle = make("span", { class: "avatar", "aria-hidden": "true" }, name.slice(0, 1).toUpperCase());
  circle.style.setProperty("--hue", `${hue}`);
  return circle;
}

/** Says that somebody was verified. */
export const tick = () => make("span", { class: "tick", role: "img", "aria-label": "verified" }, "✓");

