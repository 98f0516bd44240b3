"""The reference pages, written from help texts and docstrings: `python -m track.cli.reference docs/reference`."""

import ast
import inspect
import pkgutil
import sys
import textwrap
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import FunctionType

import click

from track import __all__ as public_names
from track import errors, verbs
from track.api.filesystem import TrackFileSystem
from track.api.handled import Artifact, File, Metadata
from track.api.making import New, NewFile
from track.api.samples import Samples
from track.cli import outline
from track.cli.main import group
from track.model import tables
from track.model.settings import KEYS
from track.publish import publish_bytes

WIDTH = 100
MADE = "This page is written by `python -m track.cli.reference docs/reference`; do not edit it by hand."


def commands_page() -> str:
    """Every command, as its help explains it."""
    parts = ["# Commands", "", MADE, "", *_command("track", group, None, level=2)]
    for task in outline.TASKS:
        parts += [f"## To {task.title}", ""]
        for name, _ in task.commands:
            parts += _with_inner(name)
    return _page(parts)


def errors_page() -> str:
    """Every error, by exit code."""
    parts = ["# Errors", "", MADE, ""]
    parts += ["Every error is a class of `track.errors`; `--json` gives its name as `error`.", ""]
    parts += ["Codes and what a script can do with them are in [exit codes](exit-codes.md).", ""]
    parts += ["| error | is a | exit code | meaning |", "|---|---|---|---|"]
    for kind in sorted(error_classes(), key=lambda kind: (kind.exit_code, kind.__mro__[1].__name__, kind.__name__)):
        parent = "" if kind is errors.TrackError else f"`{kind.__mro__[1].__name__}`"
        parts.append(f"| `{kind.__name__}` | {parent} | {kind.exit_code} | {_first_line(kind)} |")
    return _page(parts)


def settings_page() -> str:
    """Every setting."""
    parts = ["# Settings", "", MADE, ""]
    parts += ["A flag beats a `TRACK_*` variable, which beats this clone's file, which beats the committed"]
    parts += ["`.track/config.toml`, which beats the user's file, which beats the default."]
    parts += ["`track config --origin` shows which one is in force.", ""]
    parts += ["| setting | values | default | may be committed | meaning |", "|---|---|---|---|---|"]
    for key in KEYS:
        values = ", ".join(f"`{choice}`" for choice in key.choices) or key.kind
        default = "" if key.default is None else f"`{str(key.default).lower()}`"
        parts.append(
            f"| `{key.name}` | {values} | {default} | {'yes' if key.committed else 'no'} | {key.description} |"
        )
    return _page(parts)


def python_page() -> str:
    """The public names, and each verb as a function."""
    parts = ["# Python", "", MADE, ""]
    parts += ["In the examples, `repo` is a `track.Repo`, `store` a `track.Store`, `client` a `track.Client`,"]
    parts += ["`handler` a `track.Handler` and `run` a `track.Run` that was begun;"]
    parts += ["`artifact_id` is what `Handler.find` lists.", ""]
    parts += ["## Names of `track`", ""]
    for name in public_names:
        found = getattr(import_module("track"), name)
        parts.append(f"- `track.{name}`: {_first_line(found) if callable(found) else f'`{found}`'}")
    parts.append("")
    for name in public_names:
        found = getattr(import_module("track"), name)
        if inspect.isclass(found) and found.__module__.startswith("track.api."):
            parts += _face(f"track.{name}", found)
        elif inspect.isfunction(found):
            parts += [f"## track.{name}", "", "```python", _signature(found), "```", ""]
            parts += ["```text", inspect.getdoc(found) or "", "```", ""]
    parts += _face("track.api.samples.Samples", Samples)
    parts += _face("track.api.filesystem.TrackFileSystem", TrackFileSystem)
    for upload in (Artifact, Metadata, File):
        parts += _face(f"track.api.handled.{upload.__name__}", upload)
    for made in (New, NewFile):
        parts += _face(f"track.api.making.{made.__name__}", made)
    parts += ["## Verbs", ""]
    parts += [
        "Each verb is one function of `track.verbs.<verb>`; it takes an open `Project` and returns what it did.",
        "",
    ]
    for name in verb_modules():
        parts += _verb(name)
    return _page(parts)


def exports_page() -> str:
    """Every table of an export, and its columns."""
    parts = ["# Exports", "", MADE, ""]
    parts += ["`track catalog export` writes a Parquet file for each table, `<table>/<repository>.parquet`.", ""]
    parts += [f"This is format {tables.FORMAT} of the tables; it stands in the metadata of each file."]
    parts += ["A later version may add columns at the end of a table; what there is keeps its name and its type.", ""]
    parts += ["| key of the metadata | value |", "|---|---|"]
    parts += [f"| `track.format` | `{tables.FORMAT}` |", "| `track.table` | the name of the table |"]
    parts += ["| `track.repository` | what the repository is called: the column `repository` |"]
    parts += ["| `track.root` | its first commit; empty where the clone does not have it |", ""]
    parts += ["Text is UTF-8."]
    parts += ["A time is a timestamp in microseconds, UTC; a whole number has 64 bits, a number is a double."]
    parts += ["JSON is text that holds one JSON value; what is not finite is null in it."]
    parts += ["Oldest comes first, and what no commit has yet last.", ""]
    for table in tables.TABLES:
        parts += [f"## {table.name}", "", f"{table.meaning[:1].upper()}{table.meaning[1:]}.", ""]
        parts += ["| column | kind | every row has it | meaning |", "|---|---|---|---|"]
        parts += [
            f"| `{one.name}` | {one.kind} | {'yes' if one.is_given else ''} | {one.meaning} |" for one in table.columns
        ]
        parts.append("")
    return _page(parts)


PAGES = {
    "cli.md": commands_page,
    "errors.md": errors_page,
    "exports.md": exports_page,
    "python.md": python_page,
    "settings.md": settings_page,
}


def error_classes() -> list[type[errors.TrackError]]:
    """Every class of the tree of errors."""
    found = vars(errors).values()
    return [each for each in found if isinstance(each, type) and issubclass(each, errors.TrackError)]


def verb_modules() -> list[str]:
    """The names of the modules in `track.verbs`."""
    return sorted(module.name for module in pkgutil.iter_modules(verbs.__path__))


def _with_inner(name: str) -> Iterator[str]:
    parent = click.Context(group, info_name="track")
    command = group.get_command(parent, name)
    assert command is not None, name
    yield from _command(f"track {name}", command, parent, level=3)
    if isinstance(command, click.Group):
        context = click.Context(command, info_name=name, parent=parent)
        for inner in command.list_commands(context):
            found = command.get_command(context, inner)
            assert found is not None, inner
            yield from _command(f"track {name} {inner}", found, context, level=4)


def _command(title: str, command: click.Command, parent: click.Context | None, *, level: int) -> list[str]:
    context = click.Context(
        command,
        info_name=title.split()[-1],
        parent=parent,
        terminal_width=WIDTH,
        max_content_width=WIDTH,
        help_option_names=["-h", "--help"],
    )
    return [f"{'#' * level} {title}", "", "```text", command.get_help(context).rstrip(), "```", ""]


def _face(name: str, found: type) -> Iterator[str]:
    """A class that people use, with all its public methods."""
    yield from (f"## {name}", "", "```text", inspect.getdoc(found) or "", "```", "")
    if fields := [field for field in getattr(found, "__match_args__", ()) if not field.startswith("_")]:
        yield from ("Fields: " + ", ".join(f"`{field}`" for field in fields) + ".", "")
    members = {own: each for kind in reversed(found.__mro__) if _is_ours(kind) for own, each in vars(kind).items()}
    for own, each in members.items():
        if own.startswith("_") and own != "__init__":
            continue
        mark, method = "", each
        if isinstance(each, property):
            mark, method = "@property\n", each.fget
        elif isinstance(each, classmethod):
            mark, method = "@classmethod\n", each.__func__
        elif isinstance(each, staticmethod):
            mark, method = "@staticmethod\n", each.__func__
        if inspect.isfunction(method) and method.__code__.co_filename != "<string>":  # one that was written
            yield from ("```python", mark + _signature(method), "```", "")
            yield from ("```text", inspect.getdoc(method) or "", "```", "")


def _is_ours(kind: type) -> bool:
    return kind.__module__.startswith("track.api.")


def _verb(name: str) -> Iterator[str]:
    module = import_module(f"track.verbs.{name}")
    yield from (f"### track.verbs.{name}", "", (inspect.getdoc(module) or "").strip(), "")
    for each in vars(module).values():
        if getattr(each, "__module__", "") != module.__name__ or each.__name__.startswith("_"):
            continue
        if inspect.isfunction(each):
            yield from ("```python", _signature(each), "```", "")
            yield from ("```text", inspect.getdoc(each) or "", "```", "")
        elif inspect.isclass(each):
            fields = ", ".join(f"`{field}`" for field in getattr(each, "__match_args__", ()))
            yield from (f"`{each.__name__}`: {_first_line(each)}" + (f" Fields: {fields}." if fields else ""), "")


def _signature(function: FunctionType) -> str:
    """The head of a function as it is written, one parameter a line where it is long."""
    node = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    assert isinstance(node, ast.FunctionDef)
    given = ast.unparse(node.args)
    result = f" -> {ast.unparse(node.returns).replace('later.', '')}" if node.returns else ""
    short = f"def {node.name}({given}){result}"
    if len(short) <= WIDTH:
        return short
    parts = _split(given)
    return "\n".join([f"def {node.name}(", *(f"    {part}," for part in parts), f"){result}"])


def _split(given: str) -> list[str]:
    """The parameters of an unparsed list: split at commas outside of brackets."""
    parts, depth = [""], 0
    for char in given:
        depth += (char in "([{") - (char in ")]}")
        if char == "," and not depth:
            parts.append("")
        else:
            parts[-1] += char
    return [part.strip() for part in parts]


def _first_line(found: object) -> str:
    return (inspect.getdoc(found) or "").split("\n\n")[0].replace("\n", " ")


def _page(parts: list[str]) -> str:
    return "\n".join(parts).rstrip() + "\n"


def main(folder: Path) -> None:
    """Write every page into `folder`."""
    for name, page in PAGES.items():
        publish_bytes(folder / name, page().encode())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
