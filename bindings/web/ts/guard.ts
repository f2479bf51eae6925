// What stands around all calls of the module.

import { EvanesceError } from "./errors.js";

type Export = (...given: unknown[]) => unknown;

let isHere = false;
let breach: { readonly cause: unknown } | undefined;

/** @internal A call did not end as calls end: none is made any more. */
export function breached(cause: unknown): EvanesceError {
  breach ??= { cause };
  return new EvanesceError("broken", "a call was cut short, and the module is not gone on with: load the page anew", breach);
}

/**
 * @internal The calls of a module, of which none is made any more once one has ended as none may: in a trap, or where the
 * stack of JavaScript ended. What it was about to change may be half changed then, and is not gone on with.
 *
 * Refusals do not end so: they are thrown behind the call.
 */
export function guarded(exports: Record<string, unknown>): Record<string, unknown> {
  if (isHere) throw new EvanesceError("other", "the module is here already");
  const all = Object.entries(exports).map(([name, value]) =>
    [name, typeof value === "function" ? guard(value as Export, /^__wbg_\w+_free$/.test(name)) : value]);
  const those = Object.fromEntries(all) as Record<string, unknown>;
  isHere = true;
  return those;
}

/** What frees has nobody who could take an error: finalizers call it. */
function guard(call: Export, frees: boolean): Export {
  return (...given) => {
    if (breach !== undefined) {
      if (frees) return undefined;
      throw breached(breach.cause);
    }
    try {
      return call(...given);
    } catch (cause) {
      // Here and not in a call: there may be no stack for one.
      breach ??= { cause };
      if (frees) return undefined;
      throw breached(cause);
    }
  };
}

/**
 * @internal The same around all methods of a class that the module has made: what is thrown there and is no refusal, such as
 * the end of the stack or of the memory behind a call, leaves nobody who knows what was changed.
 */
export function guardClass(type: Function & { readonly prototype: object }): void {
  for (const holder of [type, type.prototype] as Record<string, unknown>[]) {
    for (const name of Object.getOwnPropertyNames(holder)) {
      const method = Object.getOwnPropertyDescriptor(holder, name)?.value as unknown;
      if (typeof method !== "function" || /^(constructor|prototype|free|__.*)$/.test(name)) continue;
      holder[name] = function (this: unknown, ...given: unknown[]): unknown {
        try {
          return Reflect.apply(method, this, given) as unknown;
        } catch (cause) {
          if (cause instanceof EvanesceError) throw cause;
          breach ??= { cause };
          throw breached(cause);
        }
      };
    }
  }
}
