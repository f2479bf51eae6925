// Small things about bytes.

/** @param {Uint8Array} bytes */
export const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** @param {string} digits */
export const unhex = (digits) => Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));

/** @param {number} length */
export const random = (length) => crypto.getRandomValues(new Uint8Array(length));

/**
 * Whether two keys or identities are the same. They are public, so that how long it takes tells nothing.
 *
 * @param {Uint8Array | undefined} one
 * @param {Uint8Array | undefined} other
 */
export const isSame = (one, other) =>
  one !== undefined && other !== undefined && one.length === other.length && one.every((byte, place) => byte === other[place]);

/** @param {Uint8Array} bytes */
export const base64 = (bytes) => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));

/** @param {string} text */
export const unbase64 = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
