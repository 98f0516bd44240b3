"""What the commands that run something share: facts as they are typed, what is passed on, and how it ended."""

import math
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module

import click

from track.cli import late
from track.cli.session import count_text, duration_text, hint, note, warn
from track.errors import UsageError
from track.model.expressions import expression
from track.model.names import display

_INTEGER = expression(r"[-+]?(?:0|[1-9][0-9]{0,18})")
_NUMBER = expression(r"[-+]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")


def fact(text: str) -> tuple[str, object]:
    """The name and value of `key=value`. Raises UsageError when it is none."""
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise UsageError(f"not a fact: {display(text)}", hint="write key=value, such as lr=0.1")
    return key.strip(), _value(value)


def _value(text: str) -> object:
    """Truth values and numbers are what they look like, all else is text: `007` too, and what a number cannot hold."""
    if text in ("true", "false"):
        return text == "true"
    if _INTEGER.fullmatch(text) and -(2**63) <= int(text) < 2**63:
        return int(text)
    if _NUMBER.fullmatch(text) and not text.lstrip("+-").isdigit() and math.isfinite(float(text)):
        return float(text)
    return text


def committing(is_wanted: bool) -> "Callable[[late.project.Project], late.running.Committer] | None":
    """What commits a run, loaded when that is wanted."""
    if not is_wanted:
        return None
    found: Callable[[late.project.Project], late.running.Committer] = import_module("track.flows.run_commit").committing
    return found


def end(ran: "late.running.Ran") -> None:
    """Say what a run came to, to whoever still reads that, and end with the code of its command."""
    with suppress(BrokenPipeError):
        say(ran)
    if ran.code:
        raise click.exceptions.Exit(ran.code)


def say(ran: "late.running.Ran") -> None:
    """Say what a run came to."""
    for text in ran.warnings:
        warn(text)
    record = ran.record
    used = sum(one.path is not None for one in record.of("input"))
    made = sum(one.path is not None for one in record.of("output"))
    took = f" in {duration_text(record.seconds)}" if record.seconds is not None else ""
    note(
        f"run {record.name} ({record.short}) {record.status}{took}: {count_text(used, 'input')}, "
        f"{count_text(made, 'output')}"
    )
    if ran.commit is not None:
        note(f"its record is in commit {ran.commit[:12]}")
    elif ran.why_not is None:
        note("its record is staged: git commit keeps it")
    else:
        hint(f"it is in the journal only: {ran.why_not}")
    if ran.missing:
        hint(f"others do not find all of it in Git: {'; '.join(ran.missing)}   (setting runs.warn)")
