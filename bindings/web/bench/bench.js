// What the package costs in Node, beside Olm's WebAssembly, in one run.
//
// In each round everybody does everything once, one after the other, so that what else the machine does falls on all alike.
// A figure is the median of the rounds, of the process's own time; a ratio is that of two medians. The median of few rounds says
// little: 30 take a minute.

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";

import Olm from "@matrix-org/olm";

const { values } = parseArgs({ options: { rounds: { type: "string", default: "30" } } });
const rounds = Number(values.rounds);

const directory = resolve(import.meta.dirname, "../pkg/dist");
const { loadSync, ...evanesce } = await import(resolve(directory, "manual.js"));
const bytes = readFileSync(resolve(directory, "wasm_bg.wasm"));
const before = performance.now();
loadSync(bytes);
const loading = performance.now() - before;
await Olm.init();

const { Account, AttachmentReader, AttachmentSealer, Peer, PublishedPrekeys, VerifiedBundle } = evanesce;
const NOW = 1_800_000_000_000;
const BODIES = { "64 B": 60, "1 KiB": 1_000, "64 KiB": 64_000 };

/** How many times each is done in a round. */
const TIMES = { "64 B": 200, "1 KiB": 200, "64 KiB": 5 };

function evanesceSide(suite) {
  const device = (address) => {
    const account = Account.generate(address, NOW, { suite });
    return { account, server: new PublishedPrekeys(account.maintain(undefined, NOW).upload) };
  };
  const [alice, bob] = [device("alice"), device("bob")];
  const begin = (body) => {
    const [bobs, alices] = [new Peer("bob"), new Peer("alice")];
    bobs.initiate(alice.account, VerifiedBundle.verify(bob.server.handOut(), NOW), NOW);
    alices.decrypt(bob.account, bobs.encrypt(body, NOW).message, NOW);
    return { bobs, alices };
  };
  const answer = ({ bobs, alices }) => {
    alices.acceptRequest();
    bobs.decrypt(alice.account, alices.encrypt(new Uint8Array(10), NOW).message, NOW);
    bobs.encrypt(new Uint8Array(10), NOW);
  };
  return {
    body: (length) => new Uint8Array(length).fill(97),
    pair(body) {
      const pair = begin(body);
      answer(pair);
      return pair;
    },
    handshake: (body) => begin(body),
    encrypt: ({ bobs }, body) => bobs.encrypt(body, NOW).message,
    decrypt: ({ alices }, message) => alices.decrypt(bob.account, message, NOW),
    turn({ bobs, alices }, body) {
      alices.decrypt(bob.account, bobs.encrypt(body, NOW).message, NOW);
      bobs.decrypt(alice.account, alices.encrypt(body, NOW).message, NOW);
    },
  };
}

function olmSide() {
  const [alice, bob] = [new Olm.Account(), new Olm.Account()];
  alice.create();
  bob.create();
  const [hers, his] = [alice, bob].map((account) => JSON.parse(account.identity_keys()).curve25519);
  const keys = [];
  const begin = (body) => {
    if (keys.length === 0) {
      bob.generate_one_time_keys(40);
      keys.push(...Object.values(JSON.parse(bob.one_time_keys()).curve25519));
      bob.mark_keys_as_published();
    }
    const [ours, theirs] = [new Olm.Session(), new Olm.Session()];
    ours.create_outbound(alice, his, keys.pop());
    const first = ours.encrypt(body);
    theirs.create_inbound_from(bob, hers, first.body);
    bob.remove_one_time_keys(theirs);
    theirs.decrypt(first.type, first.body);
    return { ours, theirs };
  };
  return {
    body: (length) => "a".repeat(length),
    pair(body) {
      const pair = begin(body);
      const { type, body: answer } = pair.theirs.encrypt("answer");
      pair.ours.decrypt(type, answer);
      pair.ours.encrypt("next");
      return pair;
    },
    handshake: (body) => begin(body),
    encrypt: ({ ours }, body) => ours.encrypt(body),
    decrypt: ({ theirs }, { type, body }) => theirs.decrypt(type, body),
    turn({ ours, theirs }, body) {
      let sent = ours.encrypt(body);
      theirs.decrypt(sent.type, sent.body);
      sent = theirs.encrypt(body);
      ours.decrypt(sent.type, sent.body);
    },
  };
}

/** Microseconds of the process for each time. */
function measured(times, work) {
  const start = process.cpuUsage();
  for (let time = 0; time < times; time += 1) work(time);
  const { user, system } = process.cpuUsage(start);
  return (user + system) / times;
}

function round(side, note) {
  for (const [name, length] of Object.entries(BODIES)) {
    const [pair, body, messages] = [side.pair(side.body(10)), side.body(length), []];
    note(`encrypt ${name}`, measured(TIMES[name], () => messages.push(side.encrypt(pair, body))));
    note(`decrypt ${name}`, measured(TIMES[name], (time) => side.decrypt(pair, messages[time])));
  }
  const [pair, body] = [side.pair(side.body(10)), side.body(60)];
  note("a message each way, each with its step", measured(10, () => side.turn(pair, body)));
  note("handshake, with the first message", measured(4, () => side.handshake(body)));
}

const sides = { "suite 2": evanesceSide("hybrid"), "suite 1": evanesceSide("classical"), olm: olmSide() };
const file = new Uint8Array(16 * 1_048_576).fill(5);
const noted = new Map();
const note = (row, side, value) => {
  const figures = noted.get(row) ?? noted.set(row, {}).get(row);
  (figures[side] ??= []).push(value);
};

// One round more, before: to let the engine compile.
for (let number = -1; number < rounds; number += 1) {
  for (const [name, side] of Object.entries(sides)) round(side, (row, value) => number >= 0 && note(row, name, value));
  if (number % 5 !== 0) continue;
  const sealer = AttachmentSealer.generate();
  const sealed = [];
  note("seal 16 MiB", "attachment", measured(1, () => sealed.push(sealer.push(file))));
  const { rest, reference } = sealer.finish();
  const reader = new AttachmentReader(reference);
  note("read 16 MiB", "attachment", measured(1, () => {
    reader.push(sealed[0]);
    reader.push(rest);
    reader.finish();
  }));
}

const median = (figures) => [...figures].sort((one, other) => one - other)[figures.length >> 1];
const shown = (value) => (value === undefined ? "–" : `${value.toFixed(1)} µs`);
console.log(`Node ${process.versions.node}, ${rounds} rounds; the ratio is of olm to suite 1\n`);
console.log("| | suite 2 | suite 1 | olm | ratio |\n|---|---:|---:|---:|---:|");
for (const [row, figures] of noted) {
  const [hybrid, classical, olm, attachment] = ["suite 2", "suite 1", "olm", "attachment"].map((side) => figures[side] && median(figures[side]));
  if (attachment !== undefined) continue;
  console.log(`| ${row} | ${shown(hybrid)} | ${shown(classical)} | ${shown(olm)} | ×${(olm / classical).toFixed(2)} |`);
}
for (const row of ["seal 16 MiB", "read 16 MiB"]) {
  console.log(`\n${row}: ${(file.length / median(noted.get(row).attachment)).toFixed(0)} MB/s`);
}
console.log(`\nloading, once, compiled anew: ${loading.toFixed(1)} ms`);
