r"""The text of a query: `metrics.auc > 0.9 and params.lr < 0.1 and tag = gold`.

    query  = part { "or" part }
    part   = test { "and" test }
    test   = "not" test | "(" query ")" | field sign value | field "exists"
           | field ["not"] "in" "(" value { "," value } ")"
    sign   = "=" | "!=" | "<" | "<=" | ">" | ">=" | "~" | "!~"
    field  = name { "." name }, a name with other characters in quotes
    value  = number | true | false | null | date | age | word | text in quotes

`~` looks for a regular expression. A date is `2026-01-31` or `2026-01-31T12:00`, in UTC without a zone; an age such as
`7d` (s, min, h, d, w, y) is the moment that long ago. In quotes `\"` is a quote and `\\` a backslash; any other
backslash stays as it is, so that `"\.txt$"` is a pattern as it looks.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from track.errors import UsageError
from track.model import query_hints
from track.model.expressions import expression
from track.model.names import display
from track.model.query import And, Exists, In, Match, Not, Or, Order, Path, Query
from track.model.query_pattern import Pattern

LONGEST = 1 << 16
_DEEPEST = 50
_SIGNS = ("=", "!=", "<", "<=", ">", ">=", "~", "!~")
_WORDS = ("and", "or", "not", "in", "exists")
_TOKEN = expression(
    r"""\s*(?:
        (?P<sign>[=!<>~]+)
      | (?P<mark>[(),\[\]])
      | (?P<quoted>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      | (?P<word>[^\s=!<>~(),\[\]"']+)
    )""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPED = expression(r"\\(.)", re.DOTALL)
_NUMBER = expression(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
_AGE = expression(r"(\d{1,6})(s|min|h|d|w|y)")
_AGE_LIKE = expression(r"\d+(?:s|min|h|d|w|y)")
_DATE = expression(r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?(?:Z|[+-]\d{2}:?\d{2})?")
_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86_400, "w": 604_800, "y": 31_536_000}
_CONSTANTS: Mapping[str, Any] = {"true": True, "false": False, "null": None}


class Fields(NamedTuple):
    """The first parts of paths that a question knows, and other words for some of them.

    `inside` tells for another word the path that may have been meant: of a label that is called so, for instance.
    What is compared with one of `texts` is text, also where it looks like a number or a time.
    """

    known: tuple[str, ...]
    others: Mapping[str, str] = {}
    inside: Callable[[str], str | None] | None = None
    texts: tuple[str, ...] = ()

    def named(self, name: str) -> Path | None:
        """The path that a first part stands for; None for one that is not known."""
        if name in self.others:
            return tuple(self.others[name].split("."))
        return (name,) if name in self.known else None

    def nearest(self, name: str) -> str | None:
        """The path or known word that is most like this one."""
        found = None if self.inside is None else self.inside(name)
        return found or query_hints.nearest(name, (*self.known, *self.others))


class _Token(NamedTuple):
    kind: str
    text: str
    column: int
    """From 1."""


def parse_text(text: str, now: datetime, fields: Fields | None = None) -> Query:
    """The query that a text says; ages count from `now`, an aware time. Without `fields`, any field is asked.

    Raises:
        UsageError: it is wrong; the column and the nearest valid word are named.
    """
    if len(text) > LONGEST:
        raise UsageError(f"the query has more than {LONGEST:,} characters", hint="split it")
    if (at := stray_in(text)) is not None:
        check_text(text[at], f"column {at + 1} of the query")
    return _Parser(text, now, fields).whole()


def parse_field(text: str, fields: Fields | None = None) -> Path:
    """The path of a field as a query spells it. Raises UsageError as `parse_text`."""
    return _Parser(check_text(text, "the field"), datetime.min, fields).field_alone()


def stray_in(text: str) -> int | None:
    """Where the first byte stands that is no text, or half of a character; None where there is none."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        return error.start
    return None


def check_text(text: str, place: str) -> str:
    """The same text. Raises UsageError, which names the place, where a byte of it is none."""
    if (at := stray_in(text)) is not None:
        said = f"{place}: `{display(text[at])}` is no text"
        raise UsageError(said, hint="a file with such a byte in its name is found by its name as `track ls` shows it")
    return text


def moment_of(word: str, now: datetime) -> datetime | None:
    """The time that an age such as `7d`, or a date, stands for; None for other words."""
    if (age := _AGE.fullmatch(word)) is not None:
        try:
            return now - timedelta(seconds=int(age[1]) * _SECONDS[age[2]])
        except OverflowError:
            return datetime.min.replace(tzinfo=UTC)
    if _DATE.fullmatch(word) is None:
        return None
    try:
        found = datetime.fromisoformat(word)
    except ValueError:
        return None
    return found if found.utcoffset() is not None else found.replace(tzinfo=UTC)


def constant_of(word: str) -> bool | int | float | None:
    """The number or truth value that a word is; None for other words."""
    if word in _CONSTANTS:
        found: bool | None = _CONSTANTS[word]
        return found
    return _number(word) if _NUMBER.fullmatch(word) else None


class _Parser:
    def __init__(self, text: str, now: datetime, fields: Fields | None) -> None:
        self._text, self._now, self._fields = text, now, fields
        self._tokens = list(self._read())
        self._at = 0
        self._depth = 0

    def whole(self) -> Query:
        """The query; nothing may be left."""
        found = self._any()
        if (rest := self._next()).kind != "end":
            hint = query_hints.of_rest(self._tokens[self._at - 1].text, rest.text)
            raise self._wrong(rest, "expected `and`, `or` or the end", hint=hint)
        return found

    def field_alone(self) -> Path:
        """The path of the one field that is there."""
        path = self._field()
        if (rest := self._next()).kind != "end":
            raise self._wrong(rest, "expected nothing behind the field")
        return path

    def _read(self) -> Iterator[_Token]:
        at = 0
        end = len(self._text.rstrip())
        while at < end:
            found = _TOKEN.match(self._text, at)
            if found is None:
                start = at + len(self._text[at:]) - len(self._text[at:].lstrip())
                raise self._wrong(_Token("quoted", "", start + 1), "the quote that begins here has no end")
            kind = found.lastgroup or ""
            yield _Token(kind, found[kind], found.start(kind) + 1)
            at = found.end()
        yield _Token("end", "", end + 1)

    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _take(self) -> _Token:
        token = self._tokens[self._at]
        self._at += token.kind != "end"
        return token

    def _is(self, *words: str) -> bool:
        """Take the next words if they are these."""
        tokens = self._tokens[self._at : self._at + len(words)]
        if [token.text for token in tokens] != list(words) or any(token.kind == "quoted" for token in tokens):
            return False
        self._at += len(words)
        return True

    def _any(self) -> Query:
        parts = [self._all()]
        while self._is("or"):
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _all(self) -> Query:
        parts = [self._one()]
        while self._is("and"):
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _one(self) -> Query:
        token = self._next()
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._wrong(token, f"more than {_DEEPEST} parentheses and `not` in each other")
        try:
            if self._is("not"):
                return Not(self._one())
            if self._is("("):
                found = self._any()
                if not self._is(")"):
                    said = f"expected `)` for the one at column {token.column}, or `and` or `or`"
                    hint = query_hints.of_rest(self._tokens[self._at - 1].text, self._next().text)
                    raise self._wrong(self._next(), said, hint=hint or "each ( has its )")
                return found
            return self._test()
        finally:
            self._depth -= 1

    def _test(self) -> Query:
        path = self._field()
        token = self._next()
        if self._is("exists"):
            return Exists(path)
        if self._is("in"):
            return In(path, self._values(path))
        if self._is("not", "in"):
            return Not(In(path, self._values(path)))
        self._take()
        if token.kind != "sign" or token.text not in (*_SIGNS, "=="):
            words = (*_SIGNS, "in", "not in", "exists")
            said = f"expected one of {' '.join(_SIGNS)} in, not in, exists"
            hint = query_hints.of_sign(token.text) if token.kind != "quoted" else None
            raise self._wrong(token, said, token.text, words, hint=hint or query_hints.A_TEST)
        return self._compare(path, token.text, self._next())

    def _compare(self, path: Path, sign: str, token: _Token) -> Query:
        if sign in ("~", "!~"):
            self._take()
            if token.kind not in ("quoted", "word"):
                raise self._wrong(token, f"expected a pattern in quotes after `{sign}`")
            try:
                match = Match(path, Pattern(_unquoted(token)))
            except UsageError as error:
                raise self._wrong(token, error.message, hint=error.hint) from None
            return Not(match) if sign == "!~" else match
        value = self._value(path)
        if sign in ("=", "=="):
            return In(path, (value,))
        if sign == "!=":
            return Not(In(path, (value,)))
        if value is None:
            raise self._wrong(token, f"nothing is `{sign}` null", hint="ask with = null, != null or exists")
        return Order(path, sign, value)

    def _field(self) -> Path:
        token = self._take()
        if token.kind == "end":
            raise self._wrong(token, "expected a field", hint=query_hints.A_TEST)
        if token.kind not in ("word", "quoted") or (token.kind == "word" and token.text in _WORDS):
            said = f"expected a field and not `{display(token.text)}`"
            hint = query_hints.of_field(token.text, self._next().text)
            raise self._wrong(token, said, hint=hint or query_hints.A_TEST)
        parts = self._parts(token)
        if self._fields is None:
            return tuple(parts)
        first = self._fields.named(parts[0])
        if first is None:
            meant = self._fields.nearest(parts[0])
            hint = query_hints.of_field(parts[0], self._next().text) if self._next().kind == "word" else None
            said = f"there is no field `{display(parts[0])}`"
            raise self._wrong(token, said, hint=hint or (f"did you mean {meant}?" if meant else _listed(self._fields)))
        return (*first, *parts[1:])

    def _parts(self, token: _Token) -> list[str]:
        """The parts of a path: `metrics."val acc".last` is read as three tokens that touch each other."""
        parts = [_unquoted(token)] if token.kind == "quoted" else token.text.split(".")
        end = token.column + len(token.text)
        while True:
            more = self._next()
            touches = more.column == end and more.kind in ("word", "quoted")
            if not touches or (more.kind == "word") == (parts[-1] == ""):
                break
            if more.kind == "quoted":
                parts[-1] = _unquoted(more)
            elif more.text.startswith("."):
                parts += more.text[1:].split(".")
            else:
                break
            end = more.column + len(more.text)
            self._take()
        if "" in parts:
            raise self._wrong(token, f"a part of the field `{display(token.text)}` is empty")
        return parts

    def _values(self, path: Path) -> tuple[Any, ...]:
        opened = self._next()
        closing = ")" if self._is("(") else "]" if self._is("[") else None
        if closing is None:
            raise self._wrong(opened, "expected `(` and values after `in`", hint="status in (failed, lost)")
        values = [self._value(path)]
        while self._is(","):
            values.append(self._value(path))
        if not self._is(closing):
            raise self._wrong(self._next(), f"expected `,` or `{closing}`")
        return tuple(values)

    def _value(self, path: Path) -> Any:
        token = self._take()
        if token.kind == "quoted":
            return _unquoted(token)
        if token.kind != "word":
            what = "the end" if token.kind == "end" else f"`{display(token.text)}`"
            raise self._wrong(token, f"expected a value and not {what}", hint=query_hints.A_VALUE)
        word = token.text
        if word in _WORDS:
            raise self._wrong(token, f"expected a value and not `{word}`", hint=f'as text it is "{word}"')
        if word in _CONSTANTS:
            return _CONSTANTS[word]
        if self._fields is not None and path[0] in self._fields.texts:
            return word
        if _NUMBER.fullmatch(word):
            return _number(word)
        moment = moment_of(word, self._now)
        if moment is None and (_AGE_LIKE.fullmatch(word) or _DATE.fullmatch(word)):
            what = "a date" if _DATE.fullmatch(word) else "an age of up to 999,999"
            raise self._wrong(token, f"`{display(word)}` is not {what}", hint=f'as text it is "{display(word)}"')
        return moment if moment is not None else word

    def _wrong(
        self, token: _Token, said: str, word: str = "", known: Iterable[str] = (), *, hint: str | None = None
    ) -> UsageError:
        meant = query_hints.nearest(word, known) if hint in (None, query_hints.A_TEST) else None
        shown = display(self._text)
        before = display(self._text[: token.column - 1])
        return UsageError(
            f"column {token.column} of the query: {said}",
            hint=f"did you mean {meant}?" if meant else hint or query_hints.IN_QUOTES,
            details=(shown, " " * len(before) + "^") if len(shown) < 200 else (),
        )


def _number(word: str) -> int | float:
    """Whole numbers of 64 bits, such as seeds, to the last digit; others as floating-point numbers."""
    if len(word) <= 20 and not any(char in word for char in ".eE") and -(2**63) <= int(word) < 2**63:
        return int(word)
    return float(word)


def _unquoted(token: _Token) -> str:
    if token.kind != "quoted":
        return token.text
    quote = token.text[0]
    return re.sub(
        r"\\(.)", lambda one: one[1] if one[1] in (quote, "\\") else one[0], token.text[1:-1], flags=re.DOTALL
    )


def _listed(fields: Fields) -> str:
    return f"there are {', '.join(sorted(fields.known))}"
