// What anybody can send who knows a name: it fills neither memory nor disk, and keeps nobody else out.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { random } from "../../chat/bytes.js";
import { encodeContent } from "../../wire/content.js";
import { FakeRelay } from "./fake-relay.js";
import { Person, Stranger, clock } from "./people.js";

const all = [];
after(() => Promise.all(all.map((person) => person.stop())));

async function bobAlone() {
  const [relay, time] = [new FakeRelay(), clock()];
  const bob = await Person.begin("bob", relay, time);
  all.push(bob);
  await bob.until("he is there", () => relay.mailboxes.has("bob"));
  const stranger = (name) => new Stranger(name, relay, "bob", time);
  /** Until all that was sent to him is stored. */
  const tookAll = () => bob.until("all is taken in", () => relay.mailboxes.get("bob").letters.length === 0);
  return { relay, time, bob, stranger, tookAll };
}

const nothing = new Uint8Array();

test("no more strangers are held than may wait, whatever they send, and those who say something come first", async () => {
  const { bob, stranger, tookAll } = await bobAlone();
  const bodies = [nothing, Uint8Array.of(255, 1, 2), encodeContent({ kind: "unsend", message: new Uint8Array(16) })];
  for (let number = 0; number < 70; number += 1) stranger(`silent${number}`).send(bodies[number % bodies.length]);
  await tookAll();
  const { state } = bob.chat;
  assert.deepEqual([state.peers.size, state.contacts.size], [50, 50]);
  for (let number = 0; number < 60; number += 1) stranger(`asks${number}`).say("hello");
  await tookAll();
  assert.deepEqual([state.peers.size, state.contacts.size, bob.chat.view.contacts.length], [50, 50, 50]);
  assert.ok(bob.contact("asks0") !== undefined && bob.contact("asks49") !== undefined);
  assert.equal((await bob.rows()).filter(([key]) => key.startsWith("contact/")).length, 50);
  // It is so in the store.
  await bob.restart();
  assert.equal(bob.chat.state.peers.size, 50);
  // Who was refused makes room for the next one.
  await bob.chat.refuse("asks0");
  stranger("late").say("is there room?");
  await tookAll();
  assert.ok(bob.contact("late") !== undefined);
  assert.equal(bob.chat.state.peers.size, 50);
});

test("what does not open takes nobody's place", async () => {
  const { relay, bob, stranger, tookAll } = await bobAlone();
  for (let number = 0; number < 50; number += 1) stranger(`silent${number}`).send(nothing);
  await tookAll();
  const held = [...bob.chat.state.peers.keys()];
  const altered = stranger("mallory").sealed(encodeContent({ kind: "text", chosen: new Uint8Array(16), text: "hello" }));
  altered[altered.length - 1] ^= 1;
  relay.deposit("bob", new Uint8Array(16), altered);
  await tookAll();
  assert.deepEqual([...bob.chat.state.peers.keys()], held);
});

test("files of one person are fetched as far as there is room, also if the user asks again", async () => {
  const { bob, stranger, tookAll } = await bobAlone();
  const alice = stranger("alice");
  const size = 64 << 20;
  const sizes = [size, size, size, size, 1, size + 1];
  for (const size of sizes) {
    const reference = Buffer.concat([Buffer.of(1), random(64), Buffer.from(size.toString(16).padStart(16, "0"), "hex")]);
    alice.send(encodeContent({ kind: "file", chosen: random(16), file: { reference, blob: random(16), token: random(32), name: "a", mediaType: "" } }));
  }
  await tookAll();
  await bob.reads("alice");
  const files = bob.chat.view.conversation.lines;
  assert.deepEqual(files.map(({ file }) => file.state), ["going", "going", "going", "going", "stopped", "stopped"]);
  for (const { id } of files.slice(4)) await assert.rejects(bob.chat.fetchAgain(id), { name: "Cannot" });
  await bob.chat.remove(files[0].id);
  await bob.chat.fetchAgain(files[4].id);
});

test("of a stranger a hundred messages are kept until the user decides", async () => {
  const { bob, stranger, tookAll } = await bobAlone();
  const alice = stranger("alice");
  for (let number = 0; number < 105; number += 1) alice.say(`${number}`);
  await tookAll();
  assert.equal(bob.chat.state.messagesWith("alice").length, 100);
});
