"""Completion for bash, zsh and fish: a script for the shell, and the answers it asks for.

A person waits at the cursor, so the answer is quick, or there is none: what cannot be told is not told, no message is
written, and after five seconds nothing is offered.
"""

import os
import re
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import click
from click.shell_completion import CompletionItem, ShellComplete, get_completion_class

from track.cli import outline, terminal
from track.flows.words import Words
from track.model.expressions import expression

SHELLS = ("bash", "zsh", "fish")
_FILES = expression(r"PATH|FILE|DIR|(?<!/)FOLDER|TARGET|SOURCE|ARTIFACT|INSIDE|ITEM|^COMMAND|-- COMMAND")
"""How arguments are called that can be files."""
_VARIABLE = "_TRACK_COMPLETE"
_LIMIT_S = 5.0
_RUN = expression(r"\bRUN\b")
_PATHS = expression(r"\bPATH\b|ARTIFACT|ITEM|^A$|^B$")
_NEW_PATHS = ("add", "run", "init", "clone", "ls", "import")
"""Commands whose paths need not be tracked."""
_NAMING = {("put", "NAME"), ("declare", "NAME"), ("find", "NAME"), ("add", "NAME")}
"""The arguments and options called NAME that are of artifacts."""
_MAKING = ("put", "declare", "add")
"""Commands that make a version of an artifact, which an alias is not."""
_FIELDS = {"--label": "labels", "--partition": "partitions", "--param": "params", "words": "labels"}
_SAFE = expression(r"[\w./@%+,=-]*")
"""What stands for itself in every shell; what others called their things may say anything else."""


def script(shell: str) -> str:
    """The script that a person sources in their shell's start-up file."""
    source = _for(shell, click.Group("track")).source()
    if shell == "bash":  # no blank behind the `=` of KEY=, nor behind a folder
        source = source.replace("    return 0\n", _NO_BLANK + "    return 0\n", 1)
    return source


_NO_BLANK = """\
    if [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *[=/] ]]; then
        compopt -o nospace
    fi

"""


class _TooLong(BaseException):
    """The time is over."""


def answer(group: click.Group) -> int:
    """Print what can stand at the cursor; called by the script through the environment."""
    instruction = os.environ[_VARIABLE]
    shell, _, word = instruction.partition("_")
    if shell not in SHELLS or word != "complete":
        return 2
    with suppress(Exception, _TooLong), _limited():
        completer = _for(shell, group)
        arguments, incomplete = completer.get_completion_args()
        lines = [completer.format_completion(item) for item in _found(completer, group, arguments, incomplete)]
        for line in lines:
            terminal.emit(line)
        sys.stdout.flush()
    return 0


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


def _found(
    completer: ShellComplete, group: click.Group, arguments: list[str], incomplete: str
) -> Sequence[CompletionItem]:
    if not arguments and not incomplete.startswith("-"):
        return [
            CompletionItem(name, help=text) for name, text in outline.SUMMARIES.items() if name.startswith(incomplete)
        ]
    before, typed = _joined(arguments, incomplete)
    path, asked = _asked_at(group, before)
    split = len(typed) - len(incomplete.removeprefix("=")) if before != arguments or incomplete == "=" else 0
    words: list[str] = []
    with suppress(Exception):  # outside a repository, or in one that cannot be read, the shell's files remain
        words += [word[split:] for word in _words(path, asked, typed) if _SAFE.fullmatch(word)]
    found = [] if before != arguments else list(completer.get_completions(arguments, incomplete))
    found = [item for item in found if item.type == "plain"]
    found += [CompletionItem(word) for word in dict.fromkeys(words)]
    may_be_file = not incomplete.startswith("-") and any(_is_file(each) for each in asked)
    return found if found or not may_be_file else [CompletionItem(incomplete, type="file")]


def _joined(words: list[str], incomplete: str) -> tuple[list[str], str]:
    """The words before the one at the cursor, and that one, where the shell took it apart at its `=`."""
    if incomplete == "=" and words:
        return words[:-1], f"{words[-1]}="
    if len(words) > 1 and words[-1] == "=":
        return words[:-2], f"{words[-2]}={incomplete}"
    return words, incomplete


def _asked_at(group: click.Group, words: Sequence[str]) -> tuple[str, list[click.Parameter]]:
    """The command that these words call, without `track`, and what it can take behind them."""
    command: click.Command = group
    context = click.Context(group, info_name="track")
    rest = list(words)
    path: list[str] = []
    while isinstance(command, click.Group) and rest:
        below = command.get_command(context, name := rest.pop(0))
        if below is None:
            continue  # an option of the group, or its value; or what the group takes for itself
        path.append(name)
        command = below
    if isinstance(command, click.Group) and (default := getattr(command, "default", None)) is not None:
        command = command.get_command(context, default) or command
    options = (each for each in command.params if isinstance(each, click.Option) and not each.is_flag)
    last = rest[-1] if rest else ""
    asked: list[click.Parameter] = [each for each in options if last in each.opts]
    return " ".join(path), asked or [each for each in command.params if isinstance(each, click.Argument)]


def _is_file(asked: click.Parameter) -> bool:
    return bool(_FILES.search(asked.metavar or "")) or isinstance(asked.type, click.Path)


def _words(command: str, asked: Sequence[click.Parameter], typed: str) -> Iterator[str]:
    """The words of this repository that can stand there."""
    if typed.startswith("-") or not asked:
        return
    known = Words(Path.cwd())
    for each in asked:
        metavar = each.metavar or ""
        if _RUN.search(metavar):
            yield from known.runs(typed)
        if re.search(r"\bNAME\b\[@|PATH\|NAME|REV:\]NAME", metavar) or (command, metavar) in _NAMING:
            yield from (name for name in known.names(typed) if "@" not in name or command not in _MAKING)
        if (_PATHS.search(metavar) and command not in _NEW_PATHS) or (command, metavar) == ("find", "NAME"):
            yield from known.paths(typed)
        if re.search(r"\bTAG\b", metavar):
            yield from known.values("tags", typed)
        if "KEY=VALUE" in metavar:
            yield from _pairs(known, each, typed)


def _pairs(known: Words, asked: click.Parameter, typed: str) -> Iterator[str]:
    """`KEY=`, and behind that `KEY=VALUE`."""
    field = next((_FIELDS[name] for name in (*asked.opts, asked.name or "") if name in _FIELDS), None)
    if field is None:
        return
    key, mark, value = typed.partition("=")
    if mark:
        yield from (f"{key}={text}" for text in known.values(f"{field}.{key}", value))
    else:
        yield from (f"{text}=" for text in known.keys(field, key))


def _for(shell: str, group: click.Group) -> ShellComplete:
    kind = get_completion_class(shell)
    assert kind is not None, shell
    return kind(group, {}, "track", _VARIABLE)
