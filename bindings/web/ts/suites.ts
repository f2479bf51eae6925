// Suites by their numbers.

import { oneOf } from "./checks.js";
import type { Suite } from "./shapes.js";

const SUITES: readonly Suite[] = ["classical", "hybrid"];

/** @internal 1 or 2, as the protocol has it. */
export function suiteNumber(suite: Suite): number {
  return oneOf(suite, SUITES, "suite") + 1;
}
