"""Findings: what a verification came upon, as it comes together on the way."""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from track.model.digest import Digest

Kind: TypeAlias = Literal["damaged", "missing", "modified"]


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong.

    `kind`: "damaged" (bytes that are not what their digest says), "missing" (in the store and, as far as is known, at
    no remote), "modified" (working data that differs from its pointer, as an edit makes it differ). `path` is in the
    working tree, or a place in a store; `digest` is None where none is concerned; `next_step` can be pasted.
    """

    path: bytes
    kind: Kind
    what: str
    digest: Digest | None
    next_step: str


@dataclass(slots=True)
class Findings:
    """What comes together on the way.

    `bad` are digests found damaged in the store, with the place of each; `in_place` the versions (path and digest)
    that working data holds, byte for byte. At a remote, `unpushed_count` versions never were all there, and of
    `unread_count` nobody read the manifest.
    """

    problems: set[Problem] = field(default_factory=set)
    bad: dict[bytes, str] = field(default_factory=dict)
    named: set[bytes] = field(default_factory=set)
    in_place: set[tuple[bytes, Digest]] = field(default_factory=set)
    artifacts: set[bytes] = field(default_factory=set)
    fetchable: set[bytes] = field(default_factory=set)
    old: set[bytes] = field(default_factory=set)
    """Those of `fetchable` that only older versions need: a repair brings them, a fetch does not."""
    unasked: set[bytes] = field(default_factory=set)
    """What nobody ever asked for in a shallow clone, and no remote was asked about either."""
    absent: set[str] = field(default_factory=set)
    """Ids, in Git, of pointers that a partial clone lacks."""
    is_cut: bool = False
    """Whether history before some commits should have been looked at, and is not here."""
    files_count: int = 0
    objects_count: int = 0
    read_bytes: int = 0
    total_count: int | None = None
    total_bytes: int | None = None
    unpushed_count: int = 0
    unread_count: int = 0

    def add(self, kind: Kind, path: bytes, what: str, digest: bytes | None, next_step: str) -> None:
        """Note one problem."""
        self.problems.add(Problem(path, kind, what, Digest(digest) if digest else None, next_step))
