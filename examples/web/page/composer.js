// Where one writes: a text, how long it lives, and files.

import { span } from "../chat/timers.js";
import { byId, make } from "./dom.js";
import { icon } from "./icons.js";
import { told } from "./words.js";

/** @typedef {import("../chat/shapes.js").Life} Life */

const SPANS = [10_000, 60_000, 300_000, 3_600_000, 86_400_000, 604_800_000];

/**
 * @param {string} name To whom
 * @param {string} text What was begun
 * @param {{ write(text: string, life: Life): Promise<unknown>, file(file: File, life: Life): Promise<unknown>, keep(text: string): void }} actions
 */
export function drawComposer(name, text, actions) {
  const wrong = make("p", { class: "wrong", role: "alert" });
  const input = make("textarea", {
    id: "composer-text", "aria-label": `Message to ${name}`, placeholder: "Message", rows: 1, dir: "auto", enterkeyhint: "send",
    oninput: () => keep(),
    onblur: () => {
      clearTimeout(pause);
      actions.keep(input.value);
    },
    onpaste: (/** @type {ClipboardEvent} */ event) => {
      const [file] = event.clipboardData?.files ?? [];
      if (file === undefined) return;
      event.preventDefault();
      void attempt((life) => actions.file(file, life));
    },
    onkeydown: (/** @type {KeyboardEvent} */ event) => {
      // On a phone Enter is a new line, as everywhere there.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing || matchMedia("(pointer: coarse)").matches) return;
      event.preventDefault();
      form.requestSubmit();
    },
  });
  input.value = text;
  const life = make("select", { id: "composer-life", "aria-label": "How long this message lives" },
    make("option", { value: "" }, "As the conversation"),
    make("option", { value: "once" }, "View once"),
    ...SPANS.map((milliseconds) => make("option", { value: milliseconds }, `For ${span(milliseconds)}`)));
  const picker = make("input", { type: "file", id: "composer-file", hidden: true, onchange: () => {
    const [file] = picker.files ?? [];
    picker.value = "";
    if (file !== undefined) void attempt((life) => actions.file(file, life));
  } });
  /** What is chosen is for one message. What is chosen for the next one, while this one is on its way, stays. */
  const attempt = async (/** @type {(life: Life) => Promise<unknown>} */ work) => {
    const chosen = life.value;
    life.value = "";
    try {
      await work(lifeOf(chosen));
      wrong.textContent = "";
      return true;
    } catch (cause) {
      wrong.textContent = told(cause);
      if (life.value === "") life.value = chosen;
      return false;
    }
  };
  /** What is typed is kept when one stops for a moment. @type {ReturnType<typeof setTimeout> | undefined} */
  let pause;
  const keep = () => {
    clearTimeout(pause);
    pause = setTimeout(() => actions.keep(input.value), 500);
  };
  const form = make("form", { class: "composer", onsubmit: async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const written = input.value;
    if (written.trim() === "") return;
    input.value = "";
    if (!(await attempt((life) => actions.write(written, life))) && input.value === "") input.value = written;
    keep();
    byId("composer-text").focus();
  } }, wrong,
  make("div", { class: "composer-row" },
    picker, make("button", { type: "button", class: "quiet attach", "aria-label": "Attach a file", title: "Attach a file", onclick: () => picker.click() }, icon("attach")),
    input, make("button", { class: "primary send", "aria-label": "Send" }, icon("send"), make("span", { class: "wide" }, "Send"))),
  make("div", { class: "composer-life" }, make("label", { for: "composer-life" }, "This message"), life));
  return form;
}

/** @param {string} value @returns {Life} */
function lifeOf(value) {
  if (value === "") return { kind: "asConversation" };
  return value === "once" ? { kind: "once" } : { kind: "for", ttl: Number(value) };
}
