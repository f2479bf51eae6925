#!/usr/bin/env bash
# ts-mls (MLS, RFC 9420) keeps, unless told otherwise, the keys of 10 messages of a sender that were passed over, and
# goes forward by 200. So of a page of 30 messages that are opened with the newest first, as a screen is filled from its
# end, 19 never open; and a device that missed 201 messages of a member opens none that follows, until somebody commits. A
# double ratchet keeps a thousand or two, so that its users fetch in any order. `keyRetentionConfig` of the client's
# configuration has both numbers; or open what is fetched from the oldest on, and commit when a device comes back.
#
# Seen with ts-mls 1.6.4 in Node 20.20:
#
#   a page of 30, oldest first: 30 of 30 open
#   a page of 30, newest first: 11 of 30 open, Desired gen in the past
#   a page of 30, the newest one, then oldest first: 11 of 30 open, Desired gen in the past
#   after 201 were missed: 0 of 49 open, Desired generation too far in the future
#   after a commit: 30 of 30 open
#
# Fails if that changes. Wants Node 20 with npm, and installs into a folder of its own, which it removes.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"type": "module"}' >package.json
npm install --silent --no-audit --no-fund --ignore-scripts ts-mls@1.6.4 @noble/hashes@1.8.0

cat >seen.js <<'END'
import * as mls from "ts-mls";

const suite = mls.getCiphersuiteFromName("MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519");
const cipherSuite = await mls.getCiphersuiteImpl(suite);
const bytes = (text) => new TextEncoder().encode(text);
const numbers = (count) => [...Array(count).keys()];

function member(name) {
  const credential = { credentialType: "basic", identity: bytes(name) };
  return mls.generateKeyPackage(credential, mls.defaultCapabilities(), mls.defaultLifetime, [], cipherSuite);
}

class Group {
  static async ofTwo() {
    const [alice, bob] = [await member("alice"), await member("bob")];
    const empty = await mls.createGroup(bytes("group"), alice.publicPackage, alice.privatePackage, [], cipherSuite);
    const proposal = { proposalType: "add", add: { keyPackage: bob.publicPackage } };
    const { newState, welcome } = await mls.createCommit({ state: empty, cipherSuite }, { extraProposals: [proposal] });
    const group = new Group();
    group.alice = newState;
    const tree = newState.ratchetTree;
    group.bob = await mls.joinGroup(welcome, bob.publicPackage, bob.privatePackage, mls.emptyPskIndex, cipherSuite, tree);
    return group;
  }

  async written(count) {
    const messages = [];
    while (messages.length < count) {
      const { newState, privateMessage } = await mls.createApplicationMessage(this.alice, bytes("text"), cipherSuite);
      this.alice = newState;
      messages.push(privateMessage);
    }
    return messages;
  }

  async opens(message) {
    const { newState } = await mls.processPrivateMessage(this.bob, message, mls.emptyPskIndex, cipherSuite);
    this.bob = newState;
  }

  /** How many of them open in this order, and what is said of the others. */
  async result(messages, order) {
    let opened = 0;
    const refusals = new Set();
    for (const number of order) {
      try {
        await this.opens(messages[number]);
        opened += 1;
      } catch (error) {
        refusals.add(error.message);
      }
    }
    return [`${opened} of ${order.length} open`, ...refusals].join(", ");
  }
}

for (const [what, order] of [
  ["oldest first", numbers(30)],
  ["newest first", numbers(30).reverse()],
  ["the newest one, then oldest first", [29, ...numbers(29)]],
]) {
  const group = await Group.ofTwo();
  console.log(`a page of 30, ${what}: ${await group.result(await group.written(30), order)}`);
}

const group = await Group.ofTwo();
const messages = await group.written(250);
console.log(`after 201 were missed: ${await group.result(messages, numbers(250).slice(201))}`);
const { newState, commit } = await mls.createCommit({ state: group.alice, cipherSuite });
group.alice = newState;
await group.opens(commit.privateMessage);
console.log(`after a commit: ${await group.result(await group.written(30), numbers(30))}`);
END

node seen.js | tee output
diff - output <<'END'
a page of 30, oldest first: 30 of 30 open
a page of 30, newest first: 11 of 30 open, Desired gen in the past
a page of 30, the newest one, then oldest first: 11 of 30 open, Desired gen in the past
after 201 were missed: 0 of 49 open, Desired generation too far in the future
after a commit: 30 of 30 open
END
echo "as it was seen"
