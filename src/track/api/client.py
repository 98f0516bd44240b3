"""Client: reading runs back, in Python."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from track.api import asking, notebook
from track.api.asking import asks, maybe
from track.flows.run_find import Found
from track.flows.run_read import RunArtifact
from track.flows.run_start import RUN_ID
from track.here import absolute
from track.model.names import display
from track.model.series import Event, Points
from track.project import Project
from track.verbs.run_artifacts_get import ArtifactsGot, Wanted, run_artifacts_get
from track.verbs.run_artifacts_list import run_artifacts_list
from track.verbs.run_artifacts_load import run_artifacts_load
from track.verbs.run_series_load import run_series_load
from track.verbs.runs_list import runs_list
from track.verbs.runs_show import runs_show


class Client:
    """Reads the runs of a repository: what they recorded, and their artifacts as objects and files.

    A run is named by its name, its id, four or more digits of the beginning or end of that, or the commit that adds
    its record. What is not here comes from a remote. What is fetched inside a run (`TRACK_RUN_ID` names it) becomes
    its input. Every method opens the repository for itself, so a client may be used by several threads at once.

    >>> client = track.Client()
    >>> for found in client.get_runs("metrics.loss < 0.5"):
    ...     print(found.record.name, found.status, client.get_artifact(found.record.id, "scores"))
    training completed {'accuracy': 0.9}

    Every method raises `NotARepository`, `ProjectError` or `BadConfig` where there is no repository with track in it,
    `UnknownRun` for a run that is none or several, which are listed, and `UsageError` for an argument that cannot be.
    All errors are `TrackError`.
    """

    __slots__ = ("_start",)

    @asks(path=maybe(asking.path))
    def __init__(self, path: str | Path | None = None) -> None:
        """The client of the repository that holds `path`, by default the current folder. Nothing is opened yet.

        Raises:
            UsageError: the path is none.
        """
        self._start = Path(absolute(path if path is not None else os.curdir))

    def __repr__(self) -> str:
        """Where it looks for the repository."""
        return f"<Client of {display(str(self._start))}>"

    @asks(run=asking.text, name=asking.text, category=maybe(asking.text))
    def get_artifact(
        self,
        run: str,
        name: str,
        allow_pickle: bool = False,
        *,
        category: str | None = None,
        memory_map: bool = False,
    ) -> Any:
        """The artifact of a run as the object that was saved; its bytes where nothing is known of its type.

        `allow_pickle` opens what was pickled, which can run any code: only for who made it and nobody in between.
        `category` is only needed where artifacts of one name differ. With `memory_map`, a large array is mapped from
        the store, read-only.

        >>> client.get_artifact("training", "scores")
        {'accuracy': 0.9}

        Raises:
            UnknownPath: the run has no such artifact; the nearest names are told.
            UsageError: it is a folder, or several artifacts have this name and differ.
            NoFormat: it is pickled and that was not allowed, or the library that reads it is not installed.
            MalformedContent: it is not what its type says.
            MissingObject, DamagedObject, RemoteError: its bytes are nowhere whole, or no remote can be asked.
        """
        with self._opened() as project:
            return run_artifacts_load(
                project,
                run,
                name,
                category=category,
                allow_pickle=allow_pickle,
                memory_map=memory_map,
                reader=_reader(),
            )

    @asks(run=asking.text, name=asking.text, path=maybe(asking.path), category=maybe(asking.text))
    def get_artifact_as_file(
        self,
        run: str,
        name: str,
        path: str | Path | None = None,
        *,
        category: str | None = None,
        force: bool = False,
    ) -> Path:
        """Put an artifact of a run into the folder `path`, by default the current one; where it is then.

        The slashes of its name make folders there. Raises as `get_artifacts_as_files`, and UnknownPath where the run
        has no such artifact.

        >>> client.get_artifact_as_file("training", "facts.json", "results").read_text()
        '{"a": 1}'
        """
        wanted = Wanted(name, category)
        folder = path if path is not None else os.curdir
        with self._opened() as project:
            got = run_artifacts_get(project, run, folder, wanted, force=force, reader=_reader())
        assert got.target is not None
        return got.target

    @asks(
        run=asking.text,
        path=maybe(asking.path),
        category=maybe(asking.text),
        startswith=maybe(asking.text),
        contains=maybe(asking.text),
        endswith=maybe(asking.text),
    )
    def get_artifacts_as_files(
        self,
        run: str,
        path: str | Path | None = None,
        category: str | None = None,
        *,
        startswith: str = "",
        contains: str = "",
        endswith: str = "",
        force: bool = False,
    ) -> ArtifactsGot:
        """Put artifacts of a run into the folder `path`, by default the current one: all, or those of a category whose
        names begin with, contain and end with these texts.

        What is there with the right content is skipped, what differs refused before anything is written; with `force`
        files are replaced.

        >>> got = client.get_artifacts_as_files("training", "results", category="output", endswith=".json")
        >>> [path.name for path in got.placed]
        ['facts.json']

        Raises:
            UsageError: there is no such category, or artifacts of one name differ.
            Conflict: something else stands in the folder.
            ForbiddenPath: a name leaves the folder, goes through a link, or reaches `.git`.
            OutsideRepository: the folder is Git's or track's own.
            MissingObject, DamagedObject, RemoteError: bytes are nowhere whole, or no remote can be asked.
            StoreUnwritable, DiskFull: nothing can be made there.
        """
        wanted = Wanted(None, category, startswith or "", contains or "", endswith or "")
        folder = path if path is not None else os.curdir
        with self._opened() as project:
            return run_artifacts_get(project, run, folder, wanted, force=force, reader=_reader())

    @asks(run=asking.text, category=maybe(asking.text))
    def list_artifacts(self, run: str, category: str | None = None) -> tuple[RunArtifact, ...]:
        """The artifacts of a run, or those of one category, by category and name.

        >>> [(artifact.name, artifact.type) for artifact in client.list_artifacts("training", "output")]
        [('facts.json', 'application/json'), ('scores', 'application/json')]

        Raises:
            UsageError: there is no such category; code, input and output are.
        """
        with self._opened() as project:
            return run_artifacts_list(project, run, category)

    @asks(run=asking.text)
    def get_run(self, run: str) -> Found:
        """A run: its `record`, its `status`, and where the record is.

        >>> found = client.get_run("training")
        >>> found.status, found.record.metrics["loss"].min
        ('completed', 0.25)

        Raises:
            UnknownRun: there is no such run, or several; they are listed.
            MalformedRecord, NewerFormat: its record cannot be read.
        """
        with self._opened() as project:
            return runs_show(project, run)

    @asks(filters=maybe(asking.query), sort=maybe(asking.plain), limit=maybe(asking.number(1)))
    def get_runs(
        self,
        filters: str | Mapping[str, Any] | None = None,
        *,
        sort: str | None = None,
        limit: int | None = None,
    ) -> Sequence[Found]:
        """The runs that are like the query `filters`, text or dictionary; newest first, or by the field `sort`
        (`-FIELD`: greatest first).

        >>> [found.record.name for found in client.get_runs({"metadata.lr": 0.1}, sort="metrics.loss", limit=5)]
        ['training']

        Raises:
            UsageError: the query or the field is wrong; it says where, and what was meant.
        """
        with self._opened() as project:
            return runs_list(project, where=filters, sort=sort, limit=limit).runs

    @asks(run=asking.text, names=asking.words)
    def get_metric_values(self, run: str, names: str | Sequence[str] = ()) -> Mapping[str, Points]:
        """The points of the metrics of a run, or of those that are named, by name: columns of steps, times in seconds
        since it began, stamps in µs since 1970 (UTC), and values. Of a living run all that was written until now.

        >>> points = client.get_metric_values("training", "loss")["loss"]
        >>> list(zip(points.steps, points.values))
        [(1, 0.5), (2, 0.25)]

        Raises:
            UsageError: the run has no such metric.
            MissingObject, DamagedObject, MalformedSeries, RemoteError: they cannot be had, or not be read.
        """
        with self._opened() as project:
            return run_series_load(project, run, tuple(names), with_events=False).points

    @asks(run=asking.text, contains=asking.text)
    def get_events(self, run: str, contains: str = "") -> tuple[Event, ...]:
        """The events of a run in their order, or those with a text in them: when, in µs since 1970 (UTC), and what.

        >>> [event.text for event in client.get_events("training", contains="rate")]
        ['the learning rate was halved']

        Raises:
            MissingObject, DamagedObject, MalformedSeries, RemoteError: they cannot be had, or not be read.
        """
        with self._opened() as project:
            events = run_series_load(project, run, with_points=False).events
        return tuple(event for event in events if contains in event.text)

    def _opened(self) -> Project:
        return Project.open(self._start)


def _reader() -> str | None:
    """The run inside which this happens."""
    return os.environ.get(RUN_ID)


notebook.teach()
