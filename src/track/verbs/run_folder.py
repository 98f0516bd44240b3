"""Run folder: say more of a folder of runs."""

from collections.abc import Iterable, Mapping

from track.flows.run_describing import check_tags, plain_facts
from track.flows.run_notes import describe_folder
from track.project import Project


def run_folder(
    project: Project,
    folder: str,
    *,
    metadata: Mapping[str, object] | None = None,
    tags: Iterable[str] | None = None,
    description: str | None = None,
) -> None:
    """Write and stage what is said of a folder; its metadata are merged, and what is left out stays as it was.

    Raises:
        UsageError: it is no folder, or a fact or tag that cannot be.
        BadConfig: what is there cannot be read.
    """
    chosen = None if tags is None else check_tags(tags)
    describe_folder(project, folder, metadata=plain_facts(metadata or {}), tags=chosen, description=description)
