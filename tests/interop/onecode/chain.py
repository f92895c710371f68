"""The code chain, from RFC 9162 (2.1) and the texts of c2sp.org: signed-note, tlog-checkpoint,
tlog-cosignature, tlog-tiles, tlog-proof. Standard library and `cryptography` only."""

import base64
import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from . import Refused

WIDTH = 256
LOG, COSIGNATURE = 1, 4

# --- trees


def leaf_hash(leaf):
    return hashlib.sha256(b"\0" + leaf).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


def split(size):
    """The largest power of two below a size above one."""
    return 1 << (size - 1).bit_length() - 1


def root(hashes):
    """MTH over leaf hashes."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    middle = split(len(hashes))
    return node_hash(root(hashes[:middle]), root(hashes[middle:]))


def inclusion(index, hashes):
    """PATH: from the leaf upwards."""
    if len(hashes) <= 1:
        return []
    middle = split(len(hashes))
    if index < middle:
        return [*inclusion(index, hashes[:middle]), root(hashes[middle:])]
    return [*inclusion(index - middle, hashes[middle:]), root(hashes[:middle])]


def consistency(old, hashes, whole=True):
    """PROOF: that the tree of all begins with the tree of `old` of them."""
    if old == 0:
        return []
    if old == len(hashes):
        return [] if whole else [root(hashes)]
    middle = split(len(hashes))
    if old <= middle:
        return [*consistency(old, hashes[:middle], whole), root(hashes[middle:])]
    return [*consistency(old - middle, hashes[middle:], False), root(hashes[:middle])]


def included(leaf, index, size, path):
    """The root that a path leads to (2.1.3.2)."""
    if index >= size:
        raise Refused("not_included")
    at, last, found = index, size - 1, leaf
    for beside in path:
        if last == 0:
            raise Refused("not_included")
        if at & 1 or at == last:
            found = node_hash(beside, found)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found = node_hash(found, beside)
        at, last = at >> 1, last >> 1
    if last:
        raise Refused("not_included")
    return found


# --- signed notes


def standard(text):
    """Strict base64."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        raise Refused("malformed") from None
    if base64.b64encode(data).decode() != text:
        raise Refused("malformed")
    return data


def decimal(text):
    if not text.isascii() or not text.isdigit() or text != str(int(text)):
        raise Refused("malformed")
    return int(text)


@dataclass(frozen=True)
class Key:
    """A verifier key."""

    name: str
    kind: int
    public: bytes

    @property
    def id(self):
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]

    @classmethod
    def read(cls, text):
        name, short, material = text.split("+", 2)
        material = standard(material)
        key = cls(name, material[0], material[1:])
        if key.id.hex() != short or len(key.public) != 32:
            raise Refused("malformed")
        return key

    def verify(self, signature, message):
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except InvalidSignature:
            raise Refused("bad_signature") from None


@dataclass(frozen=True)
class Note:
    text: str
    lines: list

    @classmethod
    def read(cls, text):
        body, _, signatures = text.rpartition("\n\n")
        if not body or not signatures.endswith("\n"):
            raise Refused("malformed")
        lines = []
        for line in signatures.removesuffix("\n").split("\n"):
            dash, name, signature = line.split(" ")
            if dash != "\u2014":
                raise Refused("malformed")
            data = standard(signature)
            lines.append((name, data[:4], data[4:]))
        return cls(body + "\n", lines)

    def signed_by(self, key):
        """Checks the signature of a key; gives the time of a cosignature."""
        found = [data for name, short, data in self.lines if (name, short) == (key.name, key.id)]
        if not found:
            raise Refused("unsigned")
        time = None
        for data in found:
            if key.kind == LOG:
                key.verify(data, self.text.encode())
                continue
            time = int.from_bytes(data[:8])
            key.verify(data[8:], f"cosignature/v1\ntime {time}\n{self.text}".encode())
        return time

    def checkpoint(self):
        """Origin, size, root."""
        origin, size, top, *_ = self.text.split("\n")
        return origin, decimal(size), standard(top)


@dataclass(frozen=True)
class Proof:
    extra: bytes
    index: int
    path: list
    note: Note

    @classmethod
    def read(cls, text):
        first, _, rest = text.partition("\n")
        if first != "c2sp.org/tlog-proof@v1":
            raise Refused("malformed")
        head, _, note = rest.partition("\n\n")
        lines = head.split("\n")
        extra = standard(lines.pop(0).removeprefix("extra ")) if lines[0].startswith("extra ") else b""
        if not lines or not lines[0].startswith("index "):
            raise Refused("malformed")
        index = decimal(lines.pop(0).removeprefix("index "))
        return cls(extra, index, [standard(line) for line in lines], Note.read(note))

    def proves(self, leaf, key):
        """Checks that the leaf stands in the log of this key."""
        self.note.signed_by(key)
        origin, size, top = self.note.checkpoint()
        if origin != key.name or included(leaf_hash(leaf), self.index, size, self.path) != top:
            raise Refused("not_included")


def byte_strings(data):
    """A CBOR array of byte strings (RFC 8949), by hand."""
    if not data or data[0] >> 5 != 4:
        raise Refused("malformed")
    parts, at = [], 1
    for _ in range(data[0] & 31):
        kind, length = data[at] >> 5, data[at] & 31
        at += 1
        wide = {24: 1, 25: 2}.get(length, 0)
        if kind != 2 or length > 25:
            raise Refused("malformed")
        if wide:
            length = int.from_bytes(data[at : at + wide])
            at += wide
        parts.append(data[at : at + length])
        at += length
    if at != len(data):
        raise Refused("malformed")
    return parts


# --- tiles


def tile_path(level, index, width=WIDTH):
    """The path of a tile below `tile/`."""
    elements = [f"{index % 1000:03}"]
    while index := index // 1000:
        elements.insert(0, f"x{index % 1000:03}")
    return f"{level}/{'/'.join(elements)}" + ("" if width == WIDTH else f".p/{width}")


def entries(bundle):
    """The leaves of a bundle."""
    leaves = []
    while bundle:
        length = int.from_bytes(bundle[:2])
        leaf, bundle = bundle[2 : 2 + length], bundle[2 + length :]
        if len(leaf) != length:
            raise Refused("malformed")
        leaves.append(leaf)
    return leaves
