"""The wallet proof of a request: chapter 10.2."""

import hashlib

from . import Refused, cbor
from .keys import SIGNATURE_BYTES, verify
from .values import TYPES

PROOF_MAX = 112


def signed_message(network, transport_spki):
    """What the wallet key signs."""
    return f"onecode/1/{network}/wallet-key".encode() + hashlib.sha256(transport_spki).digest()


def make(key, network, transport_spki):
    """The proof that one thing holds both keys."""
    return cbor.write([list(key.public), key.sign(signed_message(network, transport_spki))])


def check(proof, network, transport_spki):
    """The wallet key that a proof is of."""
    if len(proof) > PROOF_MAX:
        raise Refused("malformed")
    parts = cbor.read(proof)
    if type(parts) is not list or len(parts) != 2 or not TYPES["key"](parts[0]):
        raise Refused("malformed")
    key, signature = tuple(parts[0]), parts[1]
    if type(signature) is not bytes or len(signature) != SIGNATURE_BYTES:
        raise Refused("malformed")
    if not verify(key, signed_message(network, transport_spki), signature):
        raise Refused("bad_signature")
    return key
