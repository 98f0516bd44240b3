"""Run folder: say more of a folder of runs."""

from collections.abc import Iterable, Mapping

from track.flows.run_describing import check_tags, plain_facts
from track.flows.run_notes import describe_folder
from track.flows.run_secrets import secrets_of
from track.flows.run_start import facts_without_secrets, text_without_secrets
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

    Values that look secret are left out.

    Raises:
        UsageError: it is no folder, or a fact or tag that cannot be.
        BadConfig: what is there cannot be read.
    """
    hidden = secrets_of(project)
    describe_folder(
        project,
        folder,
        metadata=facts_without_secrets(plain_facts(metadata or {}), hidden),
        tags=None if tags is None else tuple(text_without_secrets(tag, hidden) for tag in check_tags(tags)),
        description=None if description is None else text_without_secrets(description, hidden),
    )
