"""How work reports itself: a protocol with a silent default; only the faces draw."""

from typing import Protocol


class Progress(Protocol):
    """Told about one piece of work at a time; called from one thread."""

    def begin(self, what: str, *, size_bytes: int = 0, count: int = 0) -> None:
        """Work named `what` begins; totals are 0 where they are not known."""

    def advance(self, *, size_bytes: int = 0, count: int = 0) -> None:
        """So much more of it is done."""

    def end(self) -> None:
        """The work is over, done or not."""


class _Silent:
    """Says nothing."""

    def begin(self, what: str, *, size_bytes: int = 0, count: int = 0) -> None:
        """Ignored."""

    def advance(self, *, size_bytes: int = 0, count: int = 0) -> None:
        """Ignored."""

    def end(self) -> None:
        """Ignored."""


silent: Progress = _Silent()
