// State at rest.

import { bytes, bytesOr, count, exactly } from "./checks.js";
import { Handle, held, wrap, type Raw } from "./handle.js";
import { MOST_DRAWN_AT_ONCE, drawing } from "./host.js";
import type { Bytes } from "./shapes.js";
import * as module from "./wasm.js";

/** What can be stored by itself. */
export abstract class Stored extends Handle {
  /**
   * The whole state in bytes, secrets in the clear, for an application that encrypts its whole store. Later releases read
   * what this one writes. Fill it with zeros when it is stored: JavaScript does not.
   */
  snapshot(): Bytes {
    return held<RawStored>(this, Stored).snapshot();
  }

  /**
   * The whole state, sealed, 51 bytes longer than it is. `ad` says where it will stand, so that no two rows can be swapped:
   * `StorageKey.rowName`, for instance.
   */
  seal(key: StorageKey, ad?: Uint8Array): Bytes {
    const its = bytesOr(ad, "ad");
    const raw = held<module.RawStorageKey>(key, StorageKey, "key");
    return drawing(MOST_DRAWN_AT_ONCE, () => held<RawStored>(this, Stored).seal(raw, its));
  }
}

interface RawStored extends Raw {
  snapshot(): Bytes;
  seal(key: module.RawStorageKey, ad: Uint8Array): Bytes;
}

/**
 * Seals what is stored: 32 bytes from a password hash, from a key that the browser keeps, or from a server that the user has
 * logged in to. Where none is to be had, a page's own store is what it is.
 */
export class StorageKey extends Handle {
  /** Takes the key. Fill your own copy with zeros: `secret.fill(0)`. */
  constructor(secret: Uint8Array) {
    const checked = exactly(secret, 32, "secret");
    super(wrap(() => module.RawStorageKey.take(checked)));
  }

  /**
   * Seals any `state` of the application's own, 50 bytes longer then. Use kinds from 64 to 255: those below are the library's. `ad`
   * names the row in which it will stand.
   */
  seal(state: Uint8Array, kind: number, ad?: Uint8Array): Bytes {
    const arguments_ = [bytes(state, "state"), count(kind, "kind", 255), bytesOr(ad, "ad")] as const;
    return drawing(MOST_DRAWN_AT_ONCE, () => rawStorageKey(this).seal(...arguments_));
  }

  /**
   * Opens what `seal` made with the same `kind` and `ad`.
   *
   * @throws `malformed`, `unsupported`, `wrong_kind`, `undecryptable`
   */
  open(sealed: Uint8Array, kind: number, ad?: Uint8Array): Bytes {
    return rawStorageKey(this).open(bytes(sealed, "sealed"), count(kind, "kind", 255), bytesOr(ad, "ad"));
  }

  /** A name for a row that tells nobody without the key what it is: 32 bytes, the same for the same `row`. */
  rowName(row: Uint8Array): Bytes {
    return rawStorageKey(this).row_name(bytes(row, "row"));
  }
}

function rawStorageKey(it: unknown): module.RawStorageKey {
  return held(it, StorageKey);
}
