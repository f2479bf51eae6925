// One tab has an account at a time. The others wait, and the next one takes over when it is closed.

/**
 * Waits until no other tab has the account.
 *
 * @param {string} name
 * @param {() => void} onWaiting Called if another one has it
 * @param {LockManager} [locks]
 * @returns {Promise<() => void>} What lets go of it
 */
export async function holdAccount(name, onWaiting, locks = navigator.locks) {
  const lock = `evanesce chat of ${name}`;
  const hold = (/** @type {LockOptions} */ options) => /** @type {Promise<(() => void) | undefined>} */ (
    new Promise((resolve, reject) => {
      locks.request(lock, options, (granted) => {
        if (granted === null) {
          resolve(undefined);
          return undefined;
        }
        return /** @type {Promise<void>} */ (new Promise((letGo) => resolve(letGo)));
      }).catch(reject);
    })
  );
  const atOnce = await hold({ ifAvailable: true });
  if (atOnce !== undefined) return atOnce;
  onWaiting();
  return /** @type {() => void} */ (await hold({}));
}
