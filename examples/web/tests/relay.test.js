// The client of the relay, with a real relay: what it gives, what it refuses, and what happens where nobody answers.

import assert from "node:assert/strict";
import { getRandomValues } from "node:crypto";
import { createServer } from "node:net";
import { after, before, test } from "node:test";

import { Account } from "evanesce";

import { LARGEST_MESSAGE, LARGEST_PIECE, decodeRequest, encodeReply } from "../wire/requests.js";
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
    // Ten at once, and more where that takes longer than the relay wants between two.
    let refusal;
    for (let given = 0; refusal === undefined; given += 1) {
      assert(given < 1_000, "it is never asked too often");
      const bundle = await relay.bundle("carol").catch((error) => (refusal = error));
      if (refusal === undefined) assert(bundle.length > 3_000);
      else assert(given >= 10, `${refusal}`);
    }
    assert(refused("too_often")(refusal) && refusal.seconds > 0 && refusal.seconds <= 10);
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
    assert.equal(world.relay.lines.filter((line) => line.includes("to be kept apart")).length, 0, world.relay.lines.join("\n"));
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

/** A connection of which the test is the other side. It stands in the place of `WebSocket` until the test ends. */
class Line extends EventTarget {
  static OPEN = 1;
  static CONNECTING = 0;
  /** All that were opened. */
  static opened = [];
  readyState = 0;
  questions = [];

  constructor() {
    super();
    Line.opened.push(this);
    queueMicrotask(() => {
      this.readyState = Line.OPEN;
      this.onopen?.(new Event("open"));
    });
  }

  send(body) {
    this.questions.push(decodeRequest(body));
    Line.asked?.(this, this.questions.at(-1));
  }

  says(data) {
    this.onmessage?.(Object.assign(new Event("message"), { data }));
  }

  answers(number, answer) {
    this.says(encodeReply({ number, answer }).buffer);
  }

  close() {
    this.readyState = 3;
  }
}

/** A relay of which the test is the other side: `asked` is called with each question. */
function withLines(context, asked) {
  const real = globalThis.WebSocket;
  Object.assign(Line, { opened: [], asked });
  globalThis.WebSocket = Line;
  const relay = new Relay("ws://relay.example", { patience: 50 });
  context.after(() => {
    globalThis.WebSocket = real;
    relay.close();
  });
  return relay;
}

const offline = (message) => (error) => error instanceof RelayOffline && error.message === message;

test("an answer that is none ends the connection, and the next question has another one", async (context) => {
  const wrong = ["text", new ArrayBuffer(0), Uint8Array.of(1, 99).buffer, new ArrayBuffer(512 * 1024 + 1), new Blob([])];
  const relay = withLines(context, (line) => line.says(wrong[Line.opened.length - 1] ?? encodeReply({ number: line.questions.at(-1).number, answer: { kind: "deposited" } }).buffer));
  for (const _ of wrong) await assert.rejects(relay.deposit("bob", random(16), random(1)), offline("the answer is malformed"));
  await relay.deposit("bob", random(16), random(1));
  assert.equal(Line.opened.length, wrong.length + 1);
  assert(Line.opened.slice(0, -1).every((line) => line.readyState === 3));
});

test("an answer to another question is passed over, and one of another kind is none", async (context) => {
  const relay = withLines(context, (line, { number }) => {
    line.answers(number + 1, { kind: "deposited" });
    line.answers(number + 2, { kind: "refused", refusal: { kind: "fault" } });
    line.answers(number, line.questions.length === 1 ? { kind: "deposited" } : { kind: "reported" });
    // Once more, when nobody waits any longer.
    line.answers(number, { kind: "refused", refusal: { kind: "fault" } });
  });
  await relay.deposit("bob", random(16), random(1));
  await assert.rejects(relay.deposit("bob", random(16), random(1)), offline("the answer is to another question"));
});

test("what the relay says of no question when it closes is a refusal of what was asked, unless it is busy", async (context) => {
  const kinds = ["busy", "mixed", "malformed"];
  const relay = withLines(context, (line) => line.answers(0, { kind: "refused", refusal: { kind: kinds[Line.opened.length - 1] } }));
  await assert.rejects(relay.bundle("bob"), offline("the relay is busy"));
  await assert.rejects(relay.bundle("bob"), refused("mixed"));
  await assert.rejects(relay.bundle("bob"), refused("malformed"));
});

test("a relay that talks for ever, and never answers, is left when the patience ends", async (context) => {
  const relay = withLines(context, (line, { number }) => {
    const talks = setInterval(() => line.answers(number + 7, { kind: "deposited" }), 5);
    context.after(() => clearInterval(talks));
  });
  await assert.rejects(relay.bundle("bob"), offline("no answer in time"));
});

test("one question is asked at a time, and patience begins when it is", async (context) => {
  const relay = withLines(context, (line, { number }) => setTimeout(() => line.answers(number, { kind: "deposited" }), 30));
  // Together they take longer than the patience with each.
  await Promise.all([1, 2, 3, 4].map((byte) => relay.deposit("bob", random(16), Uint8Array.of(byte))));
  assert.deepEqual(Line.opened.map(({ questions }) => questions.map(({ ask }) => ask.message[0])), [[1, 2, 3, 4]]);
});

test("each purpose has a connection of its own, and each blob", async (context) => {
  const answers = {
    fetch_marked: { kind: "marked_mail", stock: Uint8Array.of(1, ...new Uint8Array(41)), letters: [] }, publish: { kind: "published" }, report: { kind: "reported" },
    publish_list: { kind: "list_published" }, deposit: { kind: "deposited" }, bundle: { kind: "bundle", bundle: random(1) }, list: { kind: "list" },
    begin_blob: { kind: "blob_stored", length: 0 }, put_blob: { kind: "blob_stored", length: 1 }, get_blob: { kind: "blob_part", length: 1, bytes: random(1) },
    delete_blob: { kind: "blob_deleted" },
  };
  const relay = withLines(context, (line, { number, ask }) => line.answers(number, answers[ask.kind]));
  const [token, id] = [random(32), random(16)];
  await relay.fetch("bob", token, 0, 0);
  await relay.publish("bob", token, random(1));
  await relay.report("bob", token, id, random(1));
  await relay.publishList("bob", token, random(1));
  await relay.deposit("eve", id, random(1));
  await relay.bundle("eve");
  assert.equal(await relay.list("eve"), undefined);
  for (const blob of [id, random(16)]) {
    await relay.beginBlob(blob, token, 1);
    await relay.putBlob(blob, token, 0, random(1));
    await relay.getBlob(blob, 0, 1);
    await relay.deleteBlob(blob, token);
  }
  const blob = ["begin_blob", "put_blob", "get_blob", "delete_blob"];
  assert.deepEqual(Line.opened.map(({ questions }) => questions.map(({ ask }) => ask.kind)), [
    ["fetch_marked"], ["publish", "report", "publish_list"], ["deposit", "bundle", "list"], blob, blob,
  ]);
});

test("what is no address of a relay is the caller's mistake", async () => {
  await assert.rejects(new Relay("no address").bundle("bob"), TypeError);
});

test("letters are acknowledged over the connection that brought them, and over no other one", async (context) => {
  const mail = { kind: "marked_mail", stock: Uint8Array.of(1, ...new Uint8Array(41)), letters: [] };
  const relay = withLines(context, (line, { number }) => line.answers(number, mail));
  const token = random(32);
  const fetched = async (acknowledged) => (await relay.fetch("bob", token, acknowledged, 0)).acknowledged;
  assert.deepEqual([await fetched(7), await fetched(8)], [0, 8]);
  // It breaks while nobody waits for an answer.
  Line.opened[0].onclose(new Event("close"));
  assert.deepEqual([await fetched(9), await fetched(9)], [0, 9]);
  assert.deepEqual(Line.opened.map(({ questions }) => questions.map(({ ask }) => ask.acknowledged)), [[0, 8], [0, 9]]);
});

test("a relay that talks without end, and is asked nothing, is left", async (context) => {
  const relay = withLines(context, (line, { number }) => line.answers(number, { kind: "deposited" }));
  await relay.deposit("bob", random(16), random(1));
  const [line] = Line.opened;
  for (let strays = 0; strays < 100; strays += 1) line.answers(1, { kind: "deposited" });
  assert.equal(line.readyState, Line.OPEN);
  line.answers(1, { kind: "deposited" });
  assert.equal(line.readyState, 3);
  await relay.deposit("bob", random(16), random(1));
  assert.equal(Line.opened.length, 2);
});
