// One message, as it may be shown.

import { fill, make, takeAway } from "./dom.js";
import { icon } from "./icons.js";
import { left, timeOfDay, visible, wholeDate } from "./words.js";

/** @typedef {import("../chat/reading.js").LineView} LineView */

/**
 * What can be done with a message.
 *
 * @typedef {object} LineActions
 * @property {(line: LineView) => void} menu
 * @property {(line: LineView) => void} once
 * @property {(line: LineView, element: HTMLElement) => HTMLElement} file Draws a file
 */

/**
 * @param {LineView} line
 * @param {string} name Whose conversation it is
 * @param {HTMLElement | undefined} before
 * @param {LineActions} actions
 */
export function drawLine(line, name, before, actions) {
  const element = before ?? make("article", { class: `line ${line.author}` });
  // The countdown runs by itself.
  const state = JSON.stringify({ ...line, endsAt: line.endsAt !== undefined, file: line.file && { ...line.file, done: line.file.done === 1 } });
  if (line.endsAt !== undefined) element.dataset.endsAt = String(line.endsAt);
  else delete element.dataset.endsAt;
  const bar = element.querySelector("progress");
  if (bar !== null && line.file !== undefined) bar.value = line.file.done;
  if (element.dataset.state === state) return element;
  element.dataset.state = state;
  element.setAttribute("aria-label", `${line.author === "us" ? "You" : name}, ${timeOfDay(line.at)}`);
  const footer = element.querySelector("footer") ?? make("footer");
  const more = button(element, "more") ?? make("button", { class: "quiet more", "aria-label": "Message actions" }, icon("more"));
  more.onclick = () => actions.menu(line);
  fill(footer,
    line.endsAt !== undefined && make("span", { class: "left" },
      make("span", { class: "heard" }, "disappears in "), make("span", { class: "countdown" }, left(line.endsAt - Date.now()))),
    make("time", { datetime: new Date(line.at).toISOString(), title: wholeDate(line.at) }, timeOfDay(line.at)),
    line.author === "us" && progress(line),
    more);
  fill(element,
    content(line, element, actions),
    footer,
    line.why !== undefined && make("p", { class: "wrong" }, `Not sent: ${line.why}.`));
  return element;
}

/**
 * What can be pressed in a line stays when that is drawn anew, or it would lose the focus.
 *
 * @param {Element} element
 * @param {string} kind
 * @returns {HTMLButtonElement | null}
 */
const button = (element, kind) => element.querySelector(`button.${kind}`);

/**
 * @param {LineView} line
 * @param {HTMLElement} element
 * @param {LineActions} actions
 */
function content(line, element, actions) {
  switch (line.kind) {
    case "text": return make("p", { class: "text", dir: "auto" }, visible(line.text));
    case "toOpen": return make("p", { class: "placeholder" }, "To be viewed once");
    case "once": {
      const once = button(element, "once") ?? make("button", { class: "once" }, "View once");
      once.onclick = () => actions.once(line);
      return once;
    }
    case "file": return actions.file(line, element);
  }
}

/** How far a message of ours is. @param {LineView} line */
function progress({ progress }) {
  const [sign, said] = SIGNS[progress];
  return make("span", { class: `progress ${progress}`, role: "img", "aria-label": said, title: said }, sign);
}

/** @type {Record<import("../chat/shapes.js").Progress, [string, string]>} */
const SIGNS = { waiting: ["◷", "waiting"], sent: ["✓", "sent"], failed: ["!", "not sent"], unread: ["", ""], read: ["", ""] };

/** What happened between the messages. @param {string} text */
export const drawNote = (text) => make("p", { class: "note" }, text);

/** Brings all countdowns up to date, and takes away what has ended until the store has. @param {Element} log @param {number} now */
export function countDown(log, now) {
  for (const element of log.querySelectorAll("[data-ends-at]")) {
    const remaining = Number(/** @type {HTMLElement} */ (element).dataset.endsAt) - now;
    if (remaining <= 0) {
      takeAway(element);
      continue;
    }
    const shown = element.querySelector(".countdown");
    const text = left(remaining);
    if (shown !== null && shown.textContent !== text) shown.textContent = text;
  }
}

