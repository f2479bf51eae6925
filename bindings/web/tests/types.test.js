// The types serve who has not the newest compiler and libraries, and checks all declarations.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { resolve } from "node:path";
import { after, test } from "node:test";

const installed = process.env.EVANESCE_PACKAGE ?? resolve(import.meta.dirname, "../pkg");
const directory = mkdtempSync(resolve(tmpdir(), "evanesce-types-"));
after(() => rmSync(directory, { recursive: true }));

// As `npm install` would leave it.
mkdirSync(resolve(directory, "node_modules"));
cpSync(installed, resolve(directory, "node_modules/evanesce"), { recursive: true });
writeFileSync(resolve(directory, "package.json"), '{ "type": "module" }');
writeFileSync(resolve(directory, "program.ts"), `
  import { Account, ExpiryScheduler, Peer, readStream, utf8, type Bytes } from "evanesce";
  import { load } from "evanesce/manual";
  import { Store } from "evanesce/store";

  export async function program(socket: WebSocket, blob: Blob, now: number): Promise<Blob> {
    await load();
    const account = Account.generate("alice", now);
    const [peer, store] = [new Peer("bob"), await Store.open("account", { soleHolder: true })];
    const scheduler = ExpiryScheduler.create(now);
    const { message } = await store.send(peer, utf8("Hello"), now, ({ evidence }) => [["evidence", evidence]], { scheduler, effects: () => scheduler.catchingUp(now) });
    await store.receive(account, peer, message, now, () => [], { effects: ({ received }) => (void received.body, scheduler.caughtUp(now)), scheduler });
    // What comes out goes where the browser takes bytes.
    socket.send(message);
    const bytes: Bytes = account.snapshot();
    await crypto.subtle.digest("SHA-256", bytes);
    void blob.stream().pipeThrough(readStream(bytes));
    return new Blob([bytes, message]);
  }
`);

function compiles(compiler, options) {
  const arguments_ = ["program.ts", "--noEmit", "--strict", "--target", "es2022", "--lib", "es2022,dom", "--skipLibCheck", "false", ...options];
  const script = resolve(import.meta.dirname, `../node_modules/${compiler}/bin/tsc`);
  const { status, stdout } = spawnSync(process.execPath, [script, ...arguments_], { cwd: directory, encoding: "utf8" });
  assert.equal(status, 0, stdout);
}

const BUNDLER = ["--module", "esnext", "--moduleResolution", "bundler"];

test("the newest compiler takes the types without the newest library", () => {
  compiles("typescript", BUNDLER);
  compiles("typescript", ["--module", "nodenext"]);
});

test("a compiler before 5.7 takes the types, however it finds them", () => {
  compiles("typescript-5.6", BUNDLER);
  compiles("typescript-5.6", ["--module", "nodenext"]);
  compiles("typescript-5.6", ["--module", "esnext", "--moduleResolution", "node"]);
});
