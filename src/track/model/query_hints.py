"""Hints: what was meant by what a query in text does not know, so far as other languages have a word for it."""

from collections.abc import Iterable

from track.model.expressions import expression
from track.model.names import display
from track.model.nearest import like

IN_QUOTES = "text with blanks or signs stands in quotes"
A_TEST = "a test is a field, a sign and a value, such as size > 20"
A_VALUE = "a value is a number, a word, a date, an age such as 7d, or text in quotes"
_JOINS = {"&": "and", "&&": "and", ",": "and", ";": "and", "|": "or", "||": "or"}
_SIGNS = {
    **dict.fromkeys(("contains", "has", "ilike", "like", "match", "matches", "regex", "rlike", "=~", "~="), "~"),
    **dict.fromkeys(("is", "eq", "equals", "==="), "="),
    **dict.fromkeys(("<>", "ne", "!==", "=!"), "!="),
    "gt": ">",
    "gte": ">=",
    "ge": ">=",
    "lt": "<",
    "lte": "<=",
    "le": "<=",
}
_BEFORE = ("exists", "exist", "has", "missing")
_NUMBER = expression(r"\d+(?:\.\d+)?")
_DIGITS = 15
"""Of so many a float is exact."""
_AGES = {
    **dict.fromkeys(("s", "sec", "second", "seconds"), "s"),
    **dict.fromkeys(("min", "minute", "minutes"), "min"),
    **dict.fromkeys(("h", "hour", "hours"), "h"),
    **dict.fromkeys(("d", "day", "days"), "d"),
    **dict.fromkeys(("w", "week", "weeks"), "w"),
    **dict.fromkeys(("y", "year", "years"), "y"),
}
_BYTES = {"b": 1, "kb": 1000, "mb": 1000**2, "gb": 1000**3, "tb": 1000**4} | {
    "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40,
}  # fmt: skip


def nearest(word: str, known: Iterable[str], least: float = 0.5) -> str | None:
    """The known word that is most like this one, at `least` so much of 1; None where none is."""
    words = list(known)
    turned = [each for each in words if word and sorted(each) == sorted(word.lower())]  # `=>`, `adn`
    found = turned or (like(word.lower(), words, 1, least) if word else [])
    return found[0] if found else None


def of_sign(word: str) -> str | None:
    """What to write for a comparison that other languages have."""
    if (meant := _SIGNS.get(word.lower())) is None:
        return None
    return f"did you mean {meant}?" + (" It finds a part of a text." if meant == "~" else "")


def of_field(word: str, following: str) -> str | None:
    """What to write for a test that begins with what is no field, and goes on with one."""
    if word.lower() not in _BEFORE or not following:
        return None
    return f"did you mean {display(following)} {'= null' if word.lower() == 'missing' else 'exists'}?"


def of_rest(before: str, rest: str) -> str | None:
    """What to write where a query goes on with `rest`, which it cannot; `before` is the value in front of it."""
    word = rest.lower()
    if word == ")":
        return "no ( is open there: leave it out"
    if (meant := _JOINS.get(word) or (word if word in ("and", "or") else None)) is not None:
        return f"did you mean {meant}?"
    if _NUMBER.fullmatch(before) is not None and word in _AGES and before.isdecimal():
        return f"did you mean {before}{_AGES[word]}?"
    if _NUMBER.fullmatch(before) is not None and word in _BYTES:
        if len(before) > _DIGITS:
            return "sizes are in bytes: write all digits"
        return f"sizes are in bytes: did you mean {int(float(before) * _BYTES[word])}?"
    if (like := nearest(word, ("and", "or"), 0.6)) is not None and len(word) > 1:
        return f"did you mean {like}?"
    return None
