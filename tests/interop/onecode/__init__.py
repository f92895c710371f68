"""A second implementation of OneCode, written from docs/protocol.md and docs/vectors alone.

It is here to be compared with the first. Nothing in it is fast, and its purse forgets everything
when the program ends, so it must never hold anybody's money.
"""


class Refused(Exception):
    """Something was refused; `status` is the word of it."""

    def __init__(self, status):
        super().__init__(status)
        self.status = status
