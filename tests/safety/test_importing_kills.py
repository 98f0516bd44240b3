"""Imports from DVC and Git LFS, killed or failed wherever they change files: theirs stays, and another try ends it.

Some points are drawn by lot; `TRACK_SAFETY=full python -m pytest tests/safety/test_importing_kills.py` tries all.
"""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from support.cli import Completed, track
from support.repositories import commit_all, git, new_repository
from support.scene import BIG
from support.sweep import Work, fail_everywhere, kill_everywhere
from support.trees import Executable, read_tree, write_tree
from track.model.digest import digest_of
from track.project import Project

pytestmark = [pytest.mark.needs("strace"), pytest.mark.timeout(3600)]

MANY = {f"many/{number}": b"%d\n" % number for number in range(3)}
DATA: dict[str, bytes] = {"data/a.csv": b"1,2\n", "data/deep/b.bin": bytes(3000), "model.bin": BIG, **MANY}
"""Everything that an import takes in, by its path; each is named by one file of DVC's, or by one pointer of LFS's."""


def theirs(repo: Path) -> dict[bytes, object]:
    """What DVC and Git LFS keep of their own, which an import only reads."""
    return {
        name + path: node
        for name, folder in ((b"dvc/", repo / ".dvc"), (b"lfs/", repo / ".git" / "lfs"))
        if folder.exists()
        for path, node in read_tree(folder, leave_out=()).items()
    }


def held(repo: Path) -> dict[str, bool]:
    """Of each path whether somebody still says what belongs there: DVC, Git LFS's pointer in Git, or ours."""
    staged = set(git("ls-files", cwd=repo).splitlines())
    with Project.open(repo) as project:
        ours = {
            os.fsdecode(path.removesuffix(b".track")): one.kind == "directory" or not project.store.absent({one.digest})
            for path, one in project.pointers().items()
        }
    return {
        name: (repo / f"{name}.dvc").exists() or name in staged or ours.get(name, False)
        for name in ("data", *sorted(DATA))
        if name == "data" or not name.startswith("data/")
    }


def going_on(
    command: tuple[str, ...], kept: dict[bytes, object], files: tuple[str, ...]
) -> Callable[[Path], Completed]:
    """The same command again, after a look at what the interruption left."""

    def again(scene: Path) -> Completed:
        repo = scene / "repo"
        assert theirs(repo) == kept, "what is theirs was changed"
        lost = [name for name, is_held in held(repo).items() if name in files and not is_held]
        assert not lost, f"nobody says any more what belongs at {lost}"
        return track(*command, cwd=repo)

    return again


# ---- DVC ----


def keep(repo: Path, content: bytes, end: str = "") -> str:
    """Bytes as an object of DVC's; its name."""
    name = hashlib.md5(content).hexdigest() + end
    write_tree(repo, {f".dvc/cache/files/md5/{name[:2]}/{name[2:]}": content})
    return name


def declare(repo: Path, path: str, name: str) -> None:
    """A file of DVC's for a path; JSON is YAML."""
    target = repo / f"{path}.dvc"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps({"outs": [{"hash": "md5", "md5": name, "path": target.name.removesuffix(".dvc")}]}))


@pytest.fixture(scope="module")
def of_dvc(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scene of DVC's: a folder that is here, a large file that is a link into DVC's folder, and files not here."""
    scene = tmp_path_factory.mktemp("dvc")
    repo = new_repository(scene / "repo")
    write_tree(repo, {".dvc/config": b"", ".dvc/.gitignore": b"/cache\n", ".gitignore": b"/data\n/model.bin\n"})
    track("init", cwd=repo).ok()
    folder = {path.removeprefix("data/"): content for path, content in DATA.items() if path.startswith("data/")}
    rows = [{"md5": keep(repo, content), "relpath": path} for path, content in folder.items()]
    declare(repo, "data", keep(repo, json.dumps(rows).encode(), ".dir"))
    for path, content in {"model.bin": BIG, **MANY}.items():
        declare(repo, path, keep(repo, content))
    commit_all(repo, "as DVC has it")
    write_tree(repo, {path: content for path, content in DATA.items() if path.startswith("data/")})
    name = hashlib.md5(BIG).hexdigest()
    (repo / "model.bin").symlink_to(f".dvc/cache/files/md5/{name[:2]}/{name[2:]}")
    return scene


def is_imported(scene: Path) -> None:
    """Every byte comes out of the store."""
    repo = scene / "repo"
    track("checkout", cwd=repo).ok()
    assert {path: (repo / path).read_bytes() for path in DATA} == DATA
    assert not (repo / "model.bin").is_symlink()
    track("verify", cwd=repo).ok()


def work_of_dvc(scene: Path) -> Work:
    command = ("import-dvc",)
    files = ("data", "model.bin", *MANY)
    return Work(scene, "repo", command, is_imported, again=going_on(command, theirs(scene / "repo"), files))


def test_an_import_from_dvc_survives_a_kill_at_any_change(of_dvc: Path, tmp_path: Path) -> None:
    assert kill_everywhere(work_of_dvc(of_dvc), tmp_path, most=5, seed=3) > 3


def test_an_import_from_dvc_survives_any_failure_to_write(of_dvc: Path, tmp_path: Path) -> None:
    assert fail_everywhere(work_of_dvc(of_dvc), tmp_path, ("ENOSPC", "EIO"), most=3, seed=7) > 1


def test_an_import_of_dvcs_history_survives_a_kill_at_any_change(of_dvc: Path, tmp_path: Path) -> None:
    command = ("import-dvc", "--history", "new")
    kept = theirs(of_dvc / "repo")

    def again(scene: Path) -> Completed:
        """The branch is there whole, or not at all."""
        repo = scene / "repo"
        assert theirs(repo) == kept
        if git("branch", "--list", "new", cwd=repo):
            return track("status", cwd=repo)
        return track(*command, cwd=repo)

    def proof(scene: Path) -> None:
        repo = scene / "repo"
        names = git("ls-tree", "-r", "--name-only", "new", cwd=repo).split()
        assert [name for name in names if name.endswith((".dvc", ".track"))] == sorted(
            f"{path}.track" for path in ("data", "model.bin", *MANY)
        )
        with Project.open(repo) as project:
            assert not project.store.absent({digest_of(content) for content in DATA.values()})
        git("fsck", "--no-dangling", cwd=repo)

    assert kill_everywhere(Work(of_dvc, "repo", command, proof, again=again), tmp_path, most=4, seed=3) > 2


# ---- Git LFS ----


@pytest.fixture(scope="module")
def of_lfs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scene of the real Git LFS: files that are here, one that may be executed, and two of which the pointer is."""
    scene = tmp_path_factory.mktemp("lfs")
    repo = new_repository(scene / "repo")
    git("lfs", "install", "--local", "--skip-repo", cwd=repo)
    git("lfs", "track", *DATA, cwd=repo)
    write_tree(repo, {**DATA, "many/0": Executable(MANY["many/0"])})
    commit_all(repo, "as Git LFS has it")
    track("init", cwd=repo).ok()
    commit_all(repo, "track")
    for path in ("data/a.csv", "model.bin"):
        (repo / path).write_bytes(git("show", f":{path}", cwd=repo).encode())
    return scene


def work_of_lfs(scene: Path) -> Work:
    command = ("import-lfs",)
    again = going_on(command, theirs(scene / "repo"), tuple(DATA))
    return Work(scene, "repo", command, is_imported, again=again)


@pytest.mark.needs("git-lfs")
def test_an_import_from_git_lfs_survives_a_kill_at_any_change(of_lfs: Path, tmp_path: Path) -> None:
    assert kill_everywhere(work_of_lfs(of_lfs), tmp_path, most=5, seed=3) > 3


@pytest.mark.needs("git-lfs")
def test_an_import_from_git_lfs_survives_any_failure_to_write(of_lfs: Path, tmp_path: Path) -> None:
    assert fail_everywhere(work_of_lfs(of_lfs), tmp_path, ("ENOSPC", "EIO"), most=3, seed=7) > 1
