"""Regular expressions that always end soon: Python's syntax, without what only backtracking can do.

A pattern becomes an automaton whose states are followed all at once (Thompson 1968), and what was followed once is
remembered (as grep does), so the time grows with the length of the text and never with its power. That costs what
an automaton cannot do: references to groups, looking ahead or behind, and atomic groups are refused.
"""

import re
from collections.abc import Callable, Sequence
from re import _constants as op  # type: ignore[attr-defined]  # the names of what the parser gives
from re import _parser as parser  # type: ignore[attr-defined]  # the one parser that agrees with `re`
from typing import Any, TypeAlias

from track.errors import UsageError
from track.model.names import display

LONGEST_PATTERN = 1000
LONGEST_TEXT = 16_384
"""Characters of a text in which a pattern is looked for; what comes after them is not looked at."""
_STATES = 2000
_REMEMBERED = 20_000
_FLAGS = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL, "x": re.VERBOSE}

_Test: TypeAlias = Callable[[str], bool]
_State: TypeAlias = tuple[_Test | None, str | None, tuple[int, ...]]
"""What a character must be to go on, or what must be so at a place, and where to."""
_Key: TypeAlias = tuple[frozenset[int], str | None]

_WITHOUT = {
    op.GROUPREF: "a reference to a group",
    op.GROUPREF_EXISTS: "a reference to a group",
    op.ASSERT: "looking ahead or behind",
    op.ASSERT_NOT: "looking ahead or behind",
    op.ATOMIC_GROUP: "an atomic group",
    op.POSSESSIVE_REPEAT: "a possessive repetition",
}
_PLACES = {
    op.AT_BEGINNING: "line start",
    op.AT_BEGINNING_STRING: "start",
    op.AT_END: "line end",
    op.AT_END_STRING: "end",
    op.AT_BOUNDARY: "edge",
    op.AT_NON_BOUNDARY: "no edge",
}
_CATEGORIES: dict[Any, tuple[_Test, bool]] = {
    op.CATEGORY_DIGIT: (str.isdecimal, True),
    op.CATEGORY_NOT_DIGIT: (str.isdecimal, False),
    op.CATEGORY_SPACE: (str.isspace, True),
    op.CATEGORY_NOT_SPACE: (str.isspace, False),
    op.CATEGORY_WORD: (lambda char: _is_word(char), True),
    op.CATEGORY_NOT_WORD: (lambda char: _is_word(char), False),
}


class Pattern:
    """A regular expression as it was written, with its options of `imsx`; equal patterns are equal.

    Raises:
        UsageError: it is none, too large, or needs backtracking; it says where.
    """

    __slots__ = ("_from", "_known", "_remembered", "_states", "options", "text")

    def __init__(self, text: str, options: str = "") -> None:
        self.text, self.options = text, "".join(sorted(set(options)))
        flags = 0
        for letter in self.options:
            if letter not in _FLAGS:
                raise UsageError(f"not an option of a pattern: '{display(letter)}'", hint="i, m, s and x are")
            flags |= _FLAGS[letter]
        if len(text) > LONGEST_PATTERN:
            raise UsageError(f"the pattern has more than {LONGEST_PATTERN:,} characters", hint="use a shorter one")
        try:
            parsed = parser.parse(text, flags)
            builder = _Builder()
            self._from = builder.sequence(parsed, parsed.state.flags, 0)
        except re.error as error:
            where = "" if error.pos is None else f", at character {error.pos + 1}"
            raise UsageError(
                f"not a regular expression: {display(text)} ({error.msg}{where})",
                hint="a backslash before . ( [ * + ? takes them as they are",
            ) from None
        except (RecursionError, OverflowError):
            raise UsageError("the pattern is nested too deeply", hint="use a simpler one") from None
        self._states: Sequence[_State] = builder.states
        self._known: dict[_Key, dict[str, _Key | None]] = {}
        self._remembered = 0

    def __eq__(self, other: object) -> bool:
        """Whether the other is the same pattern with the same options."""
        return isinstance(other, Pattern) and (self.text, self.options) == (other.text, other.options)

    def __hash__(self) -> int:
        """By what it was made of."""
        return hash((self.text, self.options))

    def __repr__(self) -> str:
        """How to make it."""
        return f"Pattern({self.text!r}, {self.options!r})"

    def is_in(self, text: str) -> bool:
        """Whether it is found somewhere in a text; the time is bounded by the length of the text."""
        text = text[:LONGEST_TEXT]
        key: _Key = (frozenset((self._from,)), None)
        known = self._known
        for number, char in enumerate(text):
            is_last = number + 1 == len(text)
            label = f"{char}\0" if is_last else char  # `$` also holds before a line feed at the end
            after = known.setdefault(key, {})
            if label not in after:
                self._remembered += 1
                if self._remembered > _REMEMBERED:
                    known.clear()
                    self._remembered = 0
                    after = known.setdefault(key, {})
                after[label] = self._step(key, char, is_last=is_last)
            step = after[label]
            if step is None:
                return True
            key = step
        return 0 in self._closure(key, None, is_last=False)

    def _step(self, key: _Key, char: str, *, is_last: bool) -> _Key | None:
        """Where one character leads to; None when the pattern was found before it."""
        here = self._closure(key, char, is_last=is_last)
        if 0 in here:
            return None
        there = {self._from}
        for number in here:
            test, _, after = self._states[number]
            if test is not None and test(char):
                there.update(after)
        return frozenset(there), char if char == "\n" else "a" if _is_word(char) else " "

    def _closure(self, key: _Key, char: str | None, *, is_last: bool) -> set[int]:
        """The states that are reached without a character, at the place before `char` (None: the end)."""
        states, before = key
        here: set[int] = set()
        waiting = list(states)
        while waiting:
            number = waiting.pop()
            if number in here:
                continue
            here.add(number)
            test, place, after = self._states[number]
            if test is None and (place is None or _is_at(place, before, char, is_last)):
                waiting.extend(after)
        return here


def _is_at(place: str, before: str | None, char: str | None, is_last: bool) -> bool:
    match place:
        case "start" | "line start":
            return before is None
        case "every line start":
            return before is None or before == "\n"
        case "end":
            return char is None
        case "line end":
            return char is None or (char == "\n" and is_last)
        case "every line end":
            return char is None or char == "\n"
    is_edge = (before == "a") != (char is not None and _is_word(char))
    return is_edge == (place == "edge")


def _is_word(char: str) -> bool:
    return char.isalnum() or char == "_"


class _Builder:
    """Makes the states of a pattern from its end to its beginning; state 0 says that it was found."""

    def __init__(self) -> None:
        self.states: list[_State] = [(None, None, ())]

    def sequence(self, items: Any, flags: int, after: int) -> int:
        """The first state of what must come one after the other, before the state `after`."""
        for kind, value in reversed(list(items)):
            after = self._one(kind, value, flags, after)
        return after

    def _add(self, test: _Test | None, place: str | None, *after: int) -> int:
        if len(self.states) >= _STATES:
            raise UsageError("the pattern is too large", hint="use smaller numbers in { }")
        self.states.append((test, place, after))
        return len(self.states) - 1

    def _one(self, kind: Any, value: Any, flags: int, after: int) -> int:
        if kind in _WITHOUT:
            raise UsageError(
                f"a pattern of a query cannot have {_WITHOUT[kind]}", hint="say it with two tests and `and` or `not`"
            )
        if kind is op.AT:
            every = "every " if flags & re.MULTILINE and value in (op.AT_BEGINNING, op.AT_END) else ""
            return self._add(None, every + _PLACES[value], after)
        if kind is op.BRANCH:
            return self._add(None, None, *(self.sequence(branch, flags, after) for branch in value[1]))
        if kind is op.SUBPATTERN:
            _, added, removed, inner = value
            return self.sequence(inner, (flags | added) & ~removed, after)
        if kind in (op.MAX_REPEAT, op.MIN_REPEAT):
            least, most, inner = value
            return self._repeat(least, most, inner, flags, after)
        return self._add(_test_of(kind, value, flags), None, after)

    def _repeat(self, least: int, most: Any, inner: Any, flags: int, after: int) -> int:
        if most is op.MAXREPEAT:
            start = self._add(None, None, after)
            self.states[start] = (None, None, (self.sequence(inner, flags, start), after))
        else:
            start = after
            for _ in range(most - least):
                start = self._add(None, None, self.sequence(inner, flags, start), after)
        for _ in range(least):
            start = self.sequence(inner, flags, start)
            if start == after:  # what is repeated is nothing
                break
        return start


def _test_of(kind: Any, value: Any, flags: int) -> _Test:
    """What a single character must be."""
    if kind is op.ANY:
        return (lambda char: True) if flags & re.DOTALL else (lambda char: char != "\n")
    if kind is op.IN:
        is_negated = value[0][0] is op.NEGATE
        tests = [_test_of(each[0], each[1], flags) for each in (value[1:] if is_negated else value)]
        return lambda char: any(test(char) for test in tests) != is_negated
    if kind is op.CATEGORY:
        is_of, wanted = _CATEGORIES[value]
        only_ascii = bool(flags & re.ASCII)
        return lambda char: (is_of(char) and (char.isascii() or not only_ascii)) == wanted
    if kind is op.RANGE:
        low, high = value
        return _cased(lambda char: low <= ord(char) <= high, flags)
    same = _cased(lambda char: ord(char) == value, flags)
    return (lambda char: not same(char)) if kind is op.NOT_LITERAL else same


def _cased(test: _Test, flags: int) -> _Test:
    if not flags & re.IGNORECASE:
        return test
    return lambda char: any(len(each) == 1 and test(each) for each in (char, char.lower(), char.upper()))


def of_glob(glob: str) -> str:
    """The regular expression of a whole name with `*` and `?` (not across slashes), `**` (across) and `[…]` in it."""
    pieces = re.findall(r"\*\*/?|\*|\?|\[[!^]?\]?[^\]]*\]|.", glob, re.DOTALL)
    return "^" + "".join(_of_glob(piece) for piece in pieces) + r"\Z"


def _of_glob(piece: str) -> str:
    match piece:
        case "**/":
            return "(?:.*/)?"
        case "**":
            return ".*"
        case "*":
            return "[^/]*"
        case "?":
            return "[^/]"
    if len(piece) < 3:
        return re.escape(piece)
    inner = piece[1:-1].replace("\\", "\\\\").replace("[", "\\[")
    return f"[^{inner[1:]}]" if inner[0] in "!^" else f"[{inner}]"
