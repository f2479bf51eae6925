// A conversation of the known answers, step by step.

import assert from "node:assert/strict";

import { bytes, code, drawing, evanesce, fields, hex, is, long, patched, sha256 } from "./replay.js";

const { Account, RatchetKeyPair, Session, Stamp, VerifiedBundle, readUpload } = evanesce;

/** One conversation, step by step. With restarts everything is stored and taken back after each. */
export class Replay {
  accounts = new Map();
  sessions = new Map();
  saved = new Map();
  messages = new Map();
  signedParts = new Map();
  oneTime = new Map();
  /** What the last step gave, for a report. */
  evidence;

  constructor(conversation) {
    fields(conversation, ["format", "devices", "steps"]);
    for (const [name, device] of Object.entries(conversation.devices)) this.make(name, device);
  }

  make(name, device) {
    const { account, upload } = generated(device);
    this.accounts.set(name, account);
    this.publish(name, upload);
  }

  publish(name, upload) {
    const { signedPart, oneTimePrekeys } = readUpload(upload);
    this.signedParts.set(name, signedPart);
    for (const prekey of oneTimePrekeys) this.oneTime.set(`${name} ${new DataView(prekey.buffer).getUint32(0)}`, prekey);
    this.accounts.get(name).markPublished(upload);
    assert.equal(this.accounts.get(name).pendingUpload, undefined);
  }

  session(step, side = "by") {
    return this.sessions.get(`${step[side]} ${step.session}`);
  }

  keep(step, session, side = "by") {
    this.sessions.set(`${step[side]} ${step.session}`, session);
  }

  restart() {
    for (const [name, account] of this.accounts) {
      const snapshot = account.snapshot();
      account.free();
      this.accounts.set(name, Account.restore(snapshot));
    }
    for (const [name, session] of this.sessions) {
      const snapshot = session.snapshot();
      session.free();
      this.sessions.set(name, Session.restore(snapshot));
    }
  }

  bundle(value) {
    if (typeof value === "string" || value.of === undefined) return long(value);
    fields(value, ["of", "opk_id", "patches", "length"]);
    const { of, opk_id = null } = value;
    const oneTime = opk_id === null ? Buffer.of(0) : Buffer.concat([Buffer.of(1), this.oneTime.get(`${of} ${opk_id}`)]);
    return patched(Uint8Array.from(Buffer.concat([this.signedParts.get(of), oneTime])), value);
  }

  wire(value) {
    if (value.of === undefined) return long(value);
    fields(value, ["of", "patches", "length"]);
    return patched(this.messages.get(value.of), value);
  }

  initiate(step) {
    fields(step, ["op", "by", "to", "session", "bundle", "now", "rng", "session_id"]);
    const bundle = VerifiedBundle.verify(this.bundle(step.bundle), step.now * 1_000);
    if (this.accounts.has(step.to)) assert.deepEqual(bundle.device, this.accounts.get(step.to).device);
    const session = drawing(step.rng, () => this.accounts.get(step.by).initiate(bundle));
    assert.equal(hex(session.id), step.session_id);
    this.keep(step, session);
  }

  encrypt(step) {
    fields(step, ["op", "by", "session", "id", "stamp", "body", "ad", "rng", "wire"]);
    const { message, evidence } = drawing(step.rng, () => this.session(step).encrypt(payload(step), bytes(step.ad)));
    this.evidence = evidence;
    is(message, step.wire);
    this.messages.set(step.id, message);
  }

  encrypt_run(step) {
    fields(step, ["op", "by", "session", "id", "count", "stamp", "body", "ad", "rng", "wires", "sha256"]);
    const [session, itsPayload, ad, all] = [this.session(step), payload(step), bytes(step.ad), []];
    drawing(step.rng, () => {
      for (let index = 0; index < step.count; index += 1) all.push(session.encrypt(itsPayload, ad).message);
    });
    for (const [index, wire] of Object.entries(step.wires)) {
      is(all[index], wire);
      this.messages.set(`${step.id}.${index}`, all[index]);
    }
    assert.equal(sha256(...all), step.sha256);
  }

  encrypt_refused(step) {
    fields(step, ["op", "by", "session", "stamp", "body", "ad", "error"]);
    const before = this.session(step).snapshot();
    assert.equal(code(() => this.session(step).encrypt(payload(step), bytes(step.ad))), step.error);
    assert.deepEqual(this.session(step).snapshot(), before);
  }

  deliver(step) {
    fields(step, [
      "op", "to", "session", "handler", "id", "wire", "ad", "now", "expect", "accepts", "session_id", "peer_ident", "peer_address",
    ]);
    const message = step.id === undefined ? this.wire(step.wire) : this.messages.get(step.id);
    const [account, session, ad, now] = [this.accounts.get(step.to), this.session(step, "to"), bytes(step.ad), step.now * 1_000];
    const open = () => {
      if (step.handler === "session") return session.decrypt(message, now, ad);
      assert.equal(step.handler, "accept");
      const accepted = account.accept(message, now, ad);
      this.keep(step, accepted.session, "to");
      assert.equal(step.accepts, true);
      const { identity, address } = accepted.session.peer;
      assert.deepEqual([hex(accepted.session.id), hex(identity), hex(address)], [step.session_id, step.peer_ident, step.peer_address]);
      return accepted.received;
    };
    const { expect } = step;
    fields(expect, ["stamp", "malformed_stamp", "body", "error", "dropped", "peer_went_back"]);
    if (expect.error !== undefined) {
      const before = [account.snapshot(), session?.snapshot()];
      const refused = code(open);
      if (expect.error !== "rejected") assert.equal(refused, expect.error);
      assert.deepEqual([account.snapshot(), session?.snapshot()], before);
      return;
    }
    const received = open();
    this.evidence = received.evidence;
    if (received.stamp === "malformed") assert.equal(expect.malformed_stamp, true);
    else assert.equal(hex(received.stamp.encode()), expect.stamp);
    assert.ok(Buffer.from(received.body).equals(long(expect.body)), "another body");
    assert.deepEqual([received.droppedKeys, received.peerWentBack], [expect.dropped ?? 0, expect.peer_went_back ?? false]);
  }

  save(step) {
    fields(step, ["op", "by", "session", "as"]);
    this.saved.set(step.as, this.session(step).snapshot());
  }

  restore(step) {
    fields(step, ["op", "by", "session", "from"]);
    this.keep(step, Session.restore(this.saved.get(step.from)));
  }

  rotate(step) {
    fields(step, ["op", "by", "created", "expires", "rng", "signed_part"]);
    const account = this.accounts.get(step.by);
    account.setLimits(limits(step));
    const { upload } = drawing(step.rng, () => account.rotateSignedPrekey(step.created * 1_000));
    is(readUpload(upload).signedPart, step.signed_part);
    this.publish(step.by, upload);
  }

  topup(step) {
    fields(step, ["op", "by", "count", "rng", "one_time"]);
    const { upload } = drawing(step.rng, () => this.accounts.get(step.by).addOneTimePrekeys(step.count));
    const { oneTimePrekeys } = readUpload(upload);
    assert.equal(oneTimePrekeys.length, step.one_time.length);
    oneTimePrekeys.forEach((prekey, place) => is(prekey, step.one_time[place]));
    this.publish(step.by, upload);
  }

  external(step) {
    fields(step, ["op", "by", "to", "session", "secret", "ratchet_secret", "session_id"]);
    const pair = RatchetKeyPair.fromSecret(bytes(step.ratchet_secret));
    const [initiator, responder] = [this.accounts.get(step.by).device, this.accounts.get(step.to).device];
    const handshake = { secret: bytes(step.secret), suite: "hybrid", initiator, responder };
    this.keep(step, Session.initiateExternal(handshake, pair.publicKey));
    this.keep(step, Session.acceptExternal(handshake, pair), "to");
    for (const side of ["by", "to"]) assert.equal(hex(this.session(step, side).id), step.session_id);
  }

  ask(step) {
    fields(step, ["op", "by", "session"]);
    this.session(step).requestEpoch();
  }

  status(step) {
    fields(step, ["op", "by", "session", "mixed", "since", "waiting"]);
    const status = { completed: step.mixed, messagesSince: step.since, waitsForPeer: step.waiting };
    assert.deepEqual(this.session(step).epochs, status);
  }
}

/** An account of the answers, and what it publishes. */
export function generated(device) {
  fields(device, [
    "suite", "address", "created", "expires", "rng", "one_time_prekeys", "one_time_rng", "ident", "signed_part", "one_time",
  ]);
  const suite = [undefined, "classical", "hybrid"][device.suite ?? 1];
  const options = { suite, limits: limits(device) };
  const account = drawing(device.rng, () => Account.generate(bytes(device.address), device.created * 1_000, options));
  assert.equal(hex(account.device.identity), device.ident);
  const { upload } = drawing(device.one_time_rng, () => account.addOneTimePrekeys(device.one_time_prekeys));
  const { signedPart, oneTimePrekeys } = readUpload(upload);
  is(signedPart, device.signed_part);
  assert.equal(oneTimePrekeys.length, device.one_time.length);
  oneTimePrekeys.forEach((prekey, place) => is(prekey, device.one_time[place]));
  return { account, upload };
}

function limits({ created, expires }) {
  return { prekeys: { signedPrekeyLifetime: (expires - created) * 1_000, maxOneTimePrekeys: 2 ** 32 - 1 } };
}

function payload({ stamp, body }) {
  return { body: long(body), stamp: Stamp.decode(bytes(stamp)) };
}
