"""Every kind of place and remote; the tests here know nothing else of them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from support.remotes import KINDS, SERVERS, new_place, new_remote
from track.store.objects import Store
from track.store.place import Place
from track.store.remote import Remote


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """An empty place of each kind."""
    server = request.getfixturevalue(SERVERS[request.param]) if request.param in SERVERS else None
    return new_place(request.param, tmp_path / "place", server)


@pytest.fixture
def clones(place: Place, tmp_path: Path) -> Iterator[Callable[[str], tuple[Store, Remote]]]:
    """A store and its view of the one remote, by the name of a clone; refreshed each time it is asked for."""
    with ExitStack() as stack:
        made: dict[str, tuple[Store, Remote]] = {}

        def clone(name: str) -> tuple[Store, Remote]:
            if name not in made:
                store = stack.enter_context(Store.open(tmp_path / name / "store", create=True))
                made[name] = (store, stack.enter_context(new_remote(place, tmp_path / name / "known.db")))
            made[name][1].refresh()
            return made[name]

        yield clone
