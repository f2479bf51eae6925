// The module, once.

import { EvanesceError } from "./errors.js";
import { guardClass } from "./guard.js";
import { examineRandomness } from "./host.js";
import { isLoaded, setWords } from "./values.js";
import * as module from "./wasm.js";

type Source = BufferSource | WebAssembly.Module | Response | Promise<Response> | URL | string;

/** What is being loaded: who asks meanwhile waits for the same. */
let loading: Promise<void> | undefined;

/** @internal */
export async function loadFrom(source?: Source): Promise<void> {
  if (isLoaded()) return;
  examineRandomness();
  loading ??= begin(source).finally(() => (loading = undefined));
  await loading;
}

async function begin(source: Source | undefined): Promise<void> {
  try {
    await module.default({ module_or_path: source ?? new URL("wasm_bg.wasm", import.meta.url) });
  } catch (cause) {
    // `loadSync` was faster: what came later is not taken.
    if (isLoaded()) return;
    throw failed(cause);
  }
  isHere();
}

/** @internal */
export function loadNow(source: BufferSource | WebAssembly.Module): void {
  if (isLoaded()) return;
  examineRandomness();
  try {
    module.initSync({ module: source });
  } catch (cause) {
    throw failed(cause);
  }
  isHere();
}

function isHere(): void {
  for (const it of Object.values(module) as unknown[]) {
    if (typeof it === "function" && it.prototype !== undefined && "free" in it.prototype) guardClass(it);
  }
  setWords(module.words());
}

function failed(cause: unknown): EvanesceError {
  return new EvanesceError("not_loaded", "the module could not be fetched, or does not compile here", { cause });
}
