#!/usr/bin/env bash
# `ANALYZE` writes samples of what is indexed into the table `sqlite_stat4`, where SQLite was built with
# SQLITE_ENABLE_STAT4, as the crate rusqlite (feature `bundled`) and the packages apsw and sqlcipher3 build it. The samples
# are whole keys, in plain. They are rows of their own: when the rows that they are of are deleted they stay, and neither
# `PRAGMA secure_delete` nor `VACUUM` nor the `PRAGMA optimize` that SQLite recommends before closing removes them. Whoever
# has an index on addresses, or a table WITHOUT ROWID whose key is one, and said `ANALYZE` once, after a migration for
# instance, keeps up to 24 addresses of deleted conversations for each. `ANALYZE` after the purge removes them, and so
# does `DELETE FROM sqlite_stat4`. (`PRAGMA optimize` by itself takes no such samples.)
#
# Seen with SQLite 3.54.1, as the package apsw 3.54.1.0 brings it, on Linux on x86-64:
#
#   SQLite 3.54.1
#   an index, never analysed: {'with 500 people': 500, 'all deleted': 0, 'VACUUM': 0, 'ANALYZE': 0}
#   an index, analysed once: {'with 500 people': 500, 'all deleted': 24, 'VACUUM': 24, 'ANALYZE': 0}
#   WITHOUT ROWID, never analysed: {'with 500 people': 500, 'all deleted': 0, 'VACUUM': 0, 'ANALYZE': 0}
#   WITHOUT ROWID, analysed once: {'with 500 people': 500, 'all deleted': 8, 'VACUUM': 8, 'ANALYZE': 0}
#
# Fails if that changes. Wants Python 3 with venv, and installs into a folder of its own, which it removes.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check apsw==3.54.1.0

cat >"$folder/seen.py" <<'END'
import os
import re
import sys

import apsw

PEOPLE = [f"user-{number:04}@example.org" for number in range(500)]
TABLES = {
    "an index": ["CREATE TABLE peers(id INTEGER PRIMARY KEY, address TEXT, state)", "CREATE INDEX by ON peers(address)"],
    "WITHOUT ROWID": ["CREATE TABLE peers(address TEXT PRIMARY KEY, state) WITHOUT ROWID"],
}


def seen(name, analysed):
    path = os.path.join(sys.argv[1], f"{name}-{analysed}")

    def session(*statements):
        """What the application does between opening its database and closing it."""
        connection = apsw.Connection(path)
        for sql, *bindings in statements:
            list(connection.execute(sql, bindings))
        connection.close()

    def addresses():
        with open(path, "rb") as file:
            return len(set(re.findall(rb"user-\d{4}@example\.org", file.read())))

    delete = ("PRAGMA secure_delete = ON",)
    close = [("PRAGMA optimize",)]
    session(delete, *[(sql,) for sql in TABLES[name]])
    insert = "INSERT INTO peers(address, state) VALUES(?, 0)"
    look = "SELECT state FROM peers WHERE address = ?"
    session(delete, *[(insert, one) for one in PEOPLE], *[(look, one) for one in PEOPLE], *close)
    counts = {"with 500 people": addresses()}
    if analysed:
        session(("ANALYZE",))
    session(delete, ("DELETE FROM peers",), *close)
    counts["all deleted"] = addresses()
    session(("VACUUM",), *close)
    counts["VACUUM"] = addresses()
    session(delete, ("ANALYZE",))
    counts["ANALYZE"] = addresses()
    print(f"{name}, {'analysed once' if analysed else 'never analysed'}:", counts)


print("SQLite", apsw.sqlite_lib_version())
for name in TABLES:
    seen(name, False)
    seen(name, True)
END

"$folder/venv/bin/python" "$folder/seen.py" "$folder" | tee "$folder/output"
diff - "$folder/output" <<'END'
SQLite 3.54.1
an index, never analysed: {'with 500 people': 500, 'all deleted': 0, 'VACUUM': 0, 'ANALYZE': 0}
an index, analysed once: {'with 500 people': 500, 'all deleted': 24, 'VACUUM': 24, 'ANALYZE': 0}
WITHOUT ROWID, never analysed: {'with 500 people': 500, 'all deleted': 0, 'VACUUM': 0, 'ANALYZE': 0}
WITHOUT ROWID, analysed once: {'with 500 people': 500, 'all deleted': 8, 'VACUUM': 8, 'ANALYZE': 0}
END
echo "as it was seen"
