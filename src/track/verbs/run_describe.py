"""Run describe: say more of a living run: tags, facts, what it is for."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from track.errors import UsageError
from track.flows.run_secrets import secrets_of
from track.flows.run_start import check_facts, without_secrets
from track.model.names import display
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


def check_tags(tags: object) -> tuple[str, ...]:
    """Tags, each once. Raises UsageError for what is no list of text."""
    if isinstance(tags, str | bytes) or not isinstance(tags, Iterable):
        raise UsageError(f"tags are a list, not {display(repr(tags)[:80])}", hint="such as ['baseline']")
    listed = list(tags)
    for tag in listed:
        if not isinstance(tag, str) or not tag.strip():
            raise UsageError(f"not a tag: {display(repr(tag)[:80])}", hint="a tag is text, such as 'baseline'")
    return tuple(dict.fromkeys(listed))


def plain_facts(facts: object) -> dict[str, object]:
    """Facts as a record can keep them; NumPy's numbers are numbers. Raises UsageError for what cannot be."""
    if not isinstance(facts, Mapping):
        raise UsageError(f"metadata are names and values, not {display(repr(facts)[:80])}", hint="{'solver': 'gmres'}")
    plain = {str(name): fact.item() if hasattr(fact, "item") else fact for name, fact in facts.items()}
    check_facts("metadata", plain)
    return plain
