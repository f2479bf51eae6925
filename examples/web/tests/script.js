// Somebody with one device, in memory alone: the package and the client of the relay, and no page.

import { getRandomValues } from "node:crypto";

import { Account, Peer, VerifiedBundle, messageIdBy } from "evanesce";

import { decodeContent, encodeContent } from "../wire/content.js";
import { Relay } from "../wire/relay.js";

export const random = (length) => getRandomValues(new Uint8Array(length));
export const hex = (bytes) => Buffer.from(bytes).toString("hex");

/** What a page is to others, for tests of all else. */
export class Script {
  token = random(32);
  acknowledged = 0;
  letters = [];

  /** Whoever calls themselves so: the relay knows nothing of them. */
  constructor(url, name, you) {
    Object.assign(this, { name, you, relay: new Relay(url), account: Account.generate(name, Date.now()), peer: new Peer(you) });
  }

  static async published(url, name, you) {
    const script = new Script(url, name, you);
    const { upload } = script.account.maintain(undefined, Date.now());
    await script.relay.publish(name, script.token, upload);
    script.account.markPublished(upload);
    return script;
  }

  async send(body, stamp) {
    if (this.peer.sessionNeed(Date.now())) {
      const bundle = VerifiedBundle.verify(await this.relay.bundle(this.you), Date.now());
      this.peer.initiate(this.account, bundle, Date.now());
    }
    const { message } = this.peer.encrypt({ body, stamp }, Date.now());
    await this.relay.deposit(this.you, random(16), message);
  }

  /** Gives the id that the terminal shows. */
  async say(text) {
    const chosen = random(16);
    await this.send(encodeContent({ kind: "text", chosen, text }));
    return hex(messageIdBy(this.account.memberTag, chosen));
  }

  /** What comes next that has a body, or that `fits`. */
  async heard(fits = ({ body }) => body.length > 0) {
    for (;;) {
      while (this.letters.length === 0) {
        this.letters = (await this.relay.fetch(this.name, this.token, this.acknowledged, 30)).letters;
      }
      const { number, message, mark } = this.letters.shift();
      // Over a new connection all that was not acknowledged comes again: the relay closes one over which nothing is asked for long.
      if (number <= this.acknowledged) continue;
      this.acknowledged = number;
      const { received } = this.peer.decrypt(this.account, message, Date.now());
      if (fits(received)) return { received, content: received.body.length > 0 ? decodeContent(received.body) : undefined, mark };
    }
  }
}
