// What a page is to a terminal: a person of one device and no list. Here it is a script with the package and the client of the relay,
// so that what goes wrong between the two is told from what goes wrong in a page.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { after, before, test } from "node:test";

import {
  Account, AttachmentReader, AttachmentSealer, ExpiryScheduler, Peer, Person, VerifiedBundle, conversationIdNamed, messageIdBy,
} from "evanesce";

import { encodeContent, fileSize } from "../wire/content.js";
import { LARGEST_PIECE } from "../wire/requests.js";
import { Script, hex, random } from "./script.js";
import { World, noMessenger } from "./world.js";

test("a terminal and a script", { skip: noMessenger }, async (suite) => {
  let world, bob, alice;
  before(async () => {
    world = await World.made();
    bob = await world.terminal("bob");
    alice = await Script.published(world.url, "alice", "bob");
  });
  after(async () => {
    alice.relay.close();
    await world.end();
  });

  await suite.test("talk both ways, and the terminal takes it for a person of one device", async () => {
    const id = await alice.say("Hello from a page");
    assert.equal(await bob.waitFor("REQUEST alice"), id);
    bob.say("/accept alice");
    await bob.waitFor("ACCEPTED alice");
    bob.say("/read alice");
    assert.equal(await bob.waitFor("MESSAGE alice"), `${id} Hello from a page`);
    bob.say("to alice Hello from a terminal");
    const sent = await bob.waitFor("QUEUED alice");
    const { content, mark } = await alice.heard();
    assert.deepEqual([content.kind, content.text], ["text", "Hello from a terminal"]);
    assert.equal(hex(messageIdBy(alice.peer.memberTag, content.chosen)), sent);
    assert.equal(mark.postmark.length, 32);
    bob.say("/devices alice");
    await bob.waitFor("ERROR no list of devices of alice is known");
  });

  // That of people, which a terminal shows.
  await suite.test("see the same safety number", async () => {
    bob.say("/verify alice");
    const shown = await bob.waitFor("SAFETY alice");
    assert.equal(String(new Person(alice.peer.contact.identity).number(alice.account.device.identity)), shown);
  });

  await suite.test("agree on a timer, whichever of them sets it", async () => {
    const expiry = ExpiryScheduler.create(Date.now());
    const chat = conversationIdNamed(new TextEncoder().encode("bob"));
    bob.say("/timer alice 1h");
    await bob.waitFor("TIMER alice 1h by us");
    const { received } = await alice.heard(({ stamp }) => stamp !== "malformed" && stamp.setting !== undefined);
    expiry.heard(chat, received.stamp, 0, Date.now());
    assert.deepEqual(expiry.setting(chat).policy, { kind: "afterRead", ttl: 3_600_000 });
    expiry.set(chat, { kind: "afterRead", ttl: 5_000 }, alice.account.memberTag, Date.now());
    await alice.send(new Uint8Array(), expiry.stamp(chat));
    assert.equal(await bob.waitFor("TIMER alice 5s"), "by them");
    bob.say("/timer alice off");
    await bob.waitFor("TIMER alice off by us");
  });

  await suite.test("take back what they wrote", async () => {
    const id = await alice.say("never mind");
    await bob.waitFor(`MESSAGE alice ${id}`);
    await alice.send(encodeContent({ kind: "unsend", message: Uint8Array.from(Buffer.from(id, "hex")) }));
    await bob.waitFor(`UNSENT alice ${id}`);
    bob.say("to alice a slip");
    const slip = await bob.waitFor("QUEUED alice");
    await alice.heard();
    bob.say(`/unsend ${slip}`);
    const { content } = await alice.heard();
    assert.deepEqual([content.kind, hex(content.message)], ["unsend", slip]);
  });

  await suite.test("give each other files", async () => {
    const bytes = new Uint8Array(300_000).map((_, place) => place % 251);
    const [blob, token, chosen, sealer] = [random(16), random(32), random(16), AttachmentSealer.generate()];
    const parts = [sealer.push(bytes)];
    const { rest, reference } = sealer.finish();
    const sealed = Buffer.concat([...parts, rest]);
    await alice.relay.beginBlob(blob, token, sealed.length);
    for (let start = 0; start < sealed.length; start += LARGEST_PIECE) {
      await alice.relay.putBlob(blob, token, start, sealed.subarray(start, start + LARGEST_PIECE));
    }
    await alice.send(encodeContent({ kind: "file", chosen, file: { reference, blob, token, name: "given.bin", mediaType: "application/zip" } }));
    const id = hex(messageIdBy(alice.account.memberTag, chosen));
    assert.match(await bob.waitFor(`FILE alice ${id}`), /^300000 \S+ application\/zip given\.bin$/);
    await bob.waitFor(`FETCHED alice ${id}`);
    bob.say(`/save ${id} ${world.path("given.bin")}`);
    await bob.waitFor(`SAVED alice ${id}`);
    assert.deepEqual(readFileSync(world.path("given.bin")), Buffer.from(bytes));

    const own = random(65_536);
    writeFileSync(world.path("own.txt"), own);
    bob.say(`/send alice ${world.path("own.txt")}`);
    const { content: { file } } = await alice.heard();
    assert.deepEqual([file.name, file.mediaType, fileSize(file.reference)], ["own.txt", "text/plain", own.length]);
    const reader = new AttachmentReader(file.reference);
    const { length, bytes: first } = await alice.relay.getBlob(file.blob, 0, LARGEST_PIECE);
    assert.equal(length, first.length);
    const opened = Buffer.from(reader.push(first));
    assert.equal(reader.finish(), own.length);
    assert.deepEqual(opened, Buffer.from(own));
    await alice.relay.deleteBlob(file.blob, file.token);
  });

  await suite.test("go on when the terminal's person has a second device, which the page knows as somebody else", async () => {
    const laptop = await world.terminal("bob.laptop");
    laptop.say("/link");
    const [code, digits] = (await laptop.waitFor("LINK CODE")).split(/ (.*)/);
    bob.say(`/link ${code}`);
    assert.equal(await bob.waitFor("LINK READ bob.laptop"), digits);
    bob.say("/link-confirm");
    assert.equal(await bob.waitFor("LINK OFFERED bob.laptop"), await laptop.waitFor("LINK OPENED bob"));
    laptop.say("/link-confirm");
    await laptop.waitFor("LINKED bob");
    await bob.waitFor("DEVICE CAME bob bob.laptop");
    // What the terminal now tells of lists travels within its messages, and asks nothing of a page.
    bob.say("to alice from the phone");
    assert.equal((await alice.heard()).content.text, "from the phone");
    const id = await alice.say("to the phone");
    assert.equal(await bob.waitFor(`MESSAGE alice ${id}`), "to the phone");
    await world.relay.waitForAny((line) => / publish-list .*address=bob( |$)/.test(line));
    assert.deepEqual(await alice.relay.list("bob").then((list) => list.length > 0), true);
    laptop.say("/quit");
  });

  await suite.test("begin anew when the name is somebody else's now", async () => {
    const mallory = Account.generate("alice", Date.now());
    const peer = new Peer("bob");
    const bundle = VerifiedBundle.verify(await alice.relay.bundle("bob"), Date.now());
    peer.initiate(mallory, bundle, Date.now());
    const body = encodeContent({ kind: "text", chosen: random(16), text: "it is me" });
    await alice.relay.deposit("bob", random(16), peer.encrypt(body, Date.now()).message);
    await bob.waitFor("IDENTITY CHANGED alice");
  });
});
