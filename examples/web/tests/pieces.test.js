// Pieces of the screen by themselves, in a real browser: what happens to the focus and to notices, with no one to write and no time to wait for.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Pages, noPages } from "./pages.js";

test("pieces of the screen", { skip: noPages, timeout: 300_000 }, async (suite) => {
  const pages = await Pages.made();
  suite.after(() => pages.end());

  /** With a page where no account is open, and whose pieces are at hand. */
  const fact = (name, work) => suite.test(name, () => pages.fact(async () => {
    const page = await (await pages.profile()).newPage();
    pages.watch(page, "nobody");
    // No time passes by itself.
    await page.clock.install();
    await page.goto(pages.origin);
    await page.evaluate(async () => {
      const names = ["dom", "line", "notices"];
      globalThis.pieces = Object.assign({}, ...await Promise.all(names.map((name) => import(`${location.origin}/page/${name}.js`))));
      document.getElementById("start").hidden = true;
      document.getElementById("chat").hidden = false;
      document.getElementById("chat").classList.add("open");
      /** A line of a conversation. */
      globalThis.line = (id, more) => ({ id, author: "them", kind: "text", text: id, file: undefined, progress: "read", why: undefined, at: 0, endsAt: undefined, ...more });
      /** What has the focus, in words. */
      globalThis.focus = () => {
        const { activeElement: it } = document;
        return it === document.body ? "nowhere" : `${it.closest("[data-key]")?.dataset.key ?? it.parentElement.id}: ${it.ariaLabel ?? (it.id || it.textContent)}`;
      };
    });
    await work(page);
  }));

  await fact("when the message ends that has the focus, no key opens what can be viewed once", async (page) => {
    assert.equal(await page.evaluate(() => {
      const { drawLine, keyed } = globalThis.pieces;
      const log = document.getElementById("conversation");
      const draw = (lines) => keyed(log, lines, ({ id }) => id, (it, before) => drawLine(it, "bob", before, {}));
      const lines = [globalThis.line("ends"), globalThis.line("secret", { kind: "once" })];
      draw(lines);
      log.querySelector(".more").focus();
      draw(lines.slice(1));
      return globalThis.focus();
    }), "secret: Message actions");
  });

  await fact("however many strangers ask, what is told of them covers no screen, and takes the place of no warning", async (page) => {
    const told = await page.evaluate(() => {
      const { tell } = globalThis.pieces;
      const toasts = document.getElementById("toasts");
      const screen = { open: undefined, note() {} };
      const counts = [];
      const notice = (it) => {
        tell(it, screen);
        counts.push(toasts.childElementCount);
      };
      notice({ kind: "trouble", text: "a warning" });
      for (let number = 1; number <= 7; number += 1) {
        notice({ kind: "request", name: `stranger${number}` });
        notice({ kind: "trouble", name: `stranger${number}`, text: `stranger${number} sent something that this release cannot read.` });
        notice({ kind: "identityChanged", name: `friend${number}` });
      }
      return { most: Math.max(...counts), texts: [...toasts.children].map((it) => it.firstElementChild.textContent) };
    });
    assert.equal(told.most, 4);
    assert.deepEqual(told.texts, [
      "a warning", "stranger7 wants to write to you.", "stranger7 sent something that this release cannot read.",
      "The identity of friend7 has changed. Nothing is sent until you decide.",
    ]);
  });
});
