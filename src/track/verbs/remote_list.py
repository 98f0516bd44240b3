"""Remote list: the remotes of the configuration. None of them is asked."""

from dataclasses import dataclass
from pathlib import Path

from track.config import Layer
from track.flows.remotes import all_named, default_name, is_read_only, waiting
from track.project import Project


@dataclass(frozen=True, slots=True)
class RemoteListed:
    """One remote. `may_send` and `may_fetch` say what this clone was allowed; `layer` where the remote is named.

    `is_encrypted` is whether the configuration says that it has to be.
    """

    name: str
    url: str
    folder: Path | None
    layer: Layer
    is_default: bool
    may_send: bool
    may_fetch: bool
    is_read_only: bool
    is_encrypted: bool


def remote_list(project: Project) -> tuple[RemoteListed, ...]:
    """Every remote, sorted by name.

    Raises:
        UsageError: one of them is of a kind that this version does not reach.
    """
    default = default_name(project)
    return tuple(
        RemoteListed(
            name=named.name,
            url=named.url,
            folder=named.folder,
            layer=named.layer,
            is_default=named.name == default,
            may_send=waiting(project, named, sending=True) is None,
            may_fetch=waiting(project, named, sending=False) is None,
            is_read_only=is_read_only(project, named),
            is_encrypted=project.config.text(f"remote.{named.name}.encryption") is not None,
        )
        for named in all_named(project)
    )
