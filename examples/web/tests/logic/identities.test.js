// Another identity under a known name: nothing is sent to it before the user has decided.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { Stamp } from "evanesce";

import { random } from "../../chat/bytes.js";
import { encodeContent } from "../../wire/content.js";
import { RelayRefusal } from "../../wire/relay.js";
import { FakeRelay } from "./fake-relay.js";
import { Person, START, Stranger, clock, introduced } from "./people.js";

const all = [];
after(() => Promise.all(all.map((person) => person.stop())));

/** Bob lost his store, and begins anew under the same name, which the operator of the relay gave free. */
async function again(before = async () => {}) {
  const [relay, time] = [new FakeRelay(), clock()];
  const [alice, bob] = await introduced(relay, time);
  await before(alice, relay);
  await bob.stop();
  relay.mailboxes.delete("bob");
  const other = await Person.begin("bob", relay, time);
  all.push(alice, other);
  await other.until("he is there", () => relay.mailboxes.has("bob"));
  await other.chat.meet("alice");
  await other.chat.write("alice", "it is me");
  await alice.hears("identityChanged", "bob");
  return { relay, time, alice, other };
}

/** What is for Bob waits from now on: encrypted, as the relay has no room; the function gives room again. */
async function writtenInVain(alice, relay) {
  const deposit = relay.deposit.bind(relay);
  let isFull = true;
  relay.deposit = (name, ...rest) => {
    if (name === "bob" && isFull) throw new RelayRefusal("queue_full");
    return deposit(name, ...rest);
  };
  await alice.isDone();
  await alice.chat.write("bob", "a secret");
  await alice.hears("trouble", "bob");
  return () => (isFull = false);
}

test("while another identity waits nothing leaves, also after a restart", async () => {
  let makeRoom;
  const { relay, alice } = await again(async (alice, relay) => (makeRoom = await writtenInVain(alice, relay)));
  makeRoom();
  const [parcel] = alice.chat.state.parcels.values();
  // And one as it was written.
  await alice.chat.run((turn) => {
    const number = turn.number();
    turn.put("draft", number, { number, to: "bob", message: parcel.message, body: new Uint8Array(), stamp: Stamp.none().encode() });
  });
  relay.asked.length = 0;
  await assert.rejects(alice.chat.write("bob", "a secret"), { name: "Cannot" });
  assert.ok(alice.contact("bob").isChanged);
  await alice.restart();
  assert.ok(alice.contact("bob").isChanged);
  await alice.until("it is online", () => alice.carrier.reach === "online");
  // After a restart nobody rests: what may leave has left when others have been asked for.
  await alice.chat.meet("carol");
  await alice.chat.write("carol", "hello");
  await alice.hears("trouble", "carol");
  assert.ok(!relay.asked.includes("deposit"));
  assert.deepEqual([alice.chat.state.parcels.size, alice.chat.state.drafts.size], [1, 2]);
});

test("what waits for its connection does not leave when another identity comes meanwhile", async () => {
  const stuck = [];
  const { relay, alice } = await again(async (alice, relay) => {
    await alice.isDone();
    // As behind the pause after a failure: it leaves when somebody lets it, or never.
    const deposit = relay.deposit.bind(relay);
    relay.deposit = (name, id, bytes, signal) => name !== "bob" ? deposit(name, id, bytes) : new Promise((resolve, reject) => {
      stuck.push(resolve);
      signal.addEventListener("abort", () => {
        stuck.length = 0;
        reject(signal.reason);
      });
    });
    await alice.chat.write("bob", "a secret");
    await alice.until("it waits", () => stuck.length === 1);
  });
  await alice.until("it is let go", () => stuck.length === 0);
  assert.equal(alice.chat.state.parcels.size, 1);
  // Others are written to meanwhile.
  relay.asked.length = 0;
  await alice.chat.meet("carol");
  await alice.chat.write("carol", "hello");
  await alice.hears("trouble", "carol");
  assert.ok(!relay.asked.includes("deposit"));
});

test("what was written for the former identity does not go to the one that the user agrees to, nor a file of which some was read", async () => {
  let [makeRoom, release, sending] = [];
  const read = new Promise((resolve) => (release = resolve));
  const bytes = new Uint8Array(1_000).fill(7);
  const { time, alice, other } = await again(async (alice, relay) => {
    makeRoom = await writtenInVain(alice, relay);
    sending = alice.chat.sendFile("bob", {
      name: "secret.txt", type: "text/plain", size: bytes.length, slice: () => ({ arrayBuffer: () => read.then(() => bytes.buffer) }),
    });
    await alice.until("it is begun", () => [...alice.chat.state.messages.values()].some(({ body }) => body.kind === "file"));
  });
  makeRoom();
  await alice.chat.acceptIdentity("bob");
  release();
  await sending;
  const { drafts, parcels, uploads } = alice.chat.state;
  assert.deepEqual([drafts.size, parcels.size, uploads.size], [0, 0, 0]);
  await alice.reads("bob");
  const failed = alice.chat.view.conversation.lines.filter(({ progress }) => progress === "failed");
  assert.deepEqual(failed.map(({ why }) => why), Array(2).fill("it was written for the former identity"));
  time.now += 60_000;
  await alice.chat.write("bob", "welcome back");
  await other.hears("unread", "alice");
  assert.deepEqual(await other.reads("alice"), ["> it is me", "welcome back"]);
});

test("who agrees to the other identity reads what came from it, and is answered", async () => {
  const { alice, other } = await again();
  await alice.chat.acceptIdentity("bob");
  assert.ok((await alice.reads("bob")).includes("it is me"));
  await alice.chat.write("bob", "so it is");
  await other.hears("unread", "alice");
});

test("who stays with the known identity is asked no more, and nothing that the other wrote is kept", async () => {
  const { relay, alice, other } = await again();
  await other.chat.write("alice", "do answer");
  await alice.until("both wait", () => alice.chat.state.parked.size === 2);
  await alice.chat.keepIdentity("bob");
  await other.chat.write("alice", "really");
  await other.isDone();
  await alice.until("all is taken in", () => relay.mailboxes.get("alice").letters.length === 0);
  assert.equal(alice.chat.state.parked.size, 0);
  assert.ok(!alice.contact("bob").isChanged);
  assert.ok(!(await alice.reads("bob")).includes("it is me"));
});

test("who stayed by mistake goes over later", async () => {
  const { alice, other } = await again();
  await alice.chat.keepIdentity("bob");
  assert.ok(alice.contact("bob").hasTurnedDown);
  await alice.restart();
  await alice.chat.acceptIdentity("bob");
  await alice.chat.write("bob", "there you are");
  await other.hears("unread", "alice");
});

test("a safety number that was compared counts for the identity that it was compared of", async () => {
  const { alice } = await again();
  await assert.rejects(alice.chat.verified("bob", true), { name: "Cannot" });
  await alice.chat.keepIdentity("bob");
  await alice.chat.verified("bob", true);
  assert.ok(alice.contact("bob").isVerified);
  await alice.restart();
  assert.ok(alice.contact("bob").isVerified);
  await alice.chat.acceptIdentity("bob");
  assert.ok(!alice.contact("bob").isVerified);
});

test("a safety number that was compared counts for nobody while another identity waits", async () => {
  const { alice } = await again((alice) => alice.chat.verified("bob", true));
  assert.ok(alice.contact("bob").isChanged && !alice.contact("bob").isVerified);
  await alice.chat.keepIdentity("bob");
  assert.ok(alice.contact("bob").isVerified);
});

test("who turns one identity down is asked about the next one that had written meanwhile", async () => {
  const { alice, other } = await again(async (alice, relay) => {
    new Stranger("bob", relay, "alice", { now: START }).say("it is mallory");
    await alice.until("it waits", () => alice.chat.state.parked.size === 1);
  });
  await alice.until("both wait", () => alice.chat.state.parked.size === 2);
  await alice.chat.keepIdentity("bob");
  assert.ok(alice.contact("bob").isChanged);
  assert.equal(alice.chat.state.parked.size, 1);
  await alice.chat.acceptIdentity("bob");
  assert.deepEqual((await alice.reads("bob")).slice(-1), ["it is me"]);
  await alice.chat.write("bob", "there you are");
  await other.hears("unread", "alice");
});

test("of all that waits for a decision one name has ten places, and all names have a hundred", async () => {
  const [relay, time] = [new FakeRelay(), clock()];
  const [alice, bob] = await introduced(relay, time);
  all.push(alice, bob);
  for (let place = 0; place < 11; place += 1) {
    const name = `friend${place}`;
    new Stranger(name, relay, "alice", time).say("hello");
    await alice.hears("request", name);
    await alice.chat.accept(name);
    const other = new Stranger(name, relay, "alice", time);
    for (let number = 0; number < 12; number += 1) other.say(`${number}`);
    await alice.until("all is taken in", () => relay.mailboxes.get("alice").letters.length === 0);
    assert.equal(alice.chat.state.parked.size, Math.min(100, 10 * (place + 1)));
  }
});

test("what waits for a decision, and is given again, takes one place", async () => {
  const [relay, time] = [new FakeRelay(), clock()];
  const [alice, bob] = await introduced(relay, time);
  all.push(alice, bob);
  const other = new Stranger("bob", relay, "alice", time);
  const letters = ["one", "two", "three"].map((text) => other.sealed(encodeContent({ kind: "text", chosen: random(16), text })));
  // As often as its acknowledgement is lost; some come after a restart.
  for (let times = 0; times < 8; times += 1) await alice.chat.takeIn(letters[0]);
  await alice.restart();
  for (let times = 0; times < 8; times += 1) await alice.chat.takeIn(letters[0]);
  for (const letter of letters) await alice.chat.takeIn(letter);
  assert.equal(alice.chat.state.parked.size, 3);
  await alice.chat.acceptIdentity("bob");
  assert.deepEqual((await alice.reads("bob")).slice(-3), ["one", "two", "three"]);
});

test("whoever writes first under a name that we wrote to is accepted if the relay knows them so", async () => {
  const [relay, time] = [new FakeRelay(), clock()];
  const [alice, bob] = [await Person.begin("alice", relay, time), await Person.begin("bob", relay, time)];
  all.push(alice, bob);
  await alice.until("both are there", () => relay.mailboxes.size === 2);
  // Both write before anything of the other has come.
  relay.switchOff();
  await Promise.all([alice.chat.meet("bob"), bob.chat.meet("alice")]);
  await Promise.all([alice.chat.write("bob", "from alice"), bob.chat.write("alice", "from bob")]);
  relay.switchOn();
  await alice.until("it came", () => alice.contact("bob")?.standing === "accepted" && alice.chat.state.messages.size === 2);
  await bob.until("it came", () => bob.contact("alice")?.standing === "accepted" && bob.chat.state.messages.size === 2);
});
