// What JavaScript passes is checked here, before it comes to the module: nothing that a caller can pass makes that stop.

import { EvanesceError, invalid } from "./errors.js";
import { isLoaded } from "./values.js";

/** The most bytes that are passed at once: 64 MiB. More would only be copied to be refused. */
export const MOST_BYTES = 67_108_864;

/** The last moment that a Date has, in milliseconds. */
const LAST_TIME = 8.64e15;

const MOST_OF_32_BITS = 0xffff_ffff;

const encoder = new TextEncoder();

// What an array says of itself can be put in its place by anybody; what these say cannot.
const typed = Object.getPrototypeOf(Uint8Array.prototype) as object;
const getter = (name: string): ((this: unknown) => unknown) =>
  Object.getOwnPropertyDescriptor(typed, name)!.get as (this: unknown) => unknown;
const tagOf = getter(Symbol.toStringTag as unknown as string);
const bufferOf = getter("buffer");
const offsetOf = getter("byteOffset");
const lengthOf = getter("length");

/** @internal A plain view of an array of bytes, which is one truly. */
export function bytes(value: unknown, name: string, most = MOST_BYTES): Uint8Array {
  if (tagOf.call(value) !== "Uint8Array") throw invalid(`${name} must be a Uint8Array`);
  const length = lengthOf.call(value) as number;
  if (length > most) throw new EvanesceError("too_large", `${name} has more than ${most} bytes`);
  try {
    return new Uint8Array(bufferOf.call(value) as ArrayBuffer, offsetOf.call(value) as number, length);
  } catch {
    throw invalid(`${name} was transferred to somebody else`);
  }
}

/** @internal */
export function exactly(value: unknown, length: number, name: string): Uint8Array {
  const checked = bytes(value, name);
  if (checked.length !== length) throw invalid(`${name} must have ${length} bytes`);
  return checked;
}

/** @internal Nothing for what is absent. */
export function bytesOr(value: unknown, name: string): Uint8Array {
  return value === undefined ? EMPTY : bytes(value, name);
}

export const EMPTY = new Uint8Array();

/** @internal A moment, in milliseconds; for sessions, the second that it is in. */
export function time(value: unknown, name = "now"): number {
  return Math.floor(millis(value, name) / 1_000);
}

/** @internal A moment or a duration in milliseconds. */
export function millis(value: unknown, name: string): number {
  if (typeof value !== "number" || !(value >= 0 && value <= LAST_TIME)) {
    throw invalid(`${name} must be milliseconds, from 0 to ${LAST_TIME}`);
  }
  return value;
}

/** @internal */
export function count(value: unknown, name: string, most = MOST_OF_32_BITS): number {
  if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value > most) {
    throw invalid(`${name} must be a whole number, from 0 to ${most}`);
  }
  return value;
}

/** @internal */
export function text(value: unknown, name: string, most = 4_096): string {
  if (typeof value !== "string") throw invalid(`${name} must be a string`);
  if (value.length > most) throw invalid(`${name} is too long`);
  return value;
}

/** @internal An address: bytes, or the UTF-8 of a string. */
export function address(value: unknown, name = "address"): Uint8Array {
  const checked = typeof value === "string" ? encoder.encode(text(value, name)) : bytes(value, name);
  if (checked.length < 1 || checked.length > 64) throw invalid(`${name} must have 1 to 64 bytes`);
  return checked;
}

/** @internal */
export function flag(value: unknown, name: string): boolean {
  if (typeof value !== "boolean") throw invalid(`${name} must be true or false`);
  return value;
}

/** @internal An object whose fields are read, each once. */
export function fields<Fields extends object>(value: Fields, name: string): Fields {
  if (typeof value !== "object" || value === null) throw invalid(`${name} must be an object`);
  return value;
}

/** @internal One of a few words, by its place in the list. */
export function oneOf(value: unknown, words: readonly string[], name: string): number {
  const place = typeof value === "string" ? words.indexOf(value) : -1;
  if (place < 0) throw invalid(`${name} must be one of ${words.join(", ")}`);
  return place;
}

/** @internal Byte strings behind each other, each behind its length of 4 bytes. */
export function joined(list: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(list.reduce((sum, item) => sum + 4 + item.length, 0));
  if (whole.length > MOST_BYTES) throw new EvanesceError("too_large", "the list is too long");
  const view = new DataView(whole.buffer);
  let place = 0;
  for (const item of list) {
    view.setUint32(place, item.length, true);
    whole.set(item, place + 4);
    place += 4 + item.length;
  }
  return whole;
}

/** @internal The items of an array, each read once: what the array says of itself, such as a `map` of its own, is not asked. */
export function listOf<Item>(value: unknown, name: string, most = 100_000): Item[] {
  if (!Array.isArray(value)) throw invalid(`${name} must be an array`);
  const length = value.length as unknown;
  if (typeof length !== "number" || !Number.isInteger(length) || length < 0) throw invalid(`${name} must be an array`);
  if (length > most) throw new EvanesceError("too_large", `${name} has more than ${most} items`);
  return Array.from({ length }, (_, place) => value[place] as Item);
}

/** @internal */
export function needsModule(): void {
  if (!isLoaded()) throw new EvanesceError("not_loaded", "the module is not loaded: await load() first");
}
