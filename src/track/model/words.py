"""Words: which of the words of a command name the program, and which are its arguments."""

import re
from collections.abc import Sequence

from track.model.expressions import expression
from track.model.secrets import REDACTED

_INTERPRETER = expression(
    r"(?:python|pypy|ipython|perl|ruby|node|lua|php)[0-9.]*w?(?:\.exe)?|(?:ba|da|z|k|fi)?sh|Rscript|julia|deno|bun|java"
)
_WITH_WORD = ("-m", "-c", "-e", "-W", "-X", "-jar")
"""Options of interpreters that take the word behind them; behind the program that such a word names are arguments."""
_NAMES_PROGRAM = ("-m", "-c", "-e", "-jar")


def head_of(command: Sequence[str]) -> tuple[str, ...]:
    """The program of a command; of an interpreter, with its options and the script that it runs."""
    if not command or _INTERPRETER.fullmatch(re.split(r"[/\\]", command[0])[-1]) is None:
        return tuple(command[:1])
    at = 1
    while at < len(command) and command[at].startswith("-") and command[at] != "-":
        option = command[at]
        at += 2 if option in _WITH_WORD else 1
        if option in _NAMES_PROGRAM:
            return tuple(command[:at])
    return tuple(command[: at + 1])


def is_whole(command: Sequence[str]) -> bool:
    """Whether nothing was left out of a command when it was written down."""
    return not any(REDACTED in word for word in command)
