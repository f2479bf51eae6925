// Dialogs: one at a time, closed by Escape too; the focus goes back to where it was.

import { focusSomewhere, make } from "./dom.js";
import { told } from "./words.js";

/** @typedef {import("./dom.js").Child} Child */

let count = 0;

/**
 * Opens a dialog.
 *
 * @param {string} title
 * @param {(close: () => void) => Child[]} build What is in it
 * @param {{ onclose?: () => void, role?: string }} [options]
 * @returns {HTMLDialogElement}
 */
export function openDialog(title, build, { onclose, role } = {}) {
  const id = `dialog-${(count += 1)}`;
  const close = () => dialog.close();
  const dialog = make("dialog", { "aria-labelledby": id, role },
    make("header", { class: "bar" }, make("h2", { id }, title), make("button", { class: "quiet", onclick: close }, "Close")));
  dialog.append(...build(close).filter((child) => child !== undefined && child !== false).map((child) => child));
  dialog.addEventListener("close", () => {
    // What was in it is nowhere any more.
    dialog.remove();
    dialog.replaceChildren();
    // What had it before may have gone meanwhile.
    focusSomewhere();
    onclose?.();
  });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/**
 * Asks whether something is to be done that cannot be undone.
 *
 * @param {string} title
 * @param {string} text
 * @param {string} yes
 * @returns {Promise<boolean>}
 */
export function confirm(title, text, yes) {
  return new Promise((resolve) => {
    let answer = false;
    openDialog(title, (close) => [
      make("p", {}, text),
      make("p", { class: "actions" },
        make("button", { onclick: close, autofocus: true }, "Cancel"),
        make("button", { class: "danger", onclick: () => {
          answer = true;
          close();
        } }, yes)),
    ], { role: "alertdialog", onclose: () => resolve(answer) });
  });
}

/**
 * A form that says what is wrong where it is wrong, and closes when all is done.
 *
 * @param {{ close: () => void, action: string, submit: () => Promise<unknown> }} form
 * @param {...Child} children
 */
export function dialogForm({ close, action, submit }, ...children) {
  const wrong = make("p", { class: "wrong", role: "alert" });
  const button = make("button", { class: "primary" }, action);
  return make("form", { onsubmit: async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      await submit();
      close();
    } catch (cause) {
      wrong.textContent = told(cause);
    } finally {
      button.disabled = false;
    }
  } }, ...children, wrong, make("p", { class: "actions" }, button));
}
