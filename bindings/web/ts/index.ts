// evanesce for browsers and bundlers: the module is loaded by importing this.

import { loadFrom } from "./loading.js";

await loadFrom();

export * from "./everything.js";
