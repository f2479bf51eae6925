// The known answers of groups, as far as the package can be asked: what travels in sessions there is parts by themselves, and
// no part has a call of its own. The library replays all of them below its sessions.

import assert from "node:assert/strict";
import { test } from "node:test";

import { answers, bytes, code, drawing, evanesce, files, sections } from "./replay.js";

const { Account, Contacts, Groups, OwnDevices } = evanesce;

const PARTS = "parts of groups by themselves: they travel in sessions, and are heard with what came";
const KEYS = "keys of groups: none leaves its group";

test("pieces of groups", () => {
  const own = new OwnDevices(drawing("07".repeat(64), () => Account.generate("somebody", 0, { suite: "classical" })));
  const [groups, contacts] = [new Groups(), new Contacts()];
  sections("groups-pieces.json", {
    message_refused({ message, reason }) {
      assert.equal(code(() => groups.decrypt(own, contacts, bytes(message), 1_800_000_000_000)), reason);
    },
  }, {
    roster: PARTS, roster_by_rule: PARTS, roster_read: PARTS, roster_refused: PARTS, held_roster: PARTS, follows: PARTS, want: PARTS,
    distribution: PARTS, about: PARTS, seal: KEYS, chain: KEYS, chain_key: KEYS, message: KEYS,
    content: "contents before they are sealed: messages go through them",
  });
});

test("which rosters count", () => {
  sections("groups-heads.json", {}, { cases: PARTS });
});

/** Why each step is none of the package's. */
const STEPS = {
  lists: "devices by their identities alone, which have no sessions",
  create: "which devices can be reached is said, where the package asks its sessions",
  change: "as above", encrypt: "as above", encrypt_run: "as above", leave: "as above", answer: "as above", merge_due: "as above",
  change_refused: "a group that such a device made", leave_refused: "as above", encrypt_refused: "as above", join: "as above",
  state: "as above", save: "as above", restore: "as above", restored: "as above", renew: "as above",
  hear: PARTS, wants: PARTS, began: "a session that is none",
  deliver: "messages under chains that such parts gave",
};

test("conversations of groups have no step that is not named here", () => {
  for (const name of files(/^groups-conversation-.*\.json$/)) {
    const { format, devices, lists, steps, comment, ...rest } = answers(name);
    assert.deepEqual([format, rest], [1, {}]);
    assert.ok(Object.keys(devices).length > 0 && lists !== undefined && steps.length > 0);
    for (const { op } of steps) assert.ok(Object.hasOwn(STEPS, op), `${name}: nobody knows the step ${op}`);
    void comment;
  }
});
