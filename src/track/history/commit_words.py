"""Commit words: who made a commit and when, also where Git itself would call it broken, as imports leave them."""

_LAST_S = 253_402_300_799
"""The end of the year 9999: no later time has a date."""


def time_of(*said: str) -> int:
    """The first of these times, in seconds since 1970, that is one; 0, as Git shows it, where none is."""
    for each in said:
        if each.isascii() and each.isdecimal() and len(each) <= len(str(_LAST_S)) and int(each) <= _LAST_S:
            return int(each)
    return 0


def text_of(said: bytes) -> str:
    """The text; what is no UTF-8, and nobody said in what it is, is Latin-1, as gitweb takes it."""
    try:
        return said.decode("utf-8")
    except UnicodeDecodeError:
        return said.decode("latin-1")
