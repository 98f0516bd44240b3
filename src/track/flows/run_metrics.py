"""Files in which the command of a run writes its metrics, followed while it runs."""

import json
import math
import os
import stat
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from track.errors import TrackError, UsageError
from track.flows.run_living import now_micros
from track.model.moments import micros
from track.model.names import display
from track.model.series import is_metric_name
from track.runs.journal import Living
from track.runs.spool import Writer

_BETWEEN = {".csv": ",", ".tsv": "\t"}
_BY_LINE = (*_BETWEEN, ".jsonl", ".ndjson")
SUFFIXES = (*_BY_LINE, ".json")
_EVERY_S = 0.5
_AT_ONCE = 16 << 20
_MARK = 1024
"""So many bytes before what is new have to be what they were: then it was written behind them."""


def check_metric_files(names: Sequence[str]) -> None:
    """Refuse files of which nobody knows how metrics stand in them. Raises UsageError."""
    for name in names:
        if os.path.splitext(name)[1].lower() not in SUFFIXES:
            raise UsageError(
                f"`{display(name)}` is no file of metrics by its name", hint=f"it ends with {', '.join(SUFFIXES)}"
            )


@contextmanager
def following(living: Living, places: Sequence[Path]) -> Iterator[list[str]]:
    """While the block lasts, what is written into these files becomes metrics of a living run, and at its end the rest.

    What was in a file before is not the run's. The list has, after the block, what could not be read, in words.
    """
    troubles: list[str] = []
    if not places:
        yield troubles
        return
    files = [_File(place) for place in places]
    began = micros(living.record().started)
    writer, over = Writer(living, is_blocking=True), threading.Event()

    def log(*, is_over: bool) -> None:
        for file in files:
            for step, values in file.news(is_over=is_over):
                at = now_micros()
                writer.put_points(values, step, (at - began) / 1e6, at)

    def follow() -> None:
        while not over.wait(_EVERY_S):
            log(is_over=False)

    thread = threading.Thread(target=follow, name="track-metrics", daemon=True)
    thread.start()
    try:
        yield troubles
    finally:
        over.set()
        thread.join()
        log(is_over=True)
        for file in files:
            file.close()
        try:
            writer.close()
        except TrackError as error:
            troubles.append(f"metrics could not be kept: {error.message}")
        troubles += [f"no metrics came from {display(str(file.place.name))}" for file in files if not file.count]
        left_out = sum(file.left_out_count for file in files)
        troubles += [f"{left_out} lines of metrics had something that is no number"] if left_out else []


class _File:
    """One file that is followed."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.count = self.left_out_count = 0
        self._between = _BETWEEN.get(place.suffix.lower())
        self._names: list[str] | None = None
        self._step = 0
        self._seen = self._stat()
        self._offset = 0 if self._seen is None else self._seen.st_size
        self._is_old = bool(self._offset)
        self._mark = b""
        self._pipe: int | None = None
        with suppress(OSError):  # a folder, or not for us: no metrics come from it
            self._remember()

    def _remember(self) -> None:
        """The names of columns of what was there before, and how it ended."""
        if self._offset and self.place.suffix.lower() in _BY_LINE:
            with self._opened() as file:
                self._names = self._cells(file.readline()) if self._between is not None else None
                file.seek(max(0, self._offset - _MARK))
                self._mark = file.read(min(_MARK, self._offset))

    def news(self, *, is_over: bool) -> Iterator[tuple[int, dict[str, float]]]:
        """The steps and values that are new; an unfinished line only when it is over."""
        try:
            if self.place.suffix.lower() in _BY_LINE:
                yield from self._lines(is_over)
            elif is_over:
                yield from self._whole()
        except OSError:
            return

    def close(self) -> None:
        """Leave a named pipe to others."""
        if self._pipe is not None:
            os.close(self._pipe)

    def _stat(self) -> os.stat_result | None:
        try:
            return self.place.stat()
        except OSError:
            return None

    @contextmanager
    def _opened(self) -> Iterator[BinaryIO]:
        """The file, if it is one; a pipe or a device may never have anything to say, and is not waited for."""
        with open(self.place, "rb", opener=_at_once) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise OSError(f"{self.place} is no file")
            yield file

    def _lines(self, is_over: bool) -> Iterator[tuple[int, dict[str, float]]]:
        now = self._stat()
        if self._pipe is not None or (now is not None and stat.S_ISFIFO(now.st_mode)):
            yield from self._piped(is_over)
            return
        with self._opened() as file:
            now = os.fstat(file.fileno())
            if self._is_anew(file, now):
                self._offset, self._names, self._step, self._mark, self._is_old = 0, None, 0, b"", False
            self._seen = now
            file.seek(self._offset)
            while content := file.read(_AT_ONCE):
                end = len(content) if is_over and len(content) < _AT_ONCE else content.rfind(b"\n") + 1
                if not end:
                    return
                self._offset += end
                self._mark, self._is_old = (self._mark + content[max(0, end - _MARK) : end])[-_MARK:], False
                file.seek(self._offset)
                for line in content[:end].splitlines():
                    yield from self._line(line)

    def _piped(self, is_over: bool) -> Iterator[tuple[int, dict[str, float]]]:
        """What a named pipe has to say now; it stays open, so that its writers come and go."""
        if self._pipe is None:
            self._pipe, self._mark = os.open(self.place, os.O_RDONLY | os.O_NONBLOCK), b""
        with suppress(BlockingIOError):
            while content := os.read(self._pipe, _AT_ONCE):
                *lines, self._mark = (self._mark + content).split(b"\n")
                for line in lines:
                    yield from self._line(line)
        if is_over:
            yield from self._line(self._mark)

    def _is_anew(self, file: BinaryIO, now: os.stat_result) -> bool:
        """Whether it was written from its beginning, and not only behind what is known of it."""
        before = self._seen
        if before is None or now.st_ino != before.st_ino or now.st_size < self._offset:
            return True
        if self._is_old and now.st_size == self._offset and now.st_mtime_ns != before.st_mtime_ns:
            return True
        file.seek(self._offset - len(self._mark))
        return file.read(len(self._mark)) != self._mark

    def _line(self, line: bytes) -> Iterator[tuple[int, dict[str, float]]]:
        if not line.strip():
            return
        if self._between is None:
            yield from self._logged(_numbers(line))
        elif self._names is None:
            self._names = self._cells(line)
        else:
            yield from self._logged(dict(zip(self._names, self._cells(line), strict=False)))

    def _whole(self) -> Iterator[tuple[int, dict[str, float]]]:
        now, before = self._stat(), self._seen
        if now is None or (before is not None and (now.st_ino, now.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)):
            return
        with self._opened() as file:
            content = file.read()
        yield from self._logged(_numbers(content))

    def _logged(self, cells: Mapping[str, object]) -> Iterator[tuple[int, dict[str, float]]]:
        values = {name: number for name, cell in cells.items() if (number := _number(cell)) is not None}
        has_step = "step" in values
        number, self._step = step_of(values, self._step)
        values = {name: value for name, value in values.items() if is_metric_name(name)}
        self.left_out_count += len(values) + has_step < len(cells) or not cells
        if values:
            self.count += 1
            yield number, values

    def _cells(self, line: bytes) -> list[str]:
        return [cell.strip().strip('"') for cell in line.decode("utf-8", "replace").split(self._between)]


def _at_once(place: str, flags: int) -> int:
    return os.open(place, flags | getattr(os, "O_NONBLOCK", 0))


def step_of(values: dict[str, float], following: int) -> tuple[int, int]:
    """The step of a line of values and that of the next one: what is called `step`, which is no metric then, or else
    the following one.
    """
    told = values.pop("step", None)
    step = following if told is None or abs(told) >= 2**62 else int(told)
    return step, step + 1


def _numbers(content: bytes) -> dict[str, object]:
    """The cells of a JSON object, those of objects inside it as `outer/inner`; none of what is no object."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    waiting = [("", found)] if isinstance(found, dict) else []
    cells: dict[str, object] = {}
    for before, each in waiting:
        for name, cell in each.items():
            if isinstance(cell, dict):
                waiting.append((f"{before}{name}/", cell))
            else:
                cells[f"{before}{name}"] = cell
    return cells


def _number(cell: object) -> float | None:
    if isinstance(cell, bool) or not isinstance(cell, str | int | float):
        return None
    try:
        value = float(cell)
    except (ValueError, OverflowError):
        return None
    return value if math.isfinite(value) else None
