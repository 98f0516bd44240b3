"""Repeats: chunks that were read, and will be read again much later, as many as take little memory."""

from collections import OrderedDict

LIMIT = 8 << 20
"""Bytes; beyond that, what was kept first is asked for again."""


class Repeats:
    """Chunks by (pack, number), in the form in which their pack has them."""

    def __init__(self) -> None:
        """None yet."""
        self._kept: OrderedDict[tuple[bytes, int], bytes] = OrderedDict()
        self._size = 0

    def keep(self, pack: bytes, number: int, stored: bytes | memoryview) -> None:
        """This one, which is in nobody's memory any more else."""
        self.take(pack, number)
        self._kept[pack, number] = bytes(stored)
        self._size += len(stored)
        while self._size > LIMIT:
            _, dropped = self._kept.popitem(last=False)
            self._size -= len(dropped)

    def take(self, pack: bytes, number: int) -> bytes | None:
        """One that was kept, and is not any more."""
        found = self._kept.pop((pack, number), None)
        self._size -= 0 if found is None else len(found)
        return found
