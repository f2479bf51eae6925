// The known answers of conversations and of their pieces, replayed through the package.

import assert from "node:assert/strict";
import { test } from "node:test";

import { answers, bytes, code, drawing, evanesce, fields, files, hex, is, patched, sections } from "./replay.js";
import { Replay } from "./replayed_conversation.js";

const { Account, SafetyNumber, Session, Stamp, StorageKey, VerifiedBundle, memberTag } = evanesce;

const CLOCKS = [undefined, "afterSend", "afterRead", "onClose"];
const OPENS = ["unlimited", "once", "twice"];

/** A bundle's verdict, and, since keys of small order show there, that of a session with it. */
function refusal(bundle, now) {
  return code(() => {
    const verified = VerifiedBundle.verify(bundle, now * 1_000);
    const account = drawing("07".repeat(verified.suite === "hybrid" ? 96 : 64), () => Account.generate("somebody", now * 1_000, { suite: verified.suite }));
    drawing("09".repeat(32) + (verified.suite === "hybrid" ? "08".repeat(32) : ""), () => account.initiate(verified));
  });
}

test("pieces of suite 1", () => {
  sections("pieces.json", {
    identity({ seed, ident, member }) {
      const account = drawing(seed + "11".repeat(32), () => Account.generate("a", 0, { suite: "classical" }));
      assert.equal(hex(account.device.identity), ident);
      assert.deepEqual([hex(account.memberTag), hex(memberTag(bytes(ident)))], [member, member]);
    },
    bundle({ bundle, now, address, opk_id }) {
      const verified = VerifiedBundle.verify(bytes(bundle), now * 1_000);
      assert.equal(hex(verified.device.address), address);
      assert.deepEqual([verified.hasOneTimePrekey, verified.suite], [opk_id !== null, "classical"]);
    },
    bundle_refused({ bundle, now, reason }) {
      // Since there is a suite 2, one that says so is judged by its length.
      assert.equal(refusal(bytes(bundle), now), bundle.startsWith("0102") ? "malformed" : reason);
    },
    stamp({ stamp, setting_clock, own_clock, opens, change, version, setting_ttl, own_ttl, by }) {
      const decoded = Stamp.decode(bytes(stamp));
      assert.equal(hex(decoded.encode()), stamp);
      const policy = (clock, ttl) => CLOCKS[clock] && { kind: CLOCKS[clock], ttl: ttl === null ? undefined : ttl * 1_000 };
      assert.deepEqual(decoded.ownPolicy, policy(own_clock, own_ttl));
      assert.deepEqual([decoded.opens, decoded.isChange], [OPENS[opens], change]);
      const none = { version: 0n, policy: undefined, by: undefined };
      const { version: its, policy: set, by: whose } = decoded.setting ?? none;
      assert.deepEqual([its, set, whose && hex(whose)], [BigInt(version), policy(setting_clock, setting_ttl), by ?? undefined]);
    },
    stamp_malformed({ content }) {
      assert.equal(code(() => Stamp.decode(bytes(content))), "malformed");
    },
    safety_number({ ident_a, address_a, ident_b, address_b, number, scannable_a, scannable_b }) {
      const [a, b] = [[ident_a, address_a], [ident_b, address_b]].map(([identity, address]) =>
        ({ identity: bytes(identity), address: bytes(address) }));
      const [ours, theirs] = [SafetyNumber.between(a, b), SafetyNumber.between(b, a)];
      assert.deepEqual([ours.digits, theirs.digits], [number, number]);
      assert.deepEqual([hex(ours.scannable), hex(theirs.scannable)], [scannable_a, scannable_b]);
      ours.verifyScanned(bytes(scannable_b));
    },
    snapshot({ storage_key, kind, ad, content, rng, sealed }) {
      const key = new StorageKey(bytes(storage_key));
      is(drawing(rng, () => key.seal(bytes(content), kind, bytes(ad))), sealed);
      is(key.open(bytes(sealed), kind, bytes(ad)), content);
    },
    snapshot_refused({ storage_key, kind, ad, sealed, reason }) {
      assert.equal(code(() => new StorageKey(bytes(storage_key)).open(bytes(sealed), kind, bytes(ad))), reason);
    },
  }, {
    // None of these has a call of its own, since no key leaves its object; conversations go through all of them.
    handshake: "secrets of X3DH",
    kdf_rk: "root keys",
    kdf_ck: "chain keys",
    header: "header keys",
    body: "message keys",
    body_refused: "message keys",
    padding: "plaintexts before they are sealed",
    padding_bytes: "plaintexts before they are sealed",
    unpad: "plaintexts before they are sealed",
  });
});

test("pieces of suite 2", () => {
  sections("suite2-pieces.json", {
    bundle({ signed_part, one_time, now, address }) {
      const bundle = bytes(signed_part + (one_time === null ? "00" : `01${one_time}`));
      const verified = VerifiedBundle.verify(bundle, now * 1_000);
      assert.equal(hex(verified.device.address), address);
      assert.deepEqual([verified.hasOneTimePrekey, verified.suite], [one_time !== null, "hybrid"]);
    },
    bundle_refused({ bundle, now, reason }, all) {
      if (typeof bundle !== "string") fields(bundle, ["base", "patches", "length"]);
      const whole = typeof bundle === "string" ? bytes(bundle) : patched(bytes(all.bundle_bases[bundle.base].bundle), bundle);
      assert.equal(refusal(whole, now), reason);
    },
    bundle_bases({ bundle }) {
      assert.ok(bytes(bundle).length > 0);
    },
    external({ ident_a, address_a, ident_b, address_b, ratchet_public, secret, session_id }) {
      const session = Session.initiateExternal({
        secret: bytes(secret), suite: "hybrid",
        initiator: { identity: bytes(ident_a), address: bytes(address_a) },
        responder: { identity: bytes(ident_b), address: bytes(address_b) },
      }, bytes(ratchet_public));
      assert.equal(hex(session.id), session_id);
    },
  }, {
    // As above.
    kem_key: "decapsulation keys",
    encapsulation: "shared secrets of ML-KEM",
    ek: "keys of ML-KEM by themselves: bundles have them",
    handshake: "secrets of X3DH",
    kdf_rk2: "root keys",
    header: "header keys",
    epoch: "secrets of an epoch",
    control: "what travels before the stamp",
    control_malformed: "what travels before the stamp",
    run: "how many fragments a message has room for",
  });
});

const OPERATIONS = [
  "initiate", "encrypt", "encrypt_run", "encrypt_refused", "deliver", "save", "restore", "rotate", "topup", "external", "ask", "status",
];

for (const [pattern, format] of [[/^conversation-.*\.json$/, 1], [/^suite2-conversation-.*\.json$/, 2]]) {
  for (const name of files(pattern)) {
    test(`${name}, with a restart after every step`, () => replay(name, format, true));
    test(`${name}, without`, () => replay(name, format, false));
  }
}

function replay(name, format, restarts) {
  const conversation = answers(name);
  assert.equal(conversation.format, format);
  const replay = new Replay(conversation);
  for (const [place, step] of conversation.steps.entries()) {
    try {
      assert.ok(OPERATIONS.includes(step.op), `unknown step ${step.op}`);
      replay[step.op](step);
    } catch (error) {
      error.message = `step ${place} (${step.comment ?? ""}): ${error.message}`;
      throw error;
    }
    if (restarts) replay.restart();
  }
}
