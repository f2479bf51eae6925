// Two people with two devices each, and a group of them, in a real browser: each device is a page with its store in IndexedDB, and pages
// are loaded anew in the middle of what they do.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { test } from "node:test";

import { evanesce } from "./package.js";
import { inBrowser, noBrowser } from "./pages.js";

const PAGE = `<!doctype html>
<script type="importmap">
  { "imports": { "evanesce": "./node_modules/evanesce/dist/index.js", "evanesce/store": "./node_modules/evanesce/dist/store.js" } }
</script>
<script type="module" src="device_page.js"></script>
`;
const files = { "index.html": PAGE, "device_page.js": readFileSync(resolve(import.meta.dirname, "device_page.js"), "utf8") };
const NAMES = ["anna/phone", "anna/laptop", "ben/phone", "ben/laptop"];

test("two people with two devices each and a group read all once, whichever page is loaded anew", { skip: noBrowser, timeout: 240_000 }, () =>
  inBrowser(files, async ({ context, origin, open, errors }) => {
    // What their server has. It hands out each prekey once, and what is in the mail stays there until it is taken.
    const [prekeys, lists, mail] = [new Map(), new Map(), []];
    const server = {
      publish: (name, upload) => void prekeys.set(name, new evanesce.PublishedPrekeys(Buffer.from(upload, "hex"))),
      bundle: (name) => Buffer.from(prekeys.get(name).handOut()).toString("hex"),
      publishList: (owner, list) => void lists.set(owner, list),
      list: (owner) => lists.get(owner),
      post: (from, to, message) => void mail.push({ from, to, message }),
    };
    await context.exposeFunction("ask", (what, ...given) => server[what](...given));
    const pages = new Map();
    const ready = (page) => page.waitForFunction(() => globalThis.device !== undefined);
    for (const name of NAMES) {
      pages.set(name, await open(`/?me=${encodeURIComponent(name)}`, name));
      await ready(pages.get(name));
    }
    const call = (name, what, ...given) =>
      pages.get(name).evaluate(([what, given]) => (typeof device[what] === "function" ? device[what](...given) : device[what]), [what, given]);
    const reload = async (name) => {
      await pages.get(name).reload();
      await ready(pages.get(name));
    };
    const take = ({ from, to, message }) => call(to, "take", from, message);
    /** Carries all that is to be carried. */
    const carry = async (each = take) => {
      for (let isAny = true; isAny; ) {
        for (const name of NAMES) await call(name, "flush");
        isAny = mail.length > 0;
        for (const letter of mail.splice(0)) assert.equal(await each(letter), "taken", `${letter.from} to ${letter.to}`);
      }
    };

    const owners = [];
    for (const person of ["anna", "ben"]) {
      const [phone, laptop] = [`${person}/phone`, `${person}/laptop`];
      await call(phone, "offer", await call(laptop, "showCode"), laptop);
      await carry();
      assert.equal(await call(laptop, "digits"), await call(phone, "digits"));
      owners.push(await call(phone, "owner"));
      await call(laptop, "learn", owners.at(-1));
      assert.deepEqual([await call(phone, "devices"), await call(laptop, "devices"), await call(laptop, "owner")], [2, 2, owners.at(-1)]);
    }
    const [anna, ben] = owners;
    for (const device of ["phone", "laptop"]) {
      await call(`anna/${device}`, "learn", ben);
      await call(`ben/${device}`, "learn", anna);
    }
    await carry();

    // A page is loaded anew when what it wrote is stored, and has not left.
    assert.deepEqual(await call("anna/phone", "writeTo", ben, "one"), []);
    assert.equal(await call("anna/phone", "waiting"), 3);
    await reload("anna/phone");
    await carry();
    // Others are when they have taken something, and the server has not heard of it: it gives that again.
    assert.deepEqual(await call("ben/laptop", "writeTo", anna, "two"), []);
    await carry(async (letter) => {
      const taken = await take(letter);
      await reload(letter.to);
      assert.equal(await take(letter), "duplicate");
      return taken;
    });

    await call("anna/phone", "makeGroup", ben);
    await carry();
    for (const name of NAMES) assert.equal((await call(name, "groups")).length, 1, name);
    // A message comes before its chain, and the page is loaded anew while it waits for that.
    await call("ben/laptop", "writeToGroup", "three");
    await call("ben/laptop", "flush");
    const letters = mail.splice(0);
    const isEarly = ({ to, message }) => to === "anna/laptop" && message.startsWith("13");
    const early = letters.filter(isEarly);
    assert.equal(early.length, 1);
    assert.ok(letters.some(({ to, message }) => to === "anna/laptop" && !message.startsWith("13")), "there is a chain for it");
    assert.equal(await take(early[0]), "taken");
    await reload("anna/laptop");
    assert.deepEqual(await call("anna/laptop", "read"), ["copy: one", "person: two"]);
    mail.push(...letters.filter((letter) => !isEarly(letter)));
    await carry();
    await call("anna/laptop", "writeToGroup", "four");
    await reload("anna/laptop");
    await carry();

    for (const name of NAMES) await reload(name);
    const read = {};
    for (const name of NAMES) read[name] = await call(name, "read");
    assert.deepEqual(read, {
      "anna/phone": ["person: two", "group: three", "group: four"],
      "anna/laptop": ["copy: one", "person: two", "group: three"],
      "ben/phone": ["person: one", "copy: two", "group: three", "group: four"],
      "ben/laptop": ["person: one", "group: four"],
    });
    for (const name of NAMES) assert.equal(await call(name, "waiting"), 0);
    assert.deepEqual(errors, []);

    // Another tab does not get what one has.
    const second = await context.newPage();
    const refused = second.waitForEvent("pageerror");
    await second.goto(`${origin}/?me=${encodeURIComponent(NAMES[0])}`);
    assert.match(String(await refused), /another tab has this store/);
  }));
