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

from track.api import asking, ending, notebook
from track.api.acting import acting
from track.api.asking import asks, each, maybe
from track.api.describing import Describing
from track.api.tolerance import LOGGER, event_text, said, tolerant
from track.errors import UsageError
from track.flows.run_alerts import Watch
from track.flows.run_describing import check_tags, plain_facts
from track.flows.run_living import check_seconds, check_step, check_values, stamp_of, without_secrets
from track.flows.run_meant import living_run
from track.flows.run_start import RUN_ID, Wishes
from track.model.names import display
from track.model.record import Record, Used
from track.project import Project
from track.runs.spool import QUEUE_SIZE, Writer
from track.verbs.run_describe import run_describe
from track.verbs.run_open import Opened, run_open
from track.verbs.runs_close import runs_close

_T = TypeVar("_T")
_STATUSES = ("completed", "failed", "terminated")

_open: "list[Run]" = []
"""The runs of this process that are open, the innermost last."""
_joined: set[str] = set()
"""Outer runs that this process took part in once: another run of it is one of its own."""


class Run(Describing):
    """A run of this program: `with track.Run() as run: run.init(...)`, or `init` and `close`.

    Methods return whether they did their work. What goes wrong is told once, by the logger `track`, and does not
    break the program, unless `config(suppress_errors=False)` was called: only then anything is raised.

    >>> with track.Run() as run:
    ...     run.init("training", metadata={"lr": 0.1})
    ...     run.log_metrics({"loss": 0.25}, step=1)
    ...     run.save("model.pkl", "output")
    True
    True
    True
    >>> run.record.status, run.record.metrics["loss"].last
    ('completed', 0.25)
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
    @asks()
    def config(self, suppress_errors: bool = True, queue_blocking: bool = False, queue_size: int = QUEUE_SIZE) -> None:
        """Say, before `init`, what happens when something goes wrong and when a queue is full.

        With `suppress_errors=False` errors are raised. With `queue_blocking` what logs waits for room in the queues,
        which hold `queue_size` calls each; otherwise what does not fit is dropped, and counted in the record.

        >>> run = track.Run()
        >>> run.config(suppress_errors=False)
        True
        >>> run.log_metrics({"loss": 0.25})
        Traceback (most recent call last):
        ...
        track.errors.UsageError: the run was used before init
        hint: call init first, and close last

        Raises:
            UsageError: it comes after `init`, a truth value is none, or the size of the queue.
        """
        if self._opened is not None or self._ended is not None:
            raise UsageError("config was called after init", hint="call config first, then init")
        if isinstance(queue_size, bool) or not isinstance(queue_size, int) or queue_size < 1:
            raise UsageError(f"not a size for a queue: {queue_size!r}", hint="a whole number from 1 on")
        self.suppresses, self._is_blocking, self._queue_size = suppress_errors, queue_blocking, queue_size

    @tolerant
    @asks(
        name=maybe(asking.text),
        metadata=maybe(asking.mapping),
        tags=maybe(each(asking.text)),
        description=maybe(asking.text),
        folder=asking.text,
    )
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

        >>> run = track.Run()
        >>> run.init("training", metadata={"lr": 0.1}, tags=["baseline"])
        True
        >>> run.close()
        True

        Raises:
            UsageError: it was called before, or a name, tag, fact or folder cannot be.
            NotARepository, ProjectError, BadConfig: there is no repository with track in it here.
            DiskFull, StoreUnwritable: the run cannot be begun.
        """
        if self._opened is not None or self._ended is not None:
            raise UsageError("init was called twice", hint="make another track.Run for another run")
        chosen = check_tags(tags) if tags is not None else ()
        wishes = Wishes(name, folder, description, chosen, plain_facts(metadata or {}), by=acting())
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
    @asks(run=asking.text)
    def attach(self, run: str) -> None:
        """Take part in a living run, by its id, instead of beginning one; closing leaves it running.

        >>> worker = track.Run()
        >>> worker.attach(run.id), worker.log_metrics({"loss": 0.2}), worker.close()
        (True, True, True)

        Raises:
            UsageError: it was called after `init`.
            UnknownRun: no living run has this id.
            NotARepository, ProjectError, BadConfig: there is no repository with track in it here.
        """
        if self._opened is not None or self._ended is not None:
            raise UsageError("attach was called after init", hint="make another track.Run for another run")
        if not run:
            raise UsageError("no run was named", hint="attach takes the id of a living run")
        with Project.open(None) as project:
            opened = run_open(project, outer=living_run(project, run).id)
            self._begin(project, opened)

    @tolerant
    def close(self) -> None:
        """End the run: all that waits is written, the series sealed, and the record staged for the next commit.

        A run that was joined goes on, and so does one that a forked child closes. Closing again does nothing.

        >>> run.close(), run.record.status
        (True, 'completed')

        Raises:
            UsageError: there was no run.
            DiskFull, StoreUnwritable, Locked: its record cannot be written; it stays in the journal.
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
    @asks(status=asking.text)
    def set_status(self, status: str) -> None:
        """Say how the run ends when it is closed: completed, failed or terminated.

        >>> run.set_status("terminated"), run.close(), run.record.status
        (True, True, 'terminated')

        Raises:
            UsageError: there is no run yet, or it has ended, or that is not how a run ends.
        """
        self._need()
        if status not in _STATUSES:
            raise UsageError(f"not how a run ends: {display(str(status))}", hint=", ".join(_STATUSES))
        self._status = status

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

        >>> run.log_metrics({"loss": 0.25, "accuracy": 0.9}, step=3)
        True

        Raises:
            UsageError: there is no run yet, or it has ended, or a name, value, step or time cannot be.
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
        """Log a text or an exception, with its traceback where it has one; values that look secret are left out.

        >>> run.log_event("the learning rate was halved")
        True

        Raises:
            UsageError: there is no run yet, or it has ended, or it is neither text nor an exception.
        """
        if self._writer is None:
            self._need()
        stamp = clock.time_ns() // 1000 if timestamp is None else stamp_of(timestamp)
        self._writer.put_event(event_text(event), stamp)  # type: ignore[union-attr]  # there when it is needed

    # ---- what is known of it ----

    @staticmethod
    def current() -> "Run | None":
        """The innermost run that is open here, or the one that started this program; None outside of any.

        >>> track.Run.current().name
        'training'
        """
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

    def __repr__(self) -> str:
        """Its name and id."""
        return f"<Run {self.name}: {self.id}>" if self.id is not None else "<Run, not begun>"

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
        """Tell what went wrong, the first time aloud: a program that is watched is not to drown in it.

        >>> run.tell(OSError("the sensor does not answer"))
        """
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


notebook.teach()
