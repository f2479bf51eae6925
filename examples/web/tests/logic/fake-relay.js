// A relay in memory, that can be switched off, lose what it has, and show what it was asked.

import { PublishedPrekeys } from "evanesce";

import { RelayOffline, RelayRefusal } from "../../wire/relay.js";

const key = (bytes) => Buffer.from(bytes).toString("hex");

export class FakeRelay {
  isOnline = true;
  /** By name: the token, prekeys, letters, and the last number. */
  mailboxes = new Map();
  blobs = new Map();
  reports = [];
  /** What was asked, in order. */
  asked = [];
  /** How often all connections have ended. */
  breaks = 0;
  #deposits = new Set();
  #waiters = new Set();

  /** The same relay as one client sees it: it may be closed. */
  connection() {
    const relay = this;
    let [isClosed, breaks] = [false, -1];
    return new Proxy(this, {
      get(_, method) {
        if (method === "close") return () => { isClosed = true; };
        return async (...given) => {
          await null;
          if (isClosed || !relay.isOnline) throw new RelayOffline("there is no connection");
          if (method !== "fetch") relay.asked.push(method);
          // As over a new connection.
          else if (breaks !== relay.breaks) [breaks, given[2]] = [relay.breaks, 0];
          return relay[method](...given);
        };
      },
    });
  }

  #mailbox(name, token) {
    const mailbox = this.mailboxes.get(name);
    if (mailbox === undefined) throw new RelayRefusal("unknown");
    if (token !== undefined && key(token) !== mailbox.token) throw new RelayRefusal("not_yours");
    return mailbox;
  }

  publish(name, token, upload) {
    if (!this.mailboxes.has(name)) {
      this.mailboxes.set(name, { token: key(token), prekeys: new PublishedPrekeys(upload), letters: [], last: 0 });
      return;
    }
    this.#mailbox(name, token).prekeys.publish(upload);
  }

  async fetch(name, token, acknowledged, waitSeconds, signal) {
    const mailbox = this.#mailbox(name, token);
    mailbox.letters = mailbox.letters.filter(({ number }) => number > acknowledged);
    while (mailbox.letters.length === 0 && waitSeconds > 0) {
      await new Promise((resolve, reject) => {
        const aborted = () => reject(signal.reason);
        signal?.addEventListener("abort", aborted, { once: true });
        this.#waiters.add(() => {
          signal?.removeEventListener("abort", aborted);
          resolve();
        });
      });
      if (!this.isOnline) throw new RelayOffline("the connection was closed");
    }
    return { acknowledged, stock: mailbox.prekeys.stock, letters: [...mailbox.letters] };
  }

  bundle(name) {
    return this.#mailbox(name).prekeys.handOut();
  }

  deposit(name, id, message) {
    const mailbox = this.#mailbox(name);
    if (this.#deposits.has(key(id))) return;
    this.#deposits.add(key(id));
    mailbox.last += 1;
    mailbox.letters.push({
      number: mailbox.last, message, mark: { context: Uint8Array.of(1), postmark: new Uint8Array(32) },
    });
    this.wake();
  }

  report(name, token, id, report) {
    this.#mailbox(name, token);
    this.reports.push(report);
  }

  beginBlob(id, token, length) {
    if (!this.blobs.has(key(id))) this.blobs.set(key(id), { token: key(token), length, bytes: Buffer.alloc(0) });
    return this.blobs.get(key(id)).bytes.length;
  }

  putBlob(id, token, offset, bytes) {
    const blob = this.blobs.get(key(id));
    if (blob === undefined) throw new RelayRefusal("no_blob");
    if (offset > blob.bytes.length) throw new RelayRefusal("gap");
    blob.bytes = Buffer.concat([blob.bytes, bytes.subarray(blob.bytes.length - offset)]);
    return blob.bytes.length;
  }

  getBlob(id, offset, length) {
    const blob = this.blobs.get(key(id));
    if (blob === undefined || blob.bytes.length !== blob.length) throw new RelayRefusal("no_blob");
    return { length: blob.length, bytes: new Uint8Array(blob.bytes.subarray(offset, offset + length)) };
  }

  deleteBlob(id, token) {
    const blob = this.blobs.get(key(id));
    if (blob !== undefined && blob.token !== key(token)) throw new RelayRefusal("not_yours");
    this.blobs.delete(key(id));
  }

  /** Ends all waiting for letters, as when one comes or the connection breaks. */
  wake() {
    for (const wake of this.#waiters) wake();
    this.#waiters.clear();
  }

  switchOff() {
    this.isOnline = false;
    this.breaks += 1;
    this.wake();
  }

  switchOn() {
    this.isOnline = true;
  }
}
