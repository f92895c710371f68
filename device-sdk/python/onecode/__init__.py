"""A thing on Linux that has a name, speaks and pays.

    import onecode

    onecode.enrol("kiosk", "http://127.0.0.1:8080", "trust.toml", secret="...")
    with onecode.Thing("kiosk", "127.0.0.1", mqtt=8883) as thing:
        thing.say("t/room", '{"temperature":21.5}')
        told = thing.next(timeout_s=60)
        if told is not None and told.kind == "command":
            thing.say(f"r/{told.id}", "done")
            told.done()

What is said is kept in the thing's folder until the gateway has it; connections are made again by
themselves. Every error is a `onecode.Error` whose text says what to do.
"""

import tomllib

from ._native import Error, Thing, Told, Waiting
from ._native import enrol as _enrol
from ._native import reenrol

__all__ = ["Error", "Thing", "Told", "Waiting", "enrol", "reenrol"]


def enrol(folder, gateway, trust, secret=None):
    """Gives the thing in `folder` its code, and returns it; one that has a code keeps it.

    `gateway` is an address such as http://127.0.0.1:8080, `trust` the path of the network's trust
    file. Without a one-time secret this raises `Waiting` until somebody has accepted the thing:
    call it again with the same folder.
    """
    with open(trust, "rb") as file:
        known = tomllib.load(file)
    return _enrol(str(folder), gateway, known["network"], known["root_key"], secret)
