// What is said to those who see the page, and to those who hear it.

import { byId, make } from "./dom.js";

/** How long a notice stays, in milliseconds. */
const STAYS = 8_000;

/** Says something to who hears the page. @param {string} text */
export function announce(text) {
  const announcer = byId("announcer");
  announcer.append(make("p", {}, text));
  while (announcer.children.length > 3) announcer.firstElementChild?.remove();
}

/** Shows something for a while, and says it. @param {string} text */
export function toast(text) {
  const dismiss = () => shown.remove();
  const shown = make("p", { class: "toast" }, make("span", {}, text), make("button", { "aria-label": "Dismiss", onclick: dismiss }, "✕"));
  byId("toasts").append(shown);
  setTimeout(dismiss, STAYS);
}
