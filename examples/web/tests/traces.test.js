// What stays in a page of what was to go: nothing, and nobody is told otherwise.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Pages, introduced, noPages } from "./pages.js";

test("traces in pages", { skip: noPages, timeout: 900_000 }, async (suite) => {
  const pages = await Pages.made();
  suite.after(() => pages.end());
  const fact = (name, work) => suite.test(name, () => pages.fact(work));

  await fact("what may be viewed once is in no element before it is, in no row and no element afterwards, and never at its sender's", async () => {
    const [anna, bela] = await introduced(pages, "anna", "bela");
    const { page } = bela;
    const button = page.getByRole("button", { name: "View once" });
    const dialog = page.getByRole("dialog", { name: "View once" });
    const texts = ["closed by its button", "closed by a key", "closed by leaving"];
    const ways = [
      () => dialog.getByRole("button", { name: "Close" }).click(),
      () => page.keyboard.press("Escape"),
      // As when another tab is shown, or the screen is locked.
      () => page.evaluate(() => document.dispatchEvent(new Event("visibilitychange"))),
    ];
    for (const person of [anna, bela]) await person.page.evaluate(watchFor, texts);
    const rows = await bela.rows();
    for (const [place, text] of texts.entries()) {
      await anna.once(text);
      await button.waitFor();
      assert((await bela.rows()) > rows);
      assert.deepEqual(await page.evaluate(() => globalThis.watchedTexts), texts.slice(0, place));
      await button.click();
      assert.equal(await dialog.locator(".once-text").textContent(), text);
      // It is stored that it was viewed before it is shown.
      assert.deepEqual([await bela.rows(), await button.count()], [rows, 0]);
      await ways[place]();
      // A dialog that was closed is not seen any more before the page is told that it was.
      await page.locator(".once-text").waitFor({ state: "detached" });
      assert.equal(await bela.has(text), false);
      assert(await page.evaluate(() => document.activeElement !== document.body), "the focus is nowhere");
    }
    assert.deepEqual(await anna.page.evaluate(() => globalThis.watchedTexts), []);
    await page.reload();
    await bela.shown("hello bela");
    assert.equal(await button.count(), 0);
  });

  await fact("a text is copied as it was written, and not when it has ended meanwhile", async () => {
    const [clara, dino] = await introduced(pages, "clara", "dino");
    const { page } = dino;
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"], { origin: pages.origin });
    const copied = () => page.evaluate(() => navigator.clipboard.readText());
    await page.bringToFront();
    const written = "two\nlines, <b>marks</b> & \u202eturned";
    const line = clara.page.getByRole("textbox", { name: /^Message to / });
    await line.fill(written);
    await line.press("Enter");
    const shown = page.getByRole("article").filter({ hasText: "marks" });
    await shown.getByRole("button", { name: "Message actions" }).click();
    await page.getByRole("button", { name: "Copy text" }).click();
    while ((await copied()) !== written) await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(drawn)));

    await clara.say("a slip");
    await dino.message("a slip").getByRole("button", { name: "Message actions" }).click();
    const menu = page.getByRole("dialog", { name: "Message" });
    await menu.waitFor();
    await clara.act("a slip", "Take back for both");
    await dino.gone("a slip");
    await menu.waitFor({ state: "detached" });
    assert.equal(await copied(), written);
    assert(await page.evaluate(() => document.activeElement !== document.body), "the focus is nowhere");
  });

  await fact("a page that has a fault says so, shows nothing any more, and has everything when it is loaded anew", async () => {
    const [ella, finn] = await introduced(pages, "ella", "finn");
    const { page } = ella;
    await ella.sent("hello finn");
    // Where the relay is it learns from a server that is out of order.
    await page.route("**/relay.json", (route) => route.fulfill({ json: { relay: "ftp://nowhere.example" } }));
    await page.reload();
    const heading = page.getByRole("heading", { name: "Something went wrong" });
    await heading.waitFor();
    assert.equal(await page.getByText("What was stored is stored.").isVisible(), true);
    assert(await heading.evaluate((element) => document.activeElement === element));
    for (const text of ["hello ella", "hello finn"]) assert.equal(await ella.has(text), false);
    assert.deepEqual([await page.getByRole("article").count(), await page.getByRole("textbox").count()], [0, 0]);
    await page.unroute("**/relay.json");
    await page.getByRole("link", { name: "Load anew" }).click();
    await ella.isOnline();
    assert.deepEqual(await ella.texts(), ["hello finn", "hello ella"]);
    await ella.say("still here");
    await finn.shown("still here");
    // It says so to who looks for faults, too.
    assert(pages.faults.length > 0);
    pages.faults = pages.faults.filter((fault) => !/^ella: .*is no address of a relay/.test(fault));
  });
});

/** In a page: notes which of these texts are ever in it, in an attribute or a field too. */
function watchFor(texts) {
  globalThis.watchedTexts = [];
  new MutationObserver(() => {
    const fields = [...document.querySelectorAll("input, textarea")].filter(({ id }) => id !== "composer-text").map(({ value }) => value);
    const all = document.documentElement.outerHTML + fields.join("\n");
    for (const text of texts) if (all.includes(text) && !globalThis.watchedTexts.includes(text)) globalThis.watchedTexts.push(text);
  }).observe(document, { childList: true, subtree: true, attributes: true, characterData: true });
}
