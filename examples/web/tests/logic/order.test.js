// Store, then send: nothing of a turn leaves before it is stored, whatever else goes on.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";

import { FakeRelay } from "./fake-relay.js";
import { clock, introduced } from "./people.js";

const all = [];
after(() => Promise.all(all.map((person) => person.stop())));

test("no parcel leaves before the session that made it is stored", async () => {
  const relay = new FakeRelay();
  const [alice, bob] = await introduced(relay, clock());
  all.push(alice, bob);
  await alice.isDone();
  // A slow disk.
  const { store } = alice.chat.state;
  const commit = store.commit.bind(store);
  let [stored, left] = [0, 0];
  store.commit = async (what) => {
    await wait(10);
    await commit(what);
    stored += [...what.rows].filter(([key, value]) => key.startsWith("parcel/") && value !== undefined).length;
  };
  const deposit = relay.deposit.bind(relay);
  relay.deposit = (name, ...rest) => {
    if (name === "bob") {
      left += 1;
      assert.ok(left <= stored, `${left} left, and ${stored} are stored`);
    }
    return deposit(name, ...rest);
  };
  // Each is written while the one before is on its way, so that turns stand behind one another in every way.
  const writes = [];
  const deposited = alice.chat.deposited.bind(alice.chat);
  alice.chat.deposited = (number) => {
    const turn = deposited(number);
    if (writes.length < 20) writes.push(alice.chat.write("bob", `${writes.length}`));
    return turn;
  };
  writes.push(alice.chat.write("bob", "first"));
  await alice.until("all are written", () => writes.length === 20);
  await Promise.all(writes);
  await alice.isDone();
  assert.equal(left, 20);
});

test("no prekeys are published before they are stored", async () => {
  const relay = new FakeRelay();
  const [alice, bob] = await introduced(relay, clock());
  all.push(alice, bob);
  const { store } = alice.chat.state;
  const commit = store.commit.bind(store);
  let isStored = true;
  store.commit = async (what) => {
    if (what.account !== undefined) isStored = false;
    await wait(20);
    await commit(what);
    isStored = true;
  };
  const publish = relay.publish.bind(relay);
  let published = 0;
  relay.publish = (...given) => {
    published += 1;
    assert.ok(isStored);
    return publish(...given);
  };
  await Promise.all([alice.chat.tick(), alice.chat.relayHasForgotten(), alice.chat.tick()]);
  await alice.until("they are published", () => published > 0 && alice.chat.state.account.pendingUpload === undefined);
});
