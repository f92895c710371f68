"""Messages and statuses: chapters 7 and 8. A message is its name and its parts."""

from . import Refused, cbor

MESSAGE_MAX = 2_804
PARTS = {  # kind: name, the objects in it
    1: ("evidence", ["allowance", "payment"]),
    2: ("claim", ["allowance", "payment", "receipt"]),
    3: ("receipt", ["receipt", "pass"]),
    4: ("renewal", ["renewal"]),
    5: ("grant", ["allowance"]),
    6: ("statement", ["statement"]),
    8: ("proof", ["pass", "pass", "allowance", "allowance", "payment", "payment"]),
}
KINDS = {name: kind for kind, (name, _) in PARTS.items()}
REFUSAL = 7

STATUSES = {
    1: "accepted", 2: "settled", 3: "in_transit", 4: "open_claim", 5: "declined", 6: "returned",
    16: "malformed", 17: "bad_signature", 18: "unknown_code", 19: "unknown_gateway",
    20: "not_for_you", 21: "not_permitted", 22: "wrong_allowance", 23: "out_of_sequence",
    24: "out_of_interval", 25: "wrong_receipt", 26: "wrong_unit",
    32: "above_limit", 33: "above_most_per_payment", 34: "expired", 35: "too_late",
    36: "not_funded", 37: "links_broken", 38: "no_allowance", 39: "frozen",
    48: "wrong_amount", 49: "wrong_reference", 50: "above_class", 51: "ask_gateway",
    52: "invoice_expired",
    64: "contradiction",
    80: "full", 81: "busy", 82: "storage",
}  # fmt: skip
GROUPS = {0: "none", 16: "sender", 32: "payer", 48: "payee", 64: "fraud", 80: "receiver"}
NUMBERS = {word: number for number, word in STATUSES.items()}


def write(name, *parts):
    """A message of signed objects in bytes."""
    return cbor.write([KINDS[name], *parts])


def write_refusal(status, about=None):
    """A refusal; `about` is the reference of what is refused."""
    return cbor.write([REFUSAL, NUMBERS[status], *([] if about is None else [about])])


def read(data):
    """The name of a message and its parts; a refusal's are a status word and a reference or None."""
    if len(data) > MESSAGE_MAX:
        raise Refused("malformed")
    message = cbor.read(data)
    if type(message) is not list or not message or type(message[0]) is not int:
        raise Refused("malformed")
    kind, *parts = message
    if kind == REFUSAL:
        return "refusal", _read_refusal(parts)
    name, objects = PARTS.get(kind, (None, None))
    if name is None or len(parts) != len(objects) or any(type(part) is not bytes for part in parts):
        raise Refused("malformed")
    return name, parts


def _read_refusal(parts):
    if len(parts) not in (1, 2) or type(parts[0]) is not int or parts[0] not in STATUSES:
        raise Refused("malformed")
    if len(parts) == 1:
        return [STATUSES[parts[0]], None]
    about = parts[1]
    if type(about) is not bytes or len(about) != 16:
        raise Refused("malformed")
    return [STATUSES[parts[0]], about]
