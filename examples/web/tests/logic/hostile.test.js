// Relays that are broken, or mean ill: what they say keeps nobody busy, and no letter is lost by what they have lost.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";

import { RelayOffline, RelayRefusal } from "../../wire/relay.js";
import { FakeRelay } from "./fake-relay.js";
import { Person, Stranger, clock, introduced } from "./people.js";

const all = [];
after(() => Promise.all(all.map((person) => person.stop())));

/** How long each time was, in milliseconds, between what is noted. */
class Times {
  #last;
  between = [];

  note() {
    const now = performance.now();
    if (this.#last !== undefined) this.between.push(now - this.#last);
    this.#last = now;
  }
}

/** Bob, at a relay of which one answer is given by the test: `answer` gets the mailbox's own. */
async function bobAt(answer) {
  const [relay, time] = [new FakeRelay(), clock()];
  const bob = await Person.begin("bob", relay, time);
  all.push(bob);
  await bob.until("he is there", () => relay.mailboxes.has("bob") && bob.carrier.reach === "online");
  const fetch = relay.fetch.bind(relay);
  const times = new Times();
  relay.fetch = async (...given) => {
    times.note();
    // However busy it keeps him, the test goes on.
    await wait(1);
    return answer(fetch, ...given);
  };
  relay.wake();
  return { relay, time, bob, times };
}

/** No timer ends before its time by more than this, in milliseconds. */
const EARLY = 5;

test("a relay that does not wait, and has nothing, is not asked again at once", async () => {
  const { relay, bob, times } = await bobAt((fetch, name, token, acknowledged) => fetch(name, token, acknowledged, 0));
  // What woke him was no answer of that kind yet.
  relay.deposit("bob", new Uint8Array(16), new Uint8Array(1));
  await bob.until("it was asked a few times", () => times.between.length >= 4);
  assert.ok(times.between.slice(-2).every((pause) => pause >= 1_000 - EARLY), `${times.between}`);
});

test("a relay that gives again what was acknowledged is not asked again at once, and nothing is taken in twice", async () => {
  let [kept, taken] = [[], 0];
  const { relay, time, bob, times } = await bobAt(async (fetch, name, token, acknowledged) => {
    const answer = await fetch(name, token, acknowledged, 0);
    kept = [...kept, ...answer.letters.filter(({ number }) => kept.every((it) => it.number !== number))];
    return { ...answer, letters: kept };
  });
  const takeIn = bob.chat.takeIn.bind(bob.chat);
  bob.chat.takeIn = (...given) => {
    taken += 1;
    return takeIn(...given);
  };
  new Stranger("alice", relay, "bob", time).say("hello");
  await bob.until("it was asked a few times", () => kept.length === 1 && times.between.length >= 5);
  assert.equal(taken, 1);
  assert.ok(times.between.slice(-2).every((pause) => pause >= 1_000 - EARLY), `${times.between}`);
});

test("a relay whose connections end with each answer, and that so gives the same again, is not asked again at once", async () => {
  const { relay, time, bob, times } = await bobAt(async (fetch, ...given) => {
    const answer = await fetch(...given);
    relay.breaks += 1;
    return answer;
  });
  new Stranger("alice", relay, "bob", time).say("hello");
  await bob.until("it was asked a few times", () => times.between.length >= 5);
  assert.ok(times.between.slice(-2).every((pause) => pause >= 1_000 - EARLY), `${times.between}`);
  assert.deepEqual(await bob.reads("alice"), ["hello"]);
});

test("a relay that says something soon is asked again at once", async () => {
  const { relay, time, bob, times } = await bobAt((fetch, ...given) => fetch(...given));
  const alice = new Stranger("alice", relay, "bob", time);
  for (let number = 0; number < 20; number += 1) {
    const { length } = times.between;
    alice.say(`${number}`);
    await bob.until("it is asked again", () => times.between.length > length);
  }
  assert.ok(Math.min(...times.between) < 900, `${times.between}`);
});

/**
 * How long it was between the times at which Bob made new prekeys for a relay that `does` makes forgetful. It may give what is done at
 * each of them.
 */
async function forgetful(does) {
  const [relay, time] = [new FakeRelay(), clock()];
  const [alice, bob] = await introduced(relay, time);
  all.push(alice, bob);
  const times = new Times();
  const { chat } = bob;
  const relayHasForgotten = chat.relayHasForgotten.bind(chat);
  const each = does(relay) ?? (() => {});
  chat.relayHasForgotten = () => {
    times.note();
    each();
    return relayHasForgotten();
  };
  relay.wake();
  relay.deposit("bob", new Uint8Array(16), new Uint8Array(1));
  await bob.until("all was published three times", () => times.between.length >= 2);
  return times;
}

test("a relay that forgets again and again is given new prekeys less and less often", async () => {
  const times = await forgetful((relay) => {
    relay.fetch = () => { throw new RelayRefusal("unknown"); };
  });
  const [first, second] = times.between;
  assert.ok(first >= 1_000 - EARLY && second >= 2_000 - EARLY, `${times.between}`);
});

test("a relay that forgets each second time, and has a letter between, is given new prekeys less and less often", async () => {
  const times = await forgetful((relay) => {
    let asked = 0;
    relay.fetch = (name, token, acknowledged) => {
      asked += 1;
      if (asked % 2 === 0) throw new RelayRefusal("unknown");
      return { acknowledged, stock: undefined, letters: [{ number: acknowledged + 1, message: new Uint8Array(1) }] };
    };
  });
  const [first, second] = times.between;
  assert.ok(first >= 1_000 - EARLY && second >= 2_000 - EARLY, `${times.between}`);
});

test("a relay that forgets, and breaks off when all is published anew, is given new prekeys less and less often", async () => {
  const times = await forgetful((relay) => {
    let breaks = 0;
    relay.fetch = () => { throw new RelayRefusal("unknown"); };
    const publish = relay.publish.bind(relay);
    relay.publish = (name, ...given) => {
      if (name !== "bob" || breaks === 0) return publish(name, ...given);
      breaks -= 1;
      throw new RelayOffline("the connection was closed");
    };
    // Both of those break off who publish what is due.
    return () => (breaks = 2);
  });
  const [first, second] = times.between;
  assert.ok(first >= 1_000 - EARLY && second >= 2_000 - EARLY, `${times.between}`);
});

test("a relay that says it was asked too often, and names no time, is not asked again at once", async () => {
  const [relay, time] = [new FakeRelay(), clock()];
  const bob = await Person.begin("bob", relay, time);
  all.push(bob);
  let asked = 0;
  relay.bundle = async () => {
    asked += 1;
    await wait(1);
    throw new RelayRefusal("too_often", 0);
  };
  await bob.chat.meet("carol");
  await bob.chat.write("carol", "hello");
  await bob.hears("trouble", "carol");
  // The clock is set by hand, and does not go on; whatever happens here asks again for whom it may.
  for (let times = 0; times < 20; times += 1) await bob.chat.keepTyped("carol", `${times}`);
  assert.equal(asked, 1);
  // Nor is it believed for ever.
  relay.bundle = async () => {
    asked += 1;
    await wait(1);
    throw new RelayRefusal("too_often", 0xffff_ffff);
  };
  time.now += 2_000;
  await bob.chat.keepTyped("carol", "");
  await bob.until("it has refused again", () => asked === 2 && bob.chat.state.rests("carol", time.now));
  time.now += 601_000;
  await bob.chat.keepTyped("carol", "again");
  await bob.until("it is asked once more", () => asked === 3);
});

test("a clock that is set back prolongs no pause, and puts off nothing that is done once a day or an hour", async () => {
  const [relay, time] = [new FakeRelay(), clock()];
  const bob = await Person.begin("bob", relay, time);
  all.push(bob);
  await bob.until("he is there", () => relay.mailboxes.has("bob"));
  const { stock } = relay.mailboxes.get("bob").prekeys;
  await bob.chat.relayHas(stock);
  await bob.chat.meet("carol");
  await bob.chat.write("carol", "hello");
  await bob.hears("trouble", "carol");
  const { pending } = bob.chat.state;
  for (const back of [60_000, 3_600_000]) {
    relay.asked.length = 0;
    time.now -= back;
    await bob.chat.tick();
    await bob.until("it is asked again", () => relay.asked.includes("bundle"));
    assert.equal(pending.maintained, time.now);
    await bob.chat.relayHas(stock);
    assert.equal(pending.toldOfStock, time.now);
    // And it is a pause from now on.
    await bob.until("she rests", () => bob.chat.state.rests("carol", time.now));
  }
});

test("what comes to a relay that has lost its store is taken in, though it counts anew", async () => {
  const [relay, time] = [new FakeRelay(), clock()];
  const [alice, bob] = await introduced(relay, time);
  all.push(alice, bob);
  for (const text of ["one", "two", "three"]) await alice.chat.write("bob", text);
  await alice.isDone();
  await bob.until("all is acknowledged", () => relay.mailboxes.get("bob").letters.length === 0);
  // It comes back empty, and the connections to the former one have ended.
  relay.switchOff();
  await bob.until("he is offline", () => bob.carrier.reach === "offline");
  relay.mailboxes.clear();
  relay.switchOn();
  await bob.until("both are there again", () => relay.mailboxes.has("bob") && relay.mailboxes.has("alice"));
  await alice.chat.write("bob", "four");
  await alice.isDone();
  await bob.until("it is taken in", () => relay.mailboxes.get("bob").letters.length === 0);
  assert.equal((await bob.reads("alice")).at(-1), "four");
});
