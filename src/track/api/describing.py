"""Describing: what is said of a run while it is alive: tags, facts, its folder, and what calls for somebody."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from track.api import asking
from track.api.asking import asks, each, maybe
from track.api.saving import Saving
from track.api.tolerance import tolerant
from track.flows.run_alerts import Watch
from track.project import Project
from track.verbs.run_alert import run_alert, set_alert
from track.verbs.run_describe import run_describe
from track.verbs.run_folder import run_folder


class Describing(Saving):
    """What `Run` is told of itself; only that makes one."""

    _place: Path
    _watch: Watch | None

    @tolerant
    @asks(tags=each(asking.text))
    def update_tags(self, tags: Iterable[str]) -> None:
        """Add tags; those that it has stay, each once.

        >>> run.update_tags(["final"]), run.record.tags
        (True, ('baseline', 'final'))

        Raises:
            UsageError: there is no run yet, or it has ended, or a tag cannot be.
        """
        self._do(run_describe, tags=tags)

    @tolerant
    @asks(tags=each(asking.text))
    def set_tags(self, tags: Iterable[str]) -> None:
        """Have these tags and no others.

        >>> run.set_tags(["final"]), run.record.tags
        (True, ('final',))

        Raises:
            UsageError: there is no run yet, or it has ended, or a tag cannot be.
        """
        self._do(run_describe, only_tags=tags)

    @tolerant
    @asks(metadata=asking.mapping)
    def update_metadata(self, metadata: Mapping[str, Any]) -> None:
        """Add facts, text, numbers or truth values, by name; those of the same name are replaced.

        >>> run.update_metadata({"seed": 7}), run.record.metadata["seed"]
        (True, 7)

        Raises:
            UsageError: there is no run yet, or it has ended, or a fact cannot be.
        """
        self._do(run_describe, metadata=metadata)

    @tolerant
    @asks(
        path=asking.text,
        metadata=maybe(asking.mapping),
        tags=maybe(each(asking.text)),
        description=maybe(asking.text),
    )
    def folder_details(
        self,
        path: str,
        metadata: Mapping[str, Any] | None = None,
        tags: Iterable[str] | None = None,
        description: str | None = None,
    ) -> None:
        """Say more of a folder of runs; what is left out stays as it was.

        >>> run.folder_details("/sweeps/lr", description="Ten learning rates", tags=["sweep"])
        True

        Raises:
            UsageError: there is no run yet, or it has ended, or the path, a fact or a tag cannot be.
        """
        self._need()
        with Project.open(self._place) as project:
            run_folder(project, path, metadata=metadata, tags=tags, description=description)

    @tolerant
    @asks(name=asking.text, type=asking.text, metric=maybe(asking.text))
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

        >>> run.add_alert("diverges", "is above", metric="loss", threshold=10, frequency=1, window=5)
        True
        >>> run.record.alerts["diverges"]
        'ok'

        Raises:
            UsageError: there is no run yet, or it has ended, or the alert cannot be.
            Conflict: the project has another one of this name.
        """
        facts = {"name": name, "type": type, "metric": metric, "frequency": frequency, "window": window, **more}
        self._watch = self._do(run_alert, facts)

    @tolerant
    @asks(name=asking.text, state=asking.text)
    def set_alert(self, name: str, state: str) -> None:
        """Set an alert to `ok` or `critical` by hand.

        >>> run.add_alert("checked", "by hand"), run.set_alert("checked", "critical")
        (True, True)
        >>> run.record.alerts["checked"]
        'critical'

        Raises:
            UsageError: there is no run yet, or it has ended, or no such alert or state is.
        """
        self._do(set_alert, name, state)
