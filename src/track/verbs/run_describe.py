"""Run describe: say more of a living run: tags, facts, what it is for."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from track.flows.run_describing import check_tags, plain_facts
from track.flows.run_secrets import secrets_of
from track.flows.run_start import without_secrets
from track.model.record import Record
from track.project import Project
from track.runs.journal import Living


def run_describe(
    project: Project,
    living: Living,
    *,
    tags: Iterable[str] | None = None,
    only_tags: Iterable[str] | None = None,
    metadata: Mapping[str, object] | None = None,
    description: str | None = None,
) -> Record:
    """Add tags, or have `only_tags`; merge facts into its metadata; set its description. Its draft is returned.

    Values that look secret are left out.

    Raises:
        UsageError: a tag or fact that cannot be, or the run has ended.
    """
    added = check_tags(tags) if tags is not None else ()
    chosen = check_tags(only_tags) if only_tags is not None else None
    facts = plain_facts(metadata or {})
    hidden = secrets_of(project)

    def described(draft: Record) -> Record:
        kept = draft.tags if chosen is None else chosen
        changed = replace(
            draft,
            tags=tuple(dict.fromkeys((*kept, *added))),
            metadata={**draft.metadata, **facts},
            description=draft.description if description is None else description,
        )
        return without_secrets(changed, hidden)

    return living.edit(described)
