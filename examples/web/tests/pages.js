// Pages in a browser, as people use them: found by role and name, and waited for by what is seen.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";

import { chromium } from "playwright-core";

import { serve } from "../serve.js";
import { PATIENCE, World, noMessenger } from "./world.js";

const executablePath = process.env.EVANESCE_CHROMIUM ?? "/usr/bin/chromium";

/** Why there can be no test with pages, for `skip`; false if there can. */
export const noPages = noMessenger || (existsSync(executablePath) ? false : `there is no ${executablePath}`);

/** A relay, a server of the page, and a browser in which each person has a profile of their own. */
export class Pages extends World {
  /** What pages said of faults. A test that expects one takes it out. */
  faults = [];

  static async made() {
    const pages = new Pages();
    await pages.startRelay();
    const server = await serve({ port: 0, relay: pages.url });
    pages.origin = `http://localhost:${server.address().port}`;
    pages.atEnd(() => new Promise((closed) => {
      server.close(closed);
      server.closeAllConnections();
    }));
    pages.browser = await chromium.launch({
      executablePath,
      args: [
        "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
        "--no-first-run",
      ],
    });
    pages.atEnd(() => pages.browser.close());
    return pages;
  }

  /** What one test does. What a page says of faults meanwhile fails it; no page outlives it. */
  async fact(work) {
    this.faults = [];
    try {
      await work();
    } finally {
      for (const profile of this.browser.contexts()) await profile.close();
    }
    assert.deepEqual(this.faults, []);
  }

  /** A profile of a browser: what is stored in one no other has. */
  async profile() {
    const profile = await this.browser.newContext({ acceptDownloads: true });
    profile.setDefaultTimeout(PATIENCE);
    await profile.addInitScript(noteTexts);
    return profile;
  }

  /** Somebody's page, in a profile of their own if none is given, once the relay has answered it. */
  async person(name, profile) {
    const page = await this.tab(name, profile ?? (await this.profile()));
    const person = new Person(name, page);
    await person.isOnline();
    return person;
  }

  /**
   * Somebody's page, with somebody between it and the relay: `carried` is given each question and each answer, and gives what goes on,
   * or nothing, and then the connection breaks, or a promise of either.
   */
  async personBehind(carried, name) {
    const profile = await this.profile();
    await profile.routeWebSocket(() => true, (page) => {
      const relay = page.connectToServer();
      const carry = (to, isAnswer) => async (message) => {
        const carriedOn = await carried(message, isAnswer);
        if (carriedOn !== undefined) return to.send(carriedOn);
        void relay.close();
        void page.close();
      };
      page.onMessage(carry(relay, false));
      relay.onMessage(carry(page, true));
    });
    return this.person(name, profile);
  }

  /** A tab of somebody's, whatever it shows. */
  async tab(name, profile) {
    const page = await profile.newPage();
    this.watch(page, name);
    await page.goto(`${this.origin}/?as=${name}`);
    return page;
  }

  /** What this page says of faults is heard. */
  watch(page, name) {
    page.on("pageerror", (error) => this.faults.push(`${name}: ${error.stack ?? error}`));
    page.on("console", (line) => {
      // That the relay is away is no fault, and the browser says so by itself.
      if (line.type() === "error" && !line.text().includes("WebSocket connection to")) this.faults.push(`${name}: ${line.text()}`);
    });
  }
}

/** Somebody before a page. */
export class Person {
  constructor(name, page) {
    this.name = name;
    this.page = page;
  }

  async isOnline() {
    await this.reach("online");
  }

  /** What the page says of the relay begins so. */
  async reach(start) {
    await this.page.locator("#self .reach", { hasText: new RegExp(`^${start}`) }).waitFor();
  }

  /** Begins a conversation, or goes to it. */
  async writeTo(name) {
    await this.page.getByRole("button", { name: "New conversation" }).click();
    const dialog = this.page.getByRole("dialog", { name: "New conversation" });
    await dialog.getByRole("textbox", { name: "Name" }).fill(name);
    await dialog.getByRole("button", { name: "Begin" }).click();
    await this.with(name);
  }

  /** Opens a conversation that is there. */
  async open(name) {
    await this.page.getByRole("list", { name: "Conversations" }).getByRole("link", { name: new RegExp(`^${name}`) }).click();
    await this.with(name);
  }

  async with(name) {
    await this.page.getByRole("main", { name: `Conversation with ${name}` }).waitFor();
  }

  async say(...texts) {
    for (const text of texts) {
      const line = this.page.getByRole("textbox", { name: /^Message to / });
      await line.fill(text);
      await line.press("Enter");
      await this.saw(text);
    }
  }

  /** Writes what can be viewed once. */
  async once(text) {
    const placeholders = this.page.getByRole("article").locator(".placeholder");
    const count = await placeholders.count();
    await this.page.getByRole("combobox", { name: "How long this message lives" }).selectOption("View once");
    const line = this.page.getByRole("textbox", { name: /^Message to / });
    await line.fill(text);
    await line.press("Enter");
    await placeholders.nth(count).waitFor();
  }

  /** The text has been on the page, and may be gone again: of what ends soon nobody can say when they will look. */
  async saw(text) {
    await this.page.waitForFunction((text) => globalThis.seenTexts.has(text), text);
  }

  /** The message with this text. */
  message(text) {
    return this.page.getByRole("article").filter({ has: this.page.locator("p.text", { hasText: exactly(text) }) });
  }

  async shown(text) {
    await this.message(text).first().waitFor();
  }

  async gone(text) {
    await this.message(text).first().waitFor({ state: "detached" });
  }

  /** The relay has it. */
  async sent(text) {
    await this.message(text).getByRole("img", { name: "sent", exact: true }).waitFor();
  }

  /** All texts of the open conversation, in their order. */
  texts() {
    return this.page.getByRole("article").locator("p.text").allTextContents();
  }

  async accept(name) {
    await this.open(name);
    await this.page.getByRole("region", { name: `${name} wants to write to you` }).getByRole("button", { name: "Accept" }).click();
    await this.page.getByRole("textbox", { name: `Message to ${name}` }).waitFor();
  }

  /** What the dialog of a message offers. */
  async act(text, action) {
    await this.message(text).getByRole("button", { name: "Message actions" }).click();
    await this.page.getByRole("dialog", { name: "Message" }).getByRole("button", { name: action }).click();
  }

  /** Whether a text is anywhere on the page, in its attributes too. */
  async has(text) {
    return (await this.page.content()).includes(text);
  }

  /** A file is on its way, and how far it is changes. */
  async isUnderWay(what) {
    await this.page.waitForFunction((what) => {
      const bar = Array.from(document.querySelectorAll("progress")).find((bar) => bar.ariaLabel === what);
      return bar !== undefined && bar.value > 0 && bar.value < 1;
    }, what);
  }

  /** Saves a file that is whole; where it is. */
  async saved(name) {
    const message = this.page.getByRole("article").filter({ hasText: name }).filter({ hasNot: this.page.getByRole("progressbar") });
    await message.getByRole("button", { name: "Message actions" }).click();
    const download = this.page.waitForEvent("download");
    await this.page.getByRole("dialog", { name: "Message" }).getByRole("button", { name: "Save file" }).click();
    const came = await download;
    if (came.suggestedFilename() !== name) throw new Error(`it is called ${came.suggestedFilename()}`);
    return came.path();
  }

  /** The code of a safety number, as a picture. */
  async code(name) {
    await this.page.getByRole("button", { name: "Safety number" }).click();
    const dialog = this.page.getByRole("dialog", { name: `Safety number with ${name}` });
    const image = dialog.getByRole("img", { name: "The safety number as a QR code" });
    await this.page.waitForFunction((image) => image.src !== "" && image.complete, await image.elementHandle());
    const address = await image.getAttribute("src");
    await dialog.getByRole("button", { name: "Close" }).click();
    return Buffer.from(address.split(",")[1], "base64");
  }

  /** What is said of a picture of somebody's code. */
  async scanned(name, buffer) {
    await this.page.getByRole("button", { name: "Safety number" }).click();
    const dialog = this.page.getByRole("dialog", { name: `Safety number with ${name}` });
    await dialog.locator("#safety-file").setInputFiles({ name: "code.png", mimeType: "image/png", buffer });
    const outcome = dialog.getByRole("status");
    await outcome.filter({ hasText: /./ }).waitFor();
    const text = await outcome.textContent();
    await dialog.getByRole("button", { name: "Close" }).click();
    return text;
  }

  /** How many rows the page itself keeps of messages of this account, and of what belongs to them. */
  rows() {
    return this.page.evaluate(countRows, `evanesce chat of ${this.name}`);
  }

  /** Until it keeps so many again: off the screen is not out of the store yet. */
  async hasRows(count) {
    const deadline = Date.now() + PATIENCE;
    for (let rows = await this.rows(); rows !== count; rows = await this.rows()) {
      if (Date.now() >= deadline) throw new Error(`${this.name} keeps ${rows} rows, not ${count}`);
    }
  }

  async setTimer(name) {
    await this.page.getByRole("button", { name: /^Timer/ }).click();
    const dialog = this.page.getByRole("dialog", { name: "Timer" });
    await dialog.getByRole("radio", { name }).check();
    await dialog.getByRole("button", { name: "Set" }).click();
  }
}

/** Somebody before a page and somebody before a terminal who have written to each other, each with the other's conversation open. */
export async function introducedToTerminal(pages, name, terminalName, profile) {
  return acquaintedWithTerminal(await pages.person(name, profile), await pages.terminal(terminalName), terminalName);
}

/** The same of two who are there. */
export async function acquaintedWithTerminal(page, terminal, terminalName) {
  const { name } = page;
  await page.writeTo(terminalName);
  await page.say(`hello ${terminalName}`);
  await terminal.waitFor(`REQUEST ${name}`);
  terminal.say(`/accept ${name}`);
  terminal.say(`/read ${name}`);
  await terminal.waitFor(`MESSAGE ${name}`);
  terminal.say(`to ${name} hello ${name}`);
  await page.shown(`hello ${name}`);
  return [page, terminal];
}

/** A text that is this and nothing else. */
const exactly = (text) => new RegExp(`^${text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}$`);

/** Two people before pages who have written to each other, each with the other's conversation open. */
export async function introduced(pages, one, other) {
  return acquainted(await pages.person(one), await pages.person(other));
}

/** The same of two who are there. */
export async function acquainted(alice, bob) {
  await alice.writeTo(bob.name);
  await alice.say(`hello ${bob.name}`);
  await bob.accept(alice.name);
  await bob.shown(`hello ${bob.name}`);
  await bob.say(`hello ${alice.name}`);
  await alice.shown(`hello ${alice.name}`);
  return [alice, bob];
}

/** In a page, before all else: notes each text of a message that stands there, however short, and what is said to who hears the page. */
function noteTexts() {
  globalThis.seenTexts = new Set();
  globalThis.saidTexts = [];
  const note = (element) => {
    if (element.parentElement?.id === "announcer") globalThis.saidTexts.push(element.textContent);
    for (const text of element.querySelectorAll?.("p.text") ?? []) globalThis.seenTexts.add(text.textContent);
    if (element.matches?.("p.text")) globalThis.seenTexts.add(element.textContent);
  };
  new MutationObserver((records) => records.forEach(({ addedNodes }) => addedNodes.forEach(note))).observe(document, { childList: true, subtree: true });
}

/** In a page: so many rows of messages, and of what belongs to them, are in the database of this name. What is on its way comes and goes. */
async function countRows(name) {
  const done = (request) => new Promise((resolve, reject) => Object.assign(request, { onsuccess: () => resolve(request.result), onerror: () => reject(request.error) }));
  const database = await done(indexedDB.open(name));
  const keys = await done(database.transaction("rows").objectStore("rows").getAllKeys());
  database.close();
  return keys.filter((key) => /^(message|evidence|piece)\//.test(key)).length;
}
