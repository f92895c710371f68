"""Plus codes and H3 cells of a million random cells, against other people's packages.

Reads lines of `LEVEL LATITUDE LONGITUDE PLUS_CODE H3 GEO` from standard input, with the south-west
corner in units of 1/2048 arc second, as `cargo run -p admin --example places` prints them.
"""

import sys
from fractions import Fraction

import h3
from openlocationcode import openlocationcode as olc

UNITS = 3600 * 2048
# Height and width of a cell in units, by level.
SIZES = [None, (4 * UNITS, 6 * UNITS), (UNITS // 2, UNITS // 2), (UNITS // 6, UNITS // 4),
         (122880, 122880), (8192, 8192), (4096, 4096), (512, 512), (64, 64), (8, 8), (1, 1)]
DIGITS = [None, 2, 4, 4, 6, 8, 8, 10, 11, 12, 14]
RESOLUTIONS = [None, 2, 4, 5, 7, 10, 11, 13, 15, 15, 15]
WANTED = int(sys.argv[1])


def middle(corner, size):
    return Fraction(2 * corner + size, 2 * UNITS)


def holds(code, digits, latitude, longitude):
    """Whether the area of the code really holds the point, in exact numbers."""
    area = olc.decode(code)
    row = Fraction(20) / 20 ** (min(digits, 10) // 2 - 1)
    column = row
    for _ in range(digits - 10):
        row, column = row / 5, column / 4
    south = round(Fraction(area.latitudeLo) / row) * row
    west = round(Fraction(area.longitudeLo) / column) * column
    return south <= latitude < south + row and west <= longitude < west + column


seen = plus_wrong = plus_edges = h3_wrong = geo_wrong = 0
for line in sys.stdin:
    level, latitude, longitude, plus, cell, geo = line.split()
    level = int(level)
    height, width = SIZES[level]
    pole = Fraction(90)
    latitude = max(-pole, min(pole, middle(int(latitude), height)))
    longitude = middle(int(longitude), width)
    if olc.encode(float(latitude), float(longitude), DIGITS[level]) != plus:
        # A middle on an edge of their area may fall to either side in floating point.
        if holds(plus, DIGITS[level], latitude, longitude):
            plus_edges += 1
        else:
            plus_wrong += 1
            print("plus code", line, file=sys.stderr)
    if h3.latlng_to_cell(float(latitude), float(longitude), RESOLUTIONS[level]) != cell:
        h3_wrong += 1
        print("H3", line, file=sys.stderr)
    north, east = (Fraction(number) for number in geo.removeprefix("geo:").split(","))
    tolerance = Fraction(1, 20_000_000)
    if abs(north - latitude) > tolerance or abs(east - longitude) > tolerance:
        geo_wrong += 1
        print("geo", line, file=sys.stderr)
    seen += 1

print(f"places: {seen} cells, {plus_edges} of them with their middle on an edge of a plus code")
failed = [seen != WANTED, plus_wrong > 0, plus_edges > seen // 1000, h3_wrong > 0, geo_wrong > 0]
print(f"{len(failed) - sum(failed)} checks passed, {sum(failed)} failed")
sys.exit(any(failed))
