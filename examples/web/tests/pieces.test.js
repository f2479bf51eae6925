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
      const names = ["announcer", "contact-list", "conversation-pane", "dom", "line", "notices"];
      globalThis.pieces = Object.assign({}, ...await Promise.all(names.map((name) => import(`${location.origin}/page/${name}.js`))));
      document.getElementById("start").hidden = true;
      document.getElementById("chat").hidden = false;
      document.getElementById("chat").classList.add("open");
      /** A line of a conversation. */
      globalThis.line = (id, more) => ({ id, author: "them", kind: "text", text: id, file: undefined, progress: "read", why: undefined, at: 0, endsAt: undefined, ...more });
    });
    await work(page);
  }));

  await fact("when the message ends that has the focus, no key opens what can be viewed once", async (page) => {
    assert.deepEqual(await page.evaluate(() => {
      const { drawLine, keyed } = globalThis.pieces;
      const log = document.getElementById("conversation");
      const draw = (lines) => keyed(log, lines, ({ id }) => id, (it, before) => drawLine(it, "bob", before, {}));
      const lines = [globalThis.line("ends"), globalThis.line("secret", { kind: "once" })];
      draw(lines);
      log.querySelector(".more").focus();
      draw(lines.slice(1));
      return [document.activeElement.closest("[data-key]").dataset.key, document.activeElement.ariaLabel];
    }), ["secret", "Message actions"]);
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

  await fact("what has the focus in a line keeps it when the line is drawn anew, and acts on what the line is then", async (page) => {
    const { before, after, acts } = await page.evaluate(() => {
      const { drawLine, keyed } = globalThis.pieces;
      const log = document.getElementById("conversation");
      const acts = [];
      const actions = { menu: ({ progress }) => acts.push(progress), once: ({ endsAt }) => acts.push(endsAt) };
      const draw = (lines) => keyed(log, lines, ({ id }) => id, (it, before) => drawLine(it, "bob", before, actions));
      const states = [{ author: "us", progress: "waiting" }, { author: "us", progress: "sent", endsAt: 1 }, { author: "us", progress: "failed", why: "no" }];
      const [before, after] = [[], []];
      for (const [kind, lines] of [
        ["more", states.map((it) => globalThis.line("ours", it))],
        ["once", [undefined, 2].map((endsAt) => globalThis.line("theirs", { kind: "once", endsAt }))],
      ]) {
        draw([lines[0]]);
        const button = log.querySelector(`.${kind}`);
        button.focus();
        for (const line of lines) {
          draw([globalThis.line("another"), line]);
          before.push(button);
          after.push(document.activeElement);
        }
        button.click();
      }
      return { before: before.length, after: after.filter((it, place) => it === before[place]).length, acts };
    });
    assert.deepEqual([before, after, acts], [5, 5, ["failed", 2]]);
  });

  await fact("who is at somebody in the list stays there when they go up or down in it", async (page) => {
    assert.deepEqual(await page.evaluate(() => {
      const { drawContacts } = globalThis.pieces;
      document.getElementById("chat").classList.remove("open");
      const list = document.getElementById("contacts");
      const contact = (name) => ({ name, standing: "accepted", isChanged: false, isVerified: false, hasTurnedDown: false, timer: undefined, unread: 0, last: undefined });
      const draw = (names) => drawContacts(list, { name: "us", contacts: [...names].map(contact), conversation: undefined }, undefined);
      draw("abc");
      list.querySelector("[data-key=c] a").focus();
      return ["cab", "dacb", "adbc", "c", "ec", "ba"].map((names) => {
        draw(names);
        return `${[...list.children].map((it) => it.dataset.key).join("")} ${document.activeElement.hash ?? document.activeElement.tagName}`;
      });
    }), ["cab #c", "dacb #c", "adbc #c", "c #c", "ec #c", "ba MAIN"]);
  });

  await fact("when what has the focus in a conversation goes, the focus stays in it", async (page) => {
    assert.deepEqual(await page.evaluate(() => {
      const root = document.getElementById("conversation");
      const pane = new globalThis.pieces.ConversationPane(root, () => ({ keep() {} }));
      const draw = (more) => pane.draw({
        name: "bob", standing: "new", isChanged: false, isVerified: false, hasTurnedDown: false, timer: undefined, unread: 0, last: undefined,
        lines: [], hasEarlier: false, isWaiting: false, typed: "", ...more,
      });
      // It cannot be written any more, nor is there a timer to be set.
      const ways = [["textarea", { isChanged: true }], ["[aria-label=Timer]", { standing: "request" }], ["[aria-label=Timer]", undefined]];
      return ways.map(([what, more]) => {
        draw({});
        root.querySelector(what).focus();
        if (document.activeElement === root) return "nothing had it";
        if (more === undefined) pane.draw(undefined);
        else draw(more);
        return document.activeElement.id;
      });
    }), ["conversation", "conversation", "conversation"]);
  });

  await fact("when a notice goes that has the focus, by whatever it goes, that is not nowhere", async (page) => {
    const begun = () => page.evaluate(() => {
      globalThis.pieces.toast("a notice", "bob");
      document.querySelector("#toasts button").focus();
      return document.activeElement.ariaLabel;
    });
    const ways = {
      "it is dismissed": () => page.keyboard.press("Enter"),
      "its time is over": () => page.clock.fastForward(8_000),
      "the same is told again": () => page.evaluate(() => globalThis.pieces.toast("a notice", "bob")),
      "others take its place": () => page.evaluate(() => ["1", "2", "3", "4"].forEach((it) => globalThis.pieces.toast(it, "carol"))),
      "another conversation is opened": () => page.evaluate(() => globalThis.pieces.clearToasts()),
    };
    // On a phone there is one pane.
    await page.setViewportSize({ width: 400, height: 800 });
    for (const isOpen of [true, false]) {
      await page.evaluate((isOpen) => document.getElementById("chat").classList.toggle("open", isOpen), isOpen);
      for (const [what, goes] of Object.entries(ways)) {
        await page.evaluate(() => document.getElementById("toasts").replaceChildren());
        assert.equal(await begun(), "Dismiss", what);
        await goes();
        assert.equal(await page.evaluate(() => document.activeElement.id), isOpen ? "conversation" : "new-conversation", what);
      }
    }
  });
});
