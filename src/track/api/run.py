"""Run: a program says what it does, measures and makes, with the names that Simvue's users know."""

import atexit
import os
import time as clock
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from track.api import ending
from track.api.tolerance import LOGGER, event_text, said, tolerant
from track.errors import UsageError
from track.flows.run_alerts import Watch
from track.flows.run_describing import check_tags, plain_facts
from track.flows.run_living import check_seconds, check_step, check_values, living_run, stamp_of, without_secrets
from track.flows.run_start import RUN_ID, Wishes
from track.model.names import display
from track.model.record import Record, Used
from track.project import Project
from track.runs.spool import QUEUE_SIZE, Writer
from track.verbs.run_alert import run_alert, set_alert
from track.verbs.run_describe import run_describe
from track.verbs.run_folder import run_folder
from track.verbs.run_open import Opened, run_open
from track.verbs.run_save import run_save, save_object
from track.verbs.runs_close import runs_close

AnyPath = str | os.PathLike[str]
_T = TypeVar("_T")
_STATUSES = ("completed", "failed", "terminated")

_open: "list[Run]" = []
"""The runs of this process that are open, the innermost last."""
_joined: set[str] = set()
"""Outer runs that this process took part in once: another run of it is one of its own."""


class Run:
    """A run of this program: `with track.Run() as run: run.init(...)`, or `init` and `close`.

    Methods return whether they did their work. What goes wrong is told once, by the logger `track`, and does not
    break the program, unless `config(suppress_errors=False)` was called.
    """

    def __init__(self) -> None:
        """A run that `init` begins."""
        self.suppresses = True
        self._is_blocking = False
        self._queue_size = QUEUE_SIZE
        self._opened: Opened | None = None
        self._writer: Writer | None = None
        self._ended: Record | None = None
        self._status: str | None = None
        self._exit: int | None = None
        self._was_told = False
        self._watch: Watch | None = None
        self._steps = count()

    @tolerant
    def config(self, suppress_errors: bool = True, queue_blocking: bool = False, queue_size: int = QUEUE_SIZE) -> None:
        """Say, before `init`, what happens when something goes wrong and when a queue is full.

        With `suppress_errors=False` errors are raised. With `queue_blocking` what logs waits for room in the queues,
        which hold `queue_size` calls each; otherwise what does not fit is dropped, and counted in the record.
        """
        if self._opened is not None or self._ended is not None:
            raise UsageError("config was called after init", hint="call config first, then init")
        if isinstance(queue_size, bool) or not isinstance(queue_size, int) or queue_size < 1:
            raise UsageError(f"not a size for a queue: {queue_size!r}", hint="a whole number from 1 on")
        self.suppresses, self._is_blocking, self._queue_size = bool(suppress_errors), bool(queue_blocking), queue_size

    @tolerant
    def init(
        self,
        name: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        tags: Iterable[str] | None = None,
        description: str | None = None,
        folder: str = "/",
    ) -> None:
        """Begin the run; all arguments are optional, and a name of two words is chosen where none is given.

        Started by `track run`, the first run without a name is that very run; any other is one of its own inside it.
        """
        if self._opened is not None or self._ended is not None:
            raise UsageError("init was called twice", hint="make another track.Run for another run")
        chosen = check_tags(tags) if tags is not None else ()
        wishes = Wishes(name, folder, description, chosen, plain_facts(metadata or {}))
        outer = os.environ.get(RUN_ID)
        is_ours = outer in _joined or any(outer == run.id for run in _open)
        joins = name is None and outer is not None and not is_ours
        with Project.open(None) as project:
            self._begin(project, run_open(project, wishes, outer=outer if joins else None))
            if self._opened is not None and self._opened.is_outer:
                run_describe(
                    project,
                    self._opened.living,
                    tags=wishes.tags,
                    metadata=wishes.metadata,
                    description=description,
                )

    def _begin(self, project: Project, opened: Opened) -> None:
        ending.watch_exit()
        self._place = Path(project.root)
        self._process = os.getpid()
        self._opened = opened
        self._began = clock.monotonic() - max(0.0, (datetime.now(UTC) - opened.record.started).total_seconds())
        self._writer = Writer(
            opened.living,
            queue_size=self._queue_size,
            is_blocking=self._is_blocking,
            clean=lambda text: without_secrets(text, opened.hidden),
            trouble=self.tell,
            tick=self._look,
        )
        self._writer.start()
        self._outside = os.environ.get(RUN_ID)
        os.environ[RUN_ID] = opened.living.id
        if opened.is_outer:
            _joined.add(opened.living.id)
        _open.append(self)

    @tolerant
    def attach(self, run: str) -> None:
        """Take part in a living run, by its id, instead of beginning one; closing leaves it running."""
        if self._opened is not None or self._ended is not None:
            raise UsageError("attach was called after init", hint="make another track.Run for another run")
        with Project.open(None) as project:
            opened = run_open(project, outer=living_run(project, run).id)
            self._begin(project, opened)

    @tolerant
    def close(self) -> None:
        """End the run: all that waits is written, the series sealed, and the record staged for the next commit.

        A run that was joined goes on, and so does one that a forked child closes. Closing again does nothing.
        """
        if self._opened is None:
            if self._ended is None:
                raise UsageError("close was called before init", hint="call init first")
            return
        opened, writer = self._opened, self._writer
        assert writer is not None
        if self._process != os.getpid():
            writer.flush()
            return
        writer.close()
        self._look()
        if self._watch is not None:
            self._watch.finish()
        if opened.is_outer:
            self._ended = opened.living.record()
        else:
            with Project.open(self._place) as project:
                took = max(0.0, clock.monotonic() - self._began)
                name, status, branch = opened.living.id, self._status or "completed", opened.branch
                closed = runs_close(project, name, status=status, exit=self._exit, seconds=took, branch=branch)
            self._ended = closed.record
        self._leave()

    def _leave(self) -> None:
        """From now on the run is none of this process's."""
        self._opened = self._writer = None
        _open[:] = [run for run in _open if run is not self]
        ended, outside = self.id, self._outside
        for run in _open:  # one that was begun inside this one may go on
            run._outside = outside if run._outside == ended else run._outside
        if os.environ.get(RUN_ID) == ended:
            del os.environ[RUN_ID]
            os.environ.update({RUN_ID: outside} if outside is not None else {})

    def __enter__(self) -> Self:
        """The run, which the end of the block closes."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Close the run; as failed, with the exception as an event, when the block ended by one."""
        if self._opened is None:
            return
        self._end_with(error)
        self.close()

    def _end_with(self, error: BaseException | None) -> None:
        if isinstance(error, SystemExit):
            self._exit = ending.exit_code(error)
        if error is None or self._exit == 0:
            return
        self._status = self._status or ("terminated" if isinstance(error, KeyboardInterrupt) else "failed")
        self.log_event(error)

    @tolerant
    def set_status(self, status: str) -> None:
        """Say how the run ends when it is closed: completed, failed or terminated."""
        self._need()
        if status not in _STATUSES:
            raise UsageError(f"not how a run ends: {display(str(status))}", hint=", ".join(_STATUSES))
        self._status = status

    @tolerant
    def update_tags(self, tags: Iterable[str]) -> None:
        """Add tags; those that it has stay, each once."""
        self._do(run_describe, tags=tags)

    @tolerant
    def set_tags(self, tags: Iterable[str]) -> None:
        """Have these tags and no others."""
        self._do(run_describe, only_tags=tags)

    @tolerant
    def update_metadata(self, metadata: Mapping[str, Any]) -> None:
        """Add facts, text, numbers or truth values, by name; those of the same name are replaced."""
        self._do(run_describe, metadata=metadata)

    @tolerant
    def folder_details(
        self,
        path: str,
        metadata: Mapping[str, Any] | None = None,
        tags: Iterable[str] | None = None,
        description: str | None = None,
    ) -> None:
        """Say more of a folder of runs; what is left out stays as it was."""
        self._need()
        with Project.open(self._place) as project:
            run_folder(project, path, metadata=metadata, tags=tags, description=description)

    @tolerant
    def add_alert(
        self,
        /,
        name: str,
        type: str,
        metric: str | None = None,
        frequency: float | None = None,
        window: float | None = None,
        **more: Any,
    ) -> None:
        """Watch the run: `type` is `is above` or `is below` with `threshold=`, `is outside range` or `is inside range`
        with `range_low=` and `range_high=`, `event` with `pattern=`, or `by hand`.

        Of a metric the average over `window` minutes is looked at every `frequency` minutes. With
        `notification='email'` a mail is sent when it first goes critical. The project keeps the alert by its name.
        """
        facts = {"name": name, "type": type, "metric": metric, "frequency": frequency, "window": window, **more}
        self._watch = self._do(run_alert, facts)

    @tolerant
    def set_alert(self, name: str, state: str) -> None:
        """Set an alert to `ok` or `critical` by hand."""
        self._do(set_alert, name, state)

    def _look(self) -> None:
        """In the writing thread, now and then."""
        try:
            if self._watch is not None:
                self._watch.look()
        except Exception as error:  # the thread goes on writing, whatever an alert says
            self.tell(error)

    # ---- what it measures ----

    @tolerant
    def log_metrics(
        self,
        metrics: Mapping[str, float],
        step: int | None = None,
        time: float | None = None,
        timestamp: str | datetime | None = None,
    ) -> None:
        """Log values by name, with the time; it returns at once, and a thread writes them.

        `step` counts the calls, `time` is in seconds since `init`, `timestamp` as in '2021-05-03 14:13:27.281920',
        in UTC. A name is a line of text, a value a finite number; where one is none, nothing of the call is logged.
        """
        if self._writer is None:
            self._need()
        values = check_values(metrics)
        number = next(self._steps) if step is None else check_step(step)
        since = round(clock.monotonic() - self._began, 6) if time is None else check_seconds(time)
        stamp = clock.time_ns() // 1000 if timestamp is None else stamp_of(timestamp)
        self._writer.put_points(values, number, since, stamp)  # type: ignore[union-attr]  # there when it is needed

    @tolerant
    def log_event(self, event: str | BaseException, timestamp: str | datetime | None = None) -> None:
        """Log a text or an exception, with its traceback where it has one; values that look secret are left out."""
        if self._writer is None:
            self._need()
        stamp = clock.time_ns() // 1000 if timestamp is None else stamp_of(timestamp)
        self._writer.put_event(event_text(event), stamp)  # type: ignore[union-attr]  # there when it is needed

    # ---- what it uses and makes ----

    @tolerant
    def save(
        self,
        path: AnyPath,
        category: str,
        filetype: str | None = None,
        preserve_path: bool = False,
        name: str | None = None,
    ) -> None:
        """Save a file as code, input or output, under its own name, its path, or `name`."""
        self._need()
        if os.path.isdir(path):
            raise UsageError(f"`{display(os.fspath(path))}` is a folder", hint="use save_directory")
        self._do(run_save, [path], category, filetype=filetype, preserve_path=preserve_path, name=name)

    @tolerant
    def save_directory(
        self, directory: AnyPath, category: str, filetype: str | None = None, preserve_path: bool = False
    ) -> None:
        """Save every file below a folder, all with one media type where `filetype` names one."""
        self._need()
        if not os.path.isdir(directory):
            raise UsageError(f"`{display(os.fspath(directory))}` is no folder", hint="use save for one file")
        self._do(run_save, [directory], category, filetype=filetype, preserve_path=preserve_path)

    @tolerant
    def save_all(
        self, items: Iterable[AnyPath], category: str, filetype: str | None = None, preserve_path: bool = False
    ) -> None:
        """Save files, and every file below folders: all of them, or none when one cannot be."""
        if isinstance(items, str | bytes | os.PathLike):
            raise UsageError("save_all takes a list", hint="use save or save_directory for one")
        self._do(run_save, list(items), category, filetype=filetype, preserve_path=preserve_path)

    @tolerant
    def save_object(self, obj: object, category: str, name: str, allow_pickle: bool = False) -> None:
        """Save an object, so that `Client.get_artifact` gives the same again; pickled only when that is allowed."""
        self._do(save_object, obj, category, name, allow_pickle=allow_pickle)

    # ---- what is known of it ----

    @staticmethod
    def current() -> "Run | None":
        """The innermost run that is open here, or the one that started this program; None outside of any."""
        if not _open and os.environ.get(RUN_ID):
            run = Run()
            run.init()
        return _open[-1] if _open else None

    @property
    def id(self) -> str | None:
        """Its id; None before `init`."""
        if self._opened is not None:
            return self._opened.living.id
        return None if self._ended is None else self._ended.id

    @property
    def name(self) -> str | None:
        """Its name; None before `init`."""
        record = self._opened.record if self._opened is not None else self._ended
        return None if record is None else record.name

    @property
    def record(self) -> Record:
        """What is known of it now. Raises UsageError before `init`."""
        if self._ended is not None and self._opened is None:
            return self._ended
        return self._need().living.record()

    @property
    def inputs(self) -> tuple[Used, ...]:
        """The artifacts that it used until now."""
        return self.record.of("input")

    @property
    def outputs(self) -> tuple[Used, ...]:
        """The artifacts that it made until now."""
        return self.record.of("output")

    def tell(self, error: BaseException) -> None:
        """Tell what went wrong, the first time aloud: a program that is watched is not to drown in it."""
        LOGGER.log(10 if self._was_told else 30, "the run is not recorded as it should be: %s", said(error))
        self._was_told = True

    def _do(self, verb: Callable[..., _T], *args: Any, **how: Any) -> _T:
        """What a verb does to the run."""
        opened = self._need()
        with Project.open(self._place) as project:
            return verb(project, opened.living, *args, **how)

    def _need(self) -> Opened:
        if self._opened is None:
            when = "before init" if self._ended is None else "after close"
            raise UsageError(f"the run was used {when}", hint="call init first, and close last")
        return self._opened


@atexit.register
def _close_all() -> None:
    """Close what the program left open; as failed when an exception or an exit code ended it."""
    for run in reversed(_open[:]):
        run.__exit__(None, ending.error(), None)
