"""Completion for bash, zsh and fish: a script for the shell, and the answers it asks for."""

import os
import re
import sys
from collections.abc import Sequence

import click
from click.shell_completion import CompletionItem, ShellComplete, get_completion_class

from track.cli import outline, terminal

SHELLS = ("bash", "zsh", "fish")
_FILES = re.compile(r"PATH|FILE|DIR|(?<!/)FOLDER|TARGET|SOURCE|ARTIFACT|INSIDE|^COMMAND|-- COMMAND")
"""How arguments are called that can be files."""
_VARIABLE = "_TRACK_COMPLETE"


def script(shell: str) -> str:
    """The script that a person sources in their shell's start-up file."""
    return _for(shell, click.Group("track")).source()


def answer(group: click.Group) -> int:
    """Print what can stand at the cursor; called by the script through the environment."""
    instruction = os.environ[_VARIABLE]
    shell, _, word = instruction.partition("_")
    if shell not in SHELLS or word != "complete":
        return 2
    completer = _for(shell, group)
    arguments, incomplete = completer.get_completion_args()
    if not arguments and not incomplete.startswith("-"):
        found = [
            CompletionItem(name, help=text) for name, text in outline.SUMMARIES.items() if name.startswith(incomplete)
        ]
    else:
        found = completer.get_completions(arguments, incomplete)
    if not found and not incomplete.startswith("-") and _may_be_file(group, arguments):
        found = [CompletionItem(incomplete, type="file")]
    for item in found:
        terminal.emit(completer.format_completion(item))
    sys.stdout.flush()
    return 0


def _may_be_file(group: click.Group, words: Sequence[str]) -> bool:
    """Whether a file can stand behind these words, by what the command says that it takes."""
    command: click.Command = group
    context = click.Context(group, info_name="track")
    rest = list(words)
    while isinstance(command, click.Group) and rest:
        below = command.get_command(context, rest.pop(0))
        if below is None:
            continue  # an option of the group, or its value; or what the group takes for itself
        command = below
    if isinstance(command, click.Group) and (default := getattr(command, "default", None)) is not None:
        command = command.get_command(context, default) or command
    options = (each for each in command.params if isinstance(each, click.Option) and not each.is_flag)
    last = rest[-1] if rest else ""
    asked: list[click.Parameter] = [each for each in options if last in each.opts]
    asked = asked or [each for each in command.params if isinstance(each, click.Argument)]
    return any(_FILES.search(each.metavar or "") or isinstance(each.type, click.Path) for each in asked)


def _for(shell: str, group: click.Group) -> ShellComplete:
    kind = get_completion_class(shell)
    assert kind is not None, shell
    return kind(group, {}, "track", _VARIABLE)
