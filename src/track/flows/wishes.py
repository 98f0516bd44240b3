"""Wishes: all that this clone asks for and that only the person here may allow, of every kind there is.

What is new here and may reach out, write elsewhere or run adds its wishes to `_SOURCES`; `track trust` shows them.
"""

from collections.abc import Callable, Iterable

from track import config
from track.config import Source
from track.flows.remotes import wish_of
from track.flows.run_consent import KIND, commands_asked
from track.model.wish import Wish
from track.project import Project, store_wish


def wishes(project: Project, names: Iterable[str] = ()) -> tuple[Wish, ...]:
    """Everything that needs a yes to be used, given or not, by kind and name.

    There may be very many runs whose commands came with the repository: of these the list has those that are `names`,
    or were allowed.

    Raises:
        UsageError: a remote is of a kind that this version does not reach.
    """
    found = {wish for source in _SOURCES for wish in source(project)}
    known = {wish.name for wish in found}
    allowed = [wish.name for wish in project.consents.here() if wish.kind == KIND]
    found.update(commands_asked(project, [name for name in (*names, *allowed) if name not in known]))
    return tuple(sorted(found, key=lambda wish: (wish.kind, wish.name)))


def _remotes(project: Project) -> Iterable[Wish]:
    found = (wish_of(project, name) for name in project.config.names("remote.*.url"))
    return [wish for wish in found if wish is not None]


def _settings(project: Project) -> Iterable[Wish]:
    """Places on this machine that the clone's own file names."""
    clone = config.load((Source("clone", project.state / "config.toml"),), {})
    return [store_wish(str(setting.value)) for setting in clone.settings.get("store.path", ())]


_SOURCES: tuple[Callable[[Project], Iterable[Wish]], ...] = (_remotes, _settings)
