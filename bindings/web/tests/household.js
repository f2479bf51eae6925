// A device among the others of its person, and what servers have of it.

import { NOW, device, evanesce } from "./package.js";

const { Contacts, ExpiryScheduler, OwnDevices, Peer, Person, VerifiedBundle, text } = evanesce;

export class Party {
  constructor(name, options = { suite: "classical" }) {
    Object.assign(this, device(name, options));
    this.name = name;
    this.own = new OwnDevices(this.account);
    this.contacts = new Contacts();
    this.expiry = ExpiryScheduler.create(NOW);
  }

  get owner() {
    return this.own.person.owner;
  }

  /** Begins a session with another party's device. */
  begin(other, now = NOW) {
    const known = this.contacts.peer(other.name);
    const peer = known ?? Peer.pinned(other.account.device);
    if (known === undefined) this.contacts.addPeer(peer);
    return peer.initiate(this.account, VerifiedBundle.verify(other.server.handOut(), now), now);
  }

  /** Knows a person, by the identity that came some other way. */
  know(owner) {
    if (this.contacts.person(owner) === undefined) this.contacts.addPerson(new Person(owner));
  }

  /** Writes to a person. Gives what is sent. */
  say(owner, body, now = NOW) {
    return this.own.to(owner).encrypt(this.contacts, Buffer.from(body), now);
  }

  hear(from, message, now = NOW) {
    return this.own.decrypt(this.account, this.contacts, from.name, message, now);
  }
}

/** What is for a party among messages. */
export function of(messages, party) {
  return messages.find(({ to }) => text(to) === party.name)?.message;
}

/** The new device shows a code, and the user sees the same digits on both. Gives the list that is published. */
export function link(owner, fresh, now = NOW) {
  const code = fresh.own.showLinkCode(now);
  const bundle = VerifiedBundle.verify(fresh.server.handOut(), now);
  const offer = owner.own.offerLink(owner.account, owner.contacts, code.bytes, bundle, now);
  fresh.own.openLinkOffer(fresh.account, fresh.contacts, offer.message, now);
  const answer = fresh.own.answerLinkOffer(fresh.account, fresh.contacts, now);
  const { list } = owner.own.finishLink(owner.account, owner.contacts, answer.message, now);
  fresh.own.adopt(list, now);
  return list;
}

/** Two people with two devices each, who know each other's lists, and have sessions to all. */
export function households(options) {
  const [alices, bobs] = ["alice", "bob"].map((name) => [1, 2].map((number) => new Party(`${name}/${number}`, options)));
  const lists = [alices, bobs].map(([first, second]) => link(first, second));
  for (const [ours, theirs, list] of [[alices, bobs, lists[1]], [bobs, alices, lists[0]]]) {
    for (const party of ours) {
      party.know(theirs[0].owner);
      party.contacts.adopt(party.own, list, NOW);
      party.contacts.accept(party.own, theirs[0].owner, NOW);
    }
  }
  for (const party of alices) bobs.forEach((other) => party.begin(other));
  return { alices, bobs, lists };
}
