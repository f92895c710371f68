"""Signed objects: chapters 5 and 6. Fields are a dictionary by name."""

import hashlib
from dataclasses import dataclass

import cbor2

from . import Refused, cbor
from .keys import ED25519, KEY_BYTES, P256, SIGNATURE_BYTES, verify
from .values import TYPES

PAYLOAD_MAX = 384
RIGHTS = {"pay": 1, "accept": 2, "settle": 4, "issue_codes": 8, "issue_money": 16}
SIGN1_TAG = 18

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
        (11, "most_payments", "u32"), (12, "hops", "u32?"), (13, "area", "ref?"),
        (14, "guarantee", "amount?"), (15, "issued", "time"), (16, "expires", "time"),
        (17, "gateway", "code"), (18, "gateway_epoch", "u32"), (19, "number", "u64"),
        (20, "issued_total", "reading"),
    ],
    "payment": [
        (1, "payer", "code"), (2, "key_epoch", "u32"), (3, "sequence", "u32"), (4, "previous", "ref"),
        (5, "payee", "code"), (6, "currency", "currency"), (7, "amount", "amount"),
        (8, "odometer", "reading"), (9, "allowance", "ref"), (10, "settle_by", "time"),
        (11, "reference", "ref"), (12, "covers_for", "ref?"), (13, "covers", "id?"), (14, "stream", "stream?"),
    ],
    "receipt": [
        (1, "payee", "code"), (2, "payment", "id"), (3, "time", "time"), (4, "declined", "u32?"),
        (5, "units", "u32?"),
    ],
    "renewal": [
        (1, "code", "code"), (2, "key_epoch", "u32"), (3, "currency", "currency"),
        (4, "sequence", "u32"), (5, "head", "ref"), (6, "odometer", "reading"),
        (7, "wanted", "amount"), (8, "time", "time"), (9, "lost", "mark?"),
    ],
    "statement": [
        (1, "gateway", "code"), (2, "gateway_epoch", "u32"), (3, "payment", "id"),
        (4, "outcome", "u32"), (5, "height", "u64"), (6, "root", "id"), (7, "time", "time"),
        (8, "units", "u32?"), (9, "provisional", "mark?"), (10, "paid", "amount?"),
    ],
    "invoice": [
        (1, "payee", "code"), (2, "currency", "currency"), (3, "amount", "amount?"),
        (4, "unit", "amount?"), (5, "most_units", "u32?"), (6, "reference", "ref"),
        (7, "nonce", "u64"), (8, "expires", "time"), (9, "least_class", "class"),
        (10, "covers_for", "ref?"), (11, "holds", "ref?"),
    ],
    "float-warrant": [
        (1, "centre", "code"), (2, "gateway", "code"), (3, "gateway_epoch", "u32"), (4, "currency", "currency"),
        (5, "limit", "reading"), (6, "issued", "time"), (7, "expires", "time"),
    ],
    "area": [(1, "by", "code"), (2, "cells", "cells"), (3, "issued", "time")],
    "closing": [
        (1, "code", "code"), (2, "key_epoch", "u32"), (3, "currency", "currency"), (4, "allowance", "ref"),
        (5, "sequence", "u32"), (6, "odometer", "reading"), (7, "time", "time"),
    ],
    "void": [
        (1, "code", "code"), (2, "key_epoch", "u32"), (3, "first", "u32"), (4, "last", "u32"), (5, "time", "time"),
    ],
    "beacon": [
        (1, "gateway", "code"), (2, "time", "time"), (3, "filter_version", "u32?"), (4, "filter", "id?"),
    ],
    "filter": [(1, "gateway", "code"), (2, "version", "u32"), (3, "time", "time"), (4, "codes", "codes?")],
    "move": [(1, "code", "code"), (2, "from", "code"), (3, "to", "code"), (4, "lease", "u64"), (5, "time", "time")],
    "lease": [
        (1, "centre", "code"), (2, "code", "code"), (3, "home", "code"), (4, "number", "u64"),
        (5, "issued", "time"), (6, "ends", "time"),
    ],
    "release": [(1, "centre", "code"), (2, "code", "code"), (3, "number", "u64"), (4, "time", "time")],
    "closing-balance": [
        (1, "gateway", "code"), (2, "gateway_epoch", "u32"), (3, "code", "code"), (4, "lease", "u64"),
        (5, "currency", "currency"), (6, "free", "amount"), (7, "reserved", "amount"), (8, "open_until", "time"),
        (9, "key_epoch", "u32"), (10, "sequence", "u32"), (11, "head", "ref"), (12, "odometer", "reading"),
        (13, "time", "time"),
    ],
    "credit": [
        (1, "gateway", "code"), (2, "gateway_epoch", "u32"), (3, "subject", "id"), (4, "payee", "code"),
        (5, "currency", "currency"), (6, "amount", "amount"), (7, "covers_for", "ref?"),
        (8, "provisional", "mark?"), (9, "time", "time"),
    ],
    "claim-note": [
        (1, "gateway", "code"), (2, "gateway_epoch", "u32"), (3, "payment", "id"), (4, "covers", "id?"),
        (5, "time", "time"),
    ],
    "watermark": [
        (1, "centre", "code"), (2, "gateway", "code"), (3, "gateway_epoch", "u32"), (4, "height", "u64"),
        (5, "time", "time"),
    ],
    "acknowledgement": [
        (1, "by", "code"), (2, "to", "code"), (3, "kind", "u32"), (4, "epoch", "u32"), (5, "up_to", "u64"),
    ],
    "tariff": [
        (1, "payee", "code"), (2, "currency", "currency"), (3, "issued", "time"), (4, "expires", "time"),
        (5, "prices", "prices"),
    ],
    "transfer": [
        (1, "code", "code"), (2, "from", "code"), (3, "to", "code"), (4, "number", "u32"), (5, "time", "time"),
        (6, "expires", "time"),
    ],
    "revocations": [
        (1, "gateway", "code"), (2, "version", "u32"), (3, "base", "u32?"), (4, "time", "time"), (5, "body", "id"),
    ],
    "acceptance": [(1, "by", "code"), (2, "transfer", "id"), (3, "time", "time")],
    "trust-update": [
        (1, "root", "code"), (2, "next", "code"), (3, "next_key", "key"), (4, "issued", "time"), (5, "ends", "time"),
    ],
    "successor": [
        (1, "issuer", "code"), (2, "gateway", "code"), (3, "former_key", "key"), (4, "key", "key"),
        (5, "issued", "time"), (6, "ends", "time"),
    ],
    "survey": [
        (1, "place", "grid"), (2, "owner", "code"), (3, "latitude_nanodeg", "i64"), (4, "longitude_nanodeg", "i64"),
        (5, "height_mm", "i64?"), (6, "accuracy_mm", "u32"), (7, "height_accuracy_mm", "u32?"), (8, "datum", "datum"),
        (9, "method", "method"), (10, "measured_by", "code?"), (11, "measured", "time"), (12, "time", "time"),
    ],
    "place-record": [(1, "by", "code"), (2, "place", "grid"), (3, "survey", "id"), (4, "time", "time")],
    "wallet-call": [
        (1, "code", "code"), (2, "gateway", "code"), (3, "time", "time"), (4, "nonce", "ref"), (5, "message", "id"),
        (6, "after", "u64"),
    ],
    "refund-request": [(1, "payer", "code"), (2, "payment", "id"), (3, "words", "saying"), (4, "time", "time")],
    "refund-answer": [
        (1, "gateway", "code"), (2, "request", "id"), (3, "paid_back", "id?"), (4, "words", "saying?"),
        (5, "time", "time"),
    ],
    "work-order": [
        (1, "id", "ref"), (2, "by", "code"), (3, "station", "code"), (4, "kind", "kind"), (5, "count", "u32"),
        (6, "issued", "time"), (7, "expires", "time"), (8, "life_s", "u32"), (9, "class", "class"),
        (10, "rights", "u32"), (11, "product", "words?"), (12, "batch", "words?"),
    ],
    "manifest": [
        (1, "station", "code"), (2, "number", "u32"), (3, "before", "id"), (4, "head", "id"), (5, "lines", "u64"),
        (6, "first_sequence", "u64"), (7, "next_sequence", "u64"), (8, "made", "u32"), (9, "scrapped", "u32"),
        (10, "time", "time"),
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
