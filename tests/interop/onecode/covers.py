"""Covers: chapter 9.12."""

import hashlib
from dataclasses import dataclass, field

from . import Refused, cbor, rules, streams
from .objects import Signed, open_object

ITEMS_BYTES_MAX, ITEMS_MAX, UNITS_TOGETHER_MAX = 3_600, 16, 65_536
U32_MAX = 2**32 - 1


def _refuse_unless(condition, status):
    if not condition:
        raise Refused(status)


@dataclass
class Item:
    """A payment under its allowance, the items that cover it, and how far a stream was released."""

    allowance: Signed
    payment: Signed
    covers: list = field(default_factory=list)
    units: int | None = None
    value: bytes | None = None

    @property
    def counts(self):
        """What it is worth as a cover."""
        stream = self.payment["stream"]
        return self.payment["amount"] if stream is None else stream[0] * (self.units or 0)


def hashed(covers):
    """What a payment's hash is over, after the text: its direct covers."""
    listed = sorted((cover.payment.id, cover.units or 0) for cover in covers)
    return b"".join(identifier + units.to_bytes(4) for identifier, units in listed)


def hash_of(listed):
    """The field `covers` of a payment."""
    return hashlib.sha256(b"onecode/1/covers" + listed).digest()


def write_items(last):
    """The items of a covered message: every item once, each before what it covers."""
    order = []

    def visit(item):
        for cover in item.covers:
            visit(cover)
        if item not in order:
            order.append(item)

    visit(last)
    allowances, parts = {}, []
    for place, item in enumerate(order):
        allowance = allowances.setdefault(item.allowance.bytes, place)
        parts.append([
            item.allowance.bytes if allowance == place else allowance, item.payment.bytes,
            sorted(order.index(cover) for cover in item.covers),
            *([] if item.units is None else [item.units, item.value]),
        ])  # fmt: skip
    return cbor.write(parts)


def read_items(data):
    """Allowance, payment, places of the covers, units and value of each item; nothing is opened."""
    _refuse_unless(len(data) <= ITEMS_BYTES_MAX, "over_budget")
    parts = cbor.read(data)
    _refuse_unless(type(parts) is list and 2 <= len(parts) <= ITEMS_MAX, "malformed")
    read, whose, covering = [], {}, set()
    for place, part in enumerate(parts):
        _refuse_unless(type(part) is list and len(part) in (3, 5), "malformed")
        allowance, payment, covers, units, value = (*part, None, None)[:5]
        if type(allowance) is int:
            _refuse_unless(allowance in whose.values(), "malformed")
            allowance = read[allowance][0]
        else:
            _refuse_unless(type(allowance) is bytes and allowance not in whose, "malformed")
            whose[allowance] = place
        _refuse_unless(type(payment) is bytes and type(covers) is list, "malformed")
        _refuse_unless(all(type(cover) is int and 0 <= cover < place for cover in covers), "malformed")
        _refuse_unless(covers == sorted(set(covers)), "malformed")
        if len(part) == 5:
            _refuse_unless(type(units) is int and 0 <= units <= U32_MAX, "malformed")
            _refuse_unless(type(value) is bytes and len(value) == 32, "malformed")
        covering.update(covers)
        read.append((allowance, payment, covers, units, value))
    _refuse_unless(covering == set(range(len(read) - 1)), "malformed")
    return read


def judge(data, network, key_of):
    """The items, the covered one last; `key_of` gives the key of an allowance's gateway or refuses."""
    items, together = [], 0
    for allowance, payment, covers, units, value in read_items(data):
        allowance = open_object("allowance", allowance, network)
        payment = open_object("payment", payment, network)
        allowance.checked(key_of(allowance))
        payment.checked(tuple(allowance["wallet_key"]))
        item = Item(allowance, payment, [items[cover] for cover in covers], units, value)
        if units is not None:
            _refuse_unless(payment["stream"] is not None, "wrong_unit")
            together += units
            _refuse_unless(together <= UNITS_TOGETHER_MAX, "over_budget")
            streams.released(payment, 0, payment["stream"][2], units, value)
        check_item(item)
        for earlier in items:
            _refuse_unless(earlier.payment.id != payment.id, "wrong_cover")
            contradiction = rules.contradiction(rules.Taken.of(earlier.payment), rules.Taken.of(payment))
            _refuse_unless(contradiction is None, "contradiction")
        items.append(item)
    check_hops(items)
    return items


def check_item(item):
    """Steps 2 to 4: one payment on its direct covers."""
    allowance, payment = item.allowance, item.payment
    for cover in item.covers:
        covering = cover.payment
        _refuse_unless(covering["payee"] == payment["payer"], "wrong_cover")
        _refuse_unless(covering["currency"] == payment["currency"], "wrong_cover")
        _refuse_unless(covering["covers_for"] == allowance.reference, "wrong_cover")
        _refuse_unless(cover.counts > 0, "wrong_cover")
        _refuse_unless(payment["settle_by"] <= covering["settle_by"], "too_late")
    wanted = hash_of(hashed(item.covers)) if item.covers else None
    _refuse_unless(payment["covers"] == wanted, "wrong_cover")
    _refuse_unless(not item.covers or payment["odometer"] > allowance["limit"], "wrong_cover")
    rules.fits(allowance, payment, sum(cover.counts for cover in item.covers))


def check_hops(items):
    """No payment is spent on further than its allowance permits; the covered one is the last."""
    away = {id(item): 0 for item in items}
    for item in reversed(items):
        for cover in item.covers:
            away[id(cover)] = max(away[id(cover)], away[id(item)] + 1)
    for item in items:
        _refuse_unless(away[id(item)] <= (item.allowance["hops"] or 0), "above_hops")
