"""Tags and facts that people and programs say of runs, as a record can keep them."""

from collections.abc import Iterable, Mapping
from typing import Any

from track.errors import UsageError
from track.flows.run_start import check_facts
from track.model.names import told


def check_tags(tags: object) -> tuple[str, ...]:
    """Tags, each once. Raises UsageError for what is no list of text."""
    if isinstance(tags, str | bytes) or not isinstance(tags, Iterable):
        raise UsageError(f"tags are a list, not {told(tags)}", hint="such as ['baseline']")
    listed = list(tags)
    for tag in listed:
        if not isinstance(tag, str) or not tag.strip():
            raise UsageError(f"not a tag: {told(tag)}", hint="a tag is text, such as 'baseline'")
    return tuple(dict.fromkeys(listed))


def plain_facts(facts: object, what: str = "metadata") -> dict[str, object]:
    """Facts as a record can keep them; NumPy's numbers are numbers. Raises UsageError for what cannot be."""
    if not isinstance(facts, Mapping):
        raise UsageError(f"{what} are names and values, not {told(facts)}", hint="{'solver': 'gmres'}")
    plain = {str(name): _plain(fact) for name, fact in facts.items()}
    check_facts(what, plain)
    return plain


def _plain(fact: Any) -> object:
    """A number as Python has it where a library has one of its own; what holds several stays what it is."""
    return fact.item() if hasattr(fact, "item") and getattr(fact, "size", 1) == 1 else fact
