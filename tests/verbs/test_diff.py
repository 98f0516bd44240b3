"""Diff: what differs between two places, seen from real repositories."""

import os
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all, git
from support.trees import Executable, Link, write_tree
from track.errors import MalformedPointer, UnknownPath, UnknownRevision, UsageError
from track.project import Project
from track.verbs.diff import ArtifactDiff, Diff, diff

FIRST = {
    "data/a.csv": b"one\n",
    "images/cat/1.jpg": b"cat 1",
    "images/cat/2.jpg": b"cat 2",
    "images/cat/3.jpg": b"cat 3",
    "images/dog/1.jpg": b"dog 1",
    "images/run.sh": b"#!/bin/sh\n",
}


@pytest.fixture
def here(repo: Path) -> Path:
    """A repository with one committed version of a file and a directory."""
    track("init", cwd=repo).ok()
    write_tree(repo, FIRST)
    save(repo, "data/a.csv", "images")
    return repo


def save(repo: Path, *paths: str) -> None:
    if paths:
        track("add", *paths, cwd=repo).ok()
    commit_all(repo)


def change_images(repo: Path) -> None:
    """One file added, one modified, one deleted, one renamed, one made executable."""
    images = repo / "images"
    (images / "cat/9.jpg").write_bytes(b"new")
    (images / "cat/1.jpg").write_bytes(b"cat 1, better")
    (images / "cat/2.jpg").unlink()
    (images / "cat/3.jpg").rename(images / "dog/3.jpg")
    (images / "run.sh").chmod(0o755)


IMAGES_CHANGED = [
    ("M", b"images/cat/1.jpg", None),
    ("D", b"images/cat/2.jpg", None),
    ("A", b"images/cat/9.jpg", None),
    ("R", b"images/dog/3.jpg", b"images/cat/3.jpg"),
    ("T", b"images/run.sh", None),
]


def found(repo: Path, *revs: str, paths: tuple[str, ...] = (), **options: bool) -> Diff:
    with Project.open(repo) as project:
        return diff(project, revs, paths, **options)


def only(result: Diff) -> ArtifactDiff:
    (artifact,) = result.artifacts
    return artifact


def told(artifact: ArtifactDiff) -> list[tuple[str, bytes, bytes | None]]:
    return [(change.op, change.path, change.renamed_from) for change in artifact.changes]


def test_nothing_differs_in_a_clean_tree(here: Path) -> None:
    assert found(here).artifacts == ()
    assert found(here, "HEAD").artifacts == ()
    assert found(here, "HEAD", "HEAD").artifacts == ()
    assert found(here, staged=True).artifacts == ()


@pytest.mark.parametrize("place", ["working tree", "working tree and revision", "index", "revisions"])
def test_the_same_change_is_seen_from_every_place(here: Path, place: str) -> None:
    change_images(here)
    if place in ("index", "revisions"):
        track("add", "images", cwd=here).ok()
    if place == "revisions":
        commit_all(here)
    result = {
        "working tree": lambda: found(here),
        "working tree and revision": lambda: found(here, "HEAD"),
        "index": lambda: found(here, staged=True),
        "revisions": lambda: found(here, "HEAD~1", "HEAD"),
    }[place]()
    artifact = only(result)
    assert (artifact.op, artifact.path, artifact.kind) == ("M", b"images", "directory")
    assert told(artifact) == IMAGES_CHANGED
    assert (artifact.old_size, artifact.new_size) == (30, 36)
    assert (artifact.old_files, artifact.new_files) == (5, 5)
    assert result.size_delta == 6


def test_a_changed_file_artifact_is_one_change(here: Path) -> None:
    (here / "data/a.csv").write_bytes(b"one\ntwo\n")
    artifact = only(found(here))
    assert (artifact.op, artifact.kind, artifact.old_size, artifact.new_size) == ("M", "file", 4, 8)
    assert told(artifact) == [("M", b"data/a.csv", None)]


def test_ranges_mean_what_git_means(here: Path) -> None:
    git("switch", "--quiet", "-c", "side", cwd=here)
    (here / "data/a.csv").write_bytes(b"side\n")
    save(here, "data/a.csv")
    git("switch", "--quiet", "main", cwd=here)
    track("checkout", cwd=here)
    (here / "images/new.jpg").write_bytes(b"main\n")
    save(here, "images")
    names = [artifact.path for artifact in found(here, "main..side").artifacts]
    assert names == [b"data/a.csv", b"images"]
    assert names == [artifact.path for artifact in found(here, "main", "side").artifacts]
    assert [artifact.path for artifact in found(here, "main...side").artifacts] == [b"data/a.csv"]
    assert [artifact.path for artifact in found(here, "...side").artifacts] == [b"data/a.csv"]
    assert [artifact.path for artifact in found(here, "side..").artifacts] == names


def test_artifacts_come_and_go_with_their_files(here: Path) -> None:
    write_tree(here, {"more/x": b"xx", "more/y": b"yyy"})
    save(here, "more")
    added = only(found(here, "HEAD~1", "HEAD"))
    assert (added.op, added.old_files, added.new_files, added.new_size) == ("A", 0, 2, 5)
    assert told(added) == [("A", b"more/x", None), ("A", b"more/y", None)]
    gone = only(found(here, "HEAD", "HEAD~1"))
    assert (gone.op, gone.old_files, gone.new_files) == ("D", 2, 0)
    assert told(gone) == [("D", b"more/x", None), ("D", b"more/y", None)]


def test_an_artifact_that_moved_is_renamed_and_nothing_inside_it_changed(here: Path) -> None:
    git("mv", "images.track", "pictures.track", cwd=here)
    (here / "images").rename(here / "pictures")
    commit_all(here)
    artifact = only(found(here, "HEAD~1", "HEAD"))
    assert (artifact.op, artifact.path, artifact.renamed_from) == ("R", b"pictures", b"images")
    assert artifact.changes == ()
    apart = found(here, "HEAD~1", "HEAD", renames=False)
    assert [(each.op, each.path) for each in apart.artifacts] == [("D", b"images"), ("A", b"pictures")]


def test_a_file_that_moved_to_another_artifact_is_renamed(here: Path) -> None:
    write_tree(here, {"more/x": b"xx"})
    save(here, "more")
    (here / "images/cat/1.jpg").rename(here / "more/cat.jpg")
    save(here, "images", "more")
    images, more = found(here, "HEAD~1", "HEAD").artifacts
    assert told(more) == [("R", b"more/cat.jpg", b"images/cat/1.jpg")]
    assert (images.op, told(images), images.moved_out_count) == ("M", [], 1)


def test_a_missing_artifact_is_deleted_and_a_new_one_added(here: Path) -> None:
    (here / "data/a.csv").unlink()
    write_tree(here, {"more/x": b"xx"})
    track("add", "more", cwd=here).ok()
    (here / "more/y").write_bytes(b"not added yet")
    gone, new = found(here, "HEAD").artifacts
    assert (gone.op, told(gone)) == ("D", [("D", b"data/a.csv", None)])
    assert (new.op, told(new)) == ("A", [("A", b"more/x", None), ("A", b"more/y", None)])
    assert (new.new_files, new.new_size) == (2, 15)


def test_an_executable_file_artifact_has_another_mode(here: Path) -> None:
    (here / "data/a.csv").chmod(0o755)
    assert only(found(here)).op == "T"
    save(here, "data/a.csv")
    artifact = only(found(here, "HEAD~1", "HEAD"))
    assert (artifact.op, told(artifact)) == ("T", [("T", b"data/a.csv", None)])
    assert found(here).artifacts == ()


def test_labels_alone_are_told_as_such(here: Path) -> None:
    track("add", "data/a.csv", "--label", "licence=CC-BY", "--tag", "best", cwd=here).ok()
    artifact = only(found(here, staged=True))
    assert artifact.op == "="
    assert [(fact.what, fact.old, fact.new) for fact in artifact.facts] == [
        ("label licence", None, "CC-BY"),
        ("tag best", None, True),
    ]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (
            "images",
            [b"images/cat/1.jpg", b"images/cat/2.jpg", b"images/cat/9.jpg", b"images/dog/3.jpg", b"images/run.sh"],
        ),
        (
            "images.track",
            [b"images/cat/1.jpg", b"images/cat/2.jpg", b"images/cat/9.jpg", b"images/dog/3.jpg", b"images/run.sh"],
        ),
        ("images/cat", [b"images/cat/1.jpg", b"images/cat/2.jpg", b"images/cat/3.jpg", b"images/cat/9.jpg"]),
        ("images/cat/1.jpg", [b"images/cat/1.jpg"]),
        ("images/*/9.jpg", [b"images/cat/9.jpg"]),
        ("data", [b"data/a.csv"]),
        ("*.csv", [b"data/a.csv"]),
    ],
)
def test_paths_narrow_to_artifacts_folders_and_files(here: Path, path: str, expected: list[bytes]) -> None:
    change_images(here)
    (here / "data/a.csv").write_bytes(b"other\n")
    save(here, "images", "data/a.csv")
    artifact = only(found(here, "HEAD~1", "HEAD", paths=(path,)))
    assert [change.path for change in artifact.changes] == expected


def test_a_path_without_a_change_shows_nothing(here: Path) -> None:
    change_images(here)
    save(here, "images")
    assert found(here, "HEAD~1", "HEAD", paths=("images/dog/1.jpg",)).artifacts == ()


def test_what_is_unknown_is_refused_with_the_nearest_name(here: Path) -> None:
    with pytest.raises(UnknownPath) as caught:
        found(here, paths=("data/a.cvs",))
    assert "data/a.csv" in (caught.value.hint or "")
    with pytest.raises(UnknownRevision):
        found(here, "nope")
    with pytest.raises(UsageError):
        found(here, "HEAD", "HEAD", "HEAD")
    git("switch", "--quiet", "--orphan", "apart", cwd=here)
    commit_all(here)
    with pytest.raises(UnknownRevision, match="no commit in common"):
        found(here, "main...apart")


def test_a_broken_pointer_is_named(here: Path) -> None:
    (here / "images.track").write_bytes(b"[artifact]\nkind = 7\n")
    commit_all(here)
    (refused,) = found(here, "HEAD~1", "HEAD").refused
    assert isinstance(refused, MalformedPointer) and "images.track" in refused.message
    assert found(here, "HEAD~1", "HEAD", paths=("data/a.csv",)).artifacts == ()


def test_somebody_elses_file_is_no_artifact(here: Path) -> None:
    (here / "walk.track").write_bytes(b"a GPS track\n")
    commit_all(here)
    assert found(here, "HEAD~1", "HEAD").artifacts == ()


def test_without_the_manifests_the_artifact_is_still_told(here: Path) -> None:
    change_images(here)
    save(here, "images")
    store = here / ".git/track/store"
    for file in [*store.glob("packs/*/*"), *store.glob("index.db*")]:
        file.unlink()
    artifact = only(found(here, "HEAD~1", "HEAD"))
    assert (artifact.op, artifact.old_size, artifact.new_size, artifact.changes) == ("M", 30, 36, ())
    assert artifact.trouble is not None


def test_odd_names_links_and_empty_directories_are_told(here: Path) -> None:
    write_tree(here, {b"odd/\xff\n\\x": b"1", b"odd/link": Link(b"target"), b"odd/run": Executable(b"2")})
    save(here, "odd")
    os.unlink(os.fsencode(here) + b"/odd/\xff\n\\x")
    os.mkdir(here / "odd/empty")
    artifact = only(found(here))
    assert told(artifact) == [("A", b"odd/empty", None), ("D", b"odd/\xff\n\\x", None)]
    assert (artifact.old_files, artifact.new_files) == (3, 2)


def test_a_diff_of_two_revisions_reads_no_working_file(here: Path) -> None:
    change_images(here)
    save(here, "images")
    for path in (here / "images").rglob("*"):
        if path.is_file():
            path.unlink()
    assert told(only(found(here, "HEAD~1", "HEAD"))) == IMAGES_CHANGED
