// What the module is given: randomness, and errors to throw.

import { EvanesceError, type ErrorCode } from "./errors.js";
import { read } from "./values.js";

/** As it is now: what somebody puts in its place later is not asked for keys. */
const source: Crypto | undefined = globalThis.crypto;
const fill = source?.getRandomValues?.bind(source);

/** @internal */
export function hasRandomness(): boolean {
  return fill !== undefined;
}

/** @internal At most 65,536 bytes are asked for at a time, and a draw has 32. */
export function randomize(out: Uint8Array<ArrayBuffer>): void {
  if (fill === undefined) throw new EvanesceError("no_randomness", "there is no crypto.getRandomValues here");
  fill(out);
}

/** @internal The bytes are the module's own, so they are copied first. */
export function refusal(bytes: Uint8Array): EvanesceError {
  const { code, message, identity } = read<{ code: ErrorCode; message: string; identity?: Uint8Array }>(bytes.slice());
  return new EvanesceError(code, message, { identity });
}
