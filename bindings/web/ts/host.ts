// What the module is given: randomness, and errors to throw.

import { EvanesceError, type ErrorCode } from "./errors.js";
import { read } from "./values.js";

/** As it is now: what somebody puts in its place later is not asked for keys. */
const source: Crypto | undefined = globalThis.crypto;
const fill = source?.getRandomValues?.bind(source);

/** What the call that is about to be made may draw; nothing between calls, since whoever saw it would know keys to come. */
const NOTHING = new Uint8Array();
let pool = NOTHING;
let drawn = 0;
/** Whether that may not be all. */
let isOpen = false;

/** The first bytes of each draw, of which nothing is made: they tell whether the source repeats itself. */
const TELL = 16;
const lastTell = new Uint8Array(TELL);

/** @internal `crypto.getRandomValues` gives so many at once. */
export const AT_ONCE = 65_536;

/**
 * @internal What a call draws at most that makes no prekeys, with room to spare: the X25519 key of a step, the seed of an ML-KEM
 * key, what encapsulation takes and the salt of a seal are 32 to 64 bytes each.
 */
export const MOST_DRAWN_AT_ONCE = 512;

/** Where such calls find what they draw: an array for each message would cost as much as its draw. */
const usual = new Uint8Array(TELL + MOST_DRAWN_AT_ONCE);

/** @internal What one prekey is drawn from: an X25519 key, and the seed of an ML-KEM one. */
export const PER_PREKEY = 96;

/** @internal What maintenance may draw at most: 1,000 one-time prekeys, as many as a server has room for, and what else there is. */
export const MOST_DRAWN = 1_024 * PER_PREKEY;

function fresh(length: number): Uint8Array<ArrayBuffer> {
  if (fill === undefined) throw new EvanesceError("no_randomness", "there is no crypto.getRandomValues here");
  const whole = length === MOST_DRAWN_AT_ONCE ? usual : new Uint8Array(TELL + length);
  try {
    if (whole.length <= AT_ONCE) fill(whole);
    else for (let start = 0; start < whole.length; start += AT_ONCE) fill(whole.subarray(start, start + AT_ONCE));
  } catch (cause) {
    throw new EvanesceError("no_randomness", "crypto.getRandomValues failed", { cause });
  }
  let [isNothing, isSame] = [true, true];
  for (let place = 0; place < TELL; place += 1) {
    const byte = whole[place];
    isNothing &&= byte === 0;
    isSame &&= byte === lastTell[place];
    lastTell[place] = byte as number;
  }
  if (isNothing || isSame) throw new EvanesceError("no_randomness", "crypto.getRandomValues repeats itself");
  return whole.subarray(TELL);
}

/** @internal Draws twice, and refuses a source that is missing, fails, or gives the same again. */
export function examineRandomness(): void {
  fresh(TELL).fill(0);
  fresh(TELL).fill(0);
}

/**
 * @internal Makes a call that may draw so many bytes: they are there before it begins, so that nothing fails within it, and
 * what is left of them goes when it ends.
 */
export function drawing<Result>(most: number, call: () => Result): Result {
  pool = fresh(most);
  drawn = 0;
  try {
    return call();
  } finally {
    pool.fill(0);
    pool = NOTHING;
    isOpen = false;
  }
}

/**
 * @internal The same of a call that draws so much as a rule, and more where it tells more devices than could be foreseen: others
 * say of how many. The source has just given; if it fails within the call, that is cut short, and is the last one.
 */
export function drawingMore<Result>(usually: number, call: () => Result): Result {
  return drawing(usually, () => {
    isOpen = true;
    return call();
  });
}

/** @internal Empties the pool, and wipes what it gives. */
export function randomize(out: Uint8Array<ArrayBuffer>): void {
  if (isOpen && drawn + out.length > pool.length) {
    pool.fill(0);
    [pool, drawn] = [fresh(AT_ONCE), 0];
  }
  const end = drawn + out.length;
  // A call that draws more than was foreseen must end, with all that it has made.
  if (end > pool.length) throw new EvanesceError("broken", "more is drawn than is there");
  out.set(pool.subarray(drawn, end));
  pool.fill(0, drawn, end);
  drawn = end;
}

/** @internal The bytes are the module's own, so they are copied first. */
export function refusal(bytes: Uint8Array): EvanesceError {
  const { code, message, ...details } =
    read<{ code: ErrorCode; message: string; identity?: Uint8Array; missing?: Uint8Array }>(bytes.slice());
  return new EvanesceError(code, message, details);
}
