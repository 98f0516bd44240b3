"""Passed: a remote that was passed over while another one gave what was needed; and what came of runs from one."""

from collections.abc import Iterable
from typing import NamedTuple


class Passed(NamedTuple):
    """A remote that could not be used, or that did not give all it was asked for, and why; the next one was asked."""

    name: str
    url: str
    why: str
    hint: str | None


class Came(NamedTuple):
    """What came from one remote: how many files were new, and how many runs others, and this clone, share there."""

    remote: str
    new_count: int
    runs_count: int


def together_passed(first: Iterable[Passed], second: Iterable[Passed]) -> tuple[Passed, ...]:
    """Both, each once: a remote may be passed over for the data and for the runs."""
    return tuple(dict.fromkeys((*first, *second)))
