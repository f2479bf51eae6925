// What two people say to each other, over a relay in memory: requests, what waits, what is read, and what ends.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { PublishedPrekeys, messageIdBy } from "evanesce";

import { encodeContent } from "../../wire/content.js";
import { FakeRelay } from "./fake-relay.js";
import { Person, Stranger, clock, introduced } from "./people.js";

const all = [];
after(() => Promise.all(all.map((person) => person.stop())));

async function two() {
  const [relay, time] = [new FakeRelay(), clock()];
  const [alice, bob] = await introduced(relay, time);
  all.push(alice, bob);
  return { relay, time, alice, bob };
}

test("a stranger asks, is accepted, and both read what the other wrote", async () => {
  const { alice, bob } = await two();
  assert.deepEqual(await bob.reads("alice"), ["hello", "> hello too"]);
  assert.deepEqual(await alice.reads("bob"), ["> hello", "hello too"]);
  await alice.chat.write("bob", "how are you?");
  await bob.until("it is here", () => bob.lines().length === 3);
  assert.deepEqual(bob.lines(), ["hello", "> hello too", "how are you?"]);
});

test("who is refused is told nothing, and may ask again", async () => {
  const [relay, time] = [new FakeRelay(), clock()];
  const [alice, bob] = [await Person.begin("alice", relay, time), await Person.begin("bob", relay, time)];
  all.push(alice, bob);
  await alice.until("bob is there", () => relay.mailboxes.has("bob"));
  await alice.chat.meet("bob");
  await alice.chat.write("bob", "one");
  await bob.hears("request", "alice");
  await assert.rejects(bob.chat.write("alice", "no"), { name: "Cannot" });
  // All that is deposited from now on is Alice's, for Bob.
  const told = [];
  const deposit = relay.deposit.bind(relay);
  relay.deposit = (name, ...rest) => {
    if (name !== "bob") told.push(name);
    return deposit(name, ...rest);
  };
  const toldOf = () => told.length > 0 || relay.mailboxes.get("alice").letters.length > 0 || relay.asked.includes("deleteBlob");
  await bob.chat.refuse("alice");
  assert.deepEqual(bob.chat.view.contacts, []);
  await bob.restart();
  await alice.chat.write("bob", "two");
  await bob.hears("request", "alice");
  await bob.chat.accept("alice");
  assert.deepEqual(await bob.reads("alice"), ["two"]);
  await bob.chat.block("alice");
  await alice.chat.write("bob", "three");
  await alice.isDone();
  assert.deepEqual(bob.lines(), []);
  assert.equal(bob.contact("alice").standing, "blocked");
  await bob.until("all is taken in", () => relay.mailboxes.get("bob").letters.length === 0);
  assert.ok(!toldOf());
});

test("what is written without a relay goes when there is one, also after the page was closed", async () => {
  const { relay, alice, bob } = await two();
  relay.switchOff();
  await alice.chat.write("bob", "from the tunnel");
  await alice.until("it is offline", () => alice.carrier.reach === "offline");
  await alice.chat.open("bob");
  assert.equal(alice.chat.view.conversation.lines.at(-1).progress, "waiting");
  await alice.restart();
  relay.switchOn();
  await bob.hears("unread", "alice");
  await alice.isDone();
  assert.deepEqual((await bob.reads("alice")).at(-1), "from the tunnel");
});

test("what was begun to be written is kept until it is sent", async () => {
  const { alice } = await two();
  await alice.chat.keepTyped("bob", "dear b");
  await alice.restart();
  await alice.chat.open("bob");
  assert.equal(alice.chat.view.conversation.typed, "dear b");
  await alice.chat.write("bob", "dear bob");
  assert.equal(alice.chat.view.conversation.typed, "");
  await alice.chat.keepTyped("bob", "and");
  await alice.chat.deleteConversation("bob");
  assert.equal(alice.chat.view.conversation.typed, "");
});

test("a timer holds at both ends, and what has ended is in no row", async () => {
  const { time, alice, bob } = await two();
  await bob.chat.open("alice");
  await alice.isDone();
  // What was said before keeps the life that it had.
  time.now += 1_000;
  await alice.chat.setTimer("bob", { kind: "afterRead", ttl: 60_000 });
  await bob.hears("timer", "alice");
  await alice.isDone();
  assert.deepEqual(bob.contact("alice").timer, { kind: "afterRead", ttl: 60_000 });
  const before = [await rowsOf(alice), await rowsOf(bob)];
  await alice.chat.write("bob", "soon gone");
  await bob.until("it is here", () => bob.lines().includes("soon gone"));
  await alice.isDone();
  const line = bob.chat.view.conversation.lines.at(-1);
  assert.equal(line.endsAt, time.now + 60_000);
  time.now += 60_000;
  await Promise.all([alice.chat.tick(), bob.chat.tick()]);
  assert.ok(!bob.lines().includes("soon gone"));
  assert.deepEqual([await rowsOf(alice), await rowsOf(bob)], before);
});

async function rowsOf(person) {
  return (await person.rows()).map(([key]) => key).sort();
}

test("who does not know the timer is told without a word", async () => {
  const { relay, alice, bob } = await two();
  await alice.chat.setTimer("bob", { kind: "afterRead", ttl: 3_600_000 });
  // The change is lost on the way.
  for (const [number] of alice.chat.state.parcels) await alice.chat.deposited(number);
  relay.mailboxes.get("bob").letters.length = 0;
  await bob.chat.write("alice", "what is the time?");
  await bob.hears("timer", "alice");
  assert.equal(bob.contact("alice").timer.ttl, 3_600_000);
});

test("messages end when the conversation is closed, and when nobody looks at it any more", async () => {
  const { time, alice, bob } = await two();
  await bob.chat.open("alice");
  await alice.isDone();
  time.now += 1_000;
  await alice.chat.setTimer("bob", { kind: "onClose" });
  await bob.hears("timer", "alice");
  for (const [text, ends] of [["one", () => bob.chat.leave("alice")], ["two", () => bob.chat.look(false)]]) {
    time.now += 1_000;
    await bob.chat.look(true);
    await bob.chat.open("alice");
    await alice.chat.write("bob", text);
    await bob.until("it is here", () => bob.lines().includes(text));
    await ends();
    assert.ok(!(await bob.reads("alice")).includes(text));
  }
});

test("what comes while nobody looks is unread, and shown when somebody does", async () => {
  const { alice, bob } = await two();
  await bob.chat.open("alice");
  await bob.chat.look(false);
  await alice.chat.write("bob", "are you there?");
  await bob.hears("unread", "alice");
  assert.equal(bob.contact("alice").unread, 1);
  assert.ok(!bob.lines().includes("are you there?"));
  await bob.chat.look(true);
  assert.ok(bob.lines().includes("are you there?"));
});

test("a message has a life of its own", async () => {
  const { time, alice, bob } = await two();
  await bob.chat.open("alice");
  await alice.chat.write("bob", "ten seconds", { kind: "for", ttl: 10_000 });
  await bob.until("it is here", () => bob.lines().includes("ten seconds"));
  time.now += 10_000;
  await bob.chat.tick();
  assert.ok(!bob.lines().includes("ten seconds"));
});

test("what can be opened once is opened once, and is nowhere afterwards", async () => {
  const { alice, bob } = await two();
  await alice.chat.write("bob", "the password", { kind: "once" });
  await bob.hears("unread", "alice");
  await alice.isDone();
  const lines = await bob.reads("alice");
  assert.equal(lines.at(-1), "once");
  assert.equal((await alice.reads("bob")).at(-1), "> toOpen");
  const { id } = bob.chat.view.conversation.lines.at(-1);
  assert.equal(await bob.chat.openOnce(id), "the password");
  await assert.rejects(bob.chat.openOnce(id), { name: "Cannot" });
  await bob.restart();
  assert.ok(!(await bob.reads("alice")).includes("once"));
});

test("its author takes a message back at both ends, and nobody else does", async () => {
  const { alice, bob } = await two();
  await bob.reads("alice");
  await alice.reads("bob");
  const theirs = alice.chat.view.conversation.lines.find(({ author }) => author === "them");
  await assert.rejects(alice.chat.unsend(theirs.id), { name: "Cannot" });
  await alice.chat.unsend(alice.chat.view.conversation.lines.find(({ author }) => author === "us").id);
  await bob.hears("unsent", "alice");
  assert.deepEqual(bob.lines(), ["> hello too"]);
  assert.deepEqual(alice.lines(), ["hello too"]);
});

test("what waits for its connection stays when it is taken back or deleted meanwhile, or its conversation goes", async () => {
  const ways = {
    "taken back": ({ alice, id }) => alice.chat.unsend(id),
    deleted: ({ alice, id }) => alice.chat.remove(id),
    "of a conversation that goes": ({ alice }) => alice.chat.deleteConversation("bob"),
    "of somebody who is blocked": ({ alice }) => alice.chat.block("bob"),
  };
  for (const [what, goes] of Object.entries(ways)) {
    const { relay, time, alice, bob } = await two();
    await alice.isDone();
    const deposit = relay.deposit.bind(relay);
    let leaves;
    // As behind the pause after a failure: it leaves when somebody lets it, or never.
    relay.deposit = (name, id, bytes, signal) => name !== "bob" || leaves !== undefined ? deposit(name, id, bytes) : new Promise((resolve, reject) => {
      leaves = () => signal.aborted || resolve(deposit(name, id, bytes));
      signal.addEventListener("abort", () => reject(signal.reason));
    });
    await alice.chat.write("bob", "a secret");
    await alice.until("it waits", () => leaves !== undefined);
    const { id } = [...alice.chat.state.messages.values()].find(({ body }) => body.text === "a secret");
    await goes({ alice, id });
    leaves();
    await alice.isDone();
    // What is said afterwards comes behind it.
    new Stranger("carol", relay, "bob", time).say("hello");
    await bob.hears("request", "carol");
    assert.deepEqual(await bob.reads("alice"), ["hello", "> hello too"], what);
    assert.ok(!bob.notices.some(({ kind }) => kind === "unread"), what);
  }
});

test("who is refused while the relay is asked about them is not accepted by what it answers", async () => {
  const [relay, time] = [new FakeRelay(), clock()];
  const alice = await Person.begin("alice", relay, time);
  all.push(alice);
  await alice.until("she is there", () => relay.mailboxes.has("alice"));
  const bob = new Stranger("bob", relay, "alice", time);
  const prekeys = new PublishedPrekeys(bob.account.pendingUpload);
  let answers;
  relay.bundle = () => new Promise((resolve) => (answers = () => resolve(prekeys.handOut())));
  // She wrote to somebody of this name, and the relay tells whether it is who asks.
  await alice.chat.meet("bob");
  await alice.chat.write("bob", "hello");
  await alice.until("it is asked", () => answers !== undefined);
  bob.say("hello alice");
  await alice.hears("request", "bob");
  await alice.chat.refuse("bob");
  relay.asked.length = 0;
  answers();
  await alice.chat.meet("carol");
  await alice.chat.write("carol", "hello");
  await alice.until("it is taken in", () => relay.asked.includes("bundle"));
  assert.equal(alice.chat.state.standing("bob"), "request");
  assert.ok(!alice.notices.some(({ kind }) => kind === "accepted"));
});

test("what comes twice is shown once", async () => {
  const { relay, alice, bob } = await two();
  const deposit = relay.deposit.bind(relay);
  const came = [];
  relay.deposit = (name, id, message) => {
    if (name === "bob") came.push(message);
    return deposit(name, id, message);
  };
  await alice.chat.write("bob", "once");
  await alice.isDone();
  await bob.hears("unread", "alice");
  assert.equal(came.length, 1);
  deposit("bob", new Uint8Array(16), came[0]);
  await bob.restart();
  await bob.until("all is taken in", () => relay.mailboxes.get("bob").letters.length === 0);
  assert.equal((await bob.reads("alice")).filter((line) => line === "once").length, 1);
});

test("what others wrote is reported with what proves it", async () => {
  const { relay, alice, bob } = await two();
  await alice.chat.write("bob", "something bad");
  await bob.hears("unread", "alice");
  await bob.reads("alice");
  await bob.chat.report(bob.chat.view.conversation.lines.at(-1).id);
  await bob.hears("reported", "alice");
  assert.equal(relay.reports.length, 1);
  const own = bob.chat.view.conversation.lines.find(({ author }) => author === "us");
  await assert.rejects(bob.chat.report(own.id), { name: "Cannot" });
});

test("a relay that says too much of a delivery can be reported nothing of, and stops nothing", async () => {
  const { relay, alice, bob } = await two();
  await alice.chat.write("bob", "something bad");
  await alice.isDone();
  await bob.hears("unread", "alice");
  const deposit = relay.deposit.bind(relay);
  relay.deposit = (...given) => {
    deposit(...given);
    for (const letter of relay.mailboxes.get("bob").letters) letter.mark = { context: new Uint8Array(2_000), postmark: new Uint8Array(32) };
  };
  await alice.chat.write("bob", "and worse");
  await bob.hears("unread", "alice");
  await bob.reads("alice");
  await assert.rejects(bob.chat.report(bob.chat.view.conversation.lines.at(-1).id), { name: "Cannot" });
  await bob.chat.write("alice", "still here");
});

test("nobody takes back what another one wrote, and an id that comes again replaces nothing", async () => {
  const [relay, time] = [new FakeRelay(), clock()];
  const bob = await Person.begin("bob", relay, time);
  all.push(bob);
  await bob.until("he is there", () => relay.mailboxes.has("bob"));
  const [alice, mallory] = [new Stranger("alice", relay, "bob", time), new Stranger("mallory", relay, "bob", time)];
  const chosen = alice.say("mine");
  await bob.hears("request", "alice");
  mallory.send(encodeContent({ kind: "unsend", message: messageIdBy(alice.account.memberTag, chosen) }));
  alice.say("another text under the same id", chosen);
  const takenIn = () => bob.until("all is taken in", () => relay.mailboxes.get("bob").letters.length === 0);
  await takenIn();
  assert.deepEqual(await bob.reads("alice"), ["mine"]);
  alice.send(encodeContent({ kind: "unsend", message: messageIdBy(alice.account.memberTag, chosen) }));
  await takenIn();
  assert.deepEqual(bob.lines(), []);
});

test("after a fault nothing is carried any more, and nothing is read that nobody is shown", async () => {
  const { relay, alice, bob } = await two();
  await bob.reads("alice");
  relay.report = () => {
    throw new TypeError("a fault");
  };
  await bob.chat.report(bob.chat.view.conversation.lines.find(({ author }) => author === "them").id);
  await bob.running;
  assert.match(String(bob.fault), /a fault/);
  await alice.chat.write("bob", "for nobody to see");
  await alice.isDone();
  await bob.chat.ask(() => {});
  assert.ok(!bob.lines().includes("for nobody to see"));
  assert.ok(relay.mailboxes.get("bob").letters.length > 0);
});

test("of a relay that gives no good bundle the user is told once", async () => {
  const { relay, time, alice } = await two();
  relay.bundle = () => new Uint8Array(100);
  await alice.chat.meet("carol");
  await alice.chat.write("carol", "hello");
  await alice.hears("trouble", "carol");
  for (let round = 0; round < 2; round += 1) {
    relay.asked.length = 0;
    time.now += 10_001;
    await alice.chat.tick();
    await alice.until("it is asked again", () => relay.asked.includes("bundle"));
    await alice.chat.ask(() => {});
  }
  assert.ok(!alice.notices.some(({ kind }) => kind === "trouble"));
});

test("rows are sealed, and say of nobody whose they are", async () => {
  const { bob } = await two();
  const rows = await bob.rows();
  const plain = Buffer.concat(rows.flatMap(([key, value]) => [Buffer.from(key), Buffer.from(value)])).toString("latin1");
  for (const word of ["hello", "alice", "bob"]) assert.ok(!plain.includes(word), word);
});

test("of a long conversation the last lines are shown, and more when one asks", async () => {
  const { alice, bob } = await two();
  for (let number = 0; number < 205; number += 1) await alice.chat.write("bob", `${number}`);
  await alice.isDone();
  await bob.until("all are here", () => bob.contact("alice").unread === 206);
  assert.equal((await bob.reads("alice")).length, 200);
  assert.equal(bob.lines().at(-1), "204");
  // What nobody has seen is not read.
  assert.equal(bob.contact("alice").unread, 6);
  assert.ok(bob.chat.view.conversation.hasEarlier);
  await bob.chat.showEarlier();
  assert.equal(bob.lines().length, 207);
  assert.equal(bob.contact("alice").unread, 0);
  assert.ok(!bob.chat.view.conversation.hasEarlier);
});
