// Values that come out of the module: one string of bytes for each result. src/values.rs has the format.

import { EvanesceError } from "./errors.js";
import { breached } from "./guard.js";

const UNDEFINED = 0, FALSE = 1, TRUE = 2, NUMBER = 3, BYTES = 4, TEXT = 5, WORD = 6, LIST = 7, OBJECT = 8, BIGINT = 9;

const utf8 = new TextDecoder();

/** The names of fields, kinds and codes, by their numbers. */
let words: string[] = [];

/** @internal */
export function setWords(joined: string): void {
  words = joined.split("\n").slice(1);
}

/** @internal Whether the module is here. */
export function isLoaded(): boolean {
  return words.length > 0;
}

class Reader {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  place = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  word(): string {
    const place = this.view.getUint16(this.place, true);
    this.place += 2;
    return words[place] ?? "other";
  }

  /** Where the bytes that come next begin; they end at the place that is next then. */
  measured(): number {
    const start = this.place + 4;
    this.place = start + this.view.getUint32(this.place, true);
    return start;
  }

  value(): unknown {
    switch (this.bytes[this.place++]) {
      case UNDEFINED:
        return undefined;
      case FALSE:
        return false;
      case TRUE:
        return true;
      case NUMBER:
        this.place += 8;
        return this.view.getFloat64(this.place - 8, true);
      case BIGINT:
        this.place += 8;
        return this.view.getBigUint64(this.place - 8, true);
      case BYTES:
        return this.bytes.slice(this.measured(), this.place);
      case TEXT:
        return utf8.decode(this.bytes.subarray(this.measured(), this.place));
      case WORD:
        return this.word();
      case LIST: {
        const count = this.view.getUint32(this.place, true);
        this.place += 4;
        const list: unknown[] = [];
        for (let index = 0; index < count; index += 1) list.push(this.value());
        return list;
      }
      case OBJECT: {
        const count = this.bytes[this.place++] ?? 0;
        const object: Record<string, unknown> = {};
        for (let index = 0; index < count; index += 1) {
          const name = this.word();
          object[name] = this.value();
        }
        return object;
      }
      default:
        throw new EvanesceError("other", "the module and its JavaScript are of different releases");
    }
  }
}

/** @internal What was written, read; the bytes are wiped, since they may have held a text or a key. */
export function read<Value>(bytes: Uint8Array): Value {
  try {
    return new Reader(bytes).value() as Value;
  } catch (cause) {
    // The call has changed something, and nobody will know what.
    throw breached(cause);
  } finally {
    bytes.fill(0);
  }
}
