#!/usr/bin/env bash
# A Nostr event can say when it ends (the tag `expiration` of NIP-40), which clients use for messages that disappear. The
# database on LMDB that nostr-sdk brings knows nothing of it: it saves an event that has ended already, and goes on
# giving, counting and finding by id what has ended since, although `is_expired()` of each of them says so. The relay of
# the same library refuses the former and no longer gives the latter, so that who tries it with a relay sees messages
# disappear that stay on the device. `features().event_expiration` is the only hint. A client has to ask `is_expired()`
# of all that the database gives, and delete by itself.
#
# Seen with nostr-sdk 0.45.1 for Python (the same crates as in Rust), on Linux on x86-64:
#
#   the database says that it knows of ends: False
#   the relay, of what has ended: blocked: event is expired
#   the relay, of what ends soon: taken
#   the relay, of what ends in an hour: taken
#   after the end, the database gives: ['ends in an hour', 'ends soon', 'has ended']
#   the database counts: 3
#   ended, of those found by id: [True, True, False]
#   the relay gives: ['ends in an hour']
#
# Fails if that changes. Wants Python 3 with venv, and installs into a folder of its own, which it removes. It listens on
# the loopback address.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check nostr-sdk==0.45.1

cat >"$folder/seen.py" <<'END'
import asyncio
import sys
import time

from nostr_sdk import (
    ClientBuilder, EventBuilder, Filter, Keys, Kind, LocalRelayBuilder, NostrLmdb, ReqTarget, Tag, Timestamp
)

KEYS = Keys.generate()


def event(text, seconds):
    end = Tag.expiration(Timestamp.from_secs(int(time.time()) + seconds))
    return EventBuilder(Kind(1), text).tags([end]).finalize(KEYS)


def texts(events):
    return sorted(event.content() for event in events)


async def main():
    everything = Filter().author(KEYS.public_key())
    ended, ends, lasts = event("has ended", -60), event("ends soon", 10), event("ends in an hour", 3_600)

    database = await NostrLmdb.open(sys.argv[1] + "/database")
    print("the database says that it knows of ends:", database.features().event_expiration)
    relay = LocalRelayBuilder().build()
    await relay.run()
    client = ClientBuilder().build()
    url = await relay.url()
    await client.add_relay(url)
    await client.connect()
    for one in [ended, ends, lasts]:
        await database.save_event(one)
        sent = await client.send_event(one)
        print(f"the relay, of what {one.content()}:", *sent.failed.values() or ["taken"])
    while not ends.is_expired():
        await asyncio.sleep(0.5)
    print("after the end, the database gives:", texts(await database.query(everything)))
    print("the database counts:", await database.count(everything))
    print("ended, of those found by id:", [(await database.event_by_id(one.id())).is_expired() for one in [ended, ends, lasts]])
    print("the relay gives:", texts(await client.fetch_events(ReqTarget.auto([everything]))))
    await client.shutdown()
    relay.shutdown()


asyncio.run(main())
END

"$folder/venv/bin/python" "$folder/seen.py" "$folder" | tee "$folder/output"
diff - "$folder/output" <<'END'
the database says that it knows of ends: False
the relay, of what has ended: blocked: event is expired
the relay, of what ends soon: taken
the relay, of what ends in an hour: taken
after the end, the database gives: ['ends in an hour', 'ends soon', 'has ended']
the database counts: 3
ended, of those found by id: [True, True, False]
the relay gives: ['ends in an hour']
END
echo "as it was seen"
