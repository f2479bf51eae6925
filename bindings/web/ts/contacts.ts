// The people and the devices that are known.

import { address, exactly, flag, time } from "./checks.js";
import { invalid } from "./errors.js";
import { Handle, held, wrap } from "./handle.js";
import { OwnDevices } from "./own_devices.js";
import { Peer, keeps, peerOf } from "./peer.js";
import {
  Person, listBytes, ownerOf, personOf, type DeviceList, type PeopleChanges, type PersonEvent, type Standing,
} from "./people.js";
import { deviceOf, type Address, type Bytes, type DeviceLike } from "./shapes.js";
import { read } from "./values.js";
import * as module from "./wasm.js";

const ACCEPT = 0, REQUEST = 1, REFUSE = 2, EQUAL = 3, NOT_EQUAL = 4;

/**
 * The people and the devices that are known, in memory: `Store.contacts` has them all.
 *
 * **All people have to be here, always, in the order in which they became known.** Whose list a message brings nobody knows
 * before it has opened, and somebody who is not here is somebody new: a device that was removed, and brings the list that it
 * still has, would be taken in by it. Of peers those may be here that a call concerns: who writes, or is written to, all devices
 * of their person and all own ones.
 *
 * Freeing it frees all of them: what `peer` gave is refused as `freed` from then on.
 */
export class Contacts extends Handle {
  /** Nobody. */
  constructor() {
    super(wrap(() => module.RawContacts.none()));
  }

  /**
   * A device more, which is by itself until then and stays what `peer` gives.
   *
   * @throws `invalid_argument` if it is in contacts already, or another is here at its address
   */
  addPeer(peer: Peer): void {
    const its = held<module.RawPeer>(peer, Peer, "peer");
    if (!rawContacts(this).add_peer(its)) throw invalid("the peer is in contacts, or another is here at its address");
    keeps(this, peer);
  }

  /**
   * A person more, behind the others.
   *
   * @throws `invalid_argument` if one of this owner is here
   */
  addPerson(person: Person): void {
    if (!rawContacts(this).add_person(held(person, Person, "person"))) throw invalid("a person of this owner is here");
  }

  /** The device at this address: what is called on it changes it here. */
  peer(itsAddress: Address): Peer | undefined {
    const checked = address(itsAddress);
    const raw = rawContacts(this).peer(checked);
    if (raw === undefined) return undefined;
    const peer = peerOf(raw);
    keeps(this, peer);
    return peer;
  }

  /** A copy of the person of this owner, as they are now. */
  person(owner: Uint8Array): Person | undefined {
    const raw = rawContacts(this).person(exactly(owner, 64, "owner"));
    return raw && personOf(raw);
  }

  /** The devices that are here, by their addresses. */
  get addresses(): Bytes[] {
    return read(rawContacts(this).addresses());
  }

  /** The people, by their owners, in the order in which they became known. */
  get owners(): Bytes[] {
    return read(rawContacts(this).owners());
  }

  /** Forgets a device; its row goes by `Commit.forgotten`. Says whether it was here. */
  removePeer(itsAddress: Address): boolean {
    const checked = address(itsAddress);
    return rawContacts(this).remove_peer(checked);
  }

  /** Forgets a person, and none of their devices. Says whether they were here. */
  removePerson(owner: Uint8Array): boolean {
    return rawContacts(this).remove_person(exactly(owner, 64, "owner"));
  }

  /** Whose a device is: of the first who lists it, else of the first who did until lately. */
  personOf(device: DeviceLike, now: number): { readonly owner: Bytes; readonly standing: Standing } | undefined {
    const arguments_ = [...deviceOf(device, "device"), time(now)] as const;
    return read(rawContacts(this).person_of(...arguments_));
  }

  /**
   * Accepts a person who wrote first, or unblocks one: all of their devices, those that become known later included. Here and
   * below `changes.tell` is for own other devices; of one's own person nothing is decided so.
   *
   * @throws here and below, `malformed`, `weak_key` of an owner who is none
   */
  accept(own: OwnDevices, person: Person | Uint8Array, now: number): PeopleChanges {
    return decide(this, own, person, ACCEPT, now);
  }

  /**
   * Refuses a person, or blocks them: all of their devices. The first message of a device that was not known still opens, and
   * says `PersonDelivered.isRefused`: show nothing of it.
   */
  refuse(own: OwnDevices, person: Person | Uint8Array, now: number): PeopleChanges {
    return decide(this, own, person, REFUSE, now);
  }

  /** Makes a request of a person again, as when they are deleted from the contacts. */
  setBackToRequest(own: OwnDevices, person: Person | Uint8Array, now: number): PeopleChanges {
    return decide(this, own, person, REQUEST, now);
  }

  /** The user has compared the person's `number` and it is equal, or takes that back. */
  verify(own: OwnDevices, person: Person | Uint8Array, isEqual: boolean): PeopleChanges {
    return decide(this, own, person, flag(isEqual, "isEqual") ? EQUAL : NOT_EQUAL, 0);
  }

  /**
   * Takes a list that was fetched, or that an own device `given` out, for the person of its owner: of each person the highest
   * version is held. What is to be shown is in `events`, none if it is held already.
   *
   * @throws as `verifyDeviceList`; `other_owner` if nobody of that owner is known; `older_list`; `expired` of a list that would be
   * the person's first
   */
  adopt(own: OwnDevices, list: DeviceList | Uint8Array, now: number): {
    readonly events: readonly PersonEvent[]; readonly changes: PeopleChanges;
  } {
    const [checked, at] = [listBytes(list), time(now)];
    return read(rawContacts(this).adopt(held(own, OwnDevices, "own"), checked, at));
  }

  /** Has a contact's device `known` that another own device knows: it is pinned, unless something else is known by now. */
  pin(own: OwnDevices, device: DeviceLike, now: number): PeopleChanges {
    const arguments_ = [...deviceOf(device, "device"), time(now)] as const;
    return read(rawContacts(this).pin(held(own, OwnDevices, "own"), ...arguments_));
  }

  /** Forgets devices that were removed from lists long ago: once a day. Peers have a `maintain` of their own. */
  maintain(now: number): PeopleChanges {
    const people = read<Bytes[]>(rawContacts(this).maintain(time(now)));
    return { account: false, own: false, people, peers: [], tell: [] };
  }
}

function decide(it: unknown, own: OwnDevices, person: unknown, what: number, now: number): PeopleChanges {
  const [owner, at] = [ownerOf(person), time(now)];
  return read(rawContacts(it).decide(held(own, OwnDevices, "own"), owner, what, at));
}

function rawContacts(it: unknown): module.RawContacts {
  return held(it, Contacts);
}
