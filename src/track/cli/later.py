"""Later: a group of commands of which some are loaded when they are called."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import click


class Later(click.Group):
    """A group with commands of its own, and others by name in modules that only they need."""

    def __init__(self, *args: Any, later: Mapping[str, str] | None = None, **kwargs: Any) -> None:
        """`later` are names of commands, and the modules that have them under these names."""
        super().__init__(*args, **kwargs)
        self._later = dict(later or {})
        self.prepare: Callable[[click.Command], None] = lambda command: None
        """What is done to each of them when it is loaded."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all of them, sorted."""
        return sorted({*self.commands, *self._later})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, loaded now if need be; None when there is none."""
        if cmd_name in self._later and cmd_name not in self.commands:
            found: click.Command = getattr(import_module(self._later[cmd_name]), cmd_name)
            self.prepare(found)
            self.add_command(found)
        return super().get_command(ctx, cmd_name)
