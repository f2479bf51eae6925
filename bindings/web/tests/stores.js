// Devices whose state is in a store, and what stands there.

import { IDBFactory, IDBKeyRange } from "fake-indexeddb";

import { evanesce, part } from "./package.js";

globalThis.IDBKeyRange = IDBKeyRange;
const { text } = evanesce;
const { Store } = await part("store.js");

/** A row that no store takes. */
export const UNSTORABLE = [["row", () => 1]];

/** The store of a device, with all of it in it. */
export async function stored(party, key) {
  const options = { key, indexedDB: new IDBFactory(), soleHolder: true };
  const store = await Store.open("account", options);
  const { account, own, contacts, expiry, groups } = party;
  await store.commit({ account, own, contacts, groups, effects: { writes: expiry.records, events: [], tell: [] }, scheduler: expiry });
  return Object.assign(party, { options, store });
}

/** All of it is taken from the store, after what was in memory was freed. */
export async function taken(party) {
  const { store } = party;
  const [account, own, contacts, expiry, groups] =
    [await store.account(), await store.ownDevices(), await store.contacts(), await store.scheduler(), await store.groups()];
  return Object.assign(party, { account, own, contacts, expiry, groups: party.groups && groups });
}

/** The tab is closed, and opened again. */
export async function reopened(party) {
  party.store.close();
  return taken(Object.assign(party, { store: await Store.open("account", party.options) }));
}

export const house = ({ account, own, contacts, expiry, groups }) => ({ account, own, contacts, scheduler: expiry, groups });

/** What stands in the outbox, which is empty then. */
export async function sent({ store }) {
  const wire = [];
  await store.flush((to, message) => void wire.push([text(to), message]));
  return wire;
}

/** Everything that stands in the database. */
export async function everything({ options: { indexedDB } }) {
  const answer = (request) => new Promise((resolve, reject) => {
    [request.onsuccess, request.onerror] = [() => resolve(request.result), () => reject(request.error)];
  });
  const database = await answer(indexedDB.open("account"));
  const tables = [...database.objectStoreNames];
  const transaction = database.transaction(tables, "readonly");
  const all = await Promise.all(tables.map(async (name) => {
    const rows = transaction.objectStore(name);
    return [name, await Promise.all([answer(rows.getAllKeys()), answer(rows.getAll())])];
  }));
  database.close();
  return all;
}

/** Which of a device's objects are freed. */
export function freed({ account, own, contacts, expiry, groups }) {
  const asks = {
    account: () => account.device, own: () => own.device, contacts: () => contacts.owners, expiry: () => expiry.limits, groups: () => groups.ids,
  };
  return Object.entries(asks).filter(([, ask]) => {
    try {
      ask();
      return false;
    } catch (refusal) {
      return refusal.code === "freed";
    }
  }).map(([name]) => name);
}
