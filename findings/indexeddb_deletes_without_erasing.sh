#!/usr/bin/env bash
# What a page deletes from IndexedDB stays in the files of Chromium's profile: the row of a message, and a CryptoKey that
# is not extractable, which stands there as its bare bytes. So far one may guess it. But it also stays when the browser is
# started again and again and the page writes other rows, and when the page deletes the whole database, where the old log
# is merely made into a table. So neither "delete this account" by `deleteDatabase`, nor to seal rows under a key that is
# kept in the same database and to delete that key, takes anything from the disk. The header `Clear-Site-Data: "storage"`
# on an answer of the site does. (Seen with few rows written afterwards.)
#
# Seen with Chromium 156, as Debian's package chromium brings it, and playwright-core 1.65.1, on Linux on x86-64:
#
#   stored: message on the disk, key on the disk
#   rows deleted: message on the disk, key on the disk
#   three starts later: message on the disk, key on the disk
#   database deleted, a start later: message on the disk, key on the disk
#   site data cleared, a start later: message gone, key gone
#
# Fails if that changes. Wants Node 20 with npm, and Chromium as /usr/bin/chromium or where CHROMIUM says. It installs into
# a folder of its own, which it removes, and listens on the loopback address.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"type": "module"}' >package.json
npm install --silent --no-audit --no-fund --ignore-scripts playwright-core@1.65.1

cat >seen.js <<'END'
import { readFileSync, readdirSync } from "node:fs";
import { createServer } from "node:http";
import path from "node:path";

import { chromium } from "playwright-core";

const MESSAGE = "meet me at the quixotic lantern";
const KEY = "zX9vQ2mB7kT4wL1sR8nD5cF3hJ6gP0yA"; // 32 bytes
const PROFILE = path.resolve("profile");
const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";

const server = createServer((request, response) => {
  if (request.url === "/clear") response.setHeader("Clear-Site-Data", '"storage"');
  response.setHeader("Content-Type", "text/html").end("<!doctype html>");
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));

/** Starts the browser, does that in a page of the site, and closes the browser. */
async function session(work, ...given) {
  const options = { executablePath: CHROMIUM, args: ["--no-sandbox"], headless: true };
  const context = await chromium.launchPersistentContext(PROFILE, options);
  const page = await context.newPage();
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  await page.evaluate(() => {
    globalThis.done = (request) =>
      new Promise((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
      });
    globalThis.rows = async () => {
      const opening = indexedDB.open("messenger", 1);
      opening.onupgradeneeded = () => opening.result.createObjectStore("rows");
      const database = await done(opening);
      return database.transaction("rows", "readwrite", { durability: "strict" }).objectStore("rows");
    };
  });
  await page.evaluate(work, ...given);
  await context.close();
}

function tell(when) {
  const files = readdirSync(PROFILE, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const all = files.map((entry) => readFileSync(path.join(entry.parentPath ?? entry.path, entry.name)));
  const there = (text) => (all.some((bytes) => bytes.includes(text)) ? "on the disk" : "gone");
  console.log(`${when}: message ${there(MESSAGE)}, key ${there(KEY)}`);
}

await session(async ([message, key]) => {
  const bytes = (text) => new TextEncoder().encode(text);
  const sealing = await crypto.subtle.importKey("raw", bytes(key), "AES-GCM", false, ["encrypt", "decrypt"]);
  await done((await rows()).put(bytes(message), "message"));
  await done((await rows()).put(sealing, "key"));
}, [MESSAGE, KEY]);
tell("stored");

await session(async () => {
  await done((await rows()).delete("message"));
  await done((await rows()).delete("key"));
});
tell("rows deleted");

for (let start = 0; start < 3; start += 1) {
  await session(async () => {
    await done((await rows()).put("another", "message"));
  });
}
tell("three starts later");

await session(() => done(indexedDB.deleteDatabase("messenger")));
await session(() => done(indexedDB.deleteDatabase("never was")));
tell("database deleted, a start later");

await session(() => fetch("/clear").then(() => undefined));
await session(() => undefined);
tell("site data cleared, a start later");
server.close();
END

node seen.js | tee output
diff - output <<'END'
stored: message on the disk, key on the disk
rows deleted: message on the disk, key on the disk
three starts later: message on the disk, key on the disk
database deleted, a start later: message on the disk, key on the disk
site data cleared, a start later: message gone, key gone
END
echo "as it was seen"
