"""Messages and statuses: chapters 7 and 8. A message is its name and its parts."""

from . import Refused, cbor
from .values import TYPES

MESSAGE_MAX = 4_072
# Kind: name and parts; an object is a byte string of any length, a part with `?` may be left out.
PARTS = {
    1: ("evidence", ["allowance", "payment"]),
    2: ("claim", ["allowance", "payment", "receipt"]),
    3: ("receipt", ["receipt", "pass"]),
    4: ("renewal", ["renewal"]),
    5: ("grant", ["allowance"]),
    6: ("statement", ["statement"]),
    7: ("refusal", ["status", "about?"]),
    8: ("proof", ["pass", "pass", "allowance", "allowance", "payment", "payment"]),
    9: ("invoice", ["invoice", "pass"]),
    10: ("unit", ["start", "units", "value"]),
    11: ("stream_claim", ["allowance", "payment", "units", "value", "receipt?"]),
    12: ("covered", ["items", "receipt?"]),
    13: ("payment", ["payment"]),
    14: ("beacon", ["beacon"]),
    15: ("filter", ["filter"]),
    16: ("warrant", ["pass", "float-warrant"]),
    17: ("area", ["area"]),
    18: ("tariff", ["tariff", "pass"]),
    19: ("closing", ["closing"]),
    20: ("void", ["void"]),
    21: ("claim_note", ["claim-note"]),
    22: ("move", ["move"]),
    23: ("lease", ["lease"]),
    24: ("release", ["release"]),
    25: ("closing_balance", ["closing-balance"]),
    26: ("credit", ["credit"]),
    27: ("watermark", ["watermark"]),
    28: ("seen", ["allowance", "payment"]),
    29: ("accusation", ["charge", "passes", "objects"]),
    30: ("ask", ["currency"]),
    31: ("transfer", ["transfer", "acceptance?"]),
    32: ("authorities", ["pass", "pass", "certificates", "trust-update?"]),
    33: ("place_record", ["pass", "pass", "pass", "survey", "place-record"]),
    34: ("refund_request", ["refund-request"]),
    35: ("refund_answer", ["refund-answer"]),
    36: ("successor", ["pass", "pass", "pass", "successor", "pass?"]),
}
KINDS = {name: kind for kind, (name, _) in PARTS.items()}
SIZES = {"about": 16, "start": 4, "value": 32}
NUMBERS_MOST = {"units": 2**32 - 1, "charge": 2**8 - 1}
ARRAYS_MOST = {"passes": 3, "objects": 6}

STATUSES = {
    1: "accepted", 2: "settled", 3: "in_transit", 4: "open_claim", 5: "declined", 6: "returned",
    7: "waiting_for_cover", 8: "guaranteed",
    16: "malformed", 17: "bad_signature", 18: "unknown_code", 19: "unknown_gateway",
    20: "not_for_you", 21: "not_permitted", 22: "wrong_allowance", 23: "out_of_sequence",
    24: "out_of_interval", 25: "wrong_receipt", 26: "wrong_unit",
    27: "wrong_cover", 28: "above_hops", 29: "over_budget", 30: "wrong_home", 31: "wrong_lease",
    32: "above_limit", 33: "above_most_per_payment", 34: "expired", 35: "too_late",
    36: "not_funded", 37: "links_broken", 38: "no_allowance", 39: "frozen",
    40: "no_rule", 41: "above_rule", 42: "above_day",
    43: "above_holding", 44: "above_daily", 45: "float_exhausted", 46: "needs_key",
    48: "wrong_amount", 49: "wrong_reference", 50: "above_class", 51: "ask_gateway",
    52: "invoice_expired", 53: "outside_area", 54: "above_float", 55: "revoked", 56: "no_time", 57: "no_list",
    64: "contradiction",
    80: "full", 81: "busy", 82: "storage",
}  # fmt: skip
GROUPS = {0: "none", 16: "sender", 32: "payer", 48: "payee", 64: "fraud", 80: "receiver"}
NUMBERS = {word: number for number, word in STATUSES.items()}


def write(name, *parts):
    """A message in bytes."""
    return cbor.write([KINDS[name], *parts])


def write_refusal(status, about=None):
    """A refusal; `about` is the reference of what is refused."""
    return write("refusal", NUMBERS[status], *([] if about is None else [about]))


def read(data):
    """The name of a message and its parts; one that is left out is None, a status is its word."""
    if len(data) > MESSAGE_MAX:
        raise Refused("malformed")
    message = cbor.read(data)
    if type(message) is not list or not message or type(message[0]) is not int:
        raise Refused("malformed")
    kind, *parts = message
    if kind not in PARTS:
        raise Refused("malformed")
    name, wanted = PARTS[kind]
    if not len(wanted) - wanted[-1].endswith("?") <= len(parts) <= len(wanted):
        raise Refused("malformed")
    read_parts = [_read_part(part, value) for part, value in zip(wanted, parts, strict=False)]
    return name, read_parts + [None] * (len(wanted) - len(parts))


def _read_part(part, value):
    part = part.rstrip("?")
    if part == "status":
        if type(value) is int and value in STATUSES:
            return STATUSES[value]
    elif part in NUMBERS_MOST:
        if type(value) is int and 0 <= value <= NUMBERS_MOST[part]:
            return value
    elif part in ARRAYS_MOST:
        if type(value) is list and len(value) <= ARRAYS_MOST[part]:
            return [_read_part("object", one) for one in value]
    elif part == "currency":
        if TYPES["currency"](value):
            return value
    elif type(value) is bytes and len(value) == SIZES.get(part, len(value)):
        return value
    raise Refused("malformed")
