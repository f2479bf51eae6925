// evanesce for Node: the module is loaded by importing this.

import { loadNow } from "./loading.js";

// Node's own types are not asked for, so that browsers need none.
const { readFile }: { readFile(path: URL): Promise<Uint8Array<ArrayBuffer>> } = await import("node:fs/promises" as string);

loadNow(await readFile(new URL("wasm_bg.wasm", import.meta.url)));

export * from "./everything.js";
