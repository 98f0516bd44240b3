"""Mending shared runs: a file of them that is damaged at a remote is put there anew by any clone that has its text."""

from track.errors import DamagedObject
from track.flows.run_sharing import file_name
from track.flows.store_repair import Mended, Repair
from track.model.shared_runs import parse_runs, seal, unseal
from track.project import Project
from track.runs.shelf import Shelf, shelf_of
from track.store.layout import RUNS, runs_name
from track.store.mending import set_aside
from track.store.place import NoSuchKey
from track.store.remote import Remote

_SHELF = "what this clone fetched or shared"


def mend_runs(project: Project, remote: Remote, done: Repair, *, dry_run: bool) -> Repair:
    """Read every file of shared runs at a remote, put right what is damaged, and add that to what a repair came to.

    What this clone does not have stays: where it was shared from, the next push of runs says its runs anew.

    Raises:
        RemoteError: it does not answer, or refuses.
        NewerFormat: a later version of track wrote one.
    """
    shelf = shelf_of(project.state, remote.name)
    mended: list[Mended] = []
    lost: set[bytes] = set()
    for one in list(remote.place.list(RUNS)):
        name = runs_name(one.key)
        if name is None or _is_sound(remote, one.key):
            continue
        text = _text(shelf, file_name(name))
        if text is None:
            mended.append(Mended(one.key, "damaged; where it was shared from: track push --runs", (), 1))
            lost.add(one.key.encode())
            continue
        what = "damaged"
        if not dry_run:
            aside = set_aside(remote.place, project.store, one.key)
            remote.place.put(one.key, seal(text))  # in one step: what is gone there leaves every shelf
            what += f"; now {aside}" if aside is not None else ""
        mended.append(Mended(one.key, what, ((_SHELF, 1),), 0))
    restored_count = sum(not one.lost_count for one in mended)
    return done._replace(
        mended=(*done.mended, *mended),
        restored_count=done.restored_count + restored_count,
        damaged_lost=done.damaged_lost | lost,
    )


def _is_sound(remote: Remote, key: str) -> bool:
    try:
        parse_runs(unseal(remote.place.get(key), key), key)
    except NoSuchKey:
        return True  # it went meanwhile, for another one says the same
    except DamagedObject:
        return False
    return True


def _text(shelf: Shelf, name: str) -> bytes | None:
    """What a file of the shelf holds, when that can be read."""
    try:
        if not shelf.read(name):
            return None
        return (shelf.folder / name).read_bytes()
    except (DamagedObject, FileNotFoundError):
        return None
