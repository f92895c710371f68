"""Streams, invoices and what a receipt says: chapters 9.9 to 9.11."""

import hashlib

from . import Refused
from .messages import STATUSES
from .values import AMOUNT_MAX, UNITS_MAX

# Statuses below are no refusals, so nothing is declined because of them.
FIRST_REFUSAL = 16


class Chain:
    """The values of one stream; value(i - 1) is the hash of value(i)."""

    def __init__(self, payer, key_epoch, sequence):
        # One block of SHA-256, so that a step costs little.
        head = b"onecode/1/stream" + payer + key_epoch.to_bytes(4) + sequence.to_bytes(4)
        self.head = head.ljust(64, b"\0")

    @classmethod
    def of(cls, payment):
        """The chain that only this payment has."""
        return cls(payment["payer"], payment["key_epoch"], payment["sequence"])

    def down(self, value, steps):
        """The value so many indices below."""
        for _ in range(steps):
            value = hashlib.sha256(self.head + value).digest()
        return value


def released(payment, known_units, known, units, value):
    """What all units cost that a value releases, when an older value is known."""
    stream = payment["stream"]
    if stream is None or not known_units <= units <= stream[1]:
        raise Refused("wrong_unit")
    if Chain.of(payment).down(value, units - known_units) != known:
        raise Refused("wrong_unit")
    return stream[0] * units


def asks(invoice):
    """What an invoice asks for: `amount`, `units` or `nothing`."""
    amount, unit, most = invoice["amount"], invoice["unit"], invoice["most_units"]
    if unit is None and most is None and amount:
        return "amount"
    if amount is None and unit and most and most <= UNITS_MAX and unit * most <= AMOUNT_MAX:
        return "units"
    return "nothing"


def answers(payment, invoice):
    """Refuses a payment that is not what an invoice asks for."""
    if payment["reference"] != invoice.reference:
        raise Refused("wrong_reference")
    stream = payment["stream"]
    if asks(invoice) == "amount":
        good = stream is None and payment["amount"] == invoice["amount"]
    else:
        good = stream is not None and stream[0] == invoice["unit"] and stream[1] <= invoice["most_units"]
    if not good:
        raise Refused("wrong_amount")


def answer(payment, receipt):
    """What a receipt says of its payment: `taken`, `closed` or `declined`."""
    if receipt["payment"] != payment.id or receipt["payee"] != payment["payee"]:
        raise Refused("wrong_receipt")
    declined, units, stream = receipt["declined"], receipt["units"], payment["stream"]
    if declined is not None:
        if units is not None or declined not in STATUSES or declined < FIRST_REFUSAL:
            raise Refused("wrong_receipt")
        return "declined"
    if (units is None) != (stream is None):
        raise Refused("wrong_receipt")
    if stream is None:
        return "taken"
    if units > stream[1]:
        raise Refused("wrong_unit")
    return "closed"
