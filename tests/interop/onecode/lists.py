"""Lists of revoked codes: chapter 6.24."""

import hashlib

from . import Refused, codes
from .objects import open_object

LIST_MAX, RUNS_MAX, NAMED_MAX = 65_536, 512, 256
WHOLE, CHANGES = 1, 2
WIDTH_BITS = 128


class Reader:
    """Numbers and bytes one after the other."""

    def __init__(self, data):
        self.data = data

    def take(self, count):
        if len(self.data) < count:
            raise Refused("malformed")
        taken, self.data = self.data[:count], self.data[count:]
        return taken

    def number(self, count):
        return int.from_bytes(self.take(count))

    def codes(self):
        found = [self.take(codes.CODE_BYTES) for _ in range(self.number(2))]
        if len(found) > NAMED_MAX or any(a >= b for a, b in zip(found, found[1:])):
            raise Refused("malformed")
        return found

    def runs(self):
        sizes = 3, 2, 5, 5
        found = [tuple(self.number(size) for size in sizes) for _ in range(self.number(2))]
        follows = lambda a, b: (*a[:2], a[3]) < b[:3]
        sound = all(run[2] <= run[3] for run in found) and all(map(follows, found, found[1:]))
        if len(found) > RUNS_MAX or not sound:
            raise Refused("malformed")
        return found

    def column(self):
        """Its words as one number, the first word lowest."""
        words = [self.number(8) for _ in range(self.number(2))]
        return sum(word << 64 * place for place, word in enumerate(words))

    def end(self):
        if self.data:
            raise Refused("malformed")


def open_list(data, network, key):
    """The signed head and a reader of the body."""
    if len(data) > LIST_MAX:
        raise Refused("malformed")
    reader = Reader(data)
    head = open_object("revocations", reader.take(reader.number(2)), network).checked(key)
    if head["body"] != hashlib.sha256(reader.data).digest():
        raise Refused("bad_signature")
    return head, reader


def odd(code, rows, column):
    """A column's answer."""
    digest = hashlib.sha256(b"onecode/1/revocations" + code).digest()
    a0, a1, _, a3 = (int.from_bytes(digest[at : at + 8]) for at in range(0, 32, 8))
    start, coefficients = a3 % max(rows, 1), (a0 | 1) | a1 << 64
    return ((column >> start) & coefficients).bit_count() % 2 == 1


class Whole:
    def __init__(self, data, network, key):
        self.head, reader = open_list(data, network, key)
        if self.head["base"] is not None or reader.number(1) != WHOLE:
            raise Refused("malformed")
        flag = reader.number(1)
        if flag > 1:
            raise Refused("malformed")
        self.turned = flag == 1
        self.runs, self.named, self.exceptions = reader.runs(), reader.codes(), reader.codes()
        self.rows = reader.number(4), reader.number(4)
        rank = reader.number(1)
        self.columns = [reader.column() for _ in range(rank + 1)]
        reader.end()

    def covers(self, code):
        of = codes.fields(code)
        within = lambda run: run[:2] == (of["issuer"], of["station"]) and run[2] <= of["sequence"] <= run[3]
        return any(within(run) for run in self.runs)

    def says(self, code):
        first, second = self.rows
        *columns, last = self.columns
        inside = first > 0 and not any(odd(code, first, column) for column in columns)
        inside = inside and not odd(code, second, last) and code not in self.exceptions
        return inside != self.turned

    def revokes(self, code):
        return code in self.named or (self.covers(code) and self.says(code))


class Changes:
    def __init__(self, data, network, key):
        self.head, reader = open_list(data, network, key)
        if self.head["base"] is None or reader.number(1) != CHANGES:
            raise Refused("malformed")
        self.added, self.removed = reader.codes(), reader.codes()
        reader.end()


def read(data, network, key):
    """Whichever it is."""
    head, _ = open_list(data, network, key)
    return (Whole if head["base"] is None else Changes)(data, network, key)


def revoked(code, whole, changes):
    """By a whole list and the changes to it, if there are any."""
    if changes is None:
        return whole.revokes(code)
    if changes.head["gateway"] != whole.head["gateway"]:
        raise Refused("not_for_you")
    if changes.head["base"] != whole.head["version"] or changes.head["version"] <= whole.head["version"]:
        raise Refused("malformed")
    if code in changes.added:
        return True
    return code not in changes.removed and whole.revokes(code)
