"""Shallow: a clone that has pointers only; data that was never asked for is not here, and nobody misses it."""

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

from track.flows.pointers import exists
from track.project import Project


class _Placed(Protocol):
    @property
    def path(self) -> bytes: ...


_Artifact = TypeVar("_Artifact", bound=_Placed)


def is_away(project: Project, path: bytes) -> bool:
    """Whether nothing of the artifact at a path was ever placed, in a clone that is shallow."""
    if not project.config.is_on("checkout.shallow"):
        return False
    return project.stat_cache.recorded(path) is None and not exists(project, path)


def not_away(project: Project, artifacts: Iterable[_Artifact]) -> Sequence[_Artifact]:
    """Those of the artifacts that were placed once; in a clone that is not shallow, all of them."""
    return tuple(artifact for artifact in artifacts if not is_away(project, artifact.path))
