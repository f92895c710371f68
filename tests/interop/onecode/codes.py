"""Codes: chapter 2."""

import hashlib

from . import Refused

SYMBOLS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
VALUES = {symbol: value for value, symbol in enumerate(SYMBOLS)}
VALUES |= {symbol.lower(): value for symbol, value in VALUES.items()}
VALUES |= {"I": 1, "i": 1, "L": 1, "l": 1, "O": 0, "o": 0}

CODE_BYTES = 20
KINDS = {0, 1, 2, 3, 4, 5, 6, 8}
GATEWAY, ISSUER = 1, 6


def crc10(data):
    """CRC-10/ATM."""
    register = 0
    for byte in data:
        for bit in range(7, -1, -1):
            feedback = (register >> 9) ^ (byte >> bit & 1)
            register = register << 1 & 0x3FF
            if feedback:
                register ^= 0x233
    return register


def write_text(data):
    """The canonical text of the bytes of a code or grid code."""
    number = int.from_bytes(data) << 10 | crc10(data)
    length = len(data) * 8 // 5 + 2
    return "".join(SYMBOLS[number >> 5 * place & 31] for place in reversed(range(length)))


def read_text(text, size):
    """The bytes of a text in any spelling that a person might use."""
    number, count, symbols = 0, 0, size * 8 // 5 + 2
    for character in text:
        if character in "- ":
            continue
        if count == symbols:
            raise Refused("length")
        if character not in VALUES:
            raise Refused("symbol")
        number = number << 5 | VALUES[character]
        count += 1
    if count < symbols:
        raise Refused("length")
    data = (number >> 10).to_bytes(size)
    if crc10(data) != number & 0x3FF:
        raise Refused("check")
    return data


def groups(text):
    """As it is printed for people."""
    return "-".join(text[start : start + 4] for start in range(0, len(text), 4))


def check_bytes(data):
    """Refuses 20 bytes that are no code."""
    if data[0] >> 4 != 1:
        raise Refused("version")
    if data[0] & 15 not in KINDS:
        raise Refused("kind")
    return data


def read_code(text):
    """The 20 bytes of a code from text."""
    data = read_text(text, CODE_BYTES)
    try:
        return check_bytes(data)
    except Refused:
        raise Refused("not_a_code") from None


def fields(data):
    """Kind, issuer, station and sequence of a code."""
    number = int.from_bytes(data[:10])
    return {
        "kind": number >> 72 & 15,
        "issuer": number >> 48 & 0xFFFFFF,
        "station": number >> 36 & 0xFFF,
        "sequence": number & 0xFFFFFFFFF,
    }


def make(kind, issuer, station, sequence, birth_key):
    """The code of a thing with this birth key."""
    number = 1 << 76 | kind << 72 | issuer << 48 | station << 36 | sequence
    return number.to_bytes(10) + fingerprint(number.to_bytes(10), birth_key)


def fingerprint(first_80_bits, birth_key):
    """What binds a code to its key."""
    return hashlib.sha256(b"onecode/1" + first_80_bits + birth_key).digest()[:10]


def commits_to(code, birth_key):
    """Whether the code belongs to this birth key."""
    return code[10:] == fingerprint(code[:10], birth_key)
