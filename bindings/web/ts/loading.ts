// The module, once.

import { EvanesceError } from "./errors.js";
import { hasRandomness } from "./host.js";
import { isLoaded, setWords } from "./values.js";
import start, { initSync, words } from "./wasm.js";

/** @internal */
export async function loadFrom(source?: BufferSource | WebAssembly.Module | Response | Promise<Response> | URL | string): Promise<void> {
  if (isLoaded()) return;
  if (!hasRandomness()) throw new EvanesceError("no_randomness", "there is no crypto.getRandomValues here");
  await (source === undefined ? start(undefined as never) : start({ module_or_path: source }));
  setWords(words());
}

/** @internal */
export function loadNow(source: BufferSource | WebAssembly.Module): void {
  if (isLoaded()) return;
  if (!hasRandomness()) throw new EvanesceError("no_randomness", "there is no crypto.getRandomValues here");
  initSync({ module: source });
  setWords(words());
}
