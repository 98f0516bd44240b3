"""A trial of a place: may we list, read, write and delete there, and does it tell two writers apart? One by one."""

import secrets
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from track.errors import (
    BadCredentials,
    DamagedObject,
    DiskFull,
    NewerFormat,
    NotAStore,
    RemoteError,
    RemoteUnreachable,
    StoreUnwritable,
    TrackError,
)
from track.model.names import display
from track.store.description import parse_description
from track.store.layout import DESCRIPTION, INDEX, PROBES
from track.store.place import NoSuchKey, Place

_CONTENT = b"track wrote this to see whether it may; it can be deleted\n"


class Step(NamedTuple):
    """One thing that was tried, and what was wrong with it; `problem` None when it worked, `told` in a few words."""

    name: str
    told: str
    problem: TrackError | None = None


class Trial(NamedTuple):
    """Everything that was tried. `store_id` is None where no store is; `conditional` None where it was not found out.

    A place that is not conditional lets two that write the same key at once both believe that they were alone.
    """

    steps: tuple[Step, ...]
    store_id: str | None
    conditional: bool | None


def try_place(place: Place, *, writes: bool = True, before: str = "") -> Trial:
    """Try each right of ours at a place with a small object of its own, which is deleted again.

    Without `writes`, only what a place that is read needs. `before` is the id of the store that was there when it was
    last asked: where none is now, a disk may be out, and nothing is written.

    What the bucket refuses is in the result, and the next step is tried; what no further step could change ends it.
    """
    trial = _Trial(place, before)
    if not trial.step("list", lambda: _listed(place)) and trial.is_hopeless:
        return trial.result()
    trial.step("read", trial.read)
    writes = writes and not trial.is_gone
    wrote = writes and trial.step("write", trial.write)
    if wrote:
        trial.step("read back", trial.read_back)
        trial.step("condition", trial.condition)
    if writes and (wrote or not trial.is_hopeless):
        trial.step("delete", trial.delete)
    trial.step("store", trial.store)
    return trial.result()


def _listed(place: Place) -> str:
    next(iter(place.list(INDEX)), None)
    return "allowed"


class _Trial:
    """One trial under way."""

    def __init__(self, place: Place, before: str) -> None:
        self._place, self._before = place, before
        self._key = PROBES + secrets.token_hex(16)
        self._steps: list[Step] = []
        self._description: bytes | None = None
        self._store_id: str | None = None
        self._conditional: bool | None = None
        self._may_read = False
        self.is_hopeless = False

    def result(self) -> Trial:
        """What was found."""
        return Trial(tuple(self._steps), self._store_id, self._conditional)

    @property
    def is_gone(self) -> bool:
        """Whether a store was there, and none is now."""
        return bool(self._before) and self._may_read and self._description is None

    def step(self, name: str, work: Callable[[], str]) -> bool:
        """Do one thing and remember how it went; whether it worked."""
        if self.is_hopeless:
            return False
        try:
            self._steps.append(Step(name, work()))
            return True
        except (RemoteError, DamagedObject, NewerFormat, StoreUnwritable, DiskFull) as error:
            self.is_hopeless = isinstance(error, BadCredentials | RemoteUnreachable)
            self._steps.append(Step(name, "failed", error))
            return False

    def read(self) -> str:
        with suppress(NoSuchKey):
            self._description = self._place.get(DESCRIPTION)
        self._may_read = True
        return "allowed"

    def write(self) -> str:
        self._place.put(self._key, _CONTENT)
        return "allowed"

    def read_back(self) -> str:
        if not self._may_read:
            return "not tried"
        try:
            if self._place.get(self._key) == _CONTENT:
                return "the same bytes"
        except NoSuchKey:
            pass
        raise RemoteError(
            f"{self._place.url} does not give back what was written a moment ago",
            hint="is there a proxy between here and there that remembers answers?",
        )

    def condition(self) -> str:
        self._conditional = not self._place.create(self._key, _CONTENT[::-1])
        return "respected" if self._conditional else "not respected: push from one place at a time the first time"

    def delete(self) -> str:
        self._place.delete(self._key)
        return "allowed"

    def store(self) -> str:
        if self._description is not None:
            self._store_id = parse_description(self._description, self._place.url).id
            other = f"; it was {self._before[:8]} before" if self._before not in ("", self._store_id) else ""
            return f"a store of track, {self._store_id[:8]}{other}"
        if not self._may_read:
            return "not known"
        if self.is_gone:
            raise NotAStore(
                f"{self._place.url} is there, but the store {self._before[:8]} that was in it is not",
                hint="is its disk or share mounted?   nothing was written",
            )
        if all(one.key.startswith(PROBES) for one in self._place.list("")):
            return "nothing yet"
        raise NotAStore(
            f"{self._place.url} has something in it and is not a store of track",
            hint=f"use a prefix of its own: track remote add NAME {display(self._place.url)}/track",
        )
