// The known answers of people with several devices, replayed through the package.

import assert from "node:assert/strict";
import { test } from "node:test";

import { answers, bytes, code, drawing, evanesce, fields, files, hex, sections } from "./replay.js";
import { Replay } from "./replayed_devices.js";

const { Account, Contacts, OwnDevices, Person, readLinkCode, verifyDeviceList } = evanesce;

const somebody = () =>
  new OwnDevices(drawing("07".repeat(64), () => Account.generate("somebody", 0, { suite: "classical" })));

test("pieces of devices", () => {
  sections("devices.json", {
    // The package signs lists of devices that were linked: `OwnDevices.refresh`, `remove` and `finishLink`, below.
    list({ list, now, version, created, expires, digest, owner_seed }) {
      const account = drawing(owner_seed + "11".repeat(32), () => Account.generate("a", 0, { suite: "classical" }));
      const verified = verifyDeviceList(bytes(list), now * 1_000);
      assert.deepEqual(verified.owner, account.device.identity);
      assert.deepEqual([verified.version, verified.created, verified.expires], [version, created * 1_000, expires * 1_000]);
      assert.deepEqual([hex(verified.digest), hex(verified.bytes)], [digest, list]);
    },
    list_refused({ list, now, reason }) {
      assert.equal(code(() => verifyDeviceList(bytes(list), now * 1_000)), reason);
    },
    link_code({ ident, address, code: encoded, digits }) {
      const { device, digits: its, bytes: again } = readLinkCode(bytes(encoded));
      assert.deepEqual([hex(device.identity), hex(device.address), its, hex(again)], [ident, address, digits, encoded]);
    },
    link_code_refused({ code: encoded, reason }) {
      assert.equal(code(() => readLinkCode(bytes(encoded))), reason);
    },
    number({ owner_a, owner_b, number, scannable_a, scannable_b }) {
      const [a, b] = [owner_a, owner_b].map((owner) => new Person(bytes(owner)));
      const [ours, theirs] = [b.number(a.owner), a.number(b.owner)];
      assert.deepEqual([ours.digits, theirs.digits], [number, number]);
      assert.deepEqual([hex(ours.scannable), hex(theirs.scannable)], [scannable_a, scannable_b]);
    },
    holding({ owner, devices, lists, steps }) {
      const [own, contacts] = [somebody(), new Contacts()];
      contacts.addPerson(new Person(bytes(owner)));
      const all = devices.map(({ address, ident }) => ({ address: bytes(address), identity: bytes(ident) }));
      for (const step of steps) {
        fields(step, ["op", "now", "list", "expect", "standing", "send_to", "list_need", "marked"]);
        const now = step.now * 1_000;
        if (step.op === "adopt") {
          assert.deepEqual(adopted(own, contacts, bytes(lists[step.list]), now), step.expect);
          continue;
        }
        assert.equal(step.op, "state");
        const person = contacts.person(bytes(owner));
        assert.deepEqual(step.standing.map((_, place) => person.standing(all[place], now)), step.standing);
        const sendTo = Array.isArray(step.send_to)
          ? person.devices(now).map(({ address }) => hex(address))
          : { error: code(() => person.devices(now)) };
        assert.deepEqual(sendTo, step.send_to);
        assert.deepEqual([person.listNeed(now), person.isMarked], [step.list_need, step.marked]);
      }
    },
  }, {
    consent: "signatures of consents by themselves: linking makes them, and lists are verified with them",
    parts: "contents before they are sealed: messages go through them",
    parts_malformed: "as above",
    parts_long: "as above",
  });
});

/** What comes of a list from a server. */
function adopted(own, contacts, list, now) {
  try {
    // The package takes no expired one as the first of a person; the answers ask what one that is held comes to.
    const isFirst = contacts.person(verifyDeviceList(list, now).owner)?.list === undefined;
    const at = isFirst ? Math.min(now, verifyDeviceList(list, now).expires - 1_000) : now;
    const { events: [event] } = contacts.adopt(own, list, at);
    return { event: event === undefined ? null : Replay.event(event) };
  } catch (refusal) {
    return { error: refusal.code };
  }
}

for (const name of files(/^devices-.*\.json$/)) {
  test(`${name}, with a restart after every step`, () => replay(name, true));
  test(`${name}, without`, () => replay(name, false));
}

function replay(name, restarts) {
  const conversation = answers(name);
  assert.equal(conversation.format, 1);
  const replay = new Replay(conversation);
  assert.notEqual(conversation.steps.length, 0);
  for (const [place, step] of conversation.steps.entries()) {
    try {
      replay.step(step);
    } catch (error) {
      error.message = `step ${place}, ${step.op} (${step.comment ?? ""}): ${error.message}`;
      throw error;
    }
    if (restarts) replay.restart();
  }
}
