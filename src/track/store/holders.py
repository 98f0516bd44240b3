"""Holders: what each clone said that it needs at a remote, and the claims of pushes that are under way."""

import secrets
from collections.abc import Mapping
from typing import NamedTuple

from track.errors import DamagedObject
from track.model.digest import Digest
from track.model.policy import Policy, widest
from track.store.layout import ROOTS, RootsKey, claim_name, roots_name
from track.store.place import Listed, NoSuchKey, Place
from track.store.roots import RootsEntry, dump_roots, parse_roots, union
from track.store.survey import in_threads


class Holding(NamedTuple):
    """An entry or a claim at a remote, and when it was written, in seconds since 1970 by the remote's clock."""

    key: str
    modified_s: float
    entry: RootsEntry

    @property
    def writer(self) -> str:
        """The clone that wrote it: the folder that it lies in."""
        return self.key.removeprefix(ROOTS).partition("/")[0]


class Holders(NamedTuple):
    """Every sound entry and every claim, sorted by key; `damaged` are keys of which nobody knows what they name."""

    entries: tuple[Holding, ...]
    claims: tuple[Holding, ...]
    damaged: tuple[str, ...]

    def policies(self) -> Mapping[str, Policy]:
        """Which versions of the history each clone keeps, as it said the last time."""
        found: dict[str, tuple[int, Policy]] = {}
        for one in (*self.entries, *self.claims):
            name = roots_name(one.key) or claim_name(one.key)
            number = name.number if name is not None else 0
            before = found.get(one.writer)
            if before is None or number > before[0]:
                found[one.writer] = (number, one.entry.keep)
            elif number == before[0]:
                found[one.writer] = (number, widest((before[1], one.entry.keep)))
        return {writer: policy for writer, (_, policy) in found.items()}

    def dropped(self) -> Mapping[bytes, str]:
        """The versions that a clone gave up when it collected, and which one that was."""
        return {bytes(digest): one.writer for one in self.entries for digest in one.entry.dropped}

    @property
    def writers(self) -> Mapping[str, float]:
        """The clones with entries, and when each wrote its last one."""
        found: dict[str, float] = {}
        for one in self.entries:
            found[one.writer] = max(one.modified_s, found.get(one.writer, 0.0))
        return found


def read_holders(place: Place) -> Holders:
    """Everything below `roots/`: one listing, and a request for each.

    Raises:
        RemoteError: the remote does not answer.
        NewerFormat: something there was written by a later version.
    """
    listed = sorted(place.list(ROOTS))
    entries = _read(place, [one for one in listed if roots_name(one.key) is not None])
    claims = _read(place, [one for one in listed if claim_name(one.key) is not None])
    sound = tuple(one for one in entries if isinstance(one, Holding) and one.entry.is_complete)
    damaged = [one for one in (*entries, *claims) if isinstance(one, str)]
    damaged += [one.key for one in entries if isinstance(one, Holding) and not one.entry.is_complete]
    return Holders(sound, tuple(one for one in claims if isinstance(one, Holding)), tuple(sorted(damaged)))


def _read(place: Place, listed: list[Listed]) -> list[Holding | str]:
    """Each that is still there; the key of one that is damaged."""

    def read(one: Listed) -> Holding | str | None:
        try:
            return Holding(one.key, one.modified_s, parse_roots(place.get(one.key), one.key))
        except NoSuchKey:
            return None
        except DamagedObject:
            return one.key

    return [one for one in in_threads(read, listed) if one is not None]


def narrow(place: Place, one: Holding, kept: set[bytes], *, is_forgotten: bool = False) -> bool:
    """Have an entry name only what is `kept` of what it names; whether it was written anew, or went.

    One that names nothing any more stays, for what it says of its clone's policy: nobody gives up what that clone
    keeps, whatever it pushed. That of a clone that `is_forgotten` goes with that. The new one is there before the old
    one goes: interrupted, more is kept, never less.
    """
    name = roots_name(one.key)
    if name is None or (kept.issuperset(one.entry.digests) and not is_forgotten):
        return False
    refs = {ref: tuple(each for each in digests if each in kept) for ref, digests in one.entry.refs.items()}
    left = one.entry._replace(refs={ref: digests for ref, digests in refs.items() if digests})
    if left.refs or not is_forgotten:
        place.put(str(RootsKey(name.writer, name.number, secrets.token_hex(4))), dump_roots(left))
    place.delete(one.key)
    return True


def say_kept(place: Place, writer: str, keep: Policy, dropped: frozenset[bytes] | None) -> None:
    """Say in this clone's own entry what it keeps of the history, and what nobody does; nothing when that is known.

    Without `dropped`, what it said of that before stays. Its entries become one. The new one is there before the old
    ones go.
    """
    own = sorted(
        ((name.number, one) for one in read_holders(place).entries if one.writer == writer
         and (name := roots_name(one.key)) is not None),
        key=lambda each: -each[0],
    )  # fmt: skip
    said = frozenset[bytes]().union(*(one.entry.dropped for _, one in own))
    gone = frozenset(map(Digest, said if dropped is None else dropped))
    if not own:
        if keep.is_all and not gone:
            return
        own_entry = RootsEntry(writer, True, {})
    else:
        if own[0][1].entry.keep == keep and all(one.entry.dropped == gone for _, one in own):
            return
        own_entry = union([one.entry for _, one in own])
    key = RootsKey(writer, 1 + (own[0][0] if own else 0), secrets.token_hex(4))
    place.put(str(key), dump_roots(own_entry._replace(keep=keep, dropped=gone)))
    for _, one in own:
        place.delete(one.key)
