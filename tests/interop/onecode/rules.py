"""Rules: chapter 9."""

from dataclasses import dataclass, field

from . import Refused, codes, grid_codes, messages
from .objects import RIGHTS, confirmed, open_object

CLOCK_SKEW_S = 300
KINDS = 511 << 8  # one bit for each kind of code


def _refuse_unless(condition, status):
    if not condition:
        raise Refused(status)


# --- 9.1 passes


def issuer_pass(data, root_key, network):
    """An issuer's pass under the root's key."""
    given = open_object("pass", data, network).checked(root_key)
    _refuse_unless(given["rights"] & RIGHTS["issue_codes"], "not_permitted")
    return given


def pass_under(authority, data, network):
    """A pass under the pass of who signed it."""
    given = open_object("pass", data, network).checked(confirmed(authority["key"]))
    _refuse_unless(given["issuer"] == authority["subject"], "not_for_you")
    _refuse_unless(authority["rights"] & RIGHTS["issue_codes"], "not_permitted")
    _refuse_unless(given["rights"] & ~KINDS & ~authority["rights"] == 0, "not_permitted")
    own, others = authority["rights"] & KINDS, given["rights"] & KINDS
    if own and given["rights"] & RIGHTS["issue_codes"]:
        _refuse_unless(others and others & ~own == 0, "not_permitted")
    _refuse_unless(_covers(authority, codes.read_code(given["subject"])), "not_permitted")
    return given


def _covers(authority, code):
    subject = codes.fields(code)
    if authority["rights"] & KINDS and not authority["rights"] & 256 << subject["kind"]:
        return False
    if subject["issuer"] != codes.fields(codes.read_code(authority["subject"]))["issuer"]:
        return False
    bounds = [authority[name] for name in ("station", "first_sequence", "last_sequence")]
    if bounds == [None, None, None]:
        return True
    if None in bounds:
        return False
    station, first, last = bounds
    return subject["station"] == station and first <= subject["sequence"] <= last


def gateway_pass(issuer, data, network):
    """A gateway's pass under an issuer's."""
    given = pass_under(issuer, data, network)
    _refuse_unless(given["rights"] & RIGHTS["settle"], "not_permitted")
    return given


def in_time(given, now):
    """A pass that holds now."""
    _refuse_unless(given["issued"] <= now + CLOCK_SKEW_S and given["expires"] > now, "expired")
    return given


# --- 9.2 and 9.3 payments


def fits(allowance, payment, counted=None):
    """A payment under its allowance; `counted` is what its covers count together, where they are shown."""
    _refuse_unless(payment["covers"] is None or counted is not None, "wrong_cover")
    _refuse_unless(payment["allowance"] == allowance.reference, "wrong_allowance")
    for of_payment, of_allowance in (("payer", "code"), ("key_epoch",) * 2, ("currency",) * 2):
        _refuse_unless(payment[of_payment] == allowance[of_allowance], "wrong_allowance")
    amount, odometer = payment["amount"], payment["odometer"]
    _refuse_unless(amount > 0 and payment["payee"] != payment["payer"], "malformed")
    stream = payment["stream"]
    _refuse_unless(stream is None or stream[0] * stream[1] == amount, "malformed")
    _refuse_unless(amount <= allowance["most_per_payment"], "above_most_per_payment")
    base = allowance["base_sequence"]
    last = min(base + allowance["most_payments"], 2**32 - 1)
    _refuse_unless(base < payment["sequence"] <= last, "out_of_sequence")
    _refuse_unless(odometer - amount >= allowance["base_odometer"], "out_of_interval")
    _refuse_unless(odometer <= allowance["limit"] + (counted or 0), "above_limit")
    _refuse_unless(payment["settle_by"] <= allowance["expires"], "too_late")


@dataclass(frozen=True)
class Taken:
    """What is kept of a payment to find contradictions."""

    id: bytes
    payer: bytes
    key_epoch: int
    sequence: int
    currency: bytes
    begins: int
    ends: int

    @classmethod
    def of(cls, payment):
        """What a payment occupies."""
        return cls(
            payment.id, payment["payer"], payment["key_epoch"], payment["sequence"],
            payment["currency"], payment["odometer"] - payment["amount"], payment["odometer"],
        )  # fmt: skip


def contradiction(one, other):
    """How two payments contradict each other, or None."""
    if one.id == other.id or (one.payer, one.key_epoch) != (other.payer, other.key_epoch):
        return None
    if one.sequence == other.sequence:
        return "same_sequence"
    older, newer = sorted((one, other), key=lambda taken: taken.sequence)
    if older.currency == newer.currency and newer.begins < older.ends:
        return "overlap"
    return None


# --- 9.4 the payee


@dataclass
class View:
    """What a payee knows when evidence arrives."""

    me: bytes
    now: int
    sync_margin_s: int
    most_by_class: list
    newest: Taken | None = None
    expected: tuple | None = None  # reference and amount of an invoice
    revoked: frozenset = frozenset()  # codes on the filters it holds
    centre: bool = True  # whether the gateway is one
    warrants: tuple = ()
    areas: dict = field(default_factory=dict)  # by reference
    cell: bytes | None = None  # where it stands
    has_time: bool = True


def _good_here(allowance, view):
    """Step 9 for one allowance."""
    _refuse_unless(allowance["expires"] > view.now, "expired")
    _refuse_unless(allowance["code"] not in view.revoked, "revoked")
    warranted = any(
        all(warrant[of] == allowance[of] for of in ("gateway", "gateway_epoch", "currency"))
        and allowance["issued_total"] <= warrant["limit"]
        and allowance["issued"] <= warrant["expires"]
        for warrant in view.warrants
    )
    _refuse_unless(view.centre or warranted, "above_float")
    if allowance["area"] is not None:
        _refuse_unless(allowance["area"] in view.areas and view.cell is not None, "outside_area")
        cells = view.areas[allowance["area"]]["cells"]
        _refuse_unless(any(grid_codes.lies_in(view.cell, cell) for cell in cells), "outside_area")


def acceptable(allowance, payment, view, covering=()):
    """Steps 6 to 13, after `not_for_you`; `covering` are the other items of covered evidence."""
    _refuse_unless(payment["payee"] == view.me, "not_for_you")
    taken, newest = Taken.of(payment), view.newest
    of_this_payer = newest is not None and newest.payer == taken.payer
    _refuse_unless(not of_this_payer or taken.key_epoch >= newest.key_epoch, "ask_gateway")
    if view.expected is not None:
        _refuse_unless(payment["reference"] == view.expected[0], "wrong_reference")
        _refuse_unless(payment["amount"] == view.expected[1], "wrong_amount")
    if not covering:  # otherwise 9.12 held
        fits(allowance, payment)
    for given in (allowance, *(item.allowance for item in covering)):
        _good_here(given, view)
    _refuse_unless(payment["settle_by"] >= view.now + view.sync_margin_s, "too_late")
    most = view.most_by_class[allowance["class"]]
    _refuse_unless(payment["amount"] <= most, "above_class")
    _refuse_unless(view.has_time or payment["amount"] <= view.most_by_class[0], "no_time")
    if of_this_payer and taken.key_epoch == newest.key_epoch:
        _refuse_unless(contradiction(taken, newest) is None, "contradiction")
        same = taken.currency == newest.currency
        _refuse_unless(not same or taken.sequence >= newest.sequence, "ask_gateway")


# --- 9.8 fraud proofs


def fraud_proof(data, root_key, network):
    """The code that a proof names and how its key forked."""
    name, parts = messages.read(data)
    _refuse_unless(name == "proof", "malformed")
    issuer = issuer_pass(parts[0], root_key, network)
    gateway = gateway_pass(issuer, parts[1], network)
    allowances, payments = [], []
    for allowance, payment in ((parts[2], parts[4]), (parts[3], parts[5])):
        allowance = open_object("allowance", allowance, network).checked(confirmed(gateway["key"]))
        named = codes.write_text(allowance["gateway"])
        _refuse_unless(named == gateway["subject"], "unknown_gateway")
        payment = open_object("payment", payment, network).checked(tuple(allowance["wallet_key"]))
        fits(allowance, payment)
        allowances.append(allowance)
        payments.append(payment)
    _refuse_unless(allowances[0]["wallet_key"] == allowances[1]["wallet_key"], "malformed")
    how = contradiction(*map(Taken.of, payments))
    _refuse_unless(how is not None, "malformed")
    return payments[0]["payer"], how


# --- 9.18 transfers, 9.19 roots

OFFER_MAX_S = 366 * 86_400


def transferred(transfer, acceptance, owner, keys, network, now):
    """A thing changes hands; `owner` is whose it is and how often an owner was named."""
    given = open_object("transfer", transfer, network).checked(keys[0])
    _refuse_unless(given["to"] not in (given["from"], given["code"]), "malformed")
    _refuse_unless(given["time"] <= now + CLOCK_SKEW_S and now < given["expires"], "expired")
    _refuse_unless(given["expires"] <= given["time"] + OFFER_MAX_S, "expired")
    taken = open_object("acceptance", acceptance, network).checked(keys[1])
    _refuse_unless(taken["by"] == given["to"] and taken["transfer"] == given.id, "not_for_you")
    _refuse_unless(taken["time"] <= now + CLOCK_SKEW_S, "expired")
    _refuse_unless(given["from"] == owner[0], "not_permitted")
    _refuse_unless(given["number"] == owner[1] + 1, "out_of_sequence")


def updated_roots(roots, update, network, now):
    """The root that is trusted and the one beside it, after a root's word on the next one."""
    said = open_object("trust-update", update, network)
    following = tuple(said["next_key"])
    if following in roots:
        return roots
    said.checked(roots[0])
    _refuse_unless(said["issued"] <= now + CLOCK_SKEW_S, "expired")
    return [following, roots[0] if now < said["ends"] else None]


# --- 9.20 records of places


def place_record(data, root_key, network):
    """Where exactly a place is, by its owner's survey and the record of who stands for it."""
    name, (issuer, authority, owner, survey, record) = messages.read(data)
    _refuse_unless(name == "place_record", "malformed")
    above = issuer_pass(issuer, root_key, network)
    stands = above if authority == issuer else pass_under(above, authority, network)
    try:
        holds = pass_under(stands, owner, network)
    except Refused as refused:
        if str(refused) != "bad_signature":
            raise
        holds = pass_under(above, owner, network)
    said = open_object("survey", survey, network).checked(confirmed(holds["key"]))
    place = grid_codes.read_bytes(said["place"])
    _refuse_unless(grid_codes.hints_at(said["place"], said["owner"]), "not_for_you")
    latitude, longitude = said["latitude_nanodeg"], said["longitude_nanodeg"]
    _refuse_unless(abs(latitude) <= 90 * 10**9 and abs(longitude) <= 180 * 10**9, "malformed")
    point = grid_codes.from_nanodegrees(latitude, longitude)
    corner = grid_codes.corner(place["level"], *point)
    _refuse_unless(corner == (place["corner_latitude"], place["corner_longitude"]), "outside_area")
    if said["height_mm"] is not None and place["height_dm"] is not None:
        _refuse_unless(abs(said["height_mm"] - 100 * place["height_dm"]) <= 100, "outside_area")
    _refuse_unless(said["measured"] <= said["time"] + CLOCK_SKEW_S, "expired")
    seen = open_object("place-record", record, network).checked(confirmed(stands["key"]))
    of_it = (stands["subject"], said.id, said["place"])
    _refuse_unless((codes.write_text(seen["by"]), seen["survey"], seen["place"]) == of_it, "not_for_you")
    own = codes.fields(codes.read_code(stands["subject"]))["issuer"]
    may = own == place["issuer"] and stands["station"] in (None, place["station"])
    _refuse_unless(may and stands["rights"] & RIGHTS["issue_codes"], "not_permitted")
    _refuse_unless(said["time"] <= seen["time"] + CLOCK_SKEW_S, "expired")
    _refuse_unless(codes.write_text(said["owner"]) == holds["subject"], "not_for_you")
    return said


# --- 9.22 gateways that go on under another key


def succession(issuer, gateway, former, successor, root_key, network, now):
    """An issuer's word on the next key of a gateway."""
    above = issuer_pass(issuer, root_key, network)
    given, before = gateway_pass(above, gateway, network), gateway_pass(above, former, network)
    said = open_object("successor", successor, network).checked(confirmed(above["key"]))
    names = [codes.read_code(one["subject"]) for one in (above, given, before)]
    _refuse_unless([said["issuer"], said["gateway"], said["gateway"]] == names, "not_for_you")
    keys = tuple(said["key"]), tuple(said["former_key"])
    _refuse_unless(keys == (confirmed(given["key"]), confirmed(before["key"])), "malformed")
    _refuse_unless(keys[0] != keys[1], "malformed")
    _refuse_unless(said["issued"] <= now + CLOCK_SKEW_S, "expired")
    return said


def by_either(name, data, keys, ends, network, now):
    """An object of a gateway, by its key or, before `ends`, by the one it had before."""
    said = open_object(name, data, network)
    try:
        return said.checked(keys[0])
    except Refused:
        _refuse_unless(now < ends, "bad_signature")
        return said.checked(keys[1])
