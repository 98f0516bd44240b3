"""Trust list: what the repository asks for, line by line, and whether the person here has allowed it."""

from collections.abc import Sequence
from dataclasses import dataclass

from track.flows.run_consent import names_of
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


def trust_list(project: Project, names: Sequence[str] = ()) -> tuple[TrustListed, ...]:
    """Everything that needs to be allowed, then what was allowed here and is not asked for any more.

    With `names`, what is called so alone; the name of a run means its command, which is listed when it was allowed, or
    is named.

    Raises:
        BadConfig: the record of what was allowed cannot be read.
    """
    given = project.consents.here()
    allowed = {(wish.kind, wish.name) for wish in given}
    asked = wishes(project, names)
    known = {(wish.kind, wish.name) for wish in asked}
    listed = (
        *(
            TrustListed(wish, wish in given, wish not in given and (wish.kind, wish.name) in allowed, True)
            for wish in asked
        ),
        *(TrustListed(wish, True, False, False) for wish in given if (wish.kind, wish.name) not in known),
    )
    if not names:
        return listed
    wanted = names_of(project, names, (one.wish for one in listed))
    return tuple(one for one in listed if one.wish.name in wanted.values())
