// Pages in a real browser, from a server that does nothing but serve files.

import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, resolve } from "node:path";

import { chromium } from "playwright-core";

const executablePath = process.env.EVANESCE_CHROMIUM ?? "/usr/bin/chromium";
const installed = process.env.EVANESCE_PACKAGE ?? resolve(import.meta.dirname, "../pkg");

/** Why there can be no page, for `skip`; false if there can. */
export const noBrowser = existsSync(executablePath) ? false : `there is no ${executablePath}`;

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".wasm": "application/wasm" };
// What README.md says that a policy must allow; the map of imports stands in the page itself.
const POLICY = "default-src 'self'; script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval'";

/** These files in a directory, with the package installed there, as README.md says to make it. */
function made(files) {
  const directory = mkdtempSync(resolve(tmpdir(), "evanesce-browser-"));
  for (const [name, content] of Object.entries(files)) writeFileSync(resolve(directory, name), content);
  mkdirSync(resolve(directory, "node_modules"));
  cpSync(installed, resolve(directory, "node_modules/evanesce"), { recursive: true });
  return directory;
}

async function served(directory) {
  const server = createServer(({ url }, response) => {
    const { pathname } = new URL(url, "http://localhost");
    const file = resolve(directory, `.${pathname === "/" ? "/index.html" : pathname}`);
    const isThere = file.startsWith(directory) && existsSync(file);
    response.writeHead(isThere ? 200 : 404, {
      "Content-Type": TYPES[extname(file)] ?? "application/octet-stream", "Content-Security-Policy": POLICY,
    });
    response.end(isThere ? readFileSync(file) : "");
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  return server;
}

/** Serves these files to `work`, with a browser whose pages say on `errors` what went wrong in them. */
export async function inBrowser(files, work) {
  const directory = made(files);
  const server = await served(directory);
  const browser = await chromium.launch({
    executablePath,
    args: [
      "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
      "--no-first-run",
    ],
  });
  try {
    const context = await browser.newContext();
    const errors = [];
    const origin = `http://127.0.0.1:${server.address().port}`;
    /** A page at this address; `me` says whose errors they are. */
    const open = async (address, me) => {
      const page = await context.newPage();
      page.on("pageerror", (error) => errors.push(`${me}: ${error.stack ?? error}`));
      page.on("console", (line) => line.type() === "error" && !line.location().url.endsWith("favicon.ico") && errors.push(`${me}: ${line.text()}`));
      await page.goto(`${origin}${address}`);
      return page;
    };
    await work({ context, origin, open, errors });
  } finally {
    await browser.close();
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
    rmSync(directory, { recursive: true });
  }
}
