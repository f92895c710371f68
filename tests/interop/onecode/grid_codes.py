"""Grid codes: chapter 3."""

import hashlib

from . import Refused
from .codes import read_text, write_text

GRID_CODE_BYTES = 30
UNITS_PER_DEGREE = 7_372_800
POLE, DATE_LINE = 663_552_000, 1_327_104_000
EPOCH_UNIX_MINUTES = 26_297_280
NO_HEIGHT = -(2**23)
OPEN_ENDED = 63
SIZES = {  # south to north, west to east
    1: (29_491_200, 44_236_800),
    2: (3_686_400, 3_686_400),
    3: (1_228_800, 1_843_200),
    4: (122_880, 122_880),
    5: (8_192, 8_192),
    6: (4_096, 4_096),
    7: (512, 512),
    8: (64, 64),
    9: (8, 8),
    10: (1, 1),
}
# From the most significant bit; the first 167 of the 240.
LAYOUT = [
    ("version", 4), ("kind", 4), ("issuer", 24), ("station", 12), ("level", 4), ("latitude", 31),
    ("longitude", 32), ("height", 24), ("start", 26), ("duration", 6),
]  # fmt: skip
SIGNED = {"latitude", "longitude", "height"}


def from_nanodegrees(latitude, longitude):
    """A point in lattice units."""
    units = [degrees * UNITS_PER_DEGREE // 10**9 for degrees in (latitude, longitude)]
    return units[0], -DATE_LINE if units[1] == DATE_LINE else units[1]


def corner(level, latitude, longitude):
    """The south-west corner of the cell that contains a point."""
    tall, wide = SIZES[level]
    return min(latitude, POLE - 1) // tall * tall, longitude // wide * wide


def owner_hint(first_167_bits, owner):
    """The last 73 bits of a grid code."""
    digest = hashlib.sha256(b"onecode/1/grid" + (first_167_bits << 1).to_bytes(21) + owner).digest()
    return int.from_bytes(digest) >> 256 - 73


def hints_at(data, owner):
    """Whether a grid code can be that owner's."""
    number = int.from_bytes(data)
    return owner_hint(number >> 73, owner) == number & (1 << 73) - 1


def make(issuer, station, level, latitude, longitude, height_dm, start_unix_minutes, minutes, owner):
    """The grid code of the cell that contains a point; no height or no minutes: not given."""
    south, west = corner(level, latitude, longitude)
    parts = {
        "version": 1,
        "kind": 7,
        "issuer": issuer,
        "station": station,
        "level": level,
        "latitude": south,
        "longitude": west,
        "height": NO_HEIGHT if height_dm is None else height_dm,
        "start": start_unix_minutes - EPOCH_UNIX_MINUTES,
        "duration": OPEN_ENDED if minutes is None else max(minutes - 1, 0).bit_length(),
    }
    number = 0
    for name, bits in LAYOUT:
        number = number << bits | parts[name] & (1 << bits) - 1
    return (number << 73 | owner_hint(number, owner)).to_bytes(GRID_CODE_BYTES)


def read_bytes(data):
    """What 30 bytes say."""
    if data[0] != 0x17:
        raise Refused("version")
    number, below, parts = int.from_bytes(data), 240, {}
    for name, bits in LAYOUT:
        below -= bits
        value = number >> below & (1 << bits) - 1
        if name in SIGNED and value >> bits - 1:
            value -= 1 << bits
        parts[name] = value
    check_corner(parts["level"], parts["latitude"], parts["longitude"])
    return {
        "issuer": parts["issuer"],
        "station": parts["station"],
        "level": parts["level"],
        "corner_latitude": parts["latitude"],
        "corner_longitude": parts["longitude"],
        "height_dm": None if parts["height"] == NO_HEIGHT else parts["height"],
        "start_unix_minutes": parts["start"] + EPOCH_UNIX_MINUTES,
        "minutes": None if parts["duration"] == OPEN_ENDED else 1 << parts["duration"],
    }


def check_corner(level, latitude, longitude):
    """Refuses what is not the south-west corner of a cell."""
    if level not in SIZES:
        raise Refused("range")
    tall, wide = SIZES[level]
    if not -POLE - tall < latitude < POLE or not -DATE_LINE <= longitude < DATE_LINE:
        raise Refused("range")
    if latitude % tall or longitude % wide:
        raise Refused("corner")


def cell_parts(cell):
    """Level, latitude and longitude of the 9 bytes of a cell (chapter 6)."""
    return cell[0], int.from_bytes(cell[1:5], signed=True), int.from_bytes(cell[5:], signed=True)


def lies_in(cell, other):
    """Whether a cell is part of another one (6.9)."""
    (level, *corner), (coarser, *other_corner) = cell_parts(cell), cell_parts(other)
    if level < coarser:
        return False
    return [at // size * size for at, size in zip(corner, SIZES[coarser], strict=True)] == other_corner


def read_grid_code(text):
    """The 30 bytes of a grid code from text."""
    data = read_text(text, GRID_CODE_BYTES)
    try:
        read_bytes(data)
    except Refused:
        raise Refused("not_a_code") from None
    return data


__all__ = [
    "cell_parts", "check_corner", "corner", "from_nanodegrees", "hints_at", "lies_in", "make", "read_bytes", "read_grid_code", "write_text",
]  # fmt: skip
