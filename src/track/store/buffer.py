"""A buffer: memory that is used again and again, by several at a time."""

import threading
from collections.abc import Callable


class Buffer:
    """Memory that is used again. Whoever needs what is in it holds it, and the last to let go of it gives it back."""

    def __init__(self, give_back: "Callable[[Buffer], object]") -> None:
        """Empty; `give_back` is called by the last, in any thread."""
        self.data = bytearray()
        self._give_back = give_back
        self._lock = threading.Lock()
        self._holders = 0

    def hold(self) -> None:
        """One more needs it."""
        with self._lock:
            self._holders += 1

    def let_go(self) -> None:
        """One fewer needs it."""
        with self._lock:
            self._holders -= 1
            is_last = not self._holders
        if is_last:
            self._give_back(self)
