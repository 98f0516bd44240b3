"""Completion for bash, zsh and fish: a script for the shell, and the answers it asks for.

A person waits at the cursor, so the answer is quick, or there is none: what cannot be told is not told, no message is
written, and after five seconds nothing is offered.
"""

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import NamedTuple

import click
from click.shell_completion import CompletionItem, ShellComplete, get_completion_class

from track.cli import outline, terminal
from track.cli.completing import is_file, words_for
from track.cli.completion_scripts import SCRIPTS
from track.cli.typed_line import Line, parsed

SHELLS = ("bash", "zsh", "fish")
_VARIABLE = "_TRACK_COMPLETE"
_LIMIT_S = 5.0


def script(shell: str) -> str:
    """The script that a person sources in their shell's start-up file."""
    return SCRIPTS[shell]


class _TooLong(BaseException):
    """The time is over."""


class _Asked(NamedTuple):
    """What is completed: the path of the command, what may stand there, the words before, and `word`, which is there
    behind `--option=`, the `option`. `given` are the arguments before it, with `--`.
    """

    command: str
    parameters: list[click.Parameter]
    before: list[str]
    word: str
    option: str
    given: tuple[str, ...] = ()


def answer(group: click.Group) -> int:
    """Print what can stand at the cursor; called by the script through the environment."""
    shell, _, word = os.environ[_VARIABLE].partition("_")
    if shell not in SHELLS or word != "complete":
        return 2
    with suppress(Exception, _TooLong), _limited():
        line = parsed(os.environ["COMP_WORDS"])
        completer = _for(shell, group)
        for item in _fitting(shell, line, _found(completer, group, list(line.before[1:]), line.word)):
            terminal.emit(completer.format_completion(item))
        sys.stdout.flush()
    return 0


def _fitting(shell: str, line: Line, items: Sequence[CompletionItem]) -> Iterator[CompletionItem]:
    """What can be seen of it, and for bash what it has to put in the place of what it takes for the word."""
    for item in items:
        word = item.value
        if item.type == "plain" and shell == "bash":
            text = os.environ.get("COMP_CWORD", "")
            word = line.rest(word, text if line.typed.endswith(text) else line.typed)
        if word is not None and word.isprintable():
            yield CompletionItem(word, type=item.type, help=item.help)


@contextmanager
def _limited() -> Iterator[None]:
    def leave(number: int, frame: object) -> None:
        raise _TooLong

    before = signal.signal(signal.SIGALRM, leave)
    signal.setitimer(signal.ITIMER_REAL, _LIMIT_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _found(completer: ShellComplete, group: click.Group, words: list[str], word: str) -> list[CompletionItem]:
    words = _moved(words)
    if not words and not word.startswith("-"):
        return [CompletionItem(name, help=text) for name, text in outline.SUMMARIES.items() if name.startswith(word)]
    asked = _asked_at(group, words, word)
    found = [item for item in completer.get_completions(asked.before, asked.word) if item.type == "plain"]
    with suppress(Exception):  # outside a repository, or in one that cannot be read, the shell's files remain
        runs = asked.command == "runs list" or "--runs" in words
        known = words_for(asked.command, asked.parameters, asked.word, given=asked.given, runs=runs)
        found += [CompletionItem(each) for each in dict.fromkeys(known)]
    may_be_file = not asked.word.startswith("-") and any(is_file(each, asked.given) for each in asked.parameters)
    if may_be_file and not found:
        return [CompletionItem(word, type="file")]
    return [CompletionItem(f"{asked.option}{item.value}", help=item.help) for item in found]


def _moved(words: list[str]) -> list[str]:
    """The words without `-C DIR` before the command, after going there."""
    while len(words) > 1 and words[0] == "-C":
        with suppress(OSError):
            os.chdir(os.path.expanduser(words[1]))
        words = words[2:]
    return words


def _asked_at(group: click.Group, words: Sequence[str], word: str) -> _Asked:
    """The command that these words call, without `track`, and what it can take behind them."""
    command: click.Command = group
    context = click.Context(group, info_name="track")
    rest = list(words)
    path: list[str] = []
    while isinstance(command, click.Group) and rest and _named(command, rest[-1]) is None:
        below = command.get_command(context, rest[0])
        if below is None and (named := _default(command, context)) is not None:
            command = named
            break
        name = rest.pop(0)
        if below is None:
            continue  # an option of the group, or its value
        path.append(name)
        command = below
    if isinstance(command, click.Group):
        command = _default(command, context) or command
    name, mark, value = word.partition("=")
    if mark and name.startswith("--") and (option := _named(command, name)) is not None:
        return _Asked(" ".join(path), [option], [*words, name], value, f"{name}=")
    option = _named(command, rest[-1]) if rest and "--" not in rest else None
    if option is not None:
        return _Asked(" ".join(path), [option], list(words), word, "")
    given = tuple(_given(command, rest))
    return _Asked(" ".join(path), _arguments(command, given), list(words), word, "", given)


def _given(command: click.Command, words: Sequence[str]) -> Iterator[str]:
    """Those of the words behind a command that are its arguments, with the first `--`."""
    before = ""
    for place, word in enumerate(words):
        if word == "--":
            yield from words[place:]
            return
        if not word.startswith("-") and _named(command, before) is None:
            yield word
        before = word


def _arguments(command: click.Command, given: Sequence[str]) -> list[click.Parameter]:
    """The arguments that the next word can be: one by one, and from the first that takes many all that follow."""
    arguments: list[click.Parameter] = [each for each in command.params if isinstance(each, click.Argument)]
    given_count = len([word for word in given if word != "--"])
    single_count = next((place for place, each in enumerate(arguments) if each.nargs != 1), len(arguments))
    return arguments[given_count : given_count + 1] if given_count < single_count else arguments[single_count:]


def _default(group: click.Group, context: click.Context) -> click.Command | None:
    """The command that takes what a group is given and that names none."""
    name = getattr(group, "default", None)
    return None if name is None else group.get_command(context, name)


def _named(command: click.Command, name: str) -> click.Option | None:
    """The option of a command with a value that is called so."""
    options = (each for each in command.params if isinstance(each, click.Option))
    return next((each for each in options if name in each.opts and not each.is_flag and not each.count), None)


def _for(shell: str, group: click.Group) -> ShellComplete:
    kind = get_completion_class(shell)
    assert kind is not None, shell
    return kind(group, {}, "track", _VARIABLE)
