"""Nearest: what is called most like a word that is nothing, for the hint of an error."""

import os
from collections.abc import Iterable
from difflib import get_close_matches

from track.model.names import typed


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The hint that says what of `names` is called most like `name`; None where nothing is."""
    near = get_close_matches(name, sorted(set(names) - {name}), n=3, cutoff=0.6)
    return f"did you mean {' or '.join(typed(os.fsencode(each)) for each in near)} ?" if near else None
