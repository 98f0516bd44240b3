"""What a person says about a run when it begins: the options of every command that begins one."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from track.cli import late
from track.cli.ran_text import fact

_Command = TypeVar("_Command", bound=Callable[..., Any])

_OPTIONS = (
    click.option("-p", "--param", "params", multiple=True, metavar="KEY=VALUE", help="A parameter; may be repeated."),
    click.option(
        "--meta", "metadata", multiple=True, metavar="KEY=VALUE", help="A fact about the run; may be repeated."
    ),
    click.option("--name", metavar="NAME", help="The name; else two words are chosen."),
    click.option("--folder", default="/", metavar="/FOLDER", help="The folder of the run."),
    click.option("--tag", "tags", multiple=True, metavar="TAG", help="A tag; may be repeated."),
    click.option("--description", metavar="TEXT", help="What it is for."),
)


def wishes(command: _Command) -> _Command:
    """The command with these options."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def wished(
    *,
    params: tuple[str, ...],
    metadata: tuple[str, ...],
    name: str | None,
    folder: str,
    tags: tuple[str, ...],
    description: str | None,
) -> "late.run_start.Wishes":
    """What the options said."""
    kept = tuple(dict.fromkeys(tags))
    return late.run_start.Wishes(name, folder, description, kept, dict(map(fact, metadata)), dict(map(fact, params)))
