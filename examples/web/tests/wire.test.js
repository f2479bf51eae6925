// The wire alone: what `src/known_answers.rs` of examples/chat says is sent there is read and written here, and nothing else is.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { test } from "node:test";

import { NotReadable, cleanedFileName, cleanedMediaType, decodeContent, encodeContent, fileSize } from "../wire/content.js";
import { Malformed, decode, encode, list, option, text, u32, u64, u8 } from "../wire/postcard.js";
import { decodeReply, decodeRequest, encodeReply, encodeRequest } from "../wire/requests.js";

const answers = JSON.parse(readFileSync(resolve(import.meta.dirname, "wire.json"), "utf8"));

const fromHex = (hex) => Uint8Array.from(Buffer.from(hex.slice(2), "hex"));

/** A value as the page has it: bytes stand in hex behind `0x`. */
function value(json) {
  if (typeof json === "string" && json.startsWith("0x")) return fromHex(json);
  if (Array.isArray(json)) return json.map(value);
  if (typeof json !== "object") return json;
  return Object.fromEntries(Object.entries(json).map(([name, inner]) => [name, value(inner)]));
}

/** Without what is absent, which JSON does not have. */
function present(decoded) {
  if (decoded instanceof Uint8Array || typeof decoded !== "object") return decoded;
  if (Array.isArray(decoded)) return decoded.map(present);
  return Object.fromEntries(Object.entries(decoded).filter(([, inner]) => inner !== undefined).map(([name, inner]) => [name, present(inner)]));
}

const replayed = (name, section, encodes, decodes, refusal) =>
  test(`${name} are read and written as the relay does, and nothing that was cut off or goes on is read`, () => {
    assert(section.length > 0);
    for (const { value: json, bytes: hex } of section) {
      const bytes = fromHex(hex);
      assert.deepEqual(encodes(value(json)), bytes);
      assert.deepEqual(present(decodes(bytes)), value(json));
      for (let length = 0; length < bytes.length; length += 1) assert.throws(() => decodes(bytes.subarray(0, length)), refusal);
      assert.throws(() => decodes(Uint8Array.of(...bytes, 0)), refusal);
    }
  });

replayed("requests", answers.requests, encodeRequest, decodeRequest, Malformed);
replayed("replies", answers.replies, encodeReply, decodeReply, Malformed);
replayed("contents", answers.contents, encodeContent, decodeContent, NotReadable);

test("what a terminal does not read, a page does not", () => {
  assert(answers.unreadable.length > 0 && answers.impossible.length > 0);
  for (const hex of answers.impossible) assert.throws(() => decodeReply(fromHex(hex)), Malformed, hex);
  for (const hex of answers.unreadable) assert.throws(() => decodeContent(fromHex(hex)), NotReadable, hex.slice(0, 40));
});

test("names and types of files that others made up are cleaned as in the terminal, and a clean one stays", () => {
  for (const [name, cleaned] of answers.fileNames) {
    assert.equal(cleanedFileName(name), cleaned, name);
    assert.equal(cleanedFileName(cleaned), cleaned);
  }
  for (const [type, cleaned] of answers.mediaTypes) assert.equal(cleanedMediaType(type), cleaned, type);
});

test("a hostile name is cleaned on its way in and on its way out", () => {
  const { value: json } = answers.contents.find(({ value: { kind } }) => kind === "file");
  const said = value(json);
  const clean = { ...said, file: { ...said.file, name: "evil.exe", mediaType: "application/octet-stream" } };
  const hostile = { ...said, file: { ...said.file, name: "../evil.exe", mediaType: "Text/HTML" } };
  assert.deepEqual(encodeContent(hostile), encodeContent(clean));
  assert.equal(fileSize(said.file.reference), 2 ** 42);
});

test("a number has one encoding, and none is read that JavaScript does not have", () => {
  const refused = [
    [u32, [0x80, 0x00]], [u32, [0xff, 0xff, 0xff, 0xff, 0x1f]], [u32, [0xff, 0xff, 0xff, 0xff, 0xff, 0x01]],
    [u64, [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10]], [u64, Array(20).fill(0xff)], [u64, []], [u8, []],
    [option(u8), [2, 0]], [text(3), [2, 0xc3, 0x28]], [text(3), [4, 97, 97, 97, 97]], [text(3, (it) => it !== "a"), [1, 97]],
    // A list that announces more than there is makes no room for it.
    [list(u8), [0xff, 0xff, 0xff, 0xff, 0x0f, 1]],
  ];
  for (const [codec, bytes] of refused) assert.throws(() => decode(codec, Uint8Array.from(bytes)), Malformed, `${bytes}`);
  for (const number of [0, 1, 127, 128, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER]) assert.equal(decode(u64, encode(u64, number)), number);
});

test("what is no value is the caller's mistake", () => {
  const token = new Uint8Array(32);
  const wrong = [
    { kind: "bundle", address: "Bob" }, { kind: "bundle", address: "#group" }, { kind: "bundle", address: "a".repeat(33) },
    { kind: "bundle" }, { kind: "no_such" }, { kind: "begin_blob", id: new Uint8Array(15), token, length: 1 },
    { kind: "begin_blob", id: new Uint8Array(16), token, length: -1 }, { kind: "begin_blob", id: new Uint8Array(16), token, length: 2 ** 53 },
    { kind: "fetch", address: "bob", token, acknowledged: 0, waitSeconds: 256 }, { kind: "fetch", address: "bob", token: [], acknowledged: 0, waitSeconds: 1 },
  ];
  for (const ask of wrong) assert.throws(() => encodeRequest({ number: 1, ask }), TypeError, JSON.stringify(ask));
  assert.throws(() => encodeContent({ kind: "text", chosen: new Uint8Array(16), text: "x".repeat(16 * 1024 + 1) }), TypeError);
  assert.throws(() => decodeRequest("text"), TypeError);
});
