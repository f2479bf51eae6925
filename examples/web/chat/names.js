// What people are called: the address of their device, the same at the relay and inside of the encryption.

import { text as string } from "evanesce";

/** @param {string} name */
export const isName = (name) => /^[a-z0-9._-]{1,32}$/.test(name);

/**
 * Which conversation the fragment of the page's address names: whatever somebody has put there, a name or none.
 *
 * @param {string} fragment With its `#`
 */
export function namedBy(fragment) {
  const name = fragment.slice(1);
  return isName(name) ? name : undefined;
}

/**
 * The name that an address is, if it is one.
 *
 * @param {Uint8Array} address
 */
export function nameOf(address) {
  const name = string(address);
  return isName(name) ? name : undefined;
}
