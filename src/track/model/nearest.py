"""Nearest: what is called most like a word that is nothing, for the hint of an error."""

from collections.abc import Iterable
from difflib import get_close_matches

from track.model.names import typed


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The hint that says what of `names` is called most like `name`; None where nothing is."""
    near = [
        typed(each.encode("utf-8", "surrogateescape"))
        for each in get_close_matches(name, sorted(set(names) - {name}), n=3, cutoff=0.6)
    ]
    return f"did you mean {' or '.join(near)} ?" if near else None


def most_like(word: str, words: Iterable[str]) -> str | None:
    """The one of `words` that is most like `word`; None where none is."""
    return next(iter(get_close_matches(word.lower(), list(words), n=1, cutoff=0.5)), None)
