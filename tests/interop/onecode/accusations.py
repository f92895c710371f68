"""Accusations: chapter 9.14."""

from . import Refused, codes, covers, messages, rules
from .objects import confirmed, open_object

PAIR = ["allowance", "payment"]
# By charge, what stands in it; `covers` is not signed.
OBJECTS = {
    0: PAIR * 2, 1: [*PAIR, "void"], 2: [*PAIR, "closing"], 3: ["receipt"] * 2, 4: [*PAIR, "covers", "receipt"],
    5: [*PAIR, "covers", "receipt"], 6: ["move"] * 2, 7: ["allowance"] * 2, 8: ["allowance"] * 2, 9: PAIR * 3,
    10: PAIR * 2,
}  # fmt: skip
BY_REGISTERED_KEY = {3: "payee", 6: "code"}
LISTED_BYTES, LISTED_MAX = 36, covers.ITEMS_MAX


def _refuse_unless(condition, status="malformed"):
    if not condition:
        raise Refused(status)


def accusation(data, root_key, network):
    """The code that an accusation proves guilty."""
    name, parts = messages.read(data)
    _refuse_unless(name == "accusation")
    charge, passes, objects = parts
    _refuse_unless(charge in OBJECTS and len(objects) == len(OBJECTS[charge]) and passes)
    issuer = rules.issuer_pass(passes[0], root_key, network)
    gateways = Gateways(issuer, passes[1:], network)
    thing = None
    if charge in BY_REGISTERED_KEY:
        _refuse_unless(len(passes) == 3)
        gateway = rules.gateway_pass(issuer, passes[1], network)
        thing = rules.pass_under(gateway, passes[2], network)
    opened = _open(OBJECTS[charge], objects, gateways, thing, network)
    if thing is not None:
        for one in opened:
            _refuse_unless(codes.write_text(one[BY_REGISTERED_KEY[charge]]) == thing["subject"])
    return CHARGES[charge](*opened)


class Gateways:
    """The gateways whose passes come along; the second is looked at only when the first is not the one."""

    def __init__(self, issuer, passes, network):
        self.issuer, self.passes, self.network = issuer, passes, network

    def key_of(self, allowance):
        """The pass key of the gateway that an allowance names."""
        for data in self.passes:
            given = rules.gateway_pass(self.issuer, data, self.network)
            if given["subject"] == codes.write_text(allowance["gateway"]):
                return confirmed(given["key"])
        raise Refused("unknown_gateway")


def _open(kinds, objects, gateways, thing, network):
    opened, wallet_key = [], thing and confirmed(thing["key"])
    for kind, data in zip(kinds, objects, strict=True):
        if kind == "covers":
            opened.append(data)
            continue
        one = open_object(kind, data, network)
        if kind == "allowance":
            one.checked(gateways.key_of(one))
            wallet_key = tuple(one["wallet_key"])
        else:
            one.checked(wallet_key)
        if kind == "payment":
            rules.fits(opened[-1], one, None if one["covers"] is None else float("inf"))
        opened.append(one)
    return opened


def _same(one, other, *fields):
    for field in fields:
        _refuse_unless(one[field] == other[field])


def _two_payments(allowance, payment, other_allowance, other):
    _same(allowance, other_allowance, "wallet_key")
    _refuse_unless(rules.contradiction(rules.Taken.of(payment), rules.Taken.of(other)) is not None)
    return payment["payer"]


def _void(_, payment, void):
    _refuse_unless(void["code"] == payment["payer"])
    _same(payment, void, "key_epoch")
    _refuse_unless(void["first"] <= payment["sequence"] <= void["last"])
    return payment["payer"]


def _closing(_, payment, closing):
    _refuse_unless(closing["code"] == payment["payer"])
    _same(payment, closing, "key_epoch", "allowance")
    beyond = payment["sequence"] > closing["sequence"] or payment["odometer"] > closing["odometer"]
    _refuse_unless(beyond)
    return payment["payer"]


def _receipts(one, other):
    _same(one, other, "payment")
    differ = (one["declined"] is None) != (other["declined"] is None) or one["units"] != other["units"]
    _refuse_unless(differ)
    return one["payee"]


def _counted(payment, listed, receipt):
    """The units of the cover that a receipt is about, as the payment signed them."""
    entries = [listed[at : at + LISTED_BYTES] for at in range(0, len(listed), LISTED_BYTES)]
    _refuse_unless(1 <= len(entries) <= LISTED_MAX and len(entries[-1]) == LISTED_BYTES)
    _refuse_unless(all(one <= after for one, after in zip(entries, entries[1:], strict=False)))
    _refuse_unless(covers.hash_of(listed) == payment["covers"])
    _refuse_unless(receipt["payee"] == payment["payer"])
    for entry in entries:
        if entry[:32] == receipt["payment"]:
            return int.from_bytes(entry[32:])
    raise Refused("malformed")


def _declined_cover(_, payment, listed, receipt):
    _counted(payment, listed, receipt)
    _refuse_unless(receipt["declined"] is not None)
    return payment["payer"]


def _fewer_units(_, payment, listed, receipt):
    counted = _counted(payment, listed, receipt)
    _refuse_unless(receipt["declined"] is None)
    _refuse_unless(receipt["units"] is not None and receipt["units"] < counted)
    return payment["payer"]


def _moves(one, other):
    _same(one, other, "code", "lease")
    _refuse_unless((one["from"], one["to"]) != (other["from"], other["to"]))
    return one["code"]


def _allowance_number(one, other):
    _same(one, other, "gateway", "gateway_epoch", "number")
    _refuse_unless(one.id != other.id)
    return one["gateway"]


def _float(one, other):
    _same(one, other, "gateway", "gateway_epoch", "currency")
    _refuse_unless(one.id != other.id)
    begins = [given["issued_total"] - (given["limit"] - given["base_odometer"]) for given in (one, other)]
    _refuse_unless(min(begins) >= 0 and all(given["base_odometer"] <= given["limit"] for given in (one, other)))
    _refuse_unless(begins[0] < other["issued_total"] and begins[1] < one["issued_total"])
    return one["gateway"]


def _between_links(*pairs):
    allowances, (earlier, hidden, later) = pairs[::2], pairs[1::2]
    for allowance, payment in zip(allowances, (earlier, hidden, later), strict=True):
        _same(allowance, allowances[0], "wallet_key")
        _same(payment, earlier, "payer", "key_epoch")
    _refuse_unless(later["previous"] == earlier.reference)
    _refuse_unless(earlier["sequence"] < hidden["sequence"] < later["sequence"])
    return hidden["payer"]


def _one_reference(allowance, payment, other_allowance, other):
    _same(allowance, other_allowance, "wallet_key")
    _refuse_unless(payment.id != other.id and payment.reference == other.reference)
    return payment["payer"]


CHARGES = dict(enumerate([
    _two_payments, _void, _closing, _receipts, _declined_cover, _fewer_units, _moves, _allowance_number, _float,
    _between_links, _one_reference,
]))  # fmt: skip
