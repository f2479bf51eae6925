// Files: sealed to the relay, opened from there, and gone with their messages.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { RelayRefusal } from "../../wire/relay.js";
import { FakeRelay } from "./fake-relay.js";
import { Person, clock, introduced } from "./people.js";

const all = [];
after(() => Promise.all(all.map((person) => person.stop())));

async function two() {
  const [relay, time] = [new FakeRelay(), clock()];
  const [alice, bob] = await introduced(relay, time);
  await Promise.all([alice.chat.open("bob"), bob.chat.open("alice")]);
  all.push(alice, bob);
  return { relay, time, alice, bob };
}

/** Bytes that are no two alike, so that a piece at another's place is seen. */
const bytes = (length) => Uint8Array.from({ length }, (_, place) => (place * 31 + (place >> 8) * 7 + (place >> 16)) & 0xff);

const fileOf = (person) => person.chat.view.conversation?.lines.find(({ kind }) => kind === "file");

const pieces = async (person) => (await person.rows()).filter(([key]) => key.startsWith("piece/")).length;

for (const size of [0, 1, 65_536, 1_300_000]) {
  test(`a file of ${size} bytes comes as it was sent`, async () => {
    const { relay, alice, bob } = await two();
    const sent = bytes(size);
    await alice.chat.sendFile("bob", new File([sent], "../photo.png", { type: "image/png" }));
    await bob.until("it is here", () => fileOf(bob)?.file.state === "whole");
    assert.deepEqual(await bob.chat.file(fileOf(bob).id), sent);
    assert.deepEqual(await alice.chat.file(fileOf(alice).id), sent);
    assert.equal(fileOf(bob).file.name, "photo.png");
    assert.ok(relay.blobs.size === 1 && (size < 100 || !Buffer.from([...relay.blobs.values()][0].bytes).includes(sent.subarray(0, 64))));
  });
}

test("a file goes on where it was when the page was closed, at both ends", async () => {
  const { relay, alice, bob } = await two();
  const sent = bytes(5_000_000);
  const put = relay.putBlob.bind(relay);
  let rounds = 0;
  relay.putBlob = (...given) => {
    if ((rounds += 1) === 40) relay.switchOff();
    return put(...given);
  };
  await alice.chat.sendFile("bob", new File([sent], "film.bin"));
  await alice.until("the connection breaks", () => !relay.isOnline);
  await alice.restart();
  relay.switchOn();
  await alice.until("all is there", () => alice.chat.state.uploads.size === 0);
  // None was sent twice, but for what was on its way.
  assert.ok(rounds < 85, `${rounds}`);
  await alice.isDone();
  const get = relay.getBlob.bind(relay);
  let gets = 0;
  relay.getBlob = (...given) => {
    if ((gets += 1) === 40) relay.switchOff();
    return get(...given);
  };
  await bob.until("the connection breaks", () => !relay.isOnline);
  await bob.restart();
  relay.switchOn();
  await bob.reads("alice");
  await bob.until("it is here", () => fileOf(bob)?.file.state === "whole");
  assert.ok(gets < 110, `${gets}`);
  assert.deepEqual(await bob.chat.file(fileOf(bob).id), sent);
});

test("what the relay alters is refused, and nothing of it is shown", async () => {
  const { relay, alice, bob } = await two();
  const get = relay.getBlob.bind(relay);
  let isAltered = true;
  relay.getBlob = (...given) => {
    const part = get(...given);
    if (isAltered) part.bytes[part.bytes.length - 1] ^= 1;
    return part;
  };
  await alice.chat.sendFile("bob", new File([bytes(100_000)], "a.png", { type: "image/png" }));
  await bob.until("it is refused", () => fileOf(bob)?.file.state === "stopped");
  assert.equal(fileOf(bob).file.why, "the relay has altered it");
  assert.equal(await bob.chat.file(fileOf(bob).id), undefined);
  isAltered = false;
  await bob.chat.fetchAgain(fileOf(bob).id);
  await bob.until("it is here", () => fileOf(bob)?.file.state === "whole");
});

test("a relay that lost what it had gets the file anew, under another key", async () => {
  const { relay, alice, bob } = await two();
  const put = relay.putBlob.bind(relay);
  let rounds = 0;
  relay.putBlob = (...given) => {
    if ((rounds += 1) === 5) relay.blobs.clear();
    return put(...given);
  };
  await alice.chat.sendFile("bob", new File([bytes(1_000_000)], "a.bin"));
  await bob.until("it is here", () => fileOf(bob)?.file.state === "whole");
});

test("files of strangers are fetched when they are accepted, and not before", async () => {
  const [relay, time] = [new FakeRelay(), clock()];
  const [alice, bob] = [await Person.begin("alice", relay, time), await Person.begin("bob", relay, time)];
  all.push(alice, bob);
  await alice.until("bob is there", () => relay.mailboxes.has("bob"));
  await alice.chat.meet("bob");
  await alice.chat.sendFile("bob", new File([bytes(10)], "a.bin"));
  await bob.hears("request", "alice");
  await bob.chat.open("alice");
  await bob.chat.tick();
  assert.ok(!relay.asked.includes("getBlob"));
  await bob.chat.accept("alice");
  await bob.until("it is here", () => fileOf(bob)?.file.state === "whole");
});

for (const decision of ["refuse", "block", "deleteConversation"]) {
  test(`a stranger is not told by their file: ${decision}`, async () => {
    const [relay, time] = [new FakeRelay(), clock()];
    const [alice, bob] = [await Person.begin("alice", relay, time), await Person.begin("bob", relay, time)];
    all.push(alice, bob);
    await alice.until("bob is there", () => relay.mailboxes.has("bob"));
    await alice.chat.meet("bob");
    await alice.chat.sendFile("bob", new File([bytes(10)], "a.bin"));
    await bob.hears("request", "alice");
    relay.asked.length = 0;
    await bob.chat[decision]("alice");
    assert.equal(bob.chat.state.messages.size + bob.chat.state.disposals.size, 0);
    await bob.chat.tick();
    await alice.chat.tick();
    assert.ok(relay.blobs.size === 1 && !relay.asked.includes("deleteBlob"));
  });
}

test("who is blocked is not told by a file that was fetched", async () => {
  const { relay, alice, bob } = await two();
  await alice.chat.sendFile("bob", new File([bytes(10)], "a.bin"));
  await bob.until("it is here", () => fileOf(bob)?.file.state === "whole");
  await bob.chat.block("alice");
  assert.deepEqual([bob.chat.state.messages.size, bob.chat.state.disposals.size, relay.blobs.size], [0, 0, 1]);
});

test("a file that ends before it was fetched stays where it is, for who else may have it", async () => {
  const { relay, alice, bob } = await two();
  relay.getBlob = () => {
    throw new RelayRefusal("busy");
  };
  await alice.chat.sendFile("bob", new File([bytes(10)], "a.bin"));
  await bob.until("it is said of", () => fileOf(bob) !== undefined);
  await bob.chat.remove(fileOf(bob).id);
  assert.equal(bob.chat.state.disposals.size, 0);
});

test("a file that its sender deletes before anybody was told of it is deleted at the relay", async () => {
  const [relay, time] = [new FakeRelay(), clock()];
  const alice = await Person.begin("alice", relay, time);
  all.push(alice);
  // Nobody is called so yet: what is said of the file waits.
  await alice.chat.meet("nobody");
  await alice.chat.open("nobody");
  await alice.chat.sendFile("nobody", new File([bytes(1_000)], "a.bin"));
  await alice.until("it is at the relay", () => relay.blobs.size === 1 && alice.chat.state.uploads.size === 0);
  assert.equal(alice.chat.state.drafts.size, 1);
  await alice.chat.remove(fileOf(alice).id);
  await alice.until("the blob is gone", () => relay.blobs.size === 0);
});

test("a file goes with its message: its pieces, and its blob", async () => {
  const { relay, time, alice, bob } = await two();
  time.now += 1_000;
  await alice.chat.setTimer("bob", { kind: "afterRead", ttl: 10_000 });
  await bob.hears("timer", "alice");
  await alice.chat.sendFile("bob", new File([bytes(200_000)], "a.bin"));
  await bob.until("it is here", () => fileOf(bob)?.file.state === "whole");
  await alice.isDone();
  assert.deepEqual([await pieces(alice), await pieces(bob)], [4, 4]);
  time.now += 10_000;
  await Promise.all([alice.chat.tick(), bob.chat.tick()]);
  assert.deepEqual([await pieces(alice), await pieces(bob)], [0, 0]);
  await bob.until("the blob is gone", () => relay.blobs.size === 0);
});

test("who takes a file back before all of it was sent has the relay forget it", async () => {
  const { relay, alice, bob } = await two();
  const put = relay.putBlob.bind(relay);
  relay.putBlob = (...given) => {
    relay.switchOff();
    return put(...given);
  };
  await alice.chat.sendFile("bob", new File([bytes(900_000)], "a.bin"));
  await alice.until("the connection breaks", () => !relay.isOnline);
  await alice.chat.unsend(fileOf(alice).id);
  relay.putBlob = put;
  relay.switchOn();
  await alice.until("the blob is gone", () => relay.blobs.size === 0 && alice.chat.state.disposals.size === 0);
  assert.deepEqual([await pieces(alice), fileOf(bob)], [0, undefined]);
});
