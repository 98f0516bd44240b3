"""Choosing: the options `--include` and `--exclude`, which leave out what is inside artifacts."""

from collections.abc import Callable
from typing import Any

import click

_INCLUDE = "Only files inside that match, as a pattern of .trackignore; may stand several times."
_EXCLUDE = "Without files inside that match; may stand several times."


def choice_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command both options; `include` and `exclude` are tuples of what was typed."""
    command = click.option("--exclude", multiple=True, metavar="PATTERN", help=_EXCLUDE)(command)
    return click.option("--include", multiple=True, metavar="PATTERN", help=_INCLUDE)(command)
