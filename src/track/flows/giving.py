"""Giving: what was found is kept, or given away one by one, once, and none of it is kept."""

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from track.errors import Conflict

Given = TypeVar("Given")


class Taker(Generic[Given]):
    """Keeps what was found, or gives it to `give`; with `before`, all of it to that first, and then once more."""

    def __init__(self, give: Callable[[Given], None] | None, before: Callable[[Given], None] | None = None) -> None:
        """Nothing is given yet."""
        self._give = give
        self._before = before
        self._given_count = 0

    def begin(self) -> None:
        """Whoever asks again must not give again what was given.

        Raises:
            Conflict: something was.
        """
        if self._given_count:
            raise Conflict(
                "the catalog was damaged, and is made anew; what was shown before is not all",
                hint="the same command once more tells everything",
            )

    def take(self, found: Callable[[], Iterable[Given]]) -> tuple[Given, ...]:
        """Those that are kept of what `found` has, which is the same each time that it is called."""
        if self._give is None:
            return tuple(found())
        if self._before is not None:
            for item in found():
                self._before(item)
        for item in found():
            self._given_count += 1
            self._give(item)
        return ()
