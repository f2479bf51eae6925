// The page: which account, one tab at a time, and what is drawn when something has changed.

import { EvanesceError } from "evanesce";

import { Carrier } from "../chat/carrier.js";
import { Chat, DATABASE } from "../chat/chat.js";
import { isName } from "../chat/names.js";
import { holdAccount } from "../chat/tabs.js";
import { Relay } from "../wire/relay.js";
import { byId, fill, make } from "./dom.js";
import { Screen } from "./screen.js";

/**
 * Says why there is nothing else on the page.
 *
 * @param {string} title
 * @param {string} text
 * @param {string} [link] What can be done about it: the page is loaded anew, or begun with another name
 */
function say(title, text, link) {
  for (const id of ["loading", "start", "chat"]) byId(id).hidden = true;
  byId("notice").hidden = false;
  byId("notice-title").textContent = title;
  byId("notice-text").textContent = text;
  const anchor = /** @type {HTMLAnchorElement} */ (byId("notice-link"));
  anchor.hidden = link === undefined;
  anchor.textContent = link ?? "";
  anchor.href = link === "Load anew" ? location.href : "./";
  if (link === "Load anew") anchor.onclick = () => location.reload();
  byId("notice-title").focus();
}

/** Asks for a name. It stands in the address, so that two windows can be two people. */
function ask() {
  byId("loading").hidden = true;
  byId("start").hidden = false;
  const name = /** @type {HTMLInputElement} */ (byId("start-name"));
  byId("start-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const query = new URLSearchParams(location.search);
    query.set("as", name.value);
    location.search = String(query);
  });
  name.focus();
  void listKnown();
}

/** Accounts that are in this browser already. */
async function listKnown() {
  const databases = (await indexedDB.databases?.()) ?? [];
  const names = databases.map(({ name = "" }) => name.startsWith(DATABASE) ? name.slice(DATABASE.length) : "").filter(isName);
  byId("known").hidden = names.length === 0;
  fill(byId("known-names"), ...names.sort().map((name) => make("li", {}, make("a", { class: "button", href: `?as=${name}` }, name))));
}

/**
 * Where the relay is, who serves the page says; not its address, which anybody can make up: a relay is shown the account's token.
 *
 * @returns {Promise<string>}
 */
async function relayAddress() {
  return (await (await fetch("relay.json")).json()).relay;
}

async function begin() {
  const name = new URLSearchParams(location.search).get("as") ?? "";
  if (!isName(name)) {
    ask();
    return;
  }
  if (navigator.locks === undefined || crypto.subtle === undefined) {
    say("This page needs a safe connection", "Open it at localhost, or by https.");
    return;
  }
  document.title = `${name} – evanesce chat`;
  const letGo = await holdAccount(name, () =>
    say("Open in another tab", `Another tab of this browser has ${name} open. This one takes over when that is closed.`));
  const chat = await Chat.open(name);
  for (const id of ["loading", "notice"]) byId(id).hidden = true;
  // A browser that is short of space asks before it deletes what is stored.
  void navigator.storage?.persist?.();
  const carrier = new Carrier(chat, new Relay(await relayAddress()));
  const screen = new Screen(chat, carrier);
  let isBroken = false;
  chat.addEventListener("broken", (event) => {
    isBroken = true;
    carrier.stop();
    screen.end();
    console.error(/** @type {CustomEvent} */ (event).detail);
    letGo();
    say("The page must be loaded anew", "What was done last could not be stored. Nothing else is lost.", "Load anew");
  });
  carrier.addEventListener("reach", () => {
    if (carrier.reach !== "taken") return;
    carrier.stop();
    screen.end();
    say("This name is taken", `Somebody else is called ${name} at this relay. Choose another name.`, "Choose another name");
  });
  screen.begin();
  carrier.run().catch((cause) => {
    if (isBroken) return;
    console.error(cause);
    screen.end();
    // Nothing may be read, or come due, that nobody is shown.
    void chat.close();
    say("Something went wrong", "What was stored is stored.", "Load anew");
  });
}

begin().catch((cause) => {
  console.error(cause);
  const isKey = cause instanceof EvanesceError && cause.code === "undecryptable";
  say("This account does not open", isKey
    ? "What is stored here was made with another key, or was altered. It was left as it is."
    : `Something went wrong: ${cause instanceof Error ? cause.message : cause}`, "Load anew");
});
