"""Import LFS: what the real Git LFS keeps becomes artifacts; nothing is lost, and nothing unproven believed."""

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all, git, new_repository
from support.trees import Executable, read_tree, write_tree
from track.model.digest import digest_of
from track.model.pointer import Pointer
from track.project import Project

pytestmark = pytest.mark.needs("git-lfs")

BIG = bytes(range(256)) * (5 * 1024)
FILES = {"data/a.bin": b"a\n", "data/b c.bin": b"b\r\n", "big.bin": BIG, "ü.bin": b"u", "code.py": b"pass\n"}
TOOL = b"#!/bin/sh\n"


def with_lfs(repo: Path) -> None:
    git("lfs", "install", "--local", "--skip-repo", cwd=repo)


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A repository whose `*.bin` are with the real Git LFS, beside a bare one that has been pushed to."""
    git("init", "--quiet", "--bare", "--initial-branch=main", "far.git", cwd=tmp_path)
    repo = new_repository(tmp_path / "repo")
    with_lfs(repo)
    git("lfs", "track", "*.bin", cwd=repo)
    with open(repo / ".gitattributes", "a") as attributes:
        attributes.write("*.py text\n")
    write_tree(repo, {**FILES, "tool.bin": Executable(TOOL)})
    (repo / "empty.bin").touch()
    git("remote", "add", "origin", str(tmp_path / "far.git"), cwd=repo)
    commit_all(repo, "as Git LFS has it")
    git("lfs", "push", "--all", "origin", cwd=repo)
    git("push", "--quiet", "--set-upstream", "origin", "main", cwd=repo)
    track("init", cwd=repo).ok()
    commit_all(repo, "track")
    return repo


def pointers(repo: Path) -> dict[bytes, Pointer]:
    with Project.open(repo) as project:
        return dict(project.pointers())


def object_of(repo: Path, content: bytes) -> Path:
    name = hashlib.sha256(content).hexdigest()
    return repo / ".git" / "lfs" / "objects" / name[:2] / name[2:4] / name


def objects(repo: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in (repo / ".git" / "lfs").rglob("*") if path.is_file()}


def unsmudge(repo: Path, *paths: str) -> None:
    """Have the pointers in the working tree, as a clone has that fetched nothing."""
    for path in paths:
        (repo / path).write_bytes(git("show", f":{path}", cwd=repo).encode())


def test_everything_becomes_an_artifact_and_git_forgets_it(here: Path) -> None:
    before, kept = read_tree(here), objects(here)
    said = track("import-lfs", cwd=here).ok()
    assert objects(here) == kept
    found = pointers(here)
    assert {path: one.digest for path, one in found.items()} == {
        os.fsencode(path) + b".track": digest_of(content)
        for path, content in {**FILES, "tool.bin": TOOL}.items()
        if path.endswith(".bin")
    }
    assert found[b"tool.bin.track"].executable
    assert found[b"big.bin.track"].labels == {"lfs": {"sha256": hashlib.sha256(BIG).hexdigest()}}
    assert {path: node for path, node in read_tree(here).items() if path in before and path != b".gitattributes"} == {
        path: node for path, node in before.items() if path != b".gitattributes"
    } | {b".gitignore": read_tree(here)[b".gitignore"]}
    attributes = (here / ".gitattributes").read_text()
    assert "lfs" not in attributes
    assert "*.py text\n" in attributes
    assert ".gitattributes gives nothing to Git LFS any more" in said.err
    assert git("ls-files", "*.bin", cwd=here).split() == ["empty.bin"]
    commit_all(here, "imported")
    assert git("status", "--short", cwd=here) == ""
    assert track("status", cwd=here).ok().out.splitlines()[1:] == ["nothing differs"]
    track("verify", cwd=here).ok()
    assert track("import-lfs", cwd=here).ok().out == "nothing here is kept by Git LFS\n"


def test_a_dry_run_reads_everything_and_writes_nothing(here: Path) -> None:
    before = read_tree(here), git("status", "--porcelain", cwd=here), git("ls-files", "--stage", cwd=here)
    said = track("import-lfs", "-n", cwd=here).ok()
    assert said.out.count("would be imported") == 5
    after = read_tree(here), git("status", "--porcelain", cwd=here), git("ls-files", "--stage", cwd=here)
    assert after == before


def test_content_comes_in_place_of_the_pointers_of_git_lfs(here: Path) -> None:
    unsmudge(here, "data/a.bin", "big.bin")
    (here / "ü.bin").unlink()
    track("import-lfs", cwd=here).ok()
    assert (here / "data" / "a.bin").read_bytes() == b"a\n"
    assert (here / "big.bin").read_bytes() == BIG
    assert not (here / "ü.bin").exists()
    track("checkout", cwd=here).ok()
    assert (here / "ü.bin").read_bytes() == b"u"


def test_what_is_not_here_is_fetched_by_git_lfs_when_asked(here: Path) -> None:
    clone = here.parent / "clone"
    git("clone", "--quiet", str(here.parent / "far.git"), str(clone), cwd=here.parent)
    with_lfs(clone)
    track("init", cwd=clone).ok()
    refused = track("import-lfs", cwd=clone)
    assert refused.code == 4
    assert "track import-lfs --fetch" in refused.err
    assert pointers(clone) == {}
    track("import-lfs", "--fetch", cwd=clone).ok()
    assert (clone / "big.bin").read_bytes() == BIG
    assert len(pointers(clone)) == 5


def test_more_files_are_fetched_than_one_command_line_can_name(here: Path) -> None:
    clone = here.parent / "clone"
    git("clone", "--quiet", str(here.parent / "far.git"), str(clone), cwd=here.parent)
    with_lfs(clone)
    folder = clone / ("d" * 200) / ("e" * 200)
    folder.mkdir(parents=True)
    pointer = git("show", "HEAD:big.bin", cwd=clone)
    for number in range(200):
        (folder / f"{'f' * 240}{number}.bin").write_text(pointer)
    (clone / "big.bin").unlink()
    commit_all(clone)
    track("init", cwd=clone).ok()
    done = track("import-lfs", "--fetch", "-n", str(folder), cwd=clone).ok()
    assert done.out.count("would be imported") == 200


def lose(repo: Path) -> None:
    unsmudge(repo, "data/a.bin")
    object_of(repo, b"a\n").unlink()


def spoil(repo: Path) -> None:
    unsmudge(repo, "data/a.bin")
    object_of(repo, b"a\n").chmod(0o644)
    object_of(repo, b"a\n").write_bytes(b"b\n")


def lie_about_the_size(repo: Path) -> None:
    text = git("show", ":data/a.bin", cwd=repo).replace("size 2", "size 3")
    (repo / "data" / "a.bin").write_text(text)
    git(
        "-c",
        "filter.lfs.clean=",
        "-c",
        "filter.lfs.process=",
        "-c",
        "filter.lfs.required=false",
        "add",
        "data/a.bin",
        cwd=repo,
    )


def edit(repo: Path) -> None:
    (repo / "data" / "a.bin").write_bytes(b"edited\n")


def replace_by_a_folder(repo: Path) -> None:
    (repo / "data" / "a.bin").unlink()
    (repo / "data" / "a.bin").mkdir()


@pytest.mark.parametrize(
    ("trouble", "code", "says"),
    [
        (lose, 4, "git lfs fetch --include=data/a.bin"),
        (spoil, 7, "another SHA-256"),
        (lie_about_the_size, 7, "it has 2 bytes, and the pointer says 3"),
        (edit, 6, "not what Git LFS has of it"),
        (replace_by_a_folder, 6, "not what Git LFS has of it"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_what_cannot_be_imported_is_told_and_left_to_git_lfs(
    here: Path, trouble: Callable[[Path], None], code: int, says: str
) -> None:
    trouble(here)
    before = read_tree(here / "data"), git("ls-files", "--stage", "data/a.bin", cwd=here)
    said = track("import-lfs", cwd=here)
    assert said.code == code
    assert says in said.err
    data = {path: node for path, node in read_tree(here / "data").items() if path.startswith(b"a.bin")}
    assert data == {path: node for path, node in before[0].items() if path.startswith(b"a.bin")}
    assert git("ls-files", "--stage", "data/a.bin", cwd=here) == before[1]
    assert len(pointers(here)) == 4  # the others were not held up by it
    assert "filter=lfs" in (here / ".gitattributes").read_text()


def test_a_pointer_of_ours_is_never_given_to_git_lfs(here: Path) -> None:
    (here / ".gitattributes").write_text("data/** filter=lfs diff=lfs merge=lfs -text\n*.bin filter=lfs\n")
    git("add", ".gitattributes", cwd=here)
    refused = track("import-lfs", "data/a.bin", cwd=here)
    assert refused.code == 6
    assert "*.track -filter" in refused.err
    assert pointers(here) == {}
    track("import-lfs", cwd=here).ok()
    assert git("show", ":data/a.bin.track", cwd=here).startswith("[artifact]")


def test_attributes_outside_the_repository_stop_it_and_it_goes_on_without_them(here: Path) -> None:
    info = here / ".git" / "info" / "attributes"
    info.parent.mkdir(exist_ok=True)
    info.write_text("data/** filter=lfs\n")
    refused = track("import-lfs", cwd=here)
    assert refused.code == 6
    assert ".git/info/attributes" in refused.err
    info.unlink()
    track("import-lfs", cwd=here).ok()
    assert git("show", ":data/a.bin.track", cwd=here).startswith("[artifact]")
    assert git("ls-files", "*.bin", cwd=here).split() == ["empty.bin"]


def test_attributes_that_an_interrupted_import_wrote_are_staged_by_the_next(here: Path) -> None:
    attributes = here / ".gitattributes"
    attributes.write_text("".join(line for line in attributes.read_text().splitlines(True) if "lfs" not in line))
    track("import-lfs", cwd=here).ok()
    assert "filter=lfs" not in git("show", ":.gitattributes", cwd=here)
    assert git("diff", "--name-only", cwd=here) == ""


def test_a_path_chooses_what_is_imported_and_the_lines_stay(here: Path) -> None:
    track("import-lfs", "data", cwd=here).ok()
    assert sorted(pointers(here)) == [b"data/a.bin.track", b"data/b c.bin.track"]
    assert "filter=lfs" in (here / ".gitattributes").read_text()
    assert track("import-lfs", "code.py", cwd=here).code == 2


def test_a_file_that_git_lfs_made_read_only_is_imported(here: Path) -> None:
    (here / "big.bin").chmod(0o444)
    track("import-lfs", "big.bin", cwd=here).ok()
    assert pointers(here)[b"big.bin.track"].digest == digest_of(BIG)


def test_objects_may_be_kept_at_another_place(here: Path) -> None:
    shutil.move(here / ".git" / "lfs", here.parent / "elsewhere")
    git("config", "lfs.storage", str(here.parent / "elsewhere"), cwd=here)
    unsmudge(here, "big.bin")
    track("import-lfs", "big.bin", cwd=here).ok()
    assert (here / "big.bin").read_bytes() == BIG


def test_what_is_exported_is_for_git_lfs_what_it_was(here: Path, tmp_path: Path) -> None:
    before = {path: git("show", f"HEAD:{path}", cwd=here) for path in ("big.bin", "data/a.bin")}
    track("import-lfs", cwd=here).ok()
    again = new_repository(tmp_path / "again")
    with_lfs(again)
    git("lfs", "track", "*.bin", cwd=again)
    track("export", "--to", str(again), cwd=here).ok()
    commit_all(again)
    assert {path: git("show", f"HEAD:{path}", cwd=again) for path in before} == before


def test_a_folder_in_the_place_of_an_object_is_told(here: Path) -> None:
    unsmudge(here, "big.bin")
    name = hashlib.sha256(BIG).hexdigest()
    place = here / ".git" / "lfs" / "objects" / name[:2] / name[2:4] / name
    place.unlink()
    place.mkdir()
    done = track("import-lfs", "big.bin", cwd=here)
    assert (done.code, "is no file" in done.err) == (1, True)


def test_a_file_whose_folder_is_gone_is_imported(here: Path) -> None:
    shutil.rmtree(here / "data")
    track("import-lfs", cwd=here).ok()
    assert b"data/a.bin.track" in pointers(here)
