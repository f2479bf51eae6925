// Devices with groups, and the letters between them.

import { Party } from "./household.js";
import { NOW, evanesce } from "./package.js";

const { Groups, HeldMessages, Peer, Person, VerifiedBundle, text, utf8 } = evanesce;

export class Club extends Party {
  groups = new Groups();
  held = new HeldMessages();
  kept = new Map();
  /** What came of groups. */
  events = [];
  delivered = [];

  inGroup(id) {
    return this.own.inGroup(this.account, this.groups.group(id));
  }

  say(id, line) {
    return this.inGroup(id).encrypt(this.contacts, utf8(line), NOW);
  }

  change(id, what) {
    return this.inGroup(id).change(this.contacts, what, NOW);
  }

  /** A session with a member who stays a stranger. */
  beginForGroup(other) {
    if (this.contacts.peer(other.name) === undefined) this.contacts.addPeer(new Peer(other.name));
    this.contacts.peer(other.name).initiateForGroup(this.account, VerifiedBundle.verify(other.server.handOut(), NOW), NOW);
  }

  /** Takes in a message; joins wherever it is invited. Gives what is to be sent. */
  take(from, message) {
    const { own, account, contacts, groups } = this;
    let wants;
    if (message[0] === 0x13) {
      this.offer(message);
    } else {
      const heard = groups.hear(own, contacts, own.decrypt(account, contacts, from, message, NOW), NOW);
      ({ wants } = heard);
      this.events.push(...heard.events);
      this.offerAgain(heard.unblocks);
    }
    for (const invitation of groups.invitations(own, NOW)) {
      this.offerAgain(groups.join(own, contacts, invitation, NOW).unblocks);
    }
    return groups.respond(own, account, contacts, wants, NOW);
  }

  offer(message) {
    try {
      this.open(message);
    } catch (refusal) {
      const { number } = this.held.refused(refusal, NOW);
      if (number !== undefined) this.kept.set(number, message);
    }
  }

  open(message) {
    const got = this.groups.decrypt(this.own, this.contacts, message, NOW);
    this.delivered.push(got);
    this.events.push(...got.events);
    this.offerAgain(got.unblocks);
  }

  offerAgain(unblocks) {
    for (const number of this.held.due(unblocks)) {
      const message = this.kept.get(number);
      if (message === undefined) continue;
      this.kept.delete(number);
      try {
        this.open(message);
        this.held.opened(number);
      } catch (refusal) {
        if (this.held.refusedAgain(number, refusal)) this.kept.set(number, message);
      }
    }
  }
}

/** Devices by their names, each with a list, who know each other and have sessions. */
export function clubs(names, options) {
  const all = names.map((name) => new Club(name, options));
  const lists = all.map((club) => club.own.refresh(club.account, NOW));
  for (const club of all) {
    all.forEach((other, place) => {
      if (other === club) return;
      club.contacts.addPerson(new Person(other.owner));
      club.contacts.adopt(club.own, lists[place], NOW);
      club.begin(other);
    });
  }
  return Object.fromEntries(all.map((club) => [club.name, club]));
}

/**
 * Delivers what is sent, and what comes of it, to those who are there. Gives letters to others: from whom and to whom, and each as
 * `exchange` takes it.
 */
export function exchange(there, from, outgoing) {
  const letters = [];
  const post = (sender, { pairwise, broadcasts }) => {
    for (const { to, message } of pairwise) letters.push([sender, text(to), message]);
    for (const { to, message } of broadcasts) for (const one of to) letters.push([sender, text(one), message]);
  };
  post(from, outgoing);
  const missed = [];
  while (letters.length > 0) {
    const [sender, to, message] = letters.shift();
    const party = there.find(({ name }) => name === to);
    if (party === undefined) {
      const letter = { to: utf8(to), message };
      const isForAll = message[0] === 0x13;
      missed.push([sender, to, sender, { pairwise: isForAll ? [] : [letter], broadcasts: isForAll ? [{ to: [letter.to], message }] : [] }]);
    } else {
      post(party, party.take(sender.name, message));
    }
  }
  return missed;
}
