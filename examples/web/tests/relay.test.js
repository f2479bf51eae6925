// The client of the relay, with a real relay: what it gives, what it refuses, and what happens where nobody answers.

import assert from "node:assert/strict";
import { getRandomValues } from "node:crypto";
import { createServer } from "node:net";
import { after, before, test } from "node:test";

import { Account } from "evanesce";

import { LARGEST_MESSAGE, LARGEST_PIECE } from "../wire/requests.js";
import { Relay, RelayOffline, RelayRefusal } from "../wire/relay.js";
import { World, noMessenger } from "./world.js";

const random = (length) => getRandomValues(new Uint8Array(length));

const refused = (kind) => (error) => error instanceof RelayRefusal && error.kind === kind;

/** A device that has published, and what it takes to fetch its mail. */
async function published(relay, name) {
  const account = Account.generate(name, Date.now());
  const token = random(32);
  await relay.publish(name, token, account.maintain(undefined, Date.now()).upload);
  return { account, token };
}

test("a real relay", { skip: noMessenger }, async (suite) => {
  let world, relay;
  before(async () => {
    world = await World.made();
    relay = new Relay(world.url);
  });
  after(async () => {
    relay.close();
    await world.end();
  });

  await suite.test("carries letters in order, until they are acknowledged", async () => {
    const { token } = await published(relay, "bob");
    assert.equal(relay.isReachable, true);
    const waits = relay.fetch("bob", token, 0, 30);
    const id = random(16);
    await relay.deposit("bob", id, random(100));
    await relay.deposit("bob", id, random(100));
    const [first] = (await waits).letters;
    assert.equal(first.message.length, 100);
    // What is no message of the library's has no mark.
    assert.equal(first.mark, undefined);
    const last = random(LARGEST_MESSAGE);
    await relay.deposit("bob", random(16), last);
    const both = await relay.fetch("bob", token, 0, 0);
    assert.deepEqual(both.letters.map(({ message }) => message), [first.message, last]);
    assert(both.letters[0].number < both.letters[1].number);
    assert.equal(both.stock[0], 1);
    const { letters } = await relay.fetch("bob", token, both.letters[1].number, 0);
    assert.deepEqual(letters, []);
  });

  await suite.test("hands out bundles, says what is left, and when there are too many", async () => {
    const { account, token } = await published(relay, "carol");
    for (let left = 10; left > 0; left -= 1) assert((await relay.bundle("carol")).length > 3_000);
    await assert.rejects(relay.bundle("carol"), (error) => refused("too_often")(error) && error.seconds > 0 && error.seconds <= 10);
    const { stock } = await relay.fetch("carol", token, 0, 0);
    assert.notEqual(account.maintain(stock, Date.now()).upload, undefined);
    assert.equal(await relay.list("carol"), undefined);
  });

  await suite.test("refuses by name, and goes on", async () => {
    const { account, token } = await published(relay, "dave");
    await assert.rejects(relay.bundle("nobody"), refused("unknown"));
    await assert.rejects(relay.deposit("nobody", random(16), random(1)), refused("unknown"));
    await assert.rejects(relay.deposit("dave", random(16), new Uint8Array(LARGEST_MESSAGE + 1)), refused("too_large"));
    await assert.rejects(relay.fetch("dave", random(32), 0, 0), refused("not_yours"));
    await assert.rejects(relay.fetch("erin", token, 0, 0), refused("unknown"));
    await assert.rejects(relay.publish("dave", random(32), account.pendingUpload), refused("not_yours"));
    await assert.rejects(relay.publish("erin", token, account.pendingUpload), refused("bad_upload"));
    await assert.rejects(relay.publishList("dave", token, random(10)), refused("bad_list"));
    await assert.rejects(relay.report("dave", random(32), random(16), random(10)), refused("not_yours"));
    // More than any message between client and relay may have is not even sent.
    await assert.rejects(relay.deposit("dave", random(16), new Uint8Array(600_000)), refused("too_large"));
    assert.equal(relay.isReachable, true);
    assert.equal((await relay.fetch("dave", token, 0, 0)).letters.length, 0);
  });

  await suite.test("keeps blobs, which are read once they are whole", async () => {
    const [id, token, blob] = [random(16), random(32), new Uint8Array(300_000).map((_, place) => place % 251)];
    assert.equal(await relay.beginBlob(id, token, blob.length), 0);
    await assert.rejects(relay.putBlob(id, token, 1, blob.subarray(1, 9)), refused("gap"));
    await assert.rejects(relay.getBlob(id, 0, 9), refused("no_blob"));
    for (let start = 0; start < blob.length; start += LARGEST_PIECE) {
      const piece = blob.subarray(start, start + LARGEST_PIECE);
      assert.equal(await relay.putBlob(id, token, start, piece), start + piece.length);
    }
    assert.equal(await relay.beginBlob(id, token, blob.length), blob.length);
    const { length, bytes } = await relay.getBlob(id, 1_000, LARGEST_PIECE);
    assert.equal(length, blob.length);
    assert.deepEqual(bytes, blob.slice(1_000, 1_000 + LARGEST_PIECE));
    await assert.rejects(relay.deleteBlob(id, random(32)), refused("not_yours"));
    await relay.deleteBlob(id, token);
    await assert.rejects(relay.getBlob(id, 0, 1), refused("no_blob"));
    await assert.rejects(relay.beginBlob(id, token, 69 * 1024 * 1024), refused("too_large"));
  });

  await suite.test("learns of no two purposes that they belong together", async () => {
    const { token } = await published(relay, "frank");
    const id = random(16);
    await Promise.all([
      relay.fetch("frank", token, 0, 1), relay.deposit("frank", random(16), random(9)), relay.bundle("frank"), relay.beginBlob(id, token, 1),
      relay.publish("frank", token, Account.generate("frank", Date.now()).maintain(undefined, Date.now()).upload),
    ]);
    assert.equal(world.relay.lines.filter((line) => line.includes("closed")).length, 0, world.relay.lines.join("\n"));
  });

  await suite.test("is left by who does not wait any longer, and asked again", async () => {
    const { token } = await published(relay, "grace");
    const impatient = new AbortController();
    const waits = relay.fetch("grace", token, 0, 30, impatient.signal);
    const queued = relay.fetch("grace", token, 0, 0, AbortSignal.abort("before it began"));
    await assert.rejects(queued, (reason) => reason === "before it began");
    impatient.abort(new Error("enough"));
    await assert.rejects(waits, { message: "enough" });
    assert.equal(relay.isReachable, true);
    assert.deepEqual((await relay.fetch("grace", token, 0, 0)).letters, []);
  });

  await suite.test("is missed when it is killed, and found when it is back", async () => {
    const { token } = await published(relay, "heidi");
    const changes = [];
    relay.addEventListener("reachable", () => changes.push(relay.isReachable));
    const asked = relay.fetch("heidi", token, 0, 30);
    await relay.deposit("heidi", random(16), random(1));
    const [{ number }] = (await asked).letters;
    await relay.fetch("heidi", token, number, 0);
    const missed = assert.rejects(relay.fetch("heidi", token, number, 30), RelayOffline);
    await world.relay.kill();
    await missed;
    await assert.rejects(relay.deposit("heidi", random(16), random(1)), RelayOffline);
    assert.deepEqual(changes, [false]);
    await world.startRelay();
    // A caller asks again at once, and is held back a little.
    const sent = async () => relay.deposit("heidi", random(16), random(2)).catch((error) => error instanceof RelayOffline ? sent() : Promise.reject(error));
    await sent();
    assert.deepEqual(changes, [false, true]);
    assert.equal((await relay.fetch("heidi", token, 0, 0)).letters.length, 1);
  });
});

/** A server that does so with each connection. */
async function served(deed) {
  const server = createServer(deed);
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  const sockets = new Set();
  server.on("connection", (socket) => sockets.add(socket));
  const end = () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  return { url: `ws://127.0.0.1:${server.address().port}`, end };
}

test("a relay that is silent is left when the patience ends", async () => {
  const { url, end } = await served(() => {});
  const relay = new Relay(url, { patience: 50 });
  await assert.rejects(relay.bundle("bob"), (error) => error instanceof RelayOffline && error.message === "no answer in time");
  assert.equal(relay.isReachable, false);
  end();
});

test("who closes while something is asked says so, and nothing is asked afterwards", async () => {
  const { url, end } = await served(() => {});
  const relay = new Relay(url);
  const asked = relay.bundle("bob");
  relay.close();
  await assert.rejects(asked, RelayOffline);
  await assert.rejects(relay.bundle("bob"), RelayOffline);
  end();
});

test("what is no address of a relay is the caller's mistake", async () => {
  await assert.rejects(new Relay("no address").bundle("bob"), TypeError);
});
