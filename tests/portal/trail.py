"""Checks the chain of an exported audit trail with nothing but Python's own library.

    trail.py FILE [OLDER]

Each row's value is SHA-256 over the value before, number and time as big-endian integers of 8 and 4
bytes, and who, what, about and origin, each with its length in 8 bytes in front. With an older export
the newer one has to begin with all of it. Prints how many rows there are.
"""

import hashlib
import json
import sys


def rows(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def check(trail):
    value = bytes(32)
    for number, row in enumerate(trail, 1):
        assert row["number"] == number, f"row {number} is missing"
        text = value + number.to_bytes(8, "big") + row["time"].to_bytes(4, "big")
        for part in ("who", "what", "about", "origin"):
            part = row[part].encode()
            text += len(part).to_bytes(8, "big") + part
        value = hashlib.sha256(text).digest()
        assert row["chain"] == value.hex(), f"row {number} is not what was written"


trail = rows(sys.argv[1])
check(trail)
for older in sys.argv[2:]:
    before = rows(older)
    assert trail[: len(before)] == before, "the newer trail does not go on from the older one"
print(len(trail))
