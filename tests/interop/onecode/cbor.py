"""Deterministic CBOR (chapter 1) on top of cbor2: what is read has to be what would be written."""

from collections.abc import Mapping

import cbor2

from . import Refused


def write(value):
    """The one spelling of a value."""
    return cbor2.dumps(_in_order(value))


def read(data):
    """The value, if the bytes are its one spelling."""
    try:
        value = _in_order(cbor2.loads(data))
        again = cbor2.dumps(value)
    except Exception:  # cbor2 raises whatever a hostile value provokes in it
        raise Refused("malformed") from None
    if again != data:
        raise Refused("malformed")
    return value


def _in_order(value):
    # Below a tag cbor2 gives tuples and frozen maps.
    if isinstance(value, Mapping):
        keys = sorted(value, key=cbor2.dumps)
        return {key: _in_order(value[key]) for key in keys}
    if isinstance(value, (list, tuple)):
        return [_in_order(part) for part in value]
    if isinstance(value, cbor2.CBORTag):
        return cbor2.CBORTag(value.tag, _in_order(value.value))
    if type(value) in (bool, int, bytes, str):
        return value
    raise Refused("malformed")  # nothing else stands in this protocol
