// A device of somebody, as a page: what an application does of people and groups over `Store`. The test is its server, by `ask`, and its
// user, by `device`. Bytes go between the two in hexadecimal.

import { Account, EvanesceError, OwnDevices, Peer, Person, VerifiedBundle, text, utf8 } from "evanesce";
import { Store } from "evanesce/store";

const { me } = Object.fromEntries(new URLSearchParams(location.search));
const hex = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
const unhex = (digits) => Uint8Array.from(digits.match(/../g) ?? [], (byte) => parseInt(byte, 16));
const bundleOf = async (name) => VerifiedBundle.verify(unhex(await ask("bundle", name)), Date.now());

const store = await Store.open(`device ${me}`);
const stored = await store.account();
const account = stored ?? Account.generate(me, Date.now());
const own = (await store.ownDevices()) ?? new OwnDevices(account);
const house = { account, own, contacts: await store.contacts(), groups: await store.groups() };
const { contacts, groups } = house;
if (stored === undefined) {
  const { upload } = account.maintain(undefined, Date.now());
  await store.commit({ account, own });
  await ask("publish", me, hex(upload));
  account.markPublished(upload);
  await store.commit({ account });
}

// What was read is in rows, one for each time that it was.
let count = (await store.rows("read/")).length;
const row = (line) => [`read/${String(count++).padStart(6, "0")}`, line];
const ofGroups = (of) => (of?.delivered ?? []).filter(({ isControl }) => !isControl).map(({ received }) => row(`group: ${text(received.body)}`));
const ofPerson = ({ received, isControl, copyOf, ofGroups: of }) =>
  [...(isControl ? [] : [row(`${copyOf ? "copy" : "person"}: ${text(received.body)}`)]), ...ofGroups(of)];

/** Sessions with those who lack one. Whether there are more now. */
async function begin(missed, isForGroup) {
  const lacking = missed.filter(({ reason }) => reason === "needsSession" || reason === "chainFull");
  for (const { to } of lacking) {
    if (!contacts.peer(to)) contacts.addPeer(new Peer(to));
    const bundle = await bundleOf(text(to));
    if (isForGroup) contacts.peer(to).initiateForGroup(account, bundle, Date.now());
    else contacts.peer(to).initiate(account, bundle, Date.now());
  }
  await store.commit({ account, contacts });
  return lacking.length > 0;
}

async function after(of) {
  for (const invitation of groups.invitations(own, Date.now())) await store.joinGroup(house, invitation, Date.now(), ofGroups);
  if (await begin(of.unreached, true)) await after(await store.lookAfterGroups(house, Date.now(), ofGroups));
}

/** A message of linking, on either side. */
async function linked(from, message) {
  if (device.linking === "shows") {
    const { digits } = own.openLinkOffer(account, contacts, message, Date.now());
    const { to, message: answer } = own.answerLinkOffer(account, contacts, Date.now());
    await store.commit({ account, own, contacts, outgoing: [{ to, message: answer }] });
    device.digits = digits;
  } else {
    const { list } = own.finishLink(account, contacts, message, Date.now());
    await store.commit({ account, own, contacts });
    await ask("publishList", hex(list.owner), hex(list.bytes));
  }
  device.linking = undefined;
}

globalThis.device = {
  owner: () => hex(own.person.owner),
  devices: () => own.person.list.devices.length,
  read: async () => (await store.rows("read/")).map(([, line]) => line),
  waiting: async () => (await store.outbox()).length,
  groups: () => groups.ids.map(hex),

  async showCode() {
    const { bytes } = own.showLinkCode(Date.now());
    await store.commit({ own });
    device.linking = "shows";
    return hex(bytes);
  },

  async offer(code, name) {
    const { to, message } = own.offerLink(account, contacts, unhex(code), await bundleOf(name), Date.now());
    await store.commit({ account, own, contacts, outgoing: [{ to, message }] });
    device.linking = "offers";
    device.digits = own.digits;
  },

  /** The list of somebody's devices that the server has. */
  async learn(owner) {
    const list = unhex(await ask("list", owner));
    if (owner === hex(own.person.owner)) {
      own.adopt(list, Date.now());
      await store.commit({ own });
      return;
    }
    if (!contacts.person(unhex(owner))) contacts.addPerson(new Person(unhex(owner)));
    const { changes } = contacts.adopt(own, list, Date.now());
    await store.commit({ contacts });
    await store.tell(house, changes, Date.now());
  },

  async writeTo(owner, body) {
    await begin(own.to(unhex(owner)).obstacles(contacts, Date.now()), false);
    const { unreached } = await store.sendTo(house, unhex(owner), utf8(body), Date.now(), ({ messages }) => [["sent", messages.length]]);
    return unreached.map(({ reason }) => reason);
  },

  async makeGroup(owner) {
    const { outgoing } = own.createGroup(account, contacts, groups, [unhex(owner)], utf8("Hiking"), Date.now());
    await store.sendOut(house, outgoing);
    await after(outgoing);
  },

  async writeToGroup(body) {
    await after(await store.sendToGroup(house, groups.group(groups.ids[0]), utf8(body), Date.now()));
  },

  /** What came: the code of its refusal, if it is refused. */
  async take(from, letter) {
    const message = unhex(letter);
    try {
      if (device.linking !== undefined) await linked(from, message);
      else if (message[0] === 0x13) await after(await store.receiveFromGroup(house, message, Date.now(), ofGroups));
      else {
        const heard = await store.receiveFrom(house, from, message, Date.now(), ofPerson);
        if (contacts.peer(from)?.contact.kind === "request" && heard.person) {
          await store.tell(house, contacts.accept(own, heard.person, Date.now()), Date.now());
        }
        await after(heard.ofGroups);
      }
      return "taken";
    } catch (refusal) {
      if (!(refusal instanceof EvanesceError)) throw refusal;
      return refusal.code;
    }
  },

  flush: () => store.flush((to, message) => ask("post", me, text(to), hex(message))),
};
