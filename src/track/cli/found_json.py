"""What was found as JSON, printed one by one, so that none of it has to be kept."""

from collections.abc import Mapping
from typing import Any

from track.cli import late
from track.cli.terminal import emit, json_of, json_text
from track.model.document import plain


class Printed:
    """Prints a document a line or, with the name of a `field`, the elements of it in one document."""

    def __init__(self, field: str | None) -> None:
        """Nothing is printed before the first item, or the end."""
        self._field = field
        self.count = 0

    def give(self, item: "late.finding.Item") -> None:
        """Print every field of it."""
        if self._field is None:
            emit(json_of(plain(item.document)))
        else:
            before = "," if self.count else self._head(self._field)
            emit(f"{before}\n{_inner(json_of(plain(item.document), indent=2), 4)}", end="")
        self.count += 1

    def end(self, payload: Mapping[str, Any]) -> None:
        """Print the rest of the one document."""
        assert self._field is not None
        rest = "".join(f",\n  {json_of(name)}: {json_of(fact)}" for name, fact in payload.items())
        before = "\n  " if self.count else self._head(self._field)
        emit(f"{before}]{rest}\n}}")

    def _head(self, field: str) -> str:
        head = json_text("find", {}).removesuffix("\n}")
        return f"{head},\n  {json_of(field)}: ["


def _inner(text: str, depth: int) -> str:
    """The text of a document inside of another one."""
    space = " " * depth
    return space + text.replace("\n", "\n" + space)
