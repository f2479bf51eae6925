// The module is loaded once, from where it lies, whichever way and how often it is asked for.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { resolve } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";

const directory = process.env.EVANESCE_PACKAGE ?? resolve(import.meta.dirname, "../pkg");

/** What a program prints that runs in a process of its own, where `fetch` reads files, as a browser's would from a server. */
async function printed(program) {
  const before = `
    import { readFile } from "node:fs/promises";
    const dist = ${JSON.stringify(pathToFileURL(`${directory}/dist/`).href)};
    let fetched = 0;
    globalThis.fetch = async (url) => {
      fetched += 1;
      return new Response(await readFile(url), { headers: { "Content-Type": "application/wasm" } });
    };
    const code = (work) => Promise.resolve().then(work).then(() => "fine", ({ code }) => code);
  `;
  const given = ["--input-type=module", "--eval", before + program];
  return (await promisify(execFile)(process.execPath, given)).stdout.trim();
}

test("what browsers import fetches the module from beside it", async () => {
  const program = `
    const { Account, text } = await import(dist + "index.js");
    console.log(fetched, text(Account.generate("alice", 0).device.address));
  `;
  assert.equal(await printed(program), "1 alice");
});

test("all that ask while it is being loaded wait for the same", async () => {
  const program = `
    const { Account, load } = await import(dist + "manual.js");
    await Promise.all([load(), load(), load()]);
    await load();
    console.log(fetched, Account.generate("alice", 0).suite);
  `;
  assert.equal(await printed(program), "1 hybrid");
});

test("what loadSync loads is not replaced by a load that was begun before", async () => {
  const program = `
    const { Account, load, loadSync } = await import(dist + "manual.js");
    const [begun, other] = [load(), new URL(dist + "wasm_bg.wasm")];
    loadSync(await readFile(other));
    const account = Account.generate("alice", 0);
    const before = account.snapshot();
    await begun;
    console.log(Buffer.compare(before, account.snapshot()), account.maintain(undefined, 0).changes.account);
  `;
  assert.equal(await printed(program), "0 true");
});

test("what could not be loaded says so, and may be loaded again", async () => {
  const program = `
    const { Account, load, loadSync } = await import(dist + "manual.js");
    console.log(await code(() => load(dist + "nowhere.wasm")), await code(() => load(5)));
    console.log(await code(() => loadSync(new Uint8Array(9))), await code(() => Account.generate("alice", 0)));
    await load();
    console.log(Account.generate("alice", 0).suite);
  `;
  assert.equal(await printed(program), "not_loaded not_loaded\nnot_loaded not_loaded\nhybrid");
});
