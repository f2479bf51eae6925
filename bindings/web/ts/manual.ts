// evanesce where a module may not wait while it is imported: service workers, and who brings the bytes.

import { loadFrom, loadNow } from "./loading.js";

/**
 * Loads the module: before this, everything is refused as `not_loaded`. Twice does nothing more; who calls it while it is
 * being loaded waits for the same.
 *
 * @param source the bytes of `wasm_bg.wasm`, or from where to fetch them; what lies beside this file if absent
 * @throws `no_randomness`; `not_loaded` if it could not be fetched or compiled: it may be called again
 */
export async function load(source?: BufferSource | WebAssembly.Module | Response | Promise<Response> | URL | string): Promise<void> {
  await loadFrom(source);
}

/**
 * The same at once, from bytes that are here, or a module that was compiled elsewhere. A `load` that was begun resolves then.
 *
 * @throws `no_randomness`; `not_loaded` if it does not compile
 */
export function loadSync(source: BufferSource | WebAssembly.Module): void {
  loadNow(source);
}

export * from "./everything.js";
