// What fails beneath the module: a source of randomness that throws or repeats itself, and a stack that ends within a call.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { resolve } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";

const directory = process.env.EVANESCE_PACKAGE ?? resolve(import.meta.dirname, "../pkg");

/** What a program prints in a process of its own, whose source of randomness is `draw`. */
async function printed(program) {
  const before = `
    const real = crypto.getRandomValues.bind(crypto);
    let draw = real;
    Object.defineProperty(globalThis, "crypto", { value: { getRandomValues: (out) => draw(out) } });
    const import_ = () => import(${JSON.stringify(pathToFileURL(`${directory}/dist/node.js`).href)});
    const code = (work) => {
      try {
        return work(), "fine";
      } catch (error) {
        return error.code ?? error.name;
      }
    };
    const pair = (it) => {
      const [alice, bob, now] = [it.Account.generate("alice", 0), it.Account.generate("bob", 0), 1_000];
      const server = new it.PublishedPrekeys(bob.maintain(undefined, 0).upload);
      const [bobs, alices] = [new it.Peer("bob"), new it.Peer("alice")];
      bobs.initiate(alice, it.VerifiedBundle.verify(server.handOut(), now), now);
      return { alice, bob, bobs, alices, server, now };
    };
  `;
  const given = ["--expose-gc", "--input-type=module", "--eval", before + program];
  return (await promisify(execFile)(process.execPath, given)).stdout.trim();
}

test("a source of randomness that throws is refused before anything changes, and all goes on once it gives again", async () => {
  const program = `
    const it = await import_();
    const { alice, bob, bobs, alices, server, now } = pair(it);
    const key = new it.StorageKey(new Uint8Array(32));
    const [own, contacts] = [new it.OwnDevices(alice), new it.Contacts()];
    contacts.addPeer(it.Peer.pinned(bob.device));
    contacts.addPerson(new it.Person(bob.device.identity));
    contacts.peer("bob").initiate(alice, it.VerifiedBundle.verify(server.handOut(), now), now);
    const groups = new it.Groups();
    own.refresh(alice, now);
    const { group } = own.createGroup(alice, contacts, groups, [], it.utf8("x"), now);
    const [first, second, third] = [1, 2, 3].map(() => it.VerifiedBundle.verify(server.handOut(), now));
    const before = [alice, bob, bobs].map((state) => state.snapshot());
    draw = () => { throw new Error("none left"); };
    const calls = [
      () => it.Account.generate("x", now), () => alice.maintain(undefined, now), () => alice.rotateSignedPrekey(now),
      () => alice.replacePrekeys(now), () => alice.republishPrekeys(now), () => alice.changeAddress("y", now),
      () => alice.addOneTimePrekeys(3), () => alice.initiate(first), () => bobs.encrypt(it.utf8("x"), now),
      () => new it.Peer("bob").initiate(alice, second, now), () => new it.Peer("bob").initiateForGroup(alice, third, now),
      () => bobs.seal(key), () => key.seal(it.utf8("x"), 64), () => it.ExpiryScheduler.create(now),
      () => it.ContentKey.generate(), () => it.RatchetKeyPair.generate(), () => it.AttachmentSealer.generate(),
      () => own.showLinkCode(now), () => own.to(bob.device.identity).encrypt(contacts, it.utf8("x"), now), () => own.seal(key),
      () => own.to(own.person).tellEvents(contacts, [{ kind: "read", id: new Uint8Array(16) }], 0, now), () => own.person.seal(key),
      () => own.createGroup(alice, contacts, groups, [bob.device.identity], it.utf8("x"), now), () => group.seal(key),
      () => own.inGroup(alice, group).encrypt(contacts, it.utf8("x"), now), () => groups.sealInvitations(key),
      () => groups.respond(own, alice, contacts, undefined, now), () => groups.maintain(own, alice, contacts, now),
      () => it.sealRecord(key, { key: new Uint8Array(1), value: new Uint8Array(1), id: undefined }),
    ];
    console.log(new Set(calls.map(code)));
    console.log([alice, bob, bobs].map((state, place) => Buffer.compare(state.snapshot(), before[place])));
    draw = real;
    console.log(calls.map(code).every((one) => one === "fine"));
    console.log(it.text(alices.decrypt(bob, bobs.encrypt(it.utf8("still here"), now).message, now).received.body));
  `;
  assert.equal(await printed(program), "Set(1) { 'no_randomness' }\n[ 0, 0, 0 ]\ntrue\nstill here");
});

test("a source of randomness that repeats itself is refused, at once and later", async () => {
  const same = 'draw = (out) => out.fill(7); import_().catch(({ code }) => console.log(code));';
  assert.equal(await printed(same), "no_randomness");
  const zeros = 'draw = (out) => out; import_().catch(({ code }) => console.log(code));';
  assert.equal(await printed(zeros), "no_randomness");
  const later = `
    const it = await import_();
    const { bobs, now } = pair(it);
    const once = real(new Uint8Array(65_536));
    draw = (out) => out.set(once.subarray(0, out.length));
    console.log([1, 2, 3].map(() => code(() => bobs.encrypt(it.utf8("x"), now))));
  `;
  assert.equal(await printed(later), "[ 'fine', 'no_randomness', 'no_randomness' ]");
});

test("a call that tells more devices than could be foreseen finds what it draws, and ends if the source does", async () => {
  const program = `
    await import_();
    const { drawing, drawingMore, randomize } = await import(HOST);
    const drawn = () => [1, 2, 3].map(() => (randomize(out = new Uint8Array(64)), Buffer.from(out).toString("hex")));
    let out;
    console.log(code(() => drawing(100, drawn)));
    const all = drawingMore(100, drawn);
    console.log(new Set(all).size, all.every((one) => !/^0+$/.test(one)));
    console.log(code(() => drawingMore(100, () => ((draw = () => { throw new Error("none left"); }), drawn()))));
    draw = real;
    console.log(code(() => drawing(100, drawn)));
  `;
  const host = JSON.stringify(pathToFileURL(`${directory}/dist/host.js`).href);
  assert.equal(await printed(program.replace("HOST", host)), "broken\n3 true\nno_randomness\nbroken");
});

test("ten thousand prekeys at once find all that they draw", async () => {
  const program = `
    const it = await import_();
    const limits = { prekeys: { oneTimePrekeys: 20_000, maxOneTimePrekeys: 20_000 } };
    const account = it.Account.generate("alice", 0, { limits });
    console.log([
      () => account.maintain(undefined, 0), () => account.republishPrekeys(0), () => account.replacePrekeys(0),
      () => account.changeAddress("another", 0), () => account.addOneTimePrekeys(10_000), () => account.rotateSignedPrekey(0),
      () => account.republishPrekeys(0), () => account.replacePrekeys(0),
    ].map(code).join());
  `;
  assert.equal(await printed(program), Array(8).fill("fine").join());
});

test("a call that ends as none may is the last one, every later one says so, and what frees is quiet", async () => {
  const program = `
    const { guarded } = await import(GUARD);
    const stack = () => { throw new RangeError("Maximum call stack size exceeded"); };
    let made = 0;
    const exports = guarded({ memory: 5, call: stack, other: () => (made += 1), __wbg_thing_free: stack });
    console.log(exports.memory, exports.other(), code(exports.call), code(exports.other), code(exports.__wbg_thing_free), made);
    console.log(code(() => guarded({})));
  `;
  const guard = JSON.stringify(pathToFileURL(`${directory}/dist/guard.js`).href);
  assert.equal(await printed(program.replace("GUARD", guard)), "5 1 broken broken fine 1\nother");
});

test("what is thrown behind a call and is no refusal is the end as well", async () => {
  const program = `
    const { guardClass } = await import(GUARD);
    class Thing {
      free() { return "freed"; }
      fine(value) { return [this instanceof Thing, value]; }
      refuses() { throw Object.assign(new EvanesceError("malformed", "?")); }
      ends() { throw new RangeError("Array buffer allocation failed"); }
      static make() { return new Thing(); }
    }
    const { EvanesceError } = await import(GUARD.replace("guard.js", "errors.js"));
    guardClass(Thing);
    const thing = Thing.make();
    console.log(thing.fine(5).join(), code(() => thing.refuses()), code(() => thing.ends()), thing.free());
  `;
  const guard = JSON.stringify(pathToFileURL(`${directory}/dist/guard.js`).href);
  assert.equal(await printed(program.replaceAll("GUARD", guard)), "true,5 malformed broken freed");
});

test("where the stack ends within a call, all later ones say so, or nothing has happened", async () => {
  const program = `
    const it = await import_();
    const { bob, bobs, alices, now } = pair(it);
    const first = bobs.encrypt(it.utf8("first"), now).message;
    alices.decrypt(bob, first, now);
    const { message } = bobs.encrypt(it.utf8("from the bottom"), now);
    const seen = new Set();
    const dive = () => {
      try {
        dive();
      } catch {}
      try {
        alices.decryptEstablished(first, now);
      } catch (error) {
        seen.add(error.code ?? error.name);
      }
    };
    dive();
    const later = [
      () => alices.decryptEstablished(message, now), () => bobs.address, () => it.Account.generate("x", now), () => it.Stamp.none(),
      () => it.messageTag(new Uint8Array(300)),
    ].map(code);
    const all = seen.has("broken") ? "broken" : "fine";
    console.log(later.filter((one) => one !== all).join(), code(() => bobs.free()), [...seen].sort().join());
    for (let round = 0; round < 5; round += 1) {
      gc();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  `;
  assert.match(await printed(program), /^fine (RangeError,broken(,duplicate)?|RangeError,duplicate)$/);
});
