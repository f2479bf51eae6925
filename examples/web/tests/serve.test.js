// The server of the page: it gives what a page is made of, under a strict policy, and nothing else.

import assert from "node:assert/strict";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { resolve } from "node:path";
import { after, before, test } from "node:test";

import { serve } from "../serve.js";

/** Asks for a path as it is: `fetch` would tidy it up. */
function got(port, path, method = "GET") {
  return new Promise((resolve, reject) => {
    const asked = request({ host: "127.0.0.1", port, path, method }, (response) => {
      const parts = [];
      response.on("data", (part) => parts.push(part));
      response.on("end", () => resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(parts) }));
    });
    asked.on("error", reject).end();
  });
}

test("the page's server", async (suite) => {
  let server, port;
  before(async () => {
    server = await serve({ port: 0, relay: "wss://relay.example/some/path" });
    port = server.address().port;
  });
  after(() => server.close());

  await suite.test("gives modules, the package with its WebAssembly, and where the relay is, with their types", async () => {
    for (const [path, type] of [
      ["/wire/relay.js", "text/javascript; charset=utf-8"], ["/node_modules/evanesce/dist/index.js", "text/javascript; charset=utf-8"],
      ["/node_modules/evanesce/dist/wasm_bg.wasm", "application/wasm"], ["/relay.json", "application/json"], ["/wire/relay.js?again", "text/javascript; charset=utf-8"],
    ]) {
      const { status, headers, body } = await got(port, path);
      assert.deepEqual([status, headers["content-type"], headers["x-content-type-options"]], [200, type, "nosniff"], path);
      assert(body.length > 0);
      assert.equal((await got(port, path, "HEAD")).body.length, 0);
    }
    assert.deepEqual(JSON.parse((await got(port, "/relay.json")).body), { relay: "wss://relay.example/some/path" });
  });

  await suite.test("lets the page reach itself and its relay, and run what is served and nothing else", async () => {
    const policy = (await got(port, "/wire/relay.js")).headers["content-security-policy"].split("; ");
    assert(policy.includes("default-src 'none'"));
    assert(policy.includes("script-src 'self' 'wasm-unsafe-eval'"));
    assert(policy.includes("connect-src 'self' wss://relay.example"));
    assert(!policy.join().includes("unsafe-inline") && !policy.join().includes("'unsafe-eval'"));
  });

  await suite.test("gives nothing that is no part of the page, whatever the path is made of", async () => {
    assert(existsSync(resolve(import.meta.dirname, "../package.json")));
    const wrong = [
      "/package.json", "/serve.js", "/README.md", "/tests/wire.test.js", "/node_modules/playwright-core/index.js", "/wire", "/wire/", "/node_modules/",
      "/../../Cargo.toml", "/wire/../package.json", "/wire/%2e%2e/package.json", "/..%2fweb/serve.js", "//etc/passwd", "/wire/..\\serve.js",
      "/node_modules/evanesce/dist/index.d.ts", "/node_modules/evanesce/package.json", "/node_modules/evanesce/dist/../package.json", "/__proto__", "/constructor", "/wire/relay.js%00", "http://elsewhere.example/wire/relay.js",
    ];
    for (const path of wrong) {
      const { status, body } = await got(port, path);
      assert.deepEqual([status, body.length], [404, 0], path);
    }
    for (const method of ["POST", "PUT", "DELETE"]) assert.equal((await got(port, "/wire/relay.js", method)).status, 405);
  });
});

test("a file that is gone since it was listed is not found, and stops nothing", async () => {
  const path = resolve(import.meta.dirname, "../page/gone.js");
  writeFileSync(path, "");
  let server;
  try {
    server = await serve({ port: 0 });
  } finally {
    rmSync(path);
  }
  const { port } = server.address();
  assert.equal((await got(port, "/page/gone.js")).status, 404);
  assert.equal((await got(port, "/page/main.js")).status, 200);
  server.close();
});

test("what is no address of a relay is refused", async () => {
  for (const relay of ["http://127.0.0.1:7411", "relay"]) await assert.rejects(serve({ port: 0, relay }), TypeError);
});
