"""Trust: remember that the person here allows what the repository asks for; in their own record, for this clone."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from track.errors import UsageError
from track.flows.run_consent import names_of
from track.flows.wishes import wishes
from track.model.names import display
from track.model.wish import Wish
from track.project import Project


@dataclass(frozen=True, slots=True)
class Trusted:
    """What was allowed, or taken back, and in which file that stands."""

    given: tuple[Wish, ...]
    revoked: tuple[Wish, ...]
    record: Path


def trust(
    project: Project, names: Sequence[str] = (), *, shown: Sequence[Wish] | None = None, revoke: bool = False
) -> Trusted:
    """Allow what the things called `names` ask for, or everything; with `revoke`, take back what was allowed.

    The name of a run means its command, which is allowed by its name alone.

    `shown` are the wishes that a person saw: where the repository asks for something else by now, that is not allowed.

    Raises:
        UsageError: nothing of that name asks for anything, or was allowed.
        BadConfig: the record cannot be read.
    """
    known = project.consents.here() if revoke else wishes(project, names)
    wanted = names_of(project, names, known)
    chosen = [wish for wish in known if not names or wish.name in wanted.values()]
    for name in names:
        if all(wish.name != wanted[name] for wish in chosen):
            what = "was allowed" if revoke else "here needs to be allowed"
            raise UsageError(f"nothing called `{display(name)}` {what}", hint="track trust --list")
    if revoke:
        gone = [each for wish in chosen for each in project.consents.revoke(wish.kind, wish.name)]
        return Trusted((), tuple(gone), project.consents.record)
    new = [wish for wish in chosen if not project.consents.has(wish) and (shown is None or wish in shown)]
    project.consents.give(new)
    return Trusted(tuple(new), (), project.consents.record)
