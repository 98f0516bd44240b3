"""Nearest: what is called most like a word that is nothing, for the hint of an error."""

from collections.abc import Iterable
from importlib import import_module

from track.model.names import typed


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The hint that says what of `names` is called most like `name`; None where nothing is."""
    near = [typed(each.encode("utf-8", "surrogateescape")) for each in like(name, sorted(set(names) - {name}))]
    return f"did you mean {' or '.join(near)} ?" if near else None


def most_like(word: str, words: Iterable[str]) -> str | None:
    """The one of `words` that is most like `word`; None where none is."""
    return next(iter(like(word.lower(), words, 1, 0.5)), None)


def like(word: str, words: Iterable[str], most: int = 3, least: float = 0.6) -> list[str]:
    """At most so many `words` that are like a `word`, the most like first; at `least`, 1 is the same and 0 is all."""
    near: list[str] = import_module("difflib").get_close_matches(word, list(words), n=most, cutoff=least)
    return near
