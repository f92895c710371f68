"""Stations: work orders and manifests, as files; docs/station.md."""

import base64
import hashlib
import re

from . import Refused, codes
from .keys import NAMES
from .objects import confirmed, open_object

HEADER = "onecode-manifest 1 "
ISSUE_CODES = 8
PASSIVE_ITEM = 3
FINGERPRINT_BYTES = 10
STEPS = ["reserve", "request", "draft", "signed", "written", "labelled", "scanned"]


def documents(text):
    """Labels and bytes of everything in PEM."""
    found = re.findall(r"-----BEGIN ([A-Z0-9 ]+)-----\n([A-Za-z0-9+/=\n]*)-----END \1-----\n", text)
    return [(label, base64.b64decode(body)) for label, body in found]


class Grant:
    """What a station was given; every pass is checked from the root's key down."""

    def __init__(self, text):
        values = dict(line.split(" ", 1) for line in text.splitlines()[1:5])
        self.network = values["network"]
        algorithm, digits = values["root-key"].split(":")
        parts = documents(text)
        if [label for label, _ in parts] != ["CERTIFICATE"] * 3 + ["ONECODE PASS"] * 2:
            raise Refused("malformed")
        self.issuer = self.open_pass(parts[3][1], (NAMES[algorithm], bytes.fromhex(digits)))
        self.own = self.open_pass(parts[4][1], confirmed(self.issuer["key"]))
        self.code = codes.read_code(self.own["subject"])

    def open_pass(self, data, key):
        """A pass that this key signed."""
        return open_object("pass", data, self.network).checked(key)

    def order(self, passed, signed):
        """A work order, signed by a gateway of the same issuer."""
        by = self.open_pass(passed, confirmed(self.issuer["key"]))
        order = open_object("work-order", signed, self.network).checked(confirmed(by["key"]))
        if order["by"] != codes.read_code(by["subject"]) or not by["rights"] & ISSUE_CODES:
            raise Refused("not_permitted")
        if order["station"] != self.code:
            raise Refused("not_for_you")
        return order

    def covers(self, code):
        """Whether the station's quota allows a code."""
        said, own = codes.fields(code), self.own
        return (
            said["station"] == own["station"]
            and said["issuer"] == codes.fields(self.code)["issuer"]
            and own["first_sequence"] <= said["sequence"] <= own["last_sequence"]
            and own["rights"] >> 8 + said["kind"] & 1
        )


def read_order(grant, text):
    """The fields of an order's file."""
    parts = documents(text)
    if [label for label, _ in parts] != ["ONECODE PASS", "ONECODE WORK ORDER"]:
        raise Refused("malformed")
    return grant.order(parts[0][1], parts[1][1])


class Manifest:
    """A manifest's file, gone through step by step."""

    def __init__(self, grant, text):
        start = text.index("-----BEGIN ")
        first, *lines = text[:start].splitlines()
        if first != HEADER + codes.write_text(grant.code):
            raise Refused("not_for_you")
        self.grant, self.order, self.head = grant, None, bytes(32)
        self.open, self.made, self.scrapped = {}, {}, {}
        self.first = self.next = grant.own["first_sequence"]
        for line in lines:
            body, head = line.rsplit(" ", 1)
            self.head = hashlib.sha256(self.head + body.encode()).digest()
            if head != self.head.hex():
                raise Refused("chain")
            self.step(*body.split(" "))
        ((label, signed),) = documents(text[start:])
        said = open_object("manifest", signed, grant.network).checked(confirmed(grant.own["key"]))
        counted = [grant.code, self.number, bytes(32), self.head, len(lines), self.first, self.next]
        counted += [len(self.made), len(self.scrapped)]
        names = ["station", "number", "before", "head", "lines", "first_sequence", "next_sequence"]
        if label != "ONECODE MANIFEST" or counted != [said[name] for name in [*names, "made", "scrapped"]]:
            raise Refused("bad_signature")
        if self.open or not all(grant.covers(code) for code in self.made.values()):
            raise Refused("not_permitted")

    def take(self, sequence, count=1):
        """The next numbers; each is used once."""
        if sequence != self.next:
            raise Refused("out_of_sequence")
        self.next += count

    def step(self, word, *rest):
        """One line."""
        unpack = base64.b64decode
        match word:
            case "order":
                self.order = self.grant.order(unpack(rest[1]), unpack(rest[0]))
            case "reserve":
                self.take(int(rest[0]))
                self.open[int(rest[0])] = [word, None]
            case "items":
                first, prints = int(rest[0]), unpack(rest[2])
                count = len(prints) // FINGERPRINT_BYTES
                self.take(first, count)
                own = codes.fields(self.grant.code)
                head = 1 << 76 | PASSIVE_ITEM << 72 | own["issuer"] << 48 | self.grant.own["station"] << 36
                for at in range(count):
                    code = (head | first + at).to_bytes(10) + prints[FINGERPRINT_BYTES * at :][:FINGERPRINT_BYTES]
                    self.made[first + at] = codes.check_bytes(code)
            case "done":
                stage, code = self.open.pop(int(rest[0]))
                if STEPS.index(stage) < STEPS.index("written"):
                    raise Refused("out_of_sequence")
                self.made[int(rest[0])] = code
            case "scrap":
                self.open.pop(int(rest[0]), None)
                self.made.pop(int(rest[0]), None)
                self.scrapped[int(rest[0])] = unpack(rest[1]).decode()
            case "manifest":
                self.number = int(rest[0])
            case "printed" | "reprint":
                pass
            case _:
                unit = self.open.get(int(rest[0]))
                if unit is None or STEPS.index(word) != STEPS.index(unit[0]) + 1:
                    raise Refused("out_of_sequence")
                unit[0] = word
                if word == "draft":
                    unit[1] = codes.read_code(rest[1])
