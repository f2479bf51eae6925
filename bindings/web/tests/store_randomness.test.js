// A store whose source of randomness fails: what is refused before anything changes frees nothing.

import assert from "node:assert/strict";
import { test } from "node:test";

// The package takes the source that is there when it is loaded.
const getRandomValues = crypto.getRandomValues.bind(crypto);
let isThere = true;
crypto.getRandomValues = (bytes) => {
  if (!isThere) throw new RangeError("none");
  return getRandomValues(bytes);
};
const [{ clubs }, { NOW, evanesce }, { everything, freed, house, stored }] =
  await Promise.all(["./club.js", "./package.js", "./stores.js"].map((name) => import(name)));
const { utf8 } = evanesce;

test("where there is no randomness calls of a household are refused, and free nothing", async () => {
  const { anna, ben } = clubs(["anna", "ben"], { suite: "classical" });
  await stored(anna);
  const { group, outgoing } = anna.own.createGroup(anna.account, anna.contacts, anna.groups, [ben.owner], utf8("x"), NOW);
  await anna.store.sendOut(house(anna), outgoing);
  for (const call of [
    () => anna.store.send(anna.contacts.peer("ben"), utf8("x"), NOW), () => anna.store.sendTo(house(anna), ben.owner, utf8("x"), NOW),
    () => anna.store.sendToGroup(house(anna), group, utf8("x"), NOW), () => anna.store.lookAfterGroups(house(anna), NOW),
  ]) {
    const before = await everything(anna);
    isThere = false;
    await assert.rejects(call(), { code: "no_randomness" });
    isThere = true;
    assert.deepEqual([freed(anna), await everything(anna)], [[], before]);
    await call();
  }
});
