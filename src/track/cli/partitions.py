"""Partitions as they are typed: the options of every command about named artifacts, and what they say."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from track.errors import UsageError
from track.model.names import display

_TIME = "The time of the partition: 2024-01-31 or 2024-01-31T13:45."
_Command = TypeVar("_Command", bound=Callable[..., Any])


def partition_options(command: _Command) -> _Command:
    """The command with `--partition` and `--time`."""
    return _partition(click.option("--time", metavar="TIME", help=_TIME)(command))


def asked_partition_options(command: _Command) -> _Command:
    """The same for commands that look for versions, where the time may be a span."""
    spans = f"{_TIME[:-1]}; A..B, A.. and ..B are all from A to B."
    return _partition(click.option("--time", metavar="TIME", help=spans)(command))


def _partition(command: _Command) -> _Command:
    return click.option(
        "--partition", "partitions", multiple=True, metavar="KEY=VALUE", help="A partition; may be repeated."
    )(command)


def partitions_of(words: tuple[str, ...]) -> dict[str, str]:
    """The partitions in words such as region=eu.

    Raises:
        UsageError: one is none, or a key is there twice.
    """
    found: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise UsageError(f"not a partition: {display(word)}", hint="write key=value, such as --partition region=eu")
        if key in found and found[key] != value:
            raise UsageError(f"the partition {display(key)} is there twice", hint="one version has one value of each")
        found[key] = value
    return found
