// postcard's wire format: what stands in the messages between a client and the relay, and in the body of what people send.
//
// A codec writes and reads one shape. All or nothing: a value has one encoding, and bytes left over, a number in more bytes than
// it takes, a flag that is neither 0 nor 1 and a text that is no UTF-8 are refused.

/** Bytes that are the encoding of nothing here. It says no more: whoever sent them knows what they are. */
export class Malformed extends Error {
  constructor() {
    super("these bytes are the encoding of nothing here");
    this.name = "Malformed";
  }
}

/**
 * @template [Value=any]
 * @typedef {{ write(writer: Writer, value: Value): void, read(reader: Reader): Value }} Codec
 */

/** @typedef {Uint8Array<ArrayBuffer>} Bytes */

const encoder = new TextEncoder();
// A mark at the beginning is a character like others, and not skipped.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * The bytes of a value. What is no value of the codec's is a mistake of the caller's: a `TypeError`.
 *
 * @template Value
 * @param {Codec<Value>} codec
 * @param {Value} value
 */
export function encode(codec, value) {
  const writer = new Writer();
  codec.write(writer, value);
  return writer.finish();
}

/**
 * The value of bytes.
 *
 * @template Value
 * @param {Codec<Value>} codec
 * @param {Uint8Array} bytes
 * @throws {Malformed}
 */
export function decode(codec, bytes) {
  const reader = new Reader(bytes);
  const value = codec.read(reader);
  reader.finish();
  return value;
}

/** Puts bytes behind one another. */
class Writer {
  /** @type {Uint8Array[]} */
  #parts = [];
  #length = 0;

  /** @param {Uint8Array} bytes */
  raw(bytes) {
    this.#parts.push(bytes);
    this.#length += bytes.length;
  }

  /**
   * In groups of seven bits, the lowest first; the highest bit says that more follow.
   *
   * @param {number} number
   * @param {number} most
   */
  varint(number, most) {
    if (!Number.isSafeInteger(number) || number < 0 || number > most) throw new TypeError(`${number} is not from 0 to ${most}`);
    const bytes = [];
    for (; number > 0x7f; number = Math.floor(number / 0x80)) bytes.push((number % 0x80) | 0x80);
    this.raw(Uint8Array.of(...bytes, number));
  }

  finish() {
    const all = new Uint8Array(this.#length);
    let place = 0;
    for (const part of this.#parts) {
      all.set(part, place);
      place += part.length;
    }
    return all;
  }
}

/** Takes bytes one after the other, each once. */
class Reader {
  #bytes;
  #place = 0;

  /** @param {Uint8Array} bytes */
  constructor(bytes) {
    this.#bytes = checked(bytes);
  }

  /**
   * A copy, so that nothing hangs on the message that it came in.
   *
   * @param {number} length
   * @returns {Bytes}
   */
  raw(length) {
    if (length > this.#bytes.length - this.#place) throw new Malformed();
    return this.#bytes.slice(this.#place, (this.#place += length));
  }

  u8() {
    const byte = this.#bytes[this.#place];
    if (byte === undefined) throw new Malformed();
    this.#place += 1;
    return byte;
  }

  /** @param {number} most */
  varint(most) {
    let [number, weight] = [0, 1];
    for (;;) {
      const byte = this.u8();
      // Nothing in the highest group: the same number has an encoding in fewer bytes.
      if (byte === 0 && weight > 1) throw new Malformed();
      number += (byte & 0x7f) * weight;
      if (number > most) throw new Malformed();
      if (byte < 0x80) return number;
      weight *= 0x80;
    }
  }

  finish() {
    if (this.#place !== this.#bytes.length) throw new Malformed();
  }
}

/** @param {unknown} bytes */
function checked(bytes) {
  if (!(bytes instanceof Uint8Array)) throw new TypeError("bytes must be a Uint8Array");
  return bytes;
}

/** @returns {Codec<number>} */
const number = (/** @type {number} */ most) => ({
  write: (writer, value) => writer.varint(value, most),
  read: (reader) => reader.varint(most),
});

/** A number of 32 bits. */
export const u32 = number(0xffff_ffff);

/** A number of 64 bits, as far as JavaScript has each: to 2^53 - 1. Greater ones are refused. */
export const u64 = number(Number.MAX_SAFE_INTEGER);

/** @type {Codec<number>} */
export const u8 = {
  write(writer, value) {
    if (!Number.isInteger(value) || value < 0 || value > 0xff) throw new TypeError(`${value} is not from 0 to 255`);
    writer.raw(Uint8Array.of(value));
  },
  read: (reader) => reader.u8(),
};

/** @returns {Codec<Uint8Array>} Bytes whose number everybody knows. */
export const fixed = (/** @type {number} */ length) => ({
  write(writer, value) {
    if (checked(value).length !== length) throw new TypeError(`it must have ${length} bytes`);
    writer.raw(value);
  },
  read: (reader) => reader.raw(length),
});

/** @returns {Codec<Uint8Array>} Bytes behind their number, which is bounded. */
export const bytes = (/** @type {number} */ most, least = 0) => ({
  write(writer, value) {
    const { length } = checked(value);
    if (length < least || length > most) throw new TypeError(`it must have ${least} to ${most} bytes`);
    writer.varint(length, most);
    writer.raw(value);
  },
  read(reader) {
    const length = reader.varint(most);
    if (length < least) throw new Malformed();
    return reader.raw(length);
  },
});

/** @returns {Codec<Uint8Array>} Bytes behind their number, which is always this one. */
export const counted = (/** @type {number} */ length) => bytes(length, length);

/** @returns {Codec<string>} A text of so many bytes at most, of which `fits` says whether it is one here. */
export const text = (/** @type {number} */ most, fits = (/** @type {string} */ _) => true) => ({
  write(writer, value) {
    if (typeof value !== "string" || !fits(value)) throw new TypeError("it must be a text that fits");
    bytes(most).write(writer, encoder.encode(value));
  },
  read(reader) {
    const read = bytes(most).read(reader);
    let value;
    try {
      value = decoder.decode(read);
    } catch {
      throw new Malformed();
    }
    if (!fits(value)) throw new Malformed();
    return value;
  },
});

/** @returns {Codec} What may be absent: `undefined`. */
export const option = (/** @type {Codec} */ codec) => ({
  write(writer, value) {
    u8.write(writer, value === undefined ? 0 : 1);
    if (value !== undefined) codec.write(writer, value);
  },
  read(reader) {
    const flag = reader.u8();
    if (flag > 1) throw new Malformed();
    return flag === 1 ? codec.read(reader) : undefined;
  },
});

/** @returns {Codec<any[]>} Any number of them: each takes a byte at least, so no number that is announced makes room for more than came. */
export const list = (/** @type {Codec} */ codec) => ({
  write(writer, values) {
    u32.write(writer, values.length);
    for (const value of values) codec.write(writer, value);
  },
  read(reader) {
    const values = [];
    for (let left = u32.read(reader); left > 0; left -= 1) values.push(codec.read(reader));
    return values;
  },
});

/** @returns {Codec} Fields, one behind the other, in this order. */
export const record = (/** @type {Record<string, Codec>} */ fields) => ({
  write(writer, value) {
    for (const [name, codec] of Object.entries(fields)) codec.write(writer, value[name]);
  },
  read: (reader) => Object.fromEntries(Object.entries(fields).map(([name, codec]) => [name, codec.read(reader)])),
});

/** @returns {Codec} One of several, which `kind` says: its place in this order, then its fields. */
export const choice = (/** @type {Record<string, Record<string, Codec>>} */ kinds) => {
  const all = Object.entries(kinds).map(([kind, fields]) => ({ kind, fields: record(fields) }));
  return {
    write(writer, value) {
      const place = all.findIndex(({ kind }) => kind === value.kind);
      const found = all[place];
      if (found === undefined) throw new TypeError(`there is no kind ${value.kind}`);
      u32.write(writer, place);
      found.fields.write(writer, value);
    },
    read(reader) {
      const found = all[u32.read(reader)];
      if (found === undefined) throw new Malformed();
      return { kind: found.kind, ...found.fields.read(reader) };
    },
  };
};
