"""Every kind of damage to every kind of file, here and at remotes: found, put aside, and mended."""

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from store.conftest import files, overwrite, spoil
from support.cli import track_here as track
from support.remotes import leave_uncut
from support.repositories import commit_all, new_repository
from support.trees import write_tree
from track.flows.sampling import portion_of
from track.project import Project
from track.store.backends import age
from track.store.backends.folder import open_folder
from track.verbs.repair import repair
from track.verbs.verify import Verified, verify

FILES = {
    **{f"d/{number}": b"small %d" % number for number in range(9)},
    "random.bin": random.Random(7).randbytes(3 << 19),
    "zeros.bin": bytes(5 << 18),
}
NO_TIME = 1e-9
PLACES = {
    "store": (".git/track/store", None),
    "chunked": (".git/track/store", None),
    "folder": ("../folder", "folder"),
    "uncut": ("../uncut", "uncut"),
    "encrypted": ("../encrypted", "encrypted"),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, hermetic: None) -> Iterator[Path]:
    """Two repositories, one with chunks, whose data is in place, in their stores and at three remotes."""
    top = tmp_path_factory.mktemp("made")
    text, recipient = age.new_identity()
    (top / "identity.txt").write_text(text)
    (top / "identity.txt").chmod(0o600)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRACK_AGE_IDENTITY", str(top / "identity.txt"))
        for name in ("whole", "chunked"):
            repo = new_repository(top / name / "repo")
            track("init", "--no-hooks", cwd=repo).ok()
            if name == "chunked":
                track("config", "--clone", "store.chunks", "true", cwd=repo).ok()
            write_tree(repo, FILES)
            track("add", "d", "random.bin", "zeros.bin", cwd=repo).ok()
            commit_all(repo, "data")
        repo = top / "whole/repo"
        for name in ("folder", "uncut", "encrypted"):
            sealed = ["--encrypt", recipient] if name == "encrypted" else []
            track("remote", "add", "--clone", name, f"../{name}", *sealed, cwd=repo).ok()
            if name == "uncut":
                leave_uncut(open_folder(top / "whole/uncut"))
            track("push", name, cwd=repo).ok()
        shutil.copytree(top, top.parent / "as-made", symlinks=True)
        yield top
        shutil.rmtree(top.parent / "as-made")


@pytest.fixture(params=PLACES)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def here(made: Path, kind: str) -> Path:
    """What was made, as it was made; to be damaged."""
    name = "chunked" if kind == "chunked" else "whole"
    shutil.rmtree(made / name)
    shutil.copytree(made.parent / "as-made" / name, made / name, symlinks=True)
    return made / name / "repo"


def check(repo: Path, kind: str, **options: bool) -> Verified:
    with Project.open(repo) as project:
        return verify(project, remote=PLACES[kind][1], **options)  # type: ignore[arg-type]  # as each test says


def stored(repo: Path, kind: str) -> list[Path]:
    """Every pack and object of a place."""
    place = repo / PLACES[kind][0]
    return [*files(place / "packs"), *files(place / "objects")]


def hurt(path: Path, damage: str) -> None:
    content = path.read_bytes()
    if damage == "flipped":
        spoil(path, len(content) // 3)
    elif damage == "removed":
        path.unlink()
    else:
        overwrite(path, content[:-1] if damage == "cut" else content + bytes(32))


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("damage", ["flipped", "cut", "longer", "removed"])
def test_every_file_that_is_hurt_is_found_put_aside_and_mended(here: Path, kind: str, damage: str, deep: bool) -> None:
    assert not check(here, kind, deep=deep).problems
    every = stored(here, kind)
    assert len(every) >= 2
    for path in every:
        hurt(path, damage)

    found = check(here, kind, deep=deep)

    remote = PLACES[kind][1]
    if damage == "removed":
        assert found.exit_code == 4 or (remote is None and found.fetchable_count > 0)
    else:
        assert 7 == found.exit_code
    if remote is None:
        assert not {*every} & {*stored(here, kind)}
        assert damage == "removed" or len(every) == len(files(here / PLACES[kind][0] / "quarantine"))
    if damage == "flipped":
        named = {one.path.partition(b"/")[0] for one in found.problems if not one.path.startswith(b"/")}
        assert {b"d", b"random.bin", b"zeros.bin"} <= named
    with Project.open(here) as project:
        done = repair(project, remote=remote)
    assert (0, 0) == (done.exit_code, done.lost_count)
    if damage != "removed" and remote is not None:
        # a pack of chunks whose recipes cannot be read is needed by nobody who is known
        least = len(every) - (kind != "uncut")
        assert least <= len(files(here / PLACES[kind][0] / "quarantine"))
    assert not check(here, kind, deep=deep).problems
    assert not check(here, kind).fetchable_count


def test_damage_is_found_by_short_runs_by_samples_and_at_once(here: Path, kind: str) -> None:
    """A run without time comes one file further, in a sample, too: after as many as there are files it was found."""
    every = stored(here, kind)
    path = every[-1]
    hurt(path, "flipped")
    with Project.open(here) as project:
        remote = PLACES[kind][1]
        runs = [verify(project, remote=remote, max_s=NO_TIME).exit_code for _ in range(len(every) + 4)]
        if remote is not None:
            runs += [verify(project, remote=remote, portion=portion_of("50%")).exit_code for _ in range(2)]
            assert 7 in runs[-2:]
        else:
            assert not path.exists() and 1 == len(files(here / PLACES[kind][0] / "quarantine"))
    assert 7 in runs[: len(every) + 4]
    if kind not in ("chunked", "encrypted"):  # those no remote has, and what an encrypted one is called is by lot
        assert 0 in runs
