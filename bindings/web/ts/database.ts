// IndexedDB, and the lock that keeps others from it.

import { EvanesceError } from "./errors.js";
import { utf8 } from "./shapes.js";
import type { StorageKey } from "./storage.js";

/** What stands in META: what tells whether the key is the right one, and how often the store was opened. */
export const CHECK = "check", EPOCH = "epoch";

/** The table of these. */
export const META = "meta";

/** The kind of what is sealed there, among those that are left to applications. */
export const CHECK_KIND = 254;

/** Whether what stands there is of this key, or of none. */
export function fits(found: Uint8Array | undefined, key: StorageKey | undefined, name: string): boolean {
  if (found === undefined) return false;
  if (key === undefined) return found.length === CHECK.length;
  try {
    key.open(found, CHECK_KIND, utf8(name));
    return true;
  } catch {
    return false;
  }
}

/** Counts an opening: whoever opened the store before writes no more. */
export async function begun(database: IDBDatabase): Promise<number> {
  const transaction = database.transaction([META], "readwrite", { durability: "strict" });
  const [meta, completed] = [transaction.objectStore(META), completion(transaction)];
  const counted = answer<number | undefined>(meta.get(EPOCH)).then((last) => {
    const next = (last ?? 0) + 1;
    meta.put(next, EPOCH);
    return next;
  });
  const [epoch] = await Promise.all([counted, completed]);
  return epoch;
}

/** What is refused with a code stays so; all else is the store's. */
export function failed(cause: unknown): EvanesceError {
  if (cause instanceof EvanesceError) return cause;
  return new EvanesceError("store_failed", "the store did not take what was to be stored, or does not give it", { cause });
}

export function answer<Result>(request: IDBRequest<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

export function completion(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error);
  });
}

/** All keys from this one on. */
export function from(start: string): IDBKeyRange | undefined {
  return globalThis.IDBKeyRange === undefined ? undefined : globalThis.IDBKeyRange.lowerBound(start);
}

/**
 * How long a lock is waited for, and after how long it is asked for again, in milliseconds: of a page that was left just now it is held
 * a moment longer.
 */
const PATIENCE = 2_000, AGAIN = 50;

/** Holds a lock until the function that it gives is called, or `lost` is, because somebody has stolen it. */
export async function lock(name: string, isSole: boolean, lost: () => void): Promise<() => void> {
  const { locks } = (globalThis.navigator ?? {}) as { locks?: LockManager };
  if (locks === undefined) {
    if (isSole) return () => {};
    throw new EvanesceError("no_locks", "there is no navigator.locks here: see soleHolder");
  }
  for (const end = performance.now() + PATIENCE; ; ) {
    const letGo = await atOnce(locks, name, lost);
    if (letGo !== undefined) return letGo;
    if (performance.now() >= end) throw new EvanesceError("store_in_use", "another tab has this store");
    await new Promise((resolve) => setTimeout(resolve, AGAIN));
  }
}

/** The same; `undefined` if somebody else has it. */
function atOnce(locks: LockManager, name: string, lost: () => void): Promise<(() => void) | undefined> {
  let isHeld = false;
  return new Promise<(() => void) | undefined>((resolve, reject) => {
    const held = locks.request(name, { ifAvailable: true }, (lock) => {
      if (lock === null) return resolve(undefined);
      isHeld = true;
      return new Promise<void>((letGo) => resolve(letGo));
    });
    held.catch((cause) => (isHeld ? lost() : reject(cause)));
  }).catch((cause) => {
    throw failed(cause);
  });
}
