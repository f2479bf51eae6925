// The program of README.md in a real browser.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { test } from "node:test";

import { inBrowser, noBrowser } from "./pages.js";

/** The files that README.md says to make. */
function program() {
  const readme = readFileSync(resolve(import.meta.dirname, "../README.md"), "utf8");
  return Object.fromEntries([["index.html", "```html\n<!-- index.html -->\n"], ["chat.js", "```js\n// chat.js\n"]].map(([name, start]) => {
    assert.equal(readme.split(start).length, 2, `README.md has no ${name}`);
    return [name, readme.split(start)[1].split("```")[0]];
  }));
}

test("two pages talk in a browser, and go on when one was loaded anew", { skip: noBrowser, timeout: 120_000 }, () =>
  inBrowser(program(), async ({ context, origin, open: openAt, errors }) => {
    const open = async (me, you) => {
      const page = await openAt(`/?me=${me}&you=${you}`, me);
      await ready(page);
      return page;
    };
    const ready = (page) => page.waitForFunction(() => typeof document.querySelector("#say").onsubmit === "function");
    const say = async (page, ...bodies) => {
      for (const body of bodies) {
        await page.fill("#say input", body);
        await page.press("#say input", "Enter");
      }
    };
    const heard = async (page, ...lines) => {
      await page.waitForFunction((count) => document.querySelectorAll("#said li").length >= count, lines.length);
      assert.deepEqual(await page.locator("#said li").allTextContents(), lines);
    };
    const [alice, bob] = [await open("alice", "bob"), await open("bob", "alice")];
    await say(alice, "Hello Bob");
    await heard(bob, "alice: Hello Bob");
    await say(bob, "Hello Alice");
    await heard(alice, "alice: Hello Bob", "bob: Hello Alice");

    // What it knew is in its store, what was said too, and another tab does not get that.
    await bob.reload();
    await ready(bob);
    await heard(bob, "alice: Hello Bob", "bob: Hello Alice");
    await say(bob, "I am back");
    await heard(bob, "alice: Hello Bob", "bob: Hello Alice", "bob: I am back");
    await heard(alice, "alice: Hello Bob", "bob: Hello Alice", "bob: I am back");
    await say(alice, "one", "two", "three");
    await heard(bob, "alice: Hello Bob", "bob: Hello Alice", "bob: I am back", "alice: one", "alice: two", "alice: three");
    assert.deepEqual(errors, []);

    const second = await context.newPage();
    const refused = second.waitForEvent("pageerror");
    await second.goto(`${origin}/?me=bob&you=alice`);
    assert.match(String(await refused), /another tab has this store/);
  }));
