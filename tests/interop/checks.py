"""Counting: every check is one line, which ./test counts."""

import sys
import traceback

from onecode import Refused

_failed = 0
_within = ""


def check(what, work):
    """Runs one check; whatever it raises is its failure."""
    try:
        work()
    except Exception:
        _fail(what)
    else:
        print(f"ok - {_within}{what}", flush=True)


def within(what, checks):
    """Runs checks that belong together; what breaks between them is a failure, too."""
    global _within
    _within = f"{what}: "
    try:
        checks()
    except Exception:
        _fail("from one check to the next")
    _within = ""


def _fail(what):
    global _failed
    _failed += 1
    print(f"not ok - {_within}{what}", flush=True)
    traceback.print_exc(file=sys.stdout)


def same(found, wanted):
    """Two values are equal."""
    if found != wanted:
        raise AssertionError(f"\n   found {_shown(found)}\n  wanted {_shown(wanted)}")


def outcome(work):
    """The status word of what refuses, and `ok` of what does not."""
    try:
        work()
    except Refused as refused:
        return refused.status
    return "ok"


def _shown(value):
    return value.hex() if isinstance(value, bytes) else repr(value)


def finish():
    """Ends the program."""
    sys.exit(1 if _failed else 0)
