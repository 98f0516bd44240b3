"""Completion for bash, zsh and fish: a script for the shell, and the answers it asks for."""

import os
import sys

import click
from click.shell_completion import CompletionItem, ShellComplete, get_completion_class

from track.cli import outline, terminal

SHELLS = ("bash", "zsh", "fish")
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
    if not found and not incomplete.startswith("-"):
        found = [CompletionItem(incomplete, type="file")]
    for item in found:
        terminal.emit(completer.format_completion(item))
    sys.stdout.flush()
    return 0


def _for(shell: str, group: click.Group) -> ShellComplete:
    kind = get_completion_class(shell)
    assert kind is not None, shell
    return kind(group, {}, "track", _VARIABLE)
