"""Trust list: what the repository asks for, line by line, and whether the person here has allowed it."""

from dataclasses import dataclass

from track.flows.wishes import wishes
from track.model.wish import Wish
from track.project import Project


@dataclass(frozen=True, slots=True)
class TrustListed:
    """One thing that needs to be allowed. `is_given`: it was, as it stands now.

    `has_changed`: other lines were allowed under this name. `is_asked` is false for what was allowed and is gone.
    """

    wish: Wish
    is_given: bool
    has_changed: bool
    is_asked: bool


def trust_list(project: Project) -> tuple[TrustListed, ...]:
    """Everything that needs to be allowed, then what was allowed here and is not asked for any more.

    Raises:
        BadConfig: the record of what was allowed cannot be read.
    """
    given = project.consents.here()
    allowed = {(wish.kind, wish.name) for wish in given}
    asked = wishes(project)
    names = {(wish.kind, wish.name) for wish in asked}
    return (
        *(
            TrustListed(wish, wish in given, wish not in given and (wish.kind, wish.name) in allowed, True)
            for wish in asked
        ),
        *(TrustListed(wish, True, False, False) for wish in given if (wish.kind, wish.name) not in names),
    )
