// What is said to those who see the page, and to those who hear it.

import { byId, focusSomewhere, make } from "./dom.js";

/** How long a notice stays, in milliseconds. */
const STAYS = 8_000;

/** How many notices are there at once: what strangers cause covers nobody's screen. */
const MOST = 4;

/** Which of them are about somebody. */
const OF_SOMEBODY = ".of-somebody";

/** How long what is said stays for a screen reader to take up. */
const SAID = 2_000;

/** Says something to who hears the page. It stays nowhere: it may be of a message that disappears. @param {string} text */
export function announce(text) {
  const said = make("p", {}, text);
  byId("announcer").append(said);
  setTimeout(() => said.remove(), SAID);
}

/**
 * Shows something for a while, and says it. What is about somebody can be of anyone's making, and is mostly seen where they are: it makes
 * room first.
 *
 * @param {string} text
 * @param {string} [about] A name
 */
export function toast(text, about = "") {
  const dismiss = () => leave(shown);
  const shown = make("p", { class: about === "" ? "toast" : "toast of-somebody" },
    make("span", {}, text), make("button", { "aria-label": "Dismiss", onclick: dismiss }, "✕"));
  const toasts = byId("toasts");
  for (const other of [...toasts.children]) if (other.firstElementChild?.textContent === text) leave(other);
  toasts.append(shown);
  const first = toasts.querySelector(OF_SOMEBODY) ?? toasts.firstElementChild;
  if (toasts.childElementCount > MOST && first !== null) leave(first);
  setTimeout(dismiss, STAYS);
}

/** What is said of people is seen where they are, once one goes there. */
export function clearToasts() {
  for (const shown of byId("toasts").querySelectorAll(OF_SOMEBODY)) leave(shown);
}

/** @param {Element} shown */
function leave(shown) {
  const hadFocus = shown.contains(document.activeElement);
  shown.remove();
  if (hadFocus) focusSomewhere();
}
