// Small things about bytes.

/** @param {Uint8Array} bytes */
export const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/**
 * The bytes of small hexadecimal digits. It is asked for each message that is drawn, so it is made to be fast.
 *
 * @param {string} digits
 */
export function unhex(digits) {
  const bytes = new Uint8Array(digits.length >> 1);
  for (let place = 0; place < bytes.length; place += 1) {
    bytes[place] = (digit(digits.charCodeAt(2 * place)) << 4) | digit(digits.charCodeAt(2 * place + 1));
  }
  return bytes;
}

/** @param {number} code Of one of 0 to 9, or a to f */
const digit = (code) => (code < 58 ? code - 48 : code - 87);

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
