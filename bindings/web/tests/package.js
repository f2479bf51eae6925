// The package that is tested, and what all tests here need.
//
// EVANESCE_PACKAGE names its directory; without, it is what `build` leaves.

import { pathToFileURL } from "node:url";
import { resolve } from "node:path";

// Locks go by the name of a store alone. Most tests have several of one name, each in a database of its own, and see to it themselves that
// each has one holder: the locks of later Nodes are not theirs.
Object.defineProperty(globalThis, "navigator", { value: undefined, configurable: true });

const directory = process.env.EVANESCE_PACKAGE ?? resolve(import.meta.dirname, "../pkg");

/** A module of the package, as a program that depends on it would get it. */
export function part(name) {
  return import(pathToFileURL(resolve(directory, "dist", name)).href);
}

export const evanesce = await part("node.js");

/** A moment in 2027. */
export const NOW = 1_800_000_000_000;

/** An account whose prekeys are at a server. */
export function device(address, options = {}) {
  const account = evanesce.Account.generate(address, NOW, options);
  const { upload } = account.maintain(undefined, NOW);
  account.markPublished(upload);
  return { account, server: new evanesce.PublishedPrekeys(upload) };
}

/** Two devices, of which the first has begun a session with the second, which has read a message and agreed. */
export function pair(options = {}) {
  const { Peer, VerifiedBundle, utf8 } = evanesce;
  const [alice, bob] = [device("alice", options), device("bob", options)];
  const [bobs, alices] = [new Peer("bob"), new Peer("alice")];
  bobs.initiate(alice.account, VerifiedBundle.verify(bob.server.handOut(), NOW), NOW);
  const { message } = bobs.encrypt(utf8("first"), NOW);
  alices.decrypt(bob.account, message, NOW);
  alices.acceptRequest();
  return { alice, bob, bobs, alices };
}
