#!/usr/bin/env bash
# What is put into IndexedDB is cloned with the whole buffer under it: of a `subarray` of 4 bytes the row holds all bytes
# around them. protobufjs, msgpackr and cbor-x give what they encode as such a view, into a pool of 8 KiB where they also
# wrote the messages before it (`Buffer.from(text)` does the same in Node and Electron; @msgpack/msgpack has a buffer of 2
# KiB, with nothing of others in it). So the row of a message holds its neighbours, in plain, and a message whose own row
# was deleted is still in the rows of those that were encoded after it, on the disk. Nothing shows it: what is read has the
# right length, unless one looks at its `buffer`. Put `new Uint8Array(bytes)`, which copies these bytes alone (`slice()`
# does not where it is a Buffer).
#
# Seen with protobufjs 8.8.1, msgpackr 2.1.4, cbor-x 1.6.9, @msgpack/msgpack 3.1.3 and fake-indexeddb 6.2.8 in Node 20.20;
# the first four were the same in Chromium 156 with its own IndexedDB, whose files hold the bytes around a view:
#
#   protobufjs: 7 bytes of 8192, the deleted message among them; copied: 7 bytes of 7
#   msgpackr: 14 bytes of 8192, the deleted message among them; copied: 14 bytes of 14
#   cbor-x: 14 bytes of 8192, the deleted message among them; copied: 14 bytes of 14
#   @msgpack/msgpack: 12 bytes of 2048; copied: 12 bytes of 12
#   Buffer.from: 5 bytes of 8192, the deleted message among them; copied: 5 bytes of 5
#
# Fails if that changes. Wants Node 20 with npm, and installs into a folder of its own, which it removes.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"type": "module"}' >package.json
npm install --silent --no-audit --no-fund --ignore-scripts \
    protobufjs@8.8.1 msgpackr@2.1.4 cbor-x@1.6.9 @msgpack/msgpack@3.1.3 fake-indexeddb@6.2.8

cat >seen.js <<'END'
import "fake-indexeddb/auto";

import * as msgpack from "@msgpack/msgpack";
import * as cbor from "cbor-x";
import * as msgpackr from "msgpackr";
import protobuf from "protobufjs";

const Message = protobuf.parse('syntax = "proto3"; message Message { string body = 1; }').root.lookupType("Message");
const encoders = {
  protobufjs: (body) => Message.encode({ body }).finish(),
  msgpackr: (body) => msgpackr.pack({ body }),
  "cbor-x": (body) => cbor.encode({ body }),
  "@msgpack/msgpack": (body) => msgpack.encode({ body }),
  "Buffer.from": (body) => Buffer.from(body),
};

const done = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

const opening = indexedDB.open("messages", 1);
opening.onupgradeneeded = () => opening.result.createObjectStore("messages");
const database = await done(opening);
const messages = () => database.transaction("messages", "readwrite").objectStore("messages");

/** Two messages are stored, and the first is deleted. What does the row of the second hold? */
async function held(encode, bytes) {
  await done(messages().put(bytes(encode("disappears")), 1));
  await done(messages().put(bytes(encode("stays")), 2));
  await done(messages().delete(1));
  const row = await done(messages().get(2));
  const whole = Buffer.from(row.buffer);
  return `${row.length} bytes of ${whole.length}${whole.includes("disappears") ? ", the deleted message among them" : ""}`;
}

for (const [name, encode] of Object.entries(encoders)) {
  encode("the pool is there");
  const asGiven = await held(encode, (bytes) => bytes);
  console.log(`${name}: ${asGiven}; copied: ${await held(encode, (bytes) => new Uint8Array(bytes))}`);
}
END

node seen.js | tee output
diff - output <<'END'
protobufjs: 7 bytes of 8192, the deleted message among them; copied: 7 bytes of 7
msgpackr: 14 bytes of 8192, the deleted message among them; copied: 14 bytes of 14
cbor-x: 14 bytes of 8192, the deleted message among them; copied: 14 bytes of 14
@msgpack/msgpack: 12 bytes of 2048; copied: 12 bytes of 12
Buffer.from: 5 bytes of 8192, the deleted message among them; copied: 5 bytes of 5
END
echo "as it was seen"
