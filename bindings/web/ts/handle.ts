// Objects that live in the module, and their end.

import { needsModule } from "./checks.js";
import { EvanesceError, invalid } from "./errors.js";

/** @internal What wasm-bindgen makes: it frees itself too, once nobody holds it any more. */
export interface Raw {
  free(): void;
}

/** @internal An object of the module, on its way into the one that callers see. */
export class Wrapped {
  readonly raw: Raw;

  constructor(raw: Raw) {
    this.raw = raw;
  }
}

declare global {
  // As the library `ESNext.Disposable` of TypeScript has it, so that those who do not use it need not have it.
  interface SymbolConstructor {
    readonly dispose: unique symbol;
  }
}

/** Where there is no `using` yet, there is nothing that would ask for it. */
const dispose: typeof Symbol.dispose = (Symbol.dispose as typeof Symbol.dispose | undefined) ?? (Symbol("dispose") as typeof Symbol.dispose);

/** A class of objects that live in the module. */
type Class = Function & { readonly prototype: Handle };

let isHandle: (value: unknown) => value is Handle;
let rawOf: (handle: Handle) => Raw | undefined;
let taken: (handle: Handle) => void;

/**
 * What holds keys in the memory of the module. It is freed, and its memory wiped, when it is garbage, at a time that
 * nobody knows; with `free`, or `using`, at once. What is freed refuses every call as `freed`.
 */
export abstract class Handle {
  #raw: Raw | undefined;

  static {
    isHandle = (value): value is Handle => typeof value === "object" && value !== null && #raw in value;
    rawOf = (handle) => handle.#raw;
    taken = (handle) => (handle.#raw = undefined);
  }

  /** Objects are made by static methods, unless a class says otherwise. */
  protected constructor(wrapped: unknown) {
    if (!(wrapped instanceof Wrapped)) throw invalid("objects of this class are made by its static methods");
    this.#raw = wrapped.raw;
  }

  /** Frees it now, and wipes what it held. Freeing twice does nothing. */
  free(): void {
    if (!isHandle(this)) throw invalid("there is nothing to free");
    this.#raw?.free();
    this.#raw = undefined;
  }

  /** The same, at the end of the block, of what is declared with `using`. */
  [dispose](): void {
    this.free();
  }
}

/** @internal What stands behind an object, if it is of this class and not freed. */
export function held<Held extends Raw>(value: unknown, of: Class, name = of.name): Held {
  if (!(value instanceof of) || !isHandle(value)) throw invalid(`${name} must be a ${of.name}`);
  const raw = rawOf(value);
  if (raw === undefined) throw new EvanesceError("freed", `the ${of.name} was freed`);
  return raw as Held;
}

/** @internal The same, for a call that takes it for good: from then on it is as good as freed. */
export function spent<Held extends Raw>(value: unknown, of: Class, name = of.name): Held {
  const raw = held<Held>(value, of, name);
  taken(value as Handle);
  return raw;
}

/** @internal What the module made, for the constructor of a class here. */
export function wrap(make: () => Raw): Wrapped {
  needsModule();
  return new Wrapped(make());
}

/** @internal The same of what is to be of this class of the module: nothing else is taken for it. */
export function wrapped(raw: Raw, of: Function): Wrapped {
  if (!(raw instanceof of)) throw invalid("objects of this class are made by its static methods");
  return new Wrapped(raw);
}
