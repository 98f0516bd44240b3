"""Keep policies: which versions of the history a collection keeps. The tips of branches and tags are in every one.

The text is a list: `all`, or `tips` and what is kept besides, such as `last 3, newer than 90d`.
"""

from collections.abc import Iterable
from typing import NamedTuple

from track.errors import UsageError
from track.model.expressions import expression

_LAST = expression(r"last ([1-9][0-9]{0,5})")
_NEWER = expression(r"newer than ([1-9][0-9]{0,4}) ?(d|days?|w|weeks?|m|months?|y|years?)")
_DAYS = {"d": 1, "w": 7, "m": 30, "y": 365}
WANTED = "`all`, `tips`, `last 3`, `newer than 90d`, or some of these with commas between them"


class Policy(NamedTuple):
    """What is kept of a history besides its tips: everything, the last versions of each artifact, the last days.

    `newer_days` keeps what was a version of some commit's in so many days; 0 for no such rule, as with `last`.
    """

    is_all: bool
    last: int = 0
    newer_days: int = 0

    def __str__(self) -> str:
        """The canonical text, which `parse_policy` reads."""
        if self.is_all:
            return "all"
        parts = [f"last {self.last}"] if self.last else []
        parts += [f"newer than {self.newer_days}d"] if self.newer_days else []
        return ", ".join(parts) or "tips"

    @property
    def is_only_tips(self) -> bool:
        """Whether nothing of the history is kept but its tips."""
        return self == TIPS


ALL = Policy(True)
"""Every commit counts: the default, and the safe one."""

TIPS = Policy(False)
"""Only what the tips of branches and tags name."""


def parse_policy(text: str) -> Policy:
    """The policy that a text names.

    Raises:
        UsageError: it is none; the message says what would be one.
    """
    found = TIPS
    for part in text.split(","):
        word = " ".join(part.split()).lower()
        if word == "all":
            found = ALL
        elif last := _LAST.fullmatch(word):
            found = widest((found, Policy(False, last=int(last[1]))))
        elif newer := _NEWER.fullmatch(word):
            found = widest((found, Policy(False, newer_days=int(newer[1]) * _DAYS[newer[2][0]])))
        elif word != "tips":
            raise UsageError(f"`{text}` is not what can be kept", hint=f"it is one of {WANTED}")
    return found


def widest(policies: Iterable[Policy]) -> Policy:
    """The policy that keeps whatever any of these does."""
    found = tuple(policies)
    if any(one.is_all for one in found):
        return ALL
    return Policy(False, max((one.last for one in found), default=0), max((one.newer_days for one in found), default=0))
