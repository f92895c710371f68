"""The code chain of a running gateway, read as any monitor would: tiles, checkpoints, proofs."""

import time

from checks import check, outcome, same
from live import enrolled, office
from onecode import cbor, chain, codes
from onecode.keys import ED25519

WAIT_S = 20


def get(path):
    status, body = office.call(path)
    same((path, status), (path, 200))
    return body


def soon(path):
    """The same, once a checkpoint has it."""
    end = time.monotonic() + WAIT_S
    while office.call(path)[0] == 503 and time.monotonic() < end:
        time.sleep(0.2)
    return get(path)


def resources(level, count):
    """The tiles of a level that hold this many hashes or leaves."""
    paths = [chain.tile_path(level, index) for index in range(count // chain.WIDTH)]
    if rest := count % chain.WIDTH:
        paths.append(chain.tile_path(level, count // chain.WIDTH, rest))
    return [get(f"/chain/tile/{path}") for path in paths]


def published(size):
    """A checkpoint of more leaves than that."""
    for _ in range(WAIT_S):
        note = chain.Note.read(get("/chain/checkpoint").decode())
        if note.checkpoint()[1] > size:
            return note
        time.sleep(1)
    raise AssertionError(f"no checkpoint over more than {size} leaves within {WAIT_S} seconds")


def leaves_of(size):
    return [leaf for bundle in resources("entries", size) for leaf in chain.entries(bundle)]


def life():
    log, _ = (chain.Key.read(line) for line in get("/chain/key").decode().splitlines())
    note = published(0)
    origin, size, top = note.checkpoint()
    leaves = leaves_of(size)
    hashes = [chain.leaf_hash(leaf) for leaf in leaves]

    def signed():
        note.signed_by(log)
        same((origin, note.text.count("\n")), (log.name, 3))
        other = chain.Note(note.text.replace("\n", "\n1", 1), note.lines)
        same(outcome(lambda: other.signed_by(log)), "bad_signature")

    def rooted():
        same(len(leaves), size)
        same(chain.root(hashes), top)

    def tiled():
        rows, level = hashes, 0
        while rows:
            same(b"".join(resources(level, len(rows))), b"".join(rows))
            full = len(rows) // chain.WIDTH
            rows = [chain.root(rows[n * chain.WIDTH : (n + 1) * chain.WIDTH]) for n in range(full)]
            level += 1
        for wrong in ("0/000.p/0", "0/0", "../../ledger.db", "00/000", "entries/x000/000"):
            same((wrong, office.call(f"/chain/tile/{wrong}")[0]), (wrong, 404))

    check("the checkpoint is signed by the key of the log", signed)
    check("the leaves in the bundles have the root that was signed", rooted)
    check("the tiles of every level hold the hashes they should", tiled)
    check("every act on every code is proven by a file of its own", lambda: proven(leaves, log))
    check("a new code comes into the log, which extends the one before", lambda: grown(hashes, log))


def proven(leaves, log):
    for index, leaf in enumerate(leaves):
        act = cbor.read(leaf)
        kind, name = "1" if len(act[2]) == 20 else "G", codes.write_text(act[2])
        proof = chain.Proof.read(get(f"/{kind}/{name}/proof?leaf={index}").decode())
        same(proof.index, index)
        same(chain.byte_strings(proof.extra)[0], leaf)
        proof.proves(leaf, log)
        same(outcome(lambda: proof.proves(leaf[:-1] + bytes([leaf[-1] ^ 1]), log)), "not_included")
        stranger = chain.Key(log.name, chain.LOG, bytes(32))
        same(outcome(lambda: proof.proves(leaf, stranger)), "unsigned")


def grown(before, log):
    thing = enrolled(ED25519)
    note = published(len(before))
    note.signed_by(log)
    _, size, top = note.checkpoint()
    hashes = [chain.leaf_hash(leaf) for leaf in leaves_of(size)]
    same((hashes[: len(before)], chain.root(hashes)), (before, top))
    proof = chain.Proof.read(soon(f"/1/{thing.text}/proof").decode())
    leaf = chain.byte_strings(proof.extra)[0]
    proof.proves(leaf, log)
    act = cbor.read(leaf)
    same((act[1], act[2]), (1, thing.code))
    same(act[5], chain.hashlib.sha256(thing.own_pass.bytes).digest())
