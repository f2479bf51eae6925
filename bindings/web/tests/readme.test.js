// The programs of README.md run as they stand there.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { resolve } from "node:path";
import { after, test } from "node:test";
import { Worker } from "node:worker_threads";

const readme = readFileSync(resolve(import.meta.dirname, "../README.md"), "utf8");
const installed = process.env.EVANESCE_PACKAGE ?? resolve(import.meta.dirname, "../pkg");
const directory = mkdtempSync(resolve(tmpdir(), "evanesce-readme-"));
after(() => rmSync(directory, { recursive: true }));

// As `npm install` would leave it.
mkdirSync(resolve(directory, "node_modules"));
cpSync(installed, resolve(directory, "node_modules/evanesce"), { recursive: true });
symlinkSync(resolve(import.meta.dirname, "../node_modules/fake-indexeddb"), resolve(directory, "node_modules/fake-indexeddb"));
writeFileSync(resolve(directory, "package.json"), '{ "type": "module" }');

/** The code that begins with a comment that names its file. */
function program(name) {
  const found = readme.match(new RegExp(`\`\`\`js\\n(// ${name}\\n[^]*?)\`\`\``));
  assert.notEqual(found, null, `README.md has no ${name}`);
  writeFileSync(resolve(directory, name), found[1]);
  return resolve(directory, name);
}

test("two people talk in Node", () => {
  const said = execFileSync(process.execPath, [program("talk.mjs")], { encoding: "utf8" });
  assert.match(said, /^Hello Bob\nHello Alice\n(\d{5} ){11}\d{5}\n$/);
});

test("a person with two devices is written to", () => {
  const said = execFileSync(process.execPath, [program("devices.mjs")], { encoding: "utf8" });
  assert.equal(said, "true\nbob/laptop and bob/phone\nbob/laptop: Hello Bob\nbob/phone: Hello Bob\n");
});

test("three people are in a group", () => {
  const said = execFileSync(process.execPath, [program("group.mjs")], { encoding: "utf8" });
  assert.equal(said, "anna: Hello\nben: On Sunday?\ncarla: On Sunday?\n");
});

test("three devices store all that they do", () => {
  const said = execFileSync(process.execPath, [program("house.mjs")], { encoding: "utf8" });
  assert.equal(said, "ben: Hello Ben\nanna: On Sunday?\ncarla: On Sunday?\n");
});

test("a message is stored with what a scheduler says of it, and with what its reader makes of it", () => {
  const said = execFileSync(process.execPath, [program("timed.mjs")], { encoding: "utf8" });
  assert.equal(said, "Hello Bob, for 60000 ms\n");
});

/** Opens tabs with what chat.js touches of them. */
function tabs(context) {
  program("chat.js");
  const tab = `
    import "fake-indexeddb/auto";
    import { parentPort, workerData } from "node:worker_threads";
    const navigator = { locks: { request: async (name, _, grant) => grant({ name }) } };
    Object.defineProperty(globalThis, "navigator", { value: navigator, configurable: true });
    const form = { firstElementChild: { value: "" }, reset() {} };
    globalThis.location = { search: workerData };
    globalThis.document = {
      querySelector: (what) => (what === "#say" ? form : { append: ({ textContent }) => parentPort.postMessage(textContent) }),
      createElement: () => ({}),
    };
    const { BroadcastChannel } = globalThis;
    const lines = [];
    globalThis.BroadcastChannel = class extends BroadcastChannel {
      constructor(name) {
        super(name);
        lines.push(this);
      }
    };
    process.on("unhandledRejection", ({ code }) => parentPort.postMessage(code));
    let loaded = 0;
    const load = async () => {
      for (const line of lines) line.close();
      await import("./chat.js?" + (loaded += 1));
      parentPort.postMessage("ready");
    };
    parentPort.on("message", async (body) => {
      if (body === undefined) return load();
      form.firstElementChild.value = body;
      form.onsubmit({ preventDefault() {}, target: form });
    });
    await load();
  `;
  writeFileSync(resolve(directory, "tab.js"), tab);
  return ["alice", "bob"].map((me, place, both) => {
    const worker = new Worker(resolve(directory, "tab.js"), { workerData: `?me=${me}&you=${both[1 - place]}` });
    context.after(() => worker.terminate());
    const said = [];
    const waiting = [];
    worker.on("message", (line) => (waiting.shift() ?? ((it) => said.push(it)))(line));
    worker.on("error", (error) => waiting.shift()?.(error));
    const next = () => (said.length ? said.shift() : new Promise((resolve) => waiting.push(resolve)));
    return { says: (body) => worker.postMessage(body), loadsAnew: () => worker.postMessage(undefined), next };
  });
}

test("two tabs talk", { timeout: 30_000 }, async (context) => {
  const [alice, bob] = tabs(context);
  assert.deepEqual([await alice.next(), await bob.next()], ["ready", "ready"]);
  for (const [from, to, name, body] of [[alice, bob, "alice", "Hello Bob"], [bob, alice, "bob", "Hello"], [alice, bob, "alice", "!"]]) {
    from.says(body);
    assert.deepEqual([await from.next(), await to.next()], [`${name}: ${body}`, `${name}: ${body}`]);
  }
});

test("a tab that is loaded anew writes over nothing that was said, though something was refused", { timeout: 30_000 }, async (context) => {
  const [alice, bob] = tabs(context);
  assert.deepEqual([await alice.next(), await bob.next()], ["ready", "ready"]);
  const lines = [];
  for (const body of ["one", "two", "three"]) {
    alice.says(body);
    lines.push(`alice: ${body}`);
    assert.deepEqual([await alice.next(), await bob.next()], [lines.at(-1), lines.at(-1)]);
    alice.says("x".repeat(20_000_000));
    assert.equal(await alice.next(), "too_large");
    if (body === "one") continue;
    alice.loadsAnew();
    for (const line of [...lines, "ready"]) assert.equal(await alice.next(), line);
  }
});
