"""Expressions: regular expressions that are compiled when they are first used.

Compiling one takes longer than loading the module that has it, and a command uses few of those that it loads.
"""

import re
from typing import Any, AnyStr, cast


class _Later:
    """Stands for a compiled expression; what is asked of it is kept, so that it is asked once."""

    def __init__(self, text: Any, flags: int) -> None:
        self._asked = (text, flags)

    def __getattr__(self, name: str) -> Any:
        found = getattr(re.compile(*self._asked), name)
        setattr(self, name, found)
        return found


def expression(text: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """What `re.compile` gives, which is compiled when one of its methods is first asked for; a wrong one fails then."""
    return cast(re.Pattern[AnyStr], _Later(text, flags))
