from os import PathLike
from types import TracebackType

class Error(Exception): ...
class Waiting(Error): ...

class Told:
    kind: str
    id: str | None
    payload: bytes
    def done(self) -> None: ...

class Thing:
    code: str
    waiting: int
    dropped: int
    refused: int
    def __init__(
        self,
        folder: str | PathLike[str],
        host: str,
        *,
        mqtt: int | None = None,
        coaps: int | None = None,
        most_bytes: int = ...,
        drop_oldest: bool = True,
    ) -> None: ...
    def say(self, topic: str, payload: str | bytes) -> int: ...
    def state(self, topic: str, payload: str | bytes) -> int: ...
    def next(self, timeout_s: float | None = None) -> Told | None: ...
    def pay(
        self, to: str, amount: int, reference: int, currency: str = "USD", timeout_s: float = 30
    ) -> str: ...
    def close(self) -> None: ...
    def __enter__(self) -> "Thing": ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

def enrol(
    folder: str | PathLike[str], gateway: str, trust: str | PathLike[str], secret: str | None = None
) -> str: ...
def reenrol(
    folder: str | PathLike[str],
    gateway: str,
    host: str,
    *,
    mqtt: int | None = None,
    coaps: int | None = None,
    early: bool = False,
) -> bool: ...
