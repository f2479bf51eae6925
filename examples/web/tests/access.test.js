// A page for who has no mouse, who hears it, and who reads with difficulty.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Pages, Person, introduced, noPages } from "./pages.js";

/** How much lighter than its ground a text is, or darker: what the Web Content Accessibility Guidelines want at level AA (1.4.3). */
const LEAST_CONTRAST = 4.5;

/** What somebody can do something with, or is told something by. */
const NAMED = new Set([
  "alertdialog", "article", "button", "checkbox", "combobox", "dialog", "heading", "img", "image", "link", "list", "log", "main", "navigation",
  "progressbar", "radio", "region", "textbox",
]);

test("pages for all", { skip: noPages, timeout: 900_000 }, async (suite) => {
  const pages = await Pages.made();
  suite.after(() => pages.end());
  const fact = (name, work) => suite.test(name, () => pages.fact(work));

  await fact("a conversation is led by keyboard alone, and the focus stays with who leads it", async () => {
    const page = await (await pages.profile()).newPage();
    pages.watch(page, "ada");
    await page.goto(pages.origin);
    const ada = new Person("ada", page);
    await hasFocus(page.getByRole("textbox", { name: "Your name" }));
    await page.keyboard.type("ada");
    await page.keyboard.press("Enter");
    await ada.isOnline();
    const ben = await pages.person("ben");
    await ben.writeTo("ada");
    await ben.say("hello ada");

    await reach(page, page.getByRole("link", { name: /^ben/ }));
    await page.keyboard.press("Enter");
    await ada.with("ben");
    await ada.shown("hello ada");
    await reach(page, page.getByRole("button", { name: "Accept" }));
    await page.keyboard.press("Enter");
    const line = page.getByRole("textbox", { name: "Message to ben" });
    await hasFocus(line);
    await page.keyboard.type("hello ben");
    await page.keyboard.press("Enter");
    await ben.shown("hello ben");
    await hasFocus(line);

    // A dialog takes the focus, keeps it, and gives it back, also if what it did has drawn the page anew.
    const timer = page.getByRole("button", { name: "Timer" });
    await reach(page, timer);
    await page.keyboard.press("Enter");
    const dialog = page.getByRole("dialog", { name: "Timer" });
    for (let times = 0; times < 25; times += 1) {
      await page.keyboard.press("Tab");
      assert(await page.evaluate(() => document.activeElement === document.body || document.activeElement.closest("dialog") !== null));
    }
    await reach(page, dialog.getByRole("radio", { name: "Never" }));
    for (let times = 0; times < 3; times += 1) await page.keyboard.press("ArrowDown");
    await reach(page, dialog.getByRole("button", { name: "Set" }));
    await page.keyboard.press("Enter");
    await dialog.waitFor({ state: "detached" });
    await page.getByText("Timer: 1 hour").waitFor();
    await hasFocus(timer);

    const safety = page.getByRole("button", { name: "Safety number" });
    await reach(page, safety);
    await page.keyboard.press("Enter");
    await reach(page, page.getByRole("dialog").getByRole("button", { name: "They are the same" }));
    await page.keyboard.press("Enter");
    await page.getByText("You compared the safety number.").waitFor();
    await hasFocus(safety);

    const actions = ada.message("hello ben").getByRole("button", { name: "Message actions" });
    await reach(page, actions);
    await page.keyboard.press("Enter");
    await page.getByRole("dialog", { name: "Message" }).waitFor();
    await page.keyboard.press("Escape");
    await hasFocus(actions);
    await page.keyboard.press("Enter");
    await reach(page, page.getByRole("button", { name: "Take back for both" }));
    await page.keyboard.press("Enter");
    await ada.gone("hello ben");
    await ben.gone("hello ben");
    await hasFocus(ada.message("hello ada").getByRole("button", { name: "Message actions" }));

    const more = page.getByRole("button", { name: "More about this conversation" });
    await reach(page, more);
    await page.keyboard.press("Enter");
    await reach(page, page.getByRole("dialog").getByRole("button", { name: "Block" }));
    await page.keyboard.press("Enter");
    const question = page.getByRole("alertdialog", { name: "Block ben?" });
    // What cannot be undone takes more than one key.
    await hasFocus(question.getByRole("button", { name: "Cancel" }));
    await reach(page, question.getByRole("button", { name: "Block" }));
    await page.keyboard.press("Enter");
    await page.getByRole("region", { name: "Blocked" }).waitFor();
    await hasFocus(more);
    assert.deepEqual(await ada.texts(), []);
    await reach(page, page.getByRole("button", { name: "Unblock" }));
    await page.keyboard.press("Enter");
    await hasFocus(line);
  });

  await fact("who is asked something keeps their place while the page is drawn anew", async () => {
    const { page } = await pages.person("cora");
    const dirk = await pages.person("dirk");
    await dirk.writeTo("cora");
    await dirk.say("hello cora");
    const cora = new Person("cora", page);
    await cora.open("dirk");
    const refuse = page.getByRole("button", { name: "Refuse" });
    await reach(page, refuse);
    await pages.relay.kill();
    await cora.reach("offline");
    await page.getByText("Offline · ").waitFor();
    await hasFocus(refuse);
    await pages.startRelay();
    await cora.isOnline();
    await hasFocus(refuse);
    await page.keyboard.press("Enter");
    await page.getByText("Choose a conversation, or begin a new one.").waitFor();
    await hasFocus(page.locator("#conversation"));
  });

  await fact("all that one can use or see has a name, and enough contrast by day and by night", async () => {
    const [eve, fred] = await introduced(pages, "eve", "fred");
    const { page } = eve;
    const looksWell = async (what) => {
      await isNamed(page, what);
      for (const colorScheme of ["light", "dark"]) {
        await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
        assert.deepEqual(await page.evaluate(faintTexts, LEAST_CONTRAST), [], `${what}, ${colorScheme}`);
      }
    };
    const closes = async () => {
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").or(page.getByRole("alertdialog")).waitFor({ state: "detached" });
    };
    await fred.page.locator("#composer-file").setInputFiles({ name: "dot.png", mimeType: "image/png", buffer: DOT });
    await page.getByRole("img", { name: "Picture dot.png" }).waitFor();
    await page.locator("#composer-file").setInputFiles({ name: "note.txt", mimeType: "text/plain", buffer: Buffer.from("note") });
    await fred.page.locator(".file-name", { hasText: "note.txt" }).waitFor();
    await fred.setTimer(/1 hour/);
    await page.locator(".note", { hasText: "fred set messages to disappear after 1 hour." }).waitFor();
    await eve.say("with a timer");
    await eve.sent("with a timer");
    await fred.once("for your eyes");
    await page.getByRole("button", { name: "View once" }).waitFor();
    await eve.once("for yours");
    const [gina, hans] = [await pages.person("gina"), await pages.person("hans")];
    await gina.writeTo("eve");
    await gina.say("hello eve");
    await page.getByRole("link", { name: /^gina wants to write to you/ }).waitFor();
    await looksWell("a conversation");

    const dialogs = ["Timer", "Safety number", "More about this conversation", "New conversation"];
    for (const name of dialogs) {
      await page.getByRole("button", { name, exact: true }).click();
      await page.getByRole("dialog").waitFor();
      await looksWell(name);
      await closes();
    }
    await eve.message("with a timer").getByRole("button", { name: "Message actions" }).click();
    await looksWell("Message");
    await closes();
    await eve.act("hello eve", "Report");
    await looksWell("Report this message?");
    await closes();
    await page.getByRole("button", { name: "View once" }).click();
    await page.getByRole("dialog", { name: "View once" }).waitFor();
    await looksWell("View once");
    await closes();
    await eve.writeTo("nobody-there");
    await eve.say("is somebody there?");
    await page.locator(".note", { hasText: "Nobody at the relay is called nobody-there." }).waitFor();
    await looksWell("somebody who is not there");
    await eve.open("gina");
    await looksWell("a request");
    await page.getByRole("button", { name: "Block" }).click();
    await page.getByRole("region", { name: "Blocked" }).waitFor();
    await looksWell("a block");
    await page.goto(pages.origin);
    await page.getByRole("heading", { name: "Go on as" }).waitFor();
    await looksWell("the start");
    await hans.page.goto(`${pages.origin}/?as=eve`);
    await hans.page.getByRole("heading", { name: "This name is taken" }).waitFor();
    await isNamed(hans.page, "a name that is taken");
  });

  await fact("what comes is said to who hears the page, what it says only where its conversation is open, and what is viewed once never", async () => {
    const [isa, jens] = await introduced(pages, "isa", "jens");
    const heard = async (text) => isa.page.waitForFunction((text) => globalThis.saidTexts.includes(text), text);
    const announcer = isa.page.locator("#announcer");
    assert.deepEqual([await announcer.getAttribute("aria-live"), await announcer.isHidden()], ["polite", false]);
    await jens.say("can you hear me?");
    await heard("jens: can you hear me?");
    await jens.once("not for the ears");
    await heard("jens: to be viewed once");
    await jens.say("a slip");
    await heard("jens: a slip");
    await jens.act("a slip", "Take back for both");
    await heard("A message was taken back.");
    await isa.writeTo("kai");
    await jens.say("are you there?");
    await heard("New message from jens");
    // It stays nowhere.
    await isa.page.waitForFunction(() => document.getElementById("announcer").childElementCount === 0);
    const said = await isa.page.evaluate(() => globalThis.saidTexts);
    assert(said.every((text) => !/not for the ears|are you there/.test(text)), `${said}`);
  });
});

/** A picture of one pixel. */
const DOT = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==", "base64");

/** Until this has the focus, and nothing else. */
async function hasFocus(locator) {
  const handle = await locator.elementHandle();
  await locator.page().waitForFunction((element) => document.activeElement === element, handle).catch(async () => {
    const active = await locator.page().evaluate(() => document.activeElement.outerHTML.slice(0, 200));
    throw new Error(`the focus is not at ${locator}, but at ${active}`);
  });
}

/** Goes there by the key that does. */
async function reach(page, locator) {
  const handle = await locator.elementHandle();
  for (let times = 0; times < 200; times += 1) {
    if (await handle.evaluate((element) => document.activeElement === element)) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`no key leads to ${locator}`);
}

/** What a screen reader is given has names. */
async function isNamed(page, what) {
  const devtools = await page.context().newCDPSession(page);
  const { nodes } = await devtools.send("Accessibility.getFullAXTree");
  await devtools.detach();
  const controls = nodes.filter(({ ignored, role }) => !ignored && NAMED.has(role?.value));
  assert(controls.length > 1, what);
  // The pane in which nothing is open says so in its text.
  const nameless = controls.filter(({ name, role }) => !name?.value?.trim() && !["main", "navigation"].includes(role.value));
  assert.deepEqual(nameless.map(({ role, description }) => [role.value, description?.value]), [], what);
}

/** In a page: each text that is seen and has less contrast with its ground. */
function faintTexts(least) {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  /** Red, green, blue from 0 to 255, and how dense from 0 to 1, of whatever a style says. */
  const read = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    const [red, green, blue, density] = canvas.getImageData(0, 0, 1, 1).data;
    return [red, green, blue, density / 255];
  };
  const over = ([red, green, blue, density], below) => [red, green, blue].map((value, place) => value * density + below[place] * (1 - density));
  const ground = (element) => {
    if (element === null) return read("Canvas").slice(0, 3);
    const own = read(getComputedStyle(element).backgroundColor);
    return own[3] === 1 ? own.slice(0, 3) : over(own, element.matches("dialog") ? [0, 0, 0] : ground(element.parentElement));
  };
  const light = (color) => {
    const [red, green, blue] = color.map((value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const density = (element) => (element === null ? 1 : Number(getComputedStyle(element).opacity) * density(element.parentElement));
  const faint = [];
  let seen = 0;
  for (const element of document.querySelectorAll("body *")) {
    const text = element.matches("input, textarea") ? element.value || element.placeholder
      : [...element.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE).map(({ data }) => data).join("").trim();
    if (text === "" || element.matches(":disabled") || !element.checkVisibility({ visibilityProperty: true })) continue;
    const pseudo = element.matches("textarea:placeholder-shown, input:placeholder-shown") ? "::placeholder" : undefined;
    const behind = ground(element);
    const [red, green, blue, dense] = read(getComputedStyle(element, pseudo).color);
    const [one, other] = [light(over([red, green, blue, dense * density(element)], behind)), light(behind)].sort((a, b) => b - a);
    const contrast = (one + 0.05) / (other + 0.05);
    seen += 1;
    if (contrast < least) faint.push(`${contrast.toFixed(2)}: ${element.className || element.tagName} ${text.slice(0, 40)}`);
  }
  return seen > 0 ? faint : ["nothing is seen"];
}
