// What two people compare to know that nobody stands between them.

import { bytes, exactly, needsModule, text } from "./checks.js";
import { Handle, held, wrap, wrapped, type Wrapped } from "./handle.js";
import { deviceOf, type Bytes, type DeviceLike } from "./shapes.js";
import * as module from "./wasm.js";

let make: (its: Wrapped) => SafetyNumber;

/** The safety number of two devices or of two people: the same 60 digits for both, or a code that one shows and the other scans. */
export class SafetyNumber extends Handle {
  static {
    make = (its) => new SafetyNumber(its);
  }

  /** As `our` device shows it. Takes milliseconds, on purpose. */
  static between(our: DeviceLike, their: DeviceLike): SafetyNumber {
    const [ours, theirs] = [deviceOf(our, "our"), deviceOf(their, "their")];
    return new SafetyNumber(wrap(() => module.RawSafetyNumber.between(...ours, ...theirs)));
  }

  /** The 60 digits, without spaces. */
  get digits(): string {
    return rawSafetyNumber(this).digits();
  }

  /** The digits in twelve groups of five, to be read aloud. */
  override toString(): string {
    return this.digits.replace(/.{5}(?=.)/gu, "$& ");
  }

  /** Whether these are our digits. White space is left out first. */
  matches(digits: string): boolean {
    return rawSafetyNumber(this).matches(text(digits, "digits"));
  }

  /** What this device shows for the other one to scan: 65 bytes, for a QR code of bytes. */
  get scannable(): Bytes {
    return rawSafetyNumber(this).scannable();
  }

  /**
   * Compares what the other device shows with what we expect of it.
   *
   * @throws `mismatch`: somebody may stand between the two; `malformed`, `unsupported`
   */
  verifyScanned(scanned: Uint8Array): void {
    rawSafetyNumber(this).verify_scanned(bytes(scanned, "scanned"));
  }
}

/** @internal */
export function safetyNumberOf(raw: module.RawSafetyNumber): SafetyNumber {
  return make(wrapped(raw, module.RawSafetyNumber));
}

/**
 * How stamps and the scheduler name an identity: 8 bytes.
 *
 * @throws `malformed`, `weak_key`
 */
export function memberTag(identity: Uint8Array): Bytes {
  const checked = exactly(identity, 64, "identity");
  needsModule();
  return module.member_tag(checked);
}

function rawSafetyNumber(it: unknown): module.RawSafetyNumber {
  return held(it, SafetyNumber);
}
