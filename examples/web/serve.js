#!/usr/bin/env node
// Serves the page on the loopback device, and the npm package beside it, with the policy that they are meant to run under:
//
//     node serve.js [--port 8411] [--relay ws://127.0.0.1:7411]
//
// What is served is listed when it starts, so no path leads anywhere else: what is beside this file, and of the packages that the page
// depends on their scripts. /relay.json says where the relay is, and the policy lets the page reach that one and no other.

import { createHash } from "node:crypto";
import { readFileSync, readdirSync, realpathSync } from "node:fs";
import { createServer } from "node:http";
import { extname, resolve } from "node:path";
import { parseArgs } from "node:util";

const TYPES = {
  ".css": "text/css; charset=utf-8", ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8", ".svg": "image/svg+xml", ".wasm": "application/wasm",
};

/** What is here, or in a package, and is no part of the page. */
const NOT_THE_PAGE = new Set(["node_modules", "tests", "serve.js"]);

const page = import.meta.dirname;

/** Adds the files of these types below a directory, by the paths under which they are served. */
function list(files, directory, path, types) {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const [place, name] = [resolve(directory, entry.name), `${path}${entry.name}`];
    if (NOT_THE_PAGE.has(entry.name) || entry.name.startsWith(".")) continue;
    if (entry.isDirectory()) list(files, place, `${name}/`, types);
    else if (entry.isFile() && types.includes(extname(entry.name))) files.set(name, place);
  }
}

/** The page, and the scripts of what it depends on. */
function listed() {
  const files = new Map();
  list(files, page, "/", Object.keys(TYPES));
  const { dependencies } = JSON.parse(readFileSync(resolve(page, "package.json"), "utf8"));
  for (const name of Object.keys(dependencies)) {
    // The library's own is a link.
    list(files, realpathSync(resolve(page, "node_modules", name)), `/node_modules/${name}/`, [".js", ".mjs", ".wasm"]);
  }
  return files;
}

/** A script that stands in the page, as its map of imports must, is known by its hash. */
function inlineScripts(html) {
  const scripts = html.matchAll(/<script(?![^>]*\ssrc=)[^>]*>([^]*?)<\/script>/g);
  return Array.from(scripts, ([, script]) => ` 'sha256-${createHash("sha256").update(script).digest("base64")}'`).join("");
}

const policy = (scripts, relay) => [
  "default-src 'none'",
  // The module of the package is compiled in the page. No text becomes a script.
  `script-src 'self' 'wasm-unsafe-eval'${scripts}`,
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
  "style-src 'self'",
  // Pictures that came are shown from memory.
  "img-src 'self' blob: data:",
  `connect-src 'self' ${relay}`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/**
 * Serves until the server is closed.
 *
 * @param {{ port?: number, relay?: string }} [options] on port 0 it takes any
 */
export async function serve({ port = 8411, relay = "ws://127.0.0.1:7411" } = {}) {
  const { protocol, host } = new URL(relay);
  if (protocol !== "ws:" && protocol !== "wss:") throw new TypeError(`${relay} is no address of a relay`);
  const files = listed();
  const common = {
    "Cache-Control": "no-cache", "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff",
  };
  const answer = (path) => {
    if (path === "/relay.json") return ["application/json", JSON.stringify({ relay })];
    const file = files.get(path === "/" ? "/index.html" : path);
    if (file === undefined) return undefined;
    try {
      return [TYPES[extname(file)], readFileSync(file)];
    } catch {
      // It was there when all were listed.
      return undefined;
    }
  };
  const server = createServer((request, response) => {
    const [path] = (request.url ?? "").split("?");
    const isRead = request.method === "GET" || request.method === "HEAD";
    const found = isRead ? answer(path) : undefined;
    if (found === undefined) {
      response.writeHead(isRead ? 404 : 405, common).end();
      return;
    }
    const [type, body] = found;
    const scripts = type === TYPES[".html"] ? inlineScripts(body.toString("utf8")) : "";
    response.writeHead(200, { ...common, "Content-Type": type, "Content-Security-Policy": policy(scripts, `${protocol}//${host}`) });
    response.end(request.method === "HEAD" ? undefined : body);
  });
  await new Promise((listening, failed) => server.on("error", failed).listen(port, "127.0.0.1", listening));
  return server;
}

if (process.argv[1] === import.meta.filename) {
  const { values } = parseArgs({ options: { port: { type: "string" }, relay: { type: "string" } } });
  const server = await serve({ port: values.port === undefined ? undefined : Number(values.port), relay: values.relay });
  // The name and not the number: pages of the one know nothing of what pages of the other have stored.
  console.log(`http://localhost:${server.address().port}`);
}
