"""Separated: commands whose line is names, then `--`, then paths, as Git's are."""

import os
from collections.abc import Sequence

import click

from track.errors import UsageError
from track.model.names import SUFFIX, display

_PATHS = "track.paths"


class Separated(click.Command):
    """A command that keeps what stands behind `--` apart; `paths_behind` gives it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse what stands before `--`; remember the rest."""
        if "--" in args:
            at = args.index("--")
            ctx.meta[_PATHS] = tuple(args[at + 1 :])
            args = args[:at]
        return super().parse_args(ctx, args)


def paths_behind(ctx: click.Context) -> tuple[str, ...]:
    """What stood behind `--`."""
    found: tuple[str, ...] = ctx.meta.get(_PATHS, ())
    return found


def remote_and_revisions(
    command: str, names: Sequence[str], remotes: Sequence[str]
) -> tuple[str | None, tuple[str, ...]]:
    """Read `[REMOTE] [REV]...`: the first name is a remote's.

    Raises:
        UsageError: the first name is no remote's, but a file or an artifact has it.
    """
    if not names:
        return None, ()
    if names[0] not in remotes and any(
        os.path.lexists(f"{names[0].rstrip('/')}{end}") for end in ("", SUFFIX.decode())
    ):
        shown = display(names[0])
        raise UsageError(f"`{shown}` is a path, and not the name of a remote", hint=f"track {command} -- {shown}")
    return names[0], tuple(names[1:])


def has_separator(ctx: click.Context) -> bool:
    """Whether there was a `--` at all: then what stands before it is no path."""
    return _PATHS in ctx.meta
