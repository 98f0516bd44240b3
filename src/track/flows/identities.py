"""Identities: with which secret keys of the person here encrypted remotes are opened, and where they must not lie."""

import os
import stat
from pathlib import Path

from track.config import user_file
from track.errors import BadCredentials
from track.model.names import display
from track.project import Project
from track.store.address import Access

DEFAULT = "age.txt"
"""The file beside the user's configuration that is looked at where nothing is set."""


def identity_file(project: Project) -> Path:
    """The file of identities, which need not be there: what `age.identity` says, else the user's `age.txt`."""
    chosen = project.config.text("age.identity")
    return Path(os.path.expanduser(chosen)) if chosen else user_file().with_name(DEFAULT)


def with_keys(project: Project, name: str, access: Access) -> Access:
    """How the remote of that name is reached, with what opens it if it is encrypted. Nothing is looked up."""
    return access._replace(identity=identity_file(project), key_id=project.config.text(f"remote.{name}.encryption"))


def refuse_loose_identity(project: Project) -> None:
    """Warn of an identity file that others can read.

    Raises:
        BadCredentials: it lies in this repository, from where it could be committed, or was.
    """
    path = identity_file(project)
    real = Path(os.path.realpath(path))
    for inside in (project.root, project.git.common_dir):
        if real.is_relative_to(os.path.realpath(inside)):
            raise BadCredentials(
                f"the identity file {display(str(path))} lies in this repository: a commit could publish it",
                hint=f"move it, such as to {display(str(user_file().with_name(DEFAULT)))}\n"
                "if it ever was in a commit: make a new store with a new identity",
            )
    mode = os.stat(real).st_mode if real.exists() else 0
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        warning = f"others can read your identities: chmod 600 {display(str(path))}"
        if warning not in project.warnings:
            project.warnings.append(warning)


def name_missing_key(project: Project, name: str, key_id: str) -> None:
    """Warn where no configuration says which key a remote has to have, as where its URL was written by hand.

    Then a server could put a store of its own in its place, and nobody would notice.
    """
    if project.config.text(f"remote.{name}.encryption") is None:
        project.warnings.append(
            f"nothing says which key `{display(name)}` has to have, so another store would be taken for it: "
            f"track config --project remote.{display(name)}.encryption {key_id}"
        )
