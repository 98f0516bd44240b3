"""A hostile repository: what it is called, how it is made, which verbs meet it, and how they may end."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from support.cli import track_here
from support.hostile import pointer
from support.repositories import commit_all, git, new_repository
from support.scene import FULL, duplicate
from track.store.objects import Store

CANARY = "what the stranger has no business to see"
GOOD, ABSENT = b"good bytes\n", b"bytes that nobody has"
KEYS = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLEEXAMPLE00", "AWS_SECRET_ACCESS_KEY": "canary" * 6}
"""A person with credentials: what must not reach a server that a stranger names."""
AZURE_KEYS = {"AZURE_STORAGE_ACCOUNT": "victim", "AZURE_STORAGE_SAS_TOKEN": "sv=2026&sig=canary"}
"""The same at Azure: a signature is shown as it is to the server that is asked."""

IN_TURN = (
    *(("checkout",), ("diff", "HEAD"), ("pull",), ("ls",), ("doctor",), ("push",), ("verify",), ("log", "there.bin")),
    *(("add", "own.bin"), ("show", "there.bin"), ("fetch",), ("du",), ("trust", "--list"), ("cat", "there.bin")),
    *(("config", "--origin"), ("remote", "list"), ("diff",)),
)
HOOKS_IN_TURN = (
    ("hook", "post-checkout", "HEAD", "HEAD", "1"),
    ("hook", "post-merge", "0"),
    ("hook", "pre-commit"),
    ("hook", "pre-push", "origin", "../code.git"),
    ("hook", "merge", "there.bin.track", "trap.track", "there.bin.track", "7", "trap.track"),
    ("hook", "diff", "trap.track", "there.bin.track", "0" * 40, "100644", "trap.track", "0" * 40, "100644"),
)
EACH = len(IN_TURN) if FULL else 1


class Place(NamedTuple):
    """A victim: the folder around the clone, in which nothing may change, the clone, and the victim's home."""

    around: Path
    repo: Path
    home: Path

    @property
    def ours(self) -> Path:
        """Track's own state in the clone."""
        return self.repo / ".git/track"


class Case(NamedTuple):
    """One fixture. `make` turns a harmless clone into the hostile one; `verbs` are tried beside a few of the usual.

    `never` are left out. `codes` are how a verb (its first word) must end; any other ends with a code of ours.
    """

    name: str
    make: Callable[[Place], object]
    verbs: tuple[tuple[str, ...], ...] = ()
    never: tuple[str, ...] = ()
    codes: Mapping[str, tuple[int, ...]] = {}
    environment: Mapping[str, str] = {}

    def tried(self, number: int) -> list[tuple[str, ...]]:
        """The verbs of this case; `number` is its place in the table, so that all are tried in turn."""
        turn = [IN_TURN[(number * EACH + each) % len(IN_TURN)] for each in range(EACH)]
        turn += [HOOKS_IN_TURN[(number * EACH + each) % len(HOOKS_IN_TURN)] for each in range(EACH)]
        asked = [verb for verb in IN_TURN if verb[0] in self.codes]
        found = dict.fromkeys((("status",), *turn, *asked, *self.verbs))
        return [verb for verb in found if verb[0] not in self.never]


def template(folder: Path) -> Path:
    """A harmless clone with an artifact that is here, one that is nowhere, and the victim's own file."""
    around = folder / "around"
    repo = new_repository(around / "repo")
    track_here("init", cwd=repo).ok()
    (repo / "there.bin").write_bytes(GOOD)
    track_here("add", "there.bin", cwd=repo).ok()
    (repo / "absent.bin.track").write_bytes(pointer(ABSENT))
    commit_all(repo, "harmless")
    (repo / "own.bin").write_bytes(b"the victim's own data")
    (around / "precious").write_text(CANARY)
    (around / "elsewhere").mkdir()
    (folder / "home").mkdir()
    return folder


def place_for(case: Case, clean: Path, folder: Path) -> Place:
    """The fixture of a case: a copy of the harmless clone, made hostile."""
    duplicate(clean, folder)
    place = Place(folder / "around", folder / "around/repo", folder / "home")
    case.make(place)
    return place


def write(path: Path, content: str | bytes) -> Path:
    """A file with this content, its folders made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content)
    return path


def committed(place: Place, files: Mapping[str | bytes, str | bytes]) -> None:
    """Files in the working tree and in a commit."""
    for name, content in files.items():
        write(place.repo / os.fsdecode(name), content)
    git("add", "--force", "--", *map(os.fsdecode, files), cwd=place.repo)
    git("commit", "--quiet", "--allow-empty", "--message=a gift", cwd=place.repo)


def linked(path: Path, target: Path | str) -> None:
    """A symbolic link in the place of whatever is there."""
    removed(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)


def removed(path: Path) -> None:
    """Nothing there any more."""
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.is_dir():
        path.rename(path.parents[1] / f"was-{path.name}-{path.stat().st_ino}")


def keep(place: Place, *objects: bytes) -> None:
    """Objects in the local store, as if they had been fetched: a store knows bytes, not what they mean."""
    with Store.open(place.ours / "store", create=True) as store, store.writer() as writer:
        for content in objects:
            writer.add(content)
        writer.commit()
