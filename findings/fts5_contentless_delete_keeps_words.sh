#!/usr/bin/env bash
# SQLite's full-text index FTS5 has an option `secure-delete`: the words of a deleted row are taken out of the index at
# once, and not merely hidden until segments are merged. A table with `contentless_delete=1` accepts the option without a
# word and ignores it: what was deleted stays in the file, in plain, although `PRAGMA secure_delete` is on too. Only
# `optimize` removes it. Who keeps an index of messages that disappear would choose this kind of table, since it holds no
# second copy of the text.
#
# Seen with SQLite 3.50.4, as the package apsw 3.50.4.0 brings it, on Linux on x86-64:
#
#   SQLite 3.50.4
#   ordinary: 0 copies of the deleted word, after optimize 0
#   contentless_delete: 1 copies of the deleted word, after optimize 0
#
# Fails if that changes. Wants Python 3 with venv, and installs into a folder of its own, which it removes.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check apsw==3.50.4.0

cat >"$folder/seen.py" <<'END'
import os
import sys

import apsw

WORD = "quixoticlantern"


def copies(path):
    with open(path, "rb") as file:
        return file.read().count(WORD.encode())


def deleted(name, options):
    path = os.path.join(sys.argv[1], name)
    connection = apsw.Connection(path)
    connection.execute("PRAGMA secure_delete = ON")
    connection.execute(f"CREATE VIRTUAL TABLE texts USING fts5(body{options})")
    connection.execute("INSERT INTO texts(texts, rank) VALUES('secure-delete', 1)")
    for row in range(1, 51):
        connection.execute("INSERT INTO texts(rowid, body) VALUES(?, 'other words here')", (row,))
    connection.execute("INSERT INTO texts(rowid, body) VALUES(100, ?)", (WORD,))
    connection.execute("DELETE FROM texts WHERE rowid = 100")
    found = connection.execute("SELECT count(*) FROM texts WHERE texts MATCH ?", (WORD,)).get
    assert found == 0, "the deleted row is found"
    before = copies(path)
    connection.execute("INSERT INTO texts(texts) VALUES('optimize')")
    connection.close()
    print(f"{name}: {before} copies of the deleted word, after optimize {copies(path)}")


print("SQLite", apsw.sqlite_lib_version())
deleted("ordinary", "")
deleted("contentless_delete", ", content='', contentless_delete=1")
END

"$folder/venv/bin/python" "$folder/seen.py" "$folder" | tee "$folder/output"
diff - "$folder/output" <<'END'
SQLite 3.50.4
ordinary: 0 copies of the deleted word, after optimize 0
contentless_delete: 1 copies of the deleted word, after optimize 0
END
echo "as it was seen"
