// The number that two people compare, as terminals show it: docs/protocol.md §17.8. It is of people and not of their devices, so that
// it stays as devices come and go; a page is the only device of its person, and its identity is that person's.
//
// The package has it as `Person.number` once it has people; then this file goes.

/** Separates those of people from every other hash. */
const LABEL = new TextEncoder().encode("evanesce/v1 person number");

/** How often the hash is repeated, which makes a search for a similar number that much dearer. */
const ITERATIONS = 5_199;

/** What a code begins with that is of people. */
const PEOPLE = 2;

/**
 * What we show, and expect of the other side. Takes some tens of milliseconds, on purpose.
 *
 * @param {Uint8Array} ours The identity, 64 bytes: `account.device.identity`
 * @param {Uint8Array} theirs `peer.contact.identity`
 */
export async function personNumber(ours, theirs) {
  const [our, their] = [await fingerprint(ours), await fingerprint(theirs)];
  const digits = [digitsOf(our), digitsOf(their)].sort().join("");
  return {
    /** The same 60 digits for both. */
    digits,
    /** In twelve groups of five, to be read aloud. */
    text: digits.replace(/.{5}(?=.)/g, "$& "),
    /** What we show for the other one to scan: 65 bytes, for a QR code of bytes. */
    scannable: Uint8Array.of(PEOPLE, ...our, ...their),
    /**
     * Compares what the other one shows: `equal`, `different` (somebody may stand between the two), or `no_number`, of whatever else
     * people scan.
     *
     * @param {Uint8Array} scanned
     */
    compare(scanned) {
      if (scanned.length !== 65 || scanned[0] !== PEOPLE) return "no_number";
      const expected = Uint8Array.of(PEOPLE, ...their, ...our);
      return expected.every((byte, place) => byte === scanned[place]) ? "equal" : "different";
    },
  };
}

/**
 * `h0 = SHA-512(label ‖ OWNER)`, `h(i) = SHA-512(h(i-1) ‖ OWNER)`: the first 32 bytes of the last one.
 *
 * @param {Uint8Array} owner
 */
async function fingerprint(owner) {
  let hash = await sha512(LABEL, owner);
  for (let left = ITERATIONS; left > 0; left -= 1) hash = await sha512(hash, owner);
  return hash.subarray(0, 32);
}

/**
 * @param {Uint8Array} first
 * @param {Uint8Array} second
 */
async function sha512(first, second) {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return new Uint8Array(await crypto.subtle.digest("SHA-512", both));
}

/**
 * Six groups of five bytes as numbers modulo 100,000: the first 30 bytes, 30 digits.
 *
 * @param {Uint8Array} fingerprint
 */
function digitsOf(fingerprint) {
  let digits = "";
  for (let start = 0; start < 30; start += 5) {
    // Forty bits are a number that JavaScript has.
    const number = fingerprint.subarray(start, start + 5).reduce((number, byte) => number * 256 + byte, 0);
    digits += String(number % 100_000).padStart(5, "0");
  }
  return digits;
}
