"""The types of what stands in objects: the first table of chapter 6."""

from . import Refused, codes, grid_codes
from .keys import KEY_BYTES, P256

UNITS_MAX = 2**20
WORDS_BYTES_MAX, SAYING_BYTES_MAX = 48, 160
AMOUNT_MAX = 2**63 - 1
CELLS_MAX, FILTERED_MAX, PRICES_MAX = 30, 16, 8
# Piece, second, watt-hour, byte, read, millilitre, metre.
MEASURES = range(7)


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


def _cell(value):
    if not _bytes(9)(value):
        return False
    try:
        grid_codes.check_corner(*grid_codes.cell_parts(value))
    except Refused:
        return False
    return True


def _grid(value):
    if not _bytes(30)(value):
        return False
    try:
        grid_codes.read_bytes(value)
    except Refused:
        return False
    return True


def _price(value):
    if type(value) is not list or len(value) != 3:
        return False
    item, measure, amount = value
    if not _bytes(16)(item) or type(measure) is not int or measure not in MEASURES:
        return False
    return _number(AMOUNT_MAX)(amount) and amount >= 1


def _set(of, most):
    """1 to `most` values, each above the one before it."""

    def is_set(value):
        if type(value) is not list or not 1 <= len(value) <= most or not all(map(of, value)):
            return False
        return all(one < next_one for one, next_one in zip(value, value[1:], strict=False))

    return is_set


def _words(most):
    return lambda value: type(value) is str and 1 <= len(value.encode()) <= most and value.isprintable()


TYPES = {
    "kind": lambda value: type(value) is int and value in codes.KINDS, "words": _words(WORDS_BYTES_MAX), "saying": _words(SAYING_BYTES_MAX),
    "code": _code, "name": _name, "key": _key, "confirmation": _confirmation,
    "u32": _number(2**32 - 1), "u64": _number(2**64 - 1), "amount": _number(AMOUNT_MAX),
    "reading": _number(AMOUNT_MAX), "time": _number(2**32 - 1), "class": _number(2),
    "rights": lambda value: _number(2**17 - 1)(value) and value & 0xE0 == 0, "stream": _stream, "currency": _currency, "id": _bytes(32), "ref": _bytes(16),
    "grid": _grid, "i64": lambda value: type(value) is int and -(2**63) <= value < 2**63,
    "datum": lambda value: type(value) is int and 1 <= value <= 3,
    "method": lambda value: type(value) is int and 1 <= value <= 5,
    "mark": lambda value: value is True, "cells": _set(_cell, CELLS_MAX),
    "codes": _set(_code, FILTERED_MAX), "prices": _set(_price, PRICES_MAX),
}  # fmt: skip

