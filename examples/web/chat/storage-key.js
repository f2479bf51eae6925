// The key under which everything is stored: random, and wrapped by one that the browser holds and gives to nobody.
//
// The wrapping key is made non-extractable, so that a script can use it here and cannot carry it away; who copies the profile of
// the browser has it, though, since browsers keep it there. It protects rows in backups and in other tools' hands, not the device.

import { StorageKey } from "evanesce";

const TABLE = "keys";

/**
 * The storage key of an account, made at the first time.
 *
 * @param {string} account
 * @param {IDBFactory} [factory] Another one than the browser's: for tests
 * @returns {Promise<StorageKey>}
 */
export async function storageKey(account, factory = globalThis.indexedDB) {
  const database = await opened(factory);
  try {
    const held = await request(database.transaction(TABLE).objectStore(TABLE).get(account));
    const { wrapping, nonce, wrapped } = held ?? (await made(database, account));
    const secret = new Uint8Array(await crypto.subtle.decrypt({ ...algorithm(nonce, account) }, wrapping, wrapped));
    const key = new StorageKey(secret);
    secret.fill(0);
    return key;
  } finally {
    database.close();
  }
}

/**
 * @param {IDBDatabase} database
 * @param {string} account
 */
async function made(database, account) {
  const wrapping = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
  const [secret, nonce] = [crypto.getRandomValues(new Uint8Array(32)), crypto.getRandomValues(new Uint8Array(12))];
  const wrapped = new Uint8Array(await crypto.subtle.encrypt(algorithm(nonce, account), wrapping, secret));
  secret.fill(0);
  const row = { wrapping, nonce, wrapped };
  const transaction = database.transaction(TABLE, "readwrite", { durability: "strict" });
  // Not over another one: what is sealed under that would be lost.
  transaction.objectStore(TABLE).add(row, account);
  await new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve(undefined);
    transaction.onabort = () => reject(transaction.error);
  });
  return row;
}

/**
 * The wrapped key is bound to its account.
 *
 * @param {Uint8Array<ArrayBuffer>} iv
 * @param {string} account
 */
const algorithm = (iv, account) => ({ name: "AES-GCM", iv, additionalData: new TextEncoder().encode(account) });

/**
 * @param {IDBFactory} factory
 * @returns {Promise<IDBDatabase>}
 */
function opened(factory) {
  const opening = factory.open("evanesce chat keys", 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(TABLE);
  return request(opening);
}

/**
 * @template Result
 * @param {IDBRequest<Result>} asked
 * @returns {Promise<Result>}
 */
function request(asked) {
  return new Promise((resolve, reject) => {
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
}
