// The program of README.md in a real browser, from a server that does nothing but serve files.

import assert from "node:assert/strict";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, resolve } from "node:path";
import { test } from "node:test";

import { chromium } from "playwright-core";

const executablePath = process.env.EVANESCE_CHROMIUM ?? "/usr/bin/chromium";
const installed = process.env.EVANESCE_PACKAGE ?? resolve(import.meta.dirname, "../pkg");

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".wasm": "application/wasm" };
// What README.md says that a policy must allow; the map of imports stands in the page itself.
const POLICY = "default-src 'self'; script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval'";

/** A directory as README.md says to make it. */
function made() {
  const directory = mkdtempSync(resolve(tmpdir(), "evanesce-browser-"));
  const readme = readFileSync(resolve(import.meta.dirname, "../README.md"), "utf8");
  for (const [name, start] of [["index.html", "```html\n<!-- index.html -->\n"], ["chat.js", "```js\n// chat.js\n"]]) {
    assert.equal(readme.split(start).length, 2, `README.md has no ${name}`);
    writeFileSync(resolve(directory, name), readme.split(start)[1].split("```")[0]);
  }
  mkdirSync(resolve(directory, "node_modules"));
  cpSync(installed, resolve(directory, "node_modules/evanesce"), { recursive: true });
  return directory;
}

async function served(directory) {
  const server = createServer(({ url }, response) => {
    const { pathname } = new URL(url, "http://localhost");
    const file = resolve(directory, `.${pathname === "/" ? "/index.html" : pathname}`);
    const isThere = file.startsWith(directory) && existsSync(file);
    response.writeHead(isThere ? 200 : 404, {
      "Content-Type": TYPES[extname(file)] ?? "application/octet-stream", "Content-Security-Policy": POLICY,
    });
    response.end(isThere ? readFileSync(file) : "");
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  return server;
}

test("two pages talk in a browser, and go on when one was loaded anew", {
  skip: existsSync(executablePath) ? false : `there is no ${executablePath}`, timeout: 120_000,
}, async () => {
  const directory = made();
  const server = await served(directory);
  const browser = await chromium.launch({
    executablePath,
    args: [
      "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
      "--no-first-run",
    ],
  });
  try {
    const context = await browser.newContext();
    const errors = [];
    const open = async (me, you) => {
      const page = await context.newPage();
      page.on("pageerror", (error) => errors.push(`${me}: ${error.stack ?? error}`));
      page.on("console", (line) => line.type() === "error" && !line.location().url.endsWith("favicon.ico") && errors.push(`${me}: ${line.text()}`));
      await page.goto(`http://127.0.0.1:${server.address().port}/?me=${me}&you=${you}`);
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
    await second.goto(`http://127.0.0.1:${server.address().port}/?me=bob&you=alice`);
    assert.match(String(await refused), /another tab has this store/);
  } finally {
    await browser.close();
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
    rmSync(directory, { recursive: true });
  }
});
