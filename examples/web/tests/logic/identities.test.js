// Another identity under a known name: nothing is sent to it before the user has decided.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { FakeRelay } from "./fake-relay.js";
import { Person, clock, introduced } from "./people.js";

const all = [];
after(() => Promise.all(all.map((person) => person.stop())));

/** Bob lost his store, and begins anew under the same name, which the operator of the relay gave free. */
async function again() {
  const [relay, time] = [new FakeRelay(), clock()];
  const [alice, bob] = await introduced(relay, time);
  await bob.stop();
  relay.mailboxes.delete("bob");
  const other = await Person.begin("bob", relay, time);
  all.push(alice, other);
  await other.until("he is there", () => relay.mailboxes.has("bob"));
  await other.chat.meet("alice");
  await other.chat.write("alice", "it is me");
  await alice.hears("identityChanged", "bob");
  return { relay, alice, other };
}

test("while another identity waits nothing leaves, also after a restart", async () => {
  const { relay, alice } = await again();
  await assert.rejects(alice.chat.write("bob", "a secret"), { name: "Cannot" });
  assert.ok(alice.contact("bob").isChanged);
  await alice.restart();
  assert.ok(alice.contact("bob").isChanged);
  await alice.until("it is online", () => alice.carrier.reach === "online");
  assert.equal(relay.mailboxes.get("bob").letters.length, 0);
});

test("who agrees to the other identity reads what came from it, and is answered", async () => {
  const { alice, other } = await again();
  await alice.chat.acceptIdentity("bob");
  assert.ok((await alice.reads("bob")).includes("it is me"));
  await alice.chat.write("bob", "so it is");
  await other.hears("unread", "alice");
});

test("who stays with the known identity is asked no more, and nothing that the other wrote is kept", async () => {
  const { alice, other } = await again();
  await alice.chat.keepIdentity("bob");
  await other.chat.write("alice", "really");
  await other.isDone();
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
