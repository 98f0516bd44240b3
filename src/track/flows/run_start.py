"""The beginning of a run: who, with which code and environment, under which name."""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from track.errors import TrackError, UsageError
from track.flows.run_code import LastCode, revision_of
from track.flows.run_journal import journal_of
from track.flows.run_secrets import secrets_of
from track.model.names import check_user, display, text_of
from track.model.record import Record, run_id
from track.model.run_words import is_folder, is_run_id
from track.model.secrets import (
    REDACTED,
    is_told_as_secret,
    redacted,
    without_told,
    words_without_told,
)
from track.project import Project
from track.runs.journal import Living, check_name

RUN_ID = "TRACK_RUN_ID"
"""The variable by which whatever a run starts knows of it."""


class Wishes(NamedTuple):
    """What a person says about a run when it begins; all of it may be left out.

    `by` is who it is said to be, in place of Git's identity.
    """

    name: str | None = None
    folder: str = "/"
    description: str | None = None
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = {}
    params: Mapping[str, Any] = {}
    parent: str | None = None
    by: str | None = None


def begin(
    project: Project,
    wishes: Wishes,
    command: tuple[str, ...] = (),
    *,
    status: str = "running",
    with_code: bool = True,
    require: str = "nothing",
    last: LastCode | None = None,
) -> Living:
    """Begin a run, with its code state kept in the store, and return it; durable when it returns.

    `last` knows the code of the run that this program began before.

    Raises:
        TrackError: the code is not as `require`, one of `run_policy.LEVELS`, asks; nothing was begun.
        UsageError: a name, folder or fact that cannot be.
        GitFailed: Git cannot read the working directory.
        DiskFull, StoreUnwritable: it cannot be kept.
    """
    _check(wishes)
    hidden = secrets_of(project)
    revision = None
    if with_code:
        with project.store.writer() as writer:
            revision = revision_of(project, writer, hidden, require=require, last=last)
            writer.commit()
    journal = journal_of(project)
    started = datetime.now(UTC)
    draft = Record(
        id=run_id(int(started.timestamp() * 1000), os.urandom(10)),
        name=wishes.name or journal.take_name(_numbers()),
        folder=wishes.folder,
        status=status,
        started=started,
        by=wishes.by if wishes.by is not None else _who(project),
        command=command,
        cwd=_where(project),
        parent=wishes.parent if wishes.parent is not None and is_run_id(wishes.parent) else None,
        tags=wishes.tags,
        description=wishes.description,
        metadata=wishes.metadata,
        params=wishes.params,
        revision=revision,
    )
    living = journal.begin(without_secrets(draft, hidden))
    with suppress(OSError, TrackError):  # where nothing may be written, it is somebody else's to whoever does it again
        project.consents.note_run(living.id)
    return living


def without_secrets(record: Record, values: tuple[str, ...]) -> Record:
    r"""The record without these values, wherever text stands in it; what is not UTF-8 is written with `\xHH`."""

    def clean(text: str) -> str:
        return text_without_secrets(text, values)

    return replace(
        record,
        command=tuple(map(clean, words_without_told(record.command))),
        tags=tuple(map(clean, record.tags)),
        description=None if record.description is None else clean(record.description),
        metadata=facts_without_secrets(record.metadata, values),
        params=facts_without_secrets(record.params, values),
    )


def facts_without_secrets(facts: Mapping[str, Any], values: tuple[str, ...]) -> dict[str, Any]:
    """Facts without these values, and without what is called a secret."""

    def clean(name: str, fact: Any) -> Any:
        if not isinstance(fact, str):
            return fact
        return REDACTED if is_told_as_secret(name) else text_without_secrets(fact, values)

    return {text_without_secrets(name, values): clean(name, fact) for name, fact in facts.items()}


def text_without_secrets(text: str, values: tuple[str, ...]) -> str:
    """A text as it may be kept: without these values, and without what stands behind a secret's name."""
    return redacted(without_told(readable(text)), values)


def readable(text: str) -> str:
    r"""Text from outside as a record can say it: bytes that are not UTF-8 are written with `\xHH`."""
    try:
        content = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # half a character, which no file system gives
        content = text.encode("utf-8", "surrogatepass")
    return content.decode("utf-8", "backslashreplace")


def elapsed_s(since: float) -> float:
    """Seconds since a moment of the clock that nobody sets, to the microsecond."""
    return round(time.monotonic() - since, 6)


def _check(wishes: Wishes) -> None:
    if wishes.name is not None:
        check_name(wishes.name)
    if not is_folder(wishes.folder):
        raise UsageError(
            f"not a folder for a run: '{display(wishes.folder)}'", hint="it begins with a slash, such as /experiments"
        )
    check_facts("metadata", wishes.metadata)
    check_facts("parameter", wishes.params)


def check_facts(kind: str, facts: Mapping[str, Any]) -> None:
    """Refuse facts that a record cannot keep; `kind` is what they are called. Raises UsageError."""
    for name, fact in facts.items():
        if not isinstance(fact, str | int | float | bool):
            raise UsageError(
                f"{kind} {display(name)} is a {type(fact).__name__}",
                hint="text, numbers and true or false can be kept",
            )
        if isinstance(fact, int) and not -(2**63) <= fact < 2**63:
            raise UsageError(f"{kind} {display(name)} has more than 64 bits", hint="give it as text")


def _numbers() -> Iterator[int]:
    while True:
        yield int.from_bytes(os.urandom(4), "big")


def _who(project: Project) -> str:
    """Who is here: as the setting `user` says, else by Git's identity; nothing when Git has none."""
    if (name := project.config.text("user")) is not None:
        return check_user(name.strip())  # as a variable or a file was written: space around it is nobody's name
    try:
        said = project.git.run("var", "GIT_AUTHOR_IDENT", check=False).decode("utf-8", "replace")
    except TrackError:
        return ""
    return said.rpartition(">")[0] + ">" if ">" in said else ""


def _where(project: Project) -> str:
    """The folder in which the run began, from the top."""
    place = os.path.relpath(os.path.realpath(project.cwd), os.path.realpath(project.root))
    return text_of(os.fsencode(Path(place).as_posix())) if not place.startswith("..") else "."
