#!/usr/bin/env bash
# `PRAGMA secure_delete = ON` is said to overwrite what is deleted with zeros. It leaves pieces of deleted rows in the
# unused middle of pages all the same, of ordinary tables: it seems that what stood there is not wiped when SQLite spreads
# rows over pages anew, which it does all the time while rows come and go. So some deleted texts, and some former states
# of a session, can be read in the file, with no log and no journal left, until that part of the page is written over.
# `VACUUM` removes them. It takes rows that are not all small (here up to 800 and 1,200 bytes), and it is one in a
# thousand, so that a test which deletes one row and looks for it passes. Who promises that messages are gone has to seal
# each under a key of its own, or vacuum.
#
# Seen with SQLite 3.54.1, as the package apsw 3.54.1.0 brings it, on Linux on x86-64:
#
#   SQLite 3.54.1
#   secure_delete OFF, 4031 deleted messages: 921 legible, 329384 bytes; after VACUUM 0 legible, 0 bytes
#   secure_delete OFF, 5000 former states: 550 legible, 196256 bytes; after VACUUM 0 legible, 0 bytes
#   secure_delete ON, 4031 deleted messages: 4 legible, 584 bytes; after VACUUM 0 legible, 0 bytes
#   secure_delete ON, 5000 former states: 7 legible, 1840 bytes; after VACUUM 0 legible, 0 bytes
#
# Fails if that changes. Wants Python 3 with venv, and installs into a folder of its own, which it removes.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check apsw==3.54.1.0

cat >"$folder/seen.py" <<'END'
import heapq
import os
import re
import sys

import apsw


class Draws:
    """The same numbers on every run and with every Python."""

    def __init__(self, seed):
        self.state = seed

    def below(self, bound):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 33) % bound


def text(number, repeated):
    return f"<{number:06}>" * repeated


class File:
    def __init__(self, name, secure_delete, table):
        self.path = os.path.join(sys.argv[1], name)
        self.connection = apsw.Connection(self.path)
        self.does(f"PRAGMA secure_delete = {secure_delete}")
        self.does("PRAGMA journal_mode = WAL")
        self.does("PRAGMA synchronous = OFF")
        self.does(table)

    def does(self, sql, bindings=()):
        return list(self.connection.execute(sql, bindings))

    def legible(self, live):
        """How many texts that no row holds can be read, one repetition at least, and the repetitions of all of them."""
        self.does("PRAGMA wal_checkpoint(TRUNCATE)")
        assert os.path.getsize(self.path + "-wal") == 0
        with open(self.path, "rb") as file:
            found = [int(number) for number in re.findall(rb"<(\d{6})>", file.read())]
        gone = [number for number in found if number not in live]
        return f"{len(set(gone))} legible, {8 * len(gone)} bytes"

    def report(self, what, live):
        before = self.legible(live)
        self.does("VACUUM")
        print(f"{what}: {before}; after VACUUM {self.legible(live)}")
        self.connection.close()


def messages(secure_delete, count):
    """Messages that are deleted after lives of different lengths."""
    draws = Draws(1)
    file = File(f"messages-{secure_delete}", secure_delete, "CREATE TABLE messages(id INTEGER PRIMARY KEY, body TEXT)")
    live, deadlines = set(), []
    for number in range(1, count + 1):
        file.does("INSERT INTO messages VALUES(?, ?)", (number, text(number, 1 + draws.below(100))))
        live.add(number)
        heapq.heappush(deadlines, (number + 1 + draws.below(4_000), number))
        while deadlines[0][0] <= number:
            gone = heapq.heappop(deadlines)[1]
            file.does("DELETE FROM messages WHERE id = ?", (gone,))
            live.remove(gone)
    file.report(f"secure_delete {secure_delete}, {count - len(live)} deleted messages", live)


def states(secure_delete, count):
    """Sessions whose state is replaced with every message."""
    draws = Draws(1)
    file = File(f"states-{secure_delete}", secure_delete, "CREATE TABLE peers(id INTEGER PRIMARY KEY, state TEXT)")
    current = {}
    for number in range(1, count + 1):
        peer = draws.below(1_000)
        state = text(number, 50 + draws.below(100))
        file.does("INSERT INTO peers VALUES(?, ?) ON CONFLICT DO UPDATE SET state = excluded.state", (peer, state))
        current[peer] = number
    live = set(current.values())
    file.report(f"secure_delete {secure_delete}, {count - len(live)} former states", live)


print("SQLite", apsw.sqlite_lib_version())
for secure_delete in ["OFF", "ON"]:
    messages(secure_delete, 6_000)
    states(secure_delete, 6_000)
END

"$folder/venv/bin/python" "$folder/seen.py" "$folder" | tee "$folder/output"
diff - "$folder/output" <<'END'
SQLite 3.54.1
secure_delete OFF, 4031 deleted messages: 921 legible, 329384 bytes; after VACUUM 0 legible, 0 bytes
secure_delete OFF, 5000 former states: 550 legible, 196256 bytes; after VACUUM 0 legible, 0 bytes
secure_delete ON, 4031 deleted messages: 4 legible, 584 bytes; after VACUUM 0 legible, 0 bytes
secure_delete ON, 5000 former states: 7 legible, 1840 bytes; after VACUUM 0 legible, 0 bytes
END
echo "as it was seen"
