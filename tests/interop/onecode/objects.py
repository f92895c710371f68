"""Signed objects: chapters 5 and 6. Fields are a dictionary by name."""

import hashlib
from dataclasses import dataclass

import cbor2

from . import Refused, cbor, codes
from .keys import ED25519, KEY_BYTES, P256, SIGNATURE_BYTES, verify

PAYLOAD_MAX = 384
UNITS_MAX = 2**20
AMOUNT_MAX = 2**63 - 1
RIGHTS = {"pay": 1, "accept": 2, "settle": 4, "issue_codes": 8, "issue_money": 16}
SIGN1_TAG = 18


def _number(most):
    return lambda value: type(value) is int and 0 <= value <= most


def _bytes(size):
    return lambda value: type(value) is bytes and len(value) == size


def _code(value):
    return _bytes(20)(value) and value[0] >> 4 == 1 and value[0] & 15 in codes.KINDS


def _name(value):
    if type(value) is not str:
        return False
    try:
        return codes.write_text(codes.read_code(value)) == value
    except Refused:
        return False


def _key(value):
    if type(value) is not list or len(value) != 2:
        return False
    algorithm, public = value
    if type(algorithm) is not int or algorithm not in KEY_BYTES or type(public) is not bytes:
        return False
    return len(public) == KEY_BYTES[algorithm] and (algorithm != P256 or public[0] in (2, 3))


def _confirmation(value):
    if type(value) is not dict or list(value) != [1] or type(value[1]) is not dict:
        return False
    key = value[1]
    if list(key) == [1, -1, -2]:
        return key[1] == 1 and key[-1] == 6 and _bytes(32)(key[-2])
    if list(key) == [1, -1, -2, -3]:
        return key[1] == 2 and key[-1] == 1 and _bytes(32)(key[-2]) and type(key[-3]) is bool
    return False


def _stream(value):
    """Unit, count and anchor."""
    if type(value) is not list or len(value) != 3 or not _number(AMOUNT_MAX)(value[0]):
        return False
    unit, count, anchor = value
    if unit < 1 or not _number(UNITS_MAX)(count) or count < 1 or not _bytes(32)(anchor):
        return False
    return unit * count <= AMOUNT_MAX


def _currency(value):
    return _bytes(6)(value) and all(chr(byte) in "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789" for byte in value[3:])


TYPES = {
    "code": _code, "name": _name, "key": _key, "confirmation": _confirmation,
    "u32": _number(2**32 - 1), "u64": _number(2**64 - 1), "amount": _number(AMOUNT_MAX),
    "reading": _number(AMOUNT_MAX), "time": _number(2**32 - 1), "class": _number(2),
    "rights": _number(31), "stream": _stream, "currency": _currency, "id": _bytes(32), "ref": _bytes(16),
}  # fmt: skip

# Key, name, type; a type with `?` is optional.
OBJECTS = {
    "pass": [
        (1, "issuer", "name"), (2, "subject", "name"), (4, "expires", "time"), (6, "issued", "time"),
        (8, "key", "confirmation"), (-65537, "class", "class"), (-65538, "rights", "rights"),
        (-65539, "grace_s", "u32?"), (-65540, "station", "u32?"),
        (-65541, "first_sequence", "u64?"), (-65542, "last_sequence", "u64?"),
    ],
    "allowance": [
        (1, "code", "code"), (2, "wallet_key", "key"), (3, "key_epoch", "u32"), (4, "class", "class"),
        (5, "currency", "currency"), (6, "limit", "reading"), (7, "base_sequence", "u32"),
        (8, "base_head", "ref"), (9, "base_odometer", "reading"), (10, "most_per_payment", "amount"),
        (11, "most_payments", "u32"), (15, "issued", "time"), (16, "expires", "time"),
        (17, "gateway", "code"), (18, "gateway_epoch", "u32"), (19, "number", "u64"),
        (20, "issued_total", "reading"),
    ],
    "payment": [
        (1, "payer", "code"), (2, "key_epoch", "u32"), (3, "sequence", "u32"), (4, "previous", "ref"),
        (5, "payee", "code"), (6, "currency", "currency"), (7, "amount", "amount"),
        (8, "odometer", "reading"), (9, "allowance", "ref"), (10, "settle_by", "time"),
        (11, "reference", "ref"), (14, "stream", "stream?"),
    ],
    "receipt": [
        (1, "payee", "code"), (2, "payment", "id"), (3, "time", "time"), (4, "declined", "u32?"),
        (5, "units", "u32?"),
    ],
    "renewal": [
        (1, "code", "code"), (2, "key_epoch", "u32"), (3, "currency", "currency"),
        (4, "sequence", "u32"), (5, "head", "ref"), (6, "odometer", "reading"),
        (7, "wanted", "amount"), (8, "time", "time"),
    ],
    "statement": [
        (1, "gateway", "code"), (2, "gateway_epoch", "u32"), (3, "payment", "id"),
        (4, "outcome", "u32"), (5, "height", "u64"), (6, "root", "id"), (7, "time", "time"),
        (8, "units", "u32?"),
    ],
    "invoice": [
        (1, "payee", "code"), (2, "currency", "currency"), (3, "amount", "amount?"),
        (4, "unit", "amount?"), (5, "most_units", "u32?"), (6, "reference", "ref"),
        (7, "nonce", "u64"), (8, "expires", "time"), (9, "least_class", "class"),
    ],
}  # fmt: skip


def confirmation(key):
    """A public key as it stands in a pass."""
    algorithm, public = key
    if algorithm == ED25519:
        return {1: {1: 1, -1: 6, -2: public}}
    return {1: {1: 2, -1: 1, -2: public[1:], -3: public[0] == 3}}


def confirmed(value):
    """The public key that stands in a pass."""
    key = value[1]
    if key[1] == 1:
        return ED25519, key[-2]
    return P256, bytes([3 if key[-3] else 2]) + key[-2]


def write_payload(name, fields):
    """The map of an object."""
    return cbor.write({key: fields[field] for key, field, _ in OBJECTS[name] if fields.get(field) is not None})


def read_payload(name, payload):
    """The fields of a map; optional ones that are not given are None."""
    if len(payload) > PAYLOAD_MAX:
        raise Refused("malformed")
    entries = cbor.read(payload)
    if type(entries) is not dict or any(type(key) is not int for key in entries):
        raise Refused("malformed")
    fields = {}
    for key, field, kind in OBJECTS[name]:
        value = entries.pop(key, None)
        if value is None and kind.endswith("?"):
            fields[field] = None
        elif TYPES[kind.rstrip("?")](value):
            fields[field] = value
        else:
            raise Refused("malformed")
    if entries:
        raise Refused("malformed")
    return fields


def protected(algorithm):
    """The protected header."""
    return cbor.write({1: algorithm})


def to_be_signed(name, network, algorithm, payload):
    """The Sig_structure."""
    context = f"onecode/1/{network}/{name}".encode()
    return cbor.write(["Signature1", protected(algorithm), context, payload])


@dataclass
class Signed:
    """An object that was read; its signature is not checked by that."""

    bytes: bytes
    fields: dict
    algorithm: int
    payload: bytes
    signature: bytes
    to_be_signed: bytes

    def __getitem__(self, field):
        return self.fields[field]

    @property
    def id(self):
        """32 bytes that do not depend on the signature."""
        return hashlib.sha256(self.to_be_signed).digest()

    @property
    def reference(self):
        """The first half of the identifier."""
        return self.id[:16]

    def checked(self, key):
        """Itself, if this key signed it."""
        if key[0] != self.algorithm or not verify(key, self.to_be_signed, self.signature):
            raise Refused("bad_signature")
        return self


def seal(name, fields, network, key):
    """Signs an object."""
    payload = write_payload(name, fields)
    signature = key.sign(to_be_signed(name, network, key.algorithm, payload))
    message = [protected(key.algorithm), {}, payload, signature]
    return open_object(name, cbor.write(cbor2.CBORTag(SIGN1_TAG, message)), network)


def open_object(name, data, network):
    """Reads an object."""
    tagged = cbor.read(data)
    if type(tagged) is not cbor2.CBORTag or tagged.tag != SIGN1_TAG:
        raise Refused("malformed")
    if type(tagged.value) is not list or len(tagged.value) != 4:
        raise Refused("malformed")
    header, unprotected, payload, signature = tagged.value
    algorithm = {protected(known): known for known in KEY_BYTES}.get(header)
    if algorithm is None or unprotected != {} or type(payload) is not bytes:
        raise Refused("malformed")
    if type(signature) is not bytes or len(signature) != SIGNATURE_BYTES:
        raise Refused("malformed")
    fields = read_payload(name, payload)
    signed = to_be_signed(name, network, algorithm, payload)
    return Signed(data, fields, algorithm, payload, signature, signed)
