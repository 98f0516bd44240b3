"""The nearest of some names to one that was mistyped."""

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(word: str, names: Iterable[str]) -> str | None:
    """The name most like `word`, or None when none is near."""
    found = get_close_matches(word, list(names), n=1, cutoff=0.6)
    return found[0] if found else None
